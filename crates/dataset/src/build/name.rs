//! Foreign text as names of files. Not for showing to people.

/// Characters a part of a name may have.
const LONGEST: usize = 60;

/// `text` as a part of a file name: letters, digits, spaces and a little punctuation, everything else as `_`.
///
/// The answer is never empty, never begins with a dot, and holds no separator, so that it cannot lead anywhere.
pub fn safe_name(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " -_',()".contains(c);
    let kept: String = text
        .chars()
        .map(|c| if allowed(c) { c } else { '_' })
        .take(LONGEST)
        .collect();
    let trimmed = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    let device = ["con", "prn", "aux", "nul"].contains(&trimmed.to_ascii_lowercase().as_str());
    match trimmed.chars().any(char::is_alphanumeric) && !device {
        true => trimmed,
        false => format!("_{trimmed}_"),
    }
}

/// The extension that the first bytes of a sound file call for; `None` for what is no sound.
pub fn extension_of(start: &[u8]) -> Option<&'static str> {
    let at = |from: usize, mark: &[u8]| start.get(from..from + mark.len()) == Some(mark);
    Some(match start {
        _ if at(0, b"ID3") => "mp3",
        _ if at(0, b"fLaC") => "flac",
        _ if at(0, b"OggS") => "ogg",
        _ if at(0, b"RIFF") && at(8, b"WAVE") => "wav",
        _ if at(0, b"FORM") && at(8, b"AIF") => "aiff",
        _ if at(4, b"ftyp") => "m4a",
        _ if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) => "webm",
        _ if at(0, b"caff") => "caf",
        _ if at(0, b".snd") => "au",
        [0xff, second, ..] if second & 0xf6 == 0xf0 => "aac",
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => "mp3",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_tamed() {
        assert_eq!(safe_name("../../etc/passwd"), "______etc_passwd");
        assert_eq!(safe_name("AC/DC"), "AC_DC");
        assert_eq!(safe_name("  Sigur Rós \n"), "Sigur Rós _");
        assert_eq!(safe_name(".."), "____");
        assert_eq!(safe_name("NUL"), "_NUL_");
        assert_eq!(safe_name(""), "__");
    }

    #[test]
    fn sounds_are_told_from_pages() {
        assert_eq!(extension_of(b"ID3\x04"), Some("mp3"));
        assert_eq!(extension_of(&[0xff, 0xfb, 0x90, 0x64]), Some("mp3"));
        assert_eq!(extension_of(b"\0\0\0\x20ftypM4A "), Some("m4a"));
        assert_eq!(extension_of(b"<html>"), None);
        assert_eq!(extension_of(b""), None);
    }

    proptest! {
        #[test]
        fn no_text_leaves_the_folder(text in "\\PC*|(\\.|/|\\\\|:|~|\0|a){0,20}") {
            let name = safe_name(&text);
            let path = std::path::Path::new(&name);
            prop_assert_eq!(path.components().count(), 1);
            prop_assert!(matches!(path.components().next(), Some(std::path::Component::Normal(_))));
            let bad = |c: char| c.is_control() || ['/', '\\', ':', '~'].contains(&c);
            prop_assert!(!name.contains(bad) && !name.starts_with('.'));
        }
    }
}
