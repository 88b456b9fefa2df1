//! Which file names are worth opening when a folder is walked.
//!
//! Not for deciding what a file is: that is told from its content.

/// Lower-case extensions, without the dot, of the files this crate may be able to decode.
const EXTENSIONS: [&str; 31] = [
    "3gp", "aac", "adts", "aif", "aifc", "aiff", "alac", "au", "bwf", "caf", "flac", "m4a", "m4b", "m4r",
    "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4", "mpa", "mpga", "oga", "ogg", "opus", "snd", "wav",
    "wave", "weba", "webm",
];

/// Whether a file with this extension (no dot, any case) may be audio that this crate can decode.
pub fn is_audio_extension(ext: &str) -> bool {
    EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(ext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_extensions_in_any_case() {
        for ext in [
            "wav", "MP3", "Flac", "au", "snd", "opus", "m4a", "aiff", "caf", "ogg",
        ] {
            assert!(is_audio_extension(ext), "{ext}");
        }
        for ext in ["", "txt", ".wav", "mid", "jpg"] {
            assert!(!is_audio_extension(ext), "{ext}");
        }
    }
}
