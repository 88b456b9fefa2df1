//! Recordings that the user has: a folder read by its tags, and playlists. Not for anything on the web.

use std::path::{Path, PathBuf};

use melisma_audio::{is_audio_extension, read_tags};
use walkdir::WalkDir;

use crate::build::web::plain_genre;
use crate::build::{BuildError, Offer, Page, Sound, Source};
use crate::collection::Root;

/// A playlist is no larger than this.
const LARGEST: u64 = 16 << 20;

/// Files of the user's, each offered under the genre of its tag.
pub struct Local {
    name: String,
    offers: Vec<Offer>,
    /// A playlist of a single genre needs no tags.
    any_genre: bool,
    skipped: Vec<String>,
}

impl Local {
    /// The audio files in a folder and below, by their tags.
    ///
    /// # Errors
    /// [`BuildError::Dataset`] when there is no such folder.
    pub fn folder(folder: &Path) -> Result<Local, BuildError> {
        let root = Root::open(folder)?;
        let audio = |path: &Path| {
            path.extension()
                .and_then(|e| e.to_str())
                .is_some_and(is_audio_extension)
        };
        let mut local = Local {
            name: "folder".to_owned(),
            offers: Vec::new(),
            any_genre: false,
            skipped: Vec::new(),
        };
        for entry in WalkDir::new(root.path()).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && audio(entry.path()) => {
                    let id = entry.path().strip_prefix(root.path()).unwrap_or(entry.path());
                    local.offers.push(offer(id, entry.path()));
                }
                Ok(_) => {}
                Err(error) => local.skipped.push(error.to_string()),
            }
        }
        Ok(local)
    }

    /// The files a playlist (m3u, m3u8, pls or xspf) names: relative to its folder, and below `root`.
    ///
    /// `root` is the playlist's folder where it is not given. Entries outside, and addresses, are passed over and
    /// told of. Asked for a single genre, every entry is offered for it, whatever its tag.
    ///
    /// # Errors
    /// [`BuildError::Dataset`] when the playlist or the root cannot be read; [`BuildError::Params`] for another kind of file.
    pub fn playlist(path: &Path, root: Option<&Path>, single_genre: bool) -> Result<Local, BuildError> {
        let io = |source| BuildError::Io {
            path: path.to_owned(),
            source,
        };
        if std::fs::metadata(path).map_err(io)?.len() > LARGEST {
            return Err(BuildError::Params(format!(
                "{}: larger than 16 MiB",
                path.display()
            )));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let text = String::from_utf8_lossy(&bytes);
        let extension = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default()
            .to_ascii_lowercase();
        let entries = match extension.as_str() {
            "m3u" | "m3u8" => m3u(&text),
            "pls" => pls(&text),
            "xspf" => xspf(&text),
            _ => {
                return Err(BuildError::Params(format!(
                    "{}: neither m3u, m3u8, pls nor xspf",
                    path.display()
                )));
            }
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let root = Root::open(root.unwrap_or(folder))?;
        let resolved_root = root.path().canonicalize().map_err(io)?;
        let mut local = Local {
            name: "playlist".to_owned(),
            offers: Vec::new(),
            any_genre: single_genre,
            skipped: Vec::new(),
        };
        for entry in entries {
            if entry.contains("://") {
                local.skipped.push(format!("{entry}: no file of this machine"));
                continue;
            }
            match folder.join(&entry).canonicalize() {
                Err(error) => local.skipped.push(format!("{entry}: {error}")),
                Ok(file) => match file.strip_prefix(&resolved_root) {
                    Ok(id) if file.is_file() => local.offers.push(offer(id, &file)),
                    Ok(_) => local.skipped.push(format!("{entry}: no file")),
                    Err(_) => local
                        .skipped
                        .push(format!("{entry}: outside {}", root.path().display())),
                },
            }
        }
        Ok(local)
    }

    /// What was passed over, and why.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }
}

impl Source for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn page(&mut self, genre: &str, _offset: usize) -> Result<Page, BuildError> {
        let wanted = plain_genre(genre);
        let is_of = |offer: &&Offer| {
            self.any_genre
                || offer
                    .genre
                    .split([';', '/', ',', '\0'])
                    .any(|name| plain_genre(name) == wanted)
        };
        let named = |offer: &Offer| Offer {
            genre: genre.to_owned(),
            ..offer.clone()
        };
        Ok(Page {
            offers: self.offers.iter().filter(is_of).map(named).collect(),
            next: None,
        })
    }
}

fn offer(id: &Path, file: &Path) -> Offer {
    let mut tags = read_tags(file);
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    Offer {
        id: format!("file:{}", id.display()),
        title: tags.remove("title").or(stem).unwrap_or_default(),
        artist: tags.remove("artist").unwrap_or_default(),
        album: tags.remove("album"),
        genre: tags.remove("genre").unwrap_or_default(),
        sound: Some(Sound::File(PathBuf::from(file))),
        licence: None,
        url: None,
    }
}

/// Every line that is no comment.
fn m3u(text: &str) -> Vec<String> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(local_path)
        .collect()
}

/// The values of `File1=`, `File2=` and so on.
fn pls(text: &str) -> Vec<String> {
    let entry = |line: &str| {
        let (key, value) = line.trim().split_once('=')?;
        let numbered =
            key.get(..4)?.eq_ignore_ascii_case("file") && key[4..].bytes().all(|b| b.is_ascii_digit());
        numbered.then(|| local_path(value.trim()))
    };
    text.lines().filter_map(entry).collect()
}

/// What stands between `<location>` and `</location>`, percent-encoded as XSPF wants it.
fn xspf(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("<location>") {
        let Some((value, after)) = after.split_once("</location>") else {
            break;
        };
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&amp;", "&"),
        ]
        .into_iter()
        .fold(value.trim().to_owned(), |text, (code, plain)| {
            text.replace(code, plain)
        });
        let path = local_path(&plain);
        entries.push(if path.contains("://") {
            path
        } else {
            percent_decoded(&path)
        });
        rest = after;
    }
    entries
}

/// A `file://` address as a path; anything else as it is.
fn local_path(entry: &str) -> String {
    let file = entry
        .strip_prefix("file://localhost")
        .or_else(|| entry.strip_prefix("file://"));
    file.map_or_else(|| entry.to_owned(), |path| path.to_owned())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn playlists_of_three_kinds_are_read() {
        assert_eq!(
            m3u("\u{feff}#EXTM3U\n#EXTINF:1,x\na/b c.mp3\r\n\nfile:///m/d.mp3\n"),
            ["a/b c.mp3", "/m/d.mp3"]
        );
        assert_eq!(
            pls("[playlist]\nFile1=a.mp3\nTitle1=x\nfile2=b.mp3\n"),
            ["a.mp3", "b.mp3"]
        );
        let text =
            "<track><location>file:///m/a%20b&amp;c.mp3</location></track><location>http://x/y</location>";
        assert_eq!(xspf(text), ["/m/a b&c.mp3", "http://x/y"]);
    }

    proptest! {
        #[test]
        fn no_playlist_makes_it_panic(text in "(<location>|</location>|%|File|=|\\PC){0,40}") {
            let _ = (m3u(&text), pls(&text), xspf(&text));
        }
    }

    #[test]
    fn entries_outside_the_root_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("in");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("out.mp3"), b"x").unwrap();
        std::fs::write(inside.join("a.mp3"), b"x").unwrap();
        let list = inside.join("l.m3u");
        std::fs::write(&list, "a.mp3\n../out.mp3\nhttp://h/x.mp3\ngone.mp3\n").unwrap();
        let mut local = Local::playlist(&list, None, true).unwrap();
        assert_eq!(local.page("blues", 0).unwrap().offers.len(), 1);
        let skipped = local.skipped().join("\n");
        assert!(
            skipped.contains("../out.mp3: outside") && skipped.contains("http://h/x.mp3: no file"),
            "{skipped}"
        );
        let mut wider = Local::playlist(&list, Some(folder.path()), true).unwrap();
        assert_eq!(wider.page("blues", 0).unwrap().offers.len(), 2);
        assert!(Local::playlist(&inside.join("a.mp3"), None, true).is_err());
    }
}
