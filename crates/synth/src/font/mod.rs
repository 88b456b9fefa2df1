//! Fonts: what plays a score. A SoundFont file, one of the system's, or the built-in instruments.

mod bank;
mod chunks;
mod find;
mod sf3;
mod tables;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use melisma_audio::contained;
use rustysynth::SoundFont;

pub(crate) use bank::{Bank, Sample, Zone, generator};
pub use find::system_fonts;

use crate::error::{Error, Result};
use chunks::Layout;

/// Silent samples after the last: players read a little beyond a sample's end.
const GUARD: u64 = 46;

/// A loaded set of instruments, shared by all who play on it; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Font {
    sound: Arc<SoundFont>,
    name: String,
    path: Option<PathBuf>,
}

impl Font {
    /// Loads a SoundFont file, `.sf2` or `.sf3` (whose Vorbis samples are unpacked).
    ///
    /// Every length and index in the file is checked before it is used; chunks that are unknown are passed over.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Font`] for what is no SoundFont, is damaged beyond use, or would need more than 4 GB.
    pub fn open(path: &Path) -> Result<Font> {
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Self::load(file, length, path)
    }

    /// Reads a SoundFont from bytes; `name` stands for the path in errors.
    ///
    /// # Errors
    /// As [`Font::open`].
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Font> {
        Self::load(Cursor::new(bytes), bytes.len() as u64, name)
    }

    /// The instruments that are made in the program itself: they need no file.
    pub fn built_in() -> Font {
        let (samples, tables) = crate::built_in::bank().to_parts();
        let sound = parse(Cursor::new(&samples), samples.len() as u64, tables.to_bytes());
        Font {
            sound: Arc::new(sound.expect("our own instruments are in order")),
            name: "built-in".to_owned(),
            path: None,
        }
    }

    /// The first of the system's SoundFonts that can be read, or the built-in instruments; and what was wrong with those before.
    pub fn find() -> (Font, Vec<Error>) {
        let mut faults = Vec::new();
        for path in system_fonts() {
            match Font::open(&path) {
                Ok(font) => return (font, faults),
                Err(fault) => faults.push(fault),
            }
        }
        (Font::built_in(), faults)
    }

    /// Its name: the file's, or `built-in`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file; `None` for the built-in instruments.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) fn sound(&self) -> &Arc<SoundFont> {
        &self.sound
    }

    fn load(mut file: impl Read + Seek, length: u64, path: &Path) -> Result<Font> {
        let fault = |fault: String| Error::font(path, fault);
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        let layout = Layout::find(&mut file, length).map_err(|found| match found {
            chunks::Fault::Io(source) => io(source),
            chunks::Fault::Content(text) => fault(text),
        })?;
        let mut tables = layout.tables;
        tables.check().map_err(fault)?;
        let (start, bytes) = layout.samples;
        file.seek(SeekFrom::Start(start)).map_err(io)?;
        let sound = if tables.is_packed() {
            let mut packed = vec![0; bytes as usize];
            file.read_exact(&mut packed).map_err(io)?;
            let samples = sf3::unpack(&packed, &mut tables).map_err(fault)?;
            drop(packed);
            tables.mend(samples.len() as u64 / 2);
            parse(Cursor::new(&samples), samples.len() as u64, tables.to_bytes())
        } else {
            tables.mend(bytes / 2);
            parse(file, bytes, tables.to_bytes())
        };
        Ok(Font {
            sound: Arc::new(sound.map_err(fault)?),
            name: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            path: Some(path.to_owned()),
        })
    }
}

/// The built-in instruments as the bytes of an `.sf2` file, for other players.
pub fn built_in_sf2() -> Vec<u8> {
    let (samples, tables) = crate::built_in::bank().to_parts();
    let mut bytes = Vec::new();
    // The rest is our own and below the bounds.
    if let Ok(mut whole) = plainest(Cursor::new(&samples), samples.len() as u64, tables.to_bytes()) {
        whole.read_to_end(&mut bytes).expect("memory can be read");
    }
    let length = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The plainest SoundFont that holds these samples and tables. The length of the whole is left open.
fn plainest(samples: impl Read, bytes: u64, tables: Vec<u8>) -> std::result::Result<impl Read, String> {
    let bytes = bytes & !1;
    let sizes =
        u32::try_from(bytes + 2 * GUARD + 12).and_then(|list| Ok((list, u32::try_from(tables.len() + 4)?)));
    let Ok((sample_list, table_list)) = sizes else {
        return Err("more than 4 GB of samples".to_owned());
    };
    let mut head = b"RIFF\0\0\0\0sfbkLIST\x10\0\0\0INFOifil\x04\0\0\0\x02\0\x04\0LIST".to_vec();
    head.extend(sample_list.to_le_bytes());
    head.extend(b"sdtasmpl");
    head.extend((sample_list - 12).to_le_bytes());
    let mut list = b"LIST".to_vec();
    list.extend(table_list.to_le_bytes());
    list.extend(b"pdta");
    let silence = std::io::repeat(0).take(2 * GUARD);
    Ok(Cursor::new(head)
        .chain(samples.take(bytes))
        .chain(silence)
        .chain(Cursor::new(list))
        .chain(Cursor::new(tables)))
}

/// Hands samples and tables to the synthesizer.
fn parse(samples: impl Read, bytes: u64, tables: Vec<u8>) -> std::result::Result<SoundFont, String> {
    let mut whole = plainest(samples, bytes, tables)?;
    match contained(|| SoundFont::new(&mut whole)) {
        Ok(Ok(sound)) => Ok(sound),
        Ok(Err(error)) => Err(format!("not a SoundFont that can be played: {error}")),
        Err(panic) => Err(format!(
            "not a SoundFont that can be played: the reader gave up ({panic})"
        )),
    }
}
