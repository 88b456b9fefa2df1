//! Where systems keep their SoundFonts.

use std::path::{Path, PathBuf};

/// Fonts that are taken before others of a folder: what the system chose, then complete General MIDI sets.
const FIRST: [&str; 6] = [
    "default.",
    "default-gm.",
    "fluidr3_gm.",
    "fluidr3gm",
    "generaluser",
    "timgm6mb.",
];

/// The SoundFonts to be tried, in this order: the files that `MELISMA_SOUNDFONT` and `SOUNDFONT` name, then those in the usual folders.
pub fn system_fonts() -> Vec<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let mut fonts: Vec<PathBuf> = ["MELISMA_SOUNDFONT", "SOUNDFONT"]
        .iter()
        .filter_map(|name| variable(name))
        .collect();
    let home = variable("HOME");
    let data = variable("XDG_DATA_HOME").or_else(|| Some(home.as_ref()?.join(".local/share")));
    let own = ["soundfonts", "sounds/sf2", "sounds/sf3"];
    let mut folders: Vec<PathBuf> = data
        .iter()
        .flat_map(|data| own.iter().map(|folder| data.join(folder)))
        .collect();
    folders.extend(home.iter().map(|home| home.join("Library/Audio/Sounds/Banks")));
    for share in ["/usr/local/share", "/opt/homebrew/share", "/usr/share"] {
        folders.extend(own.iter().map(|folder| Path::new(share).join(folder)));
    }
    for folder in folders {
        fonts.extend(fonts_in(&folder));
    }
    fonts
}

/// The SoundFonts in a folder, those that are likely complete first.
fn fonts_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_font = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let known = extension.is_some_and(|e| e.eq_ignore_ascii_case("sf2") || e.eq_ignore_ascii_case("sf3"));
        // A link to nothing is no font.
        known && path.is_file()
    };
    let mut fonts: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_font)
        .collect();
    fonts.sort_by_key(|path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let rank = FIRST
            .iter()
            .position(|first| name.starts_with(first))
            .unwrap_or(FIRST.len());
        (rank, name)
    });
    fonts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_chose_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "zither.sf2",
            "TimGM6mb.sf2",
            "default-GM.sf3",
            "readme.txt",
            "Aeolian.SF2",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<String> = fonts_in(folder.path())
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            names,
            ["default-GM.sf3", "TimGM6mb.sf2", "Aeolian.SF2", "zither.sf2"]
        );
        assert!(fonts_in(&folder.path().join("none")).is_empty());
    }
}
