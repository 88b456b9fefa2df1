//! The pictures of a tar file, one after the other. Nothing is unpacked to disk.

use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

/// The largest picture that is read, in bytes.
const MOST_BYTES: u64 = 4 << 20;
/// The longest header extension that is looked at, in bytes.
const MOST_EXTENSION: u64 = 64 << 10;

/// A picture's bytes, or what is wrong with it.
type Picture = Result<Vec<u8>, String>;

/// Hands each `.png` file of an archive to `visit`: its path there, and its bytes or what is wrong with it.
///
/// Hidden files are passed over. `visit` tells whether to go on, or why that is impossible. Entries are taken as they stand, so
/// that nothing a header says is kept in memory unseen; a name too long for a plain header is a fault of that file.
pub(super) fn pictures(
    input: impl Read,
    visit: &mut dyn FnMut(&str, Picture) -> Result<bool, String>,
) -> Result<(), String> {
    let mut archive = Archive::new(input);
    let mut renamed = false;
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        match entry.header().entry_type() {
            EntryType::GNULongName => renamed = true,
            EntryType::XHeader => renamed |= has_path(&mut entry).map_err(broken)?,
            kind => {
                let whole_name = !std::mem::take(&mut renamed);
                let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                if kind != EntryType::Regular || whole_name && !is_picture(&path) {
                    continue;
                }
                let picture = if whole_name {
                    read(&mut entry)?
                } else {
                    Err("its name is too long".to_owned())
                };
                if !visit(&path, picture)? {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn broken(error: io::Error) -> String {
    format!("no tar file, or it breaks off: {error}")
}

/// Whether an extended header gives the next entry another name, or is too long to tell.
fn has_path(entry: &mut Entry<impl Read>) -> io::Result<bool> {
    let mut lines = Vec::new();
    let size = entry.size();
    entry.take(MOST_EXTENSION).read_to_end(&mut lines)?;
    // Lines are `length name=value`.
    Ok(size > MOST_EXTENSION || lines.windows(6).any(|text| text == b" path="))
}

fn is_picture(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    let (stem, ending) = file.rsplit_once('.').unwrap_or((file, ""));
    ending.eq_ignore_ascii_case("png") && !stem.is_empty() && !stem.starts_with('.')
}

/// The bytes of an entry, or why it is not read; an error where the archive ends within it.
fn read(entry: &mut Entry<impl Read>) -> Result<Picture, String> {
    let size = entry.size();
    if size > MOST_BYTES {
        return Ok(Err(format!(
            "{size} bytes are more than the {MOST_BYTES} of any picture here"
        )));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 != size {
        return Err("breaks off within a picture".to_owned());
    }
    Ok(Ok(bytes))
}
