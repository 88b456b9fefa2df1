//! Instruments by the names musicians use.

use melisma_score::general_midi::program_name;

/// The voice of drums; the voices below are General MIDI programs.
pub const DRUMS: u8 = 128;

/// Names that are not General MIDI's, and the program most used for them in jazz and popular music.
const NAMES: [(&str, u8); 36] = [
    ("piano", 0),
    ("grand piano", 0),
    ("electric piano", 4),
    ("rhodes", 4),
    ("vibes", 11),
    ("organ", 16),
    ("hammond", 16),
    ("accordion", 21),
    ("harmonica", 22),
    ("guitar", 26),
    ("acoustic guitar", 24),
    ("electric guitar", 27),
    ("distorted guitar", 30),
    ("bass", 32),
    ("double bass", 32),
    ("upright bass", 32),
    ("electric bass", 33),
    ("violin", 40),
    ("viola", 41),
    ("cello", 42),
    ("strings", 48),
    ("choir", 52),
    ("voice", 53),
    ("trumpet", 56),
    ("trombone", 57),
    ("tuba", 58),
    ("horn", 60),
    ("brass", 61),
    ("soprano sax", 64),
    ("alto sax", 65),
    ("sax", 66),
    ("saxophone", 66),
    ("tenor sax", 66),
    ("baritone sax", 67),
    ("clarinet", 71),
    ("flute", 73),
];

/// The voice of an instrument: a common name, General MIDI's name, a program from 0 to 127, or `drums`.
///
/// # Errors
/// What is wrong with the name.
pub fn instrument(name: &str) -> Result<u8, String> {
    let name = name.trim().to_lowercase();
    if name == "drums" || name == "drum kit" {
        return Ok(DRUMS);
    }
    if let Ok(program) = name.parse::<u8>() {
        return match program < 128 {
            true => Ok(program),
            false => Err(format!("there is no program {program}: they are 0 to 127")),
        };
    }
    if let Some((_, program)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Ok(*program);
    }
    (0..128)
        .find(|program| program_name(*program) == name)
        .ok_or_else(|| {
            let near: Vec<&str> = NAMES
                .iter()
                .map(|(known, _)| *known)
                .filter(|known| {
                    name.split_whitespace()
                        .any(|word| word.len() > 2 && known.contains(word))
                })
                .collect();
            let hint = match near.is_empty() {
                true => {
                    "names are those of General MIDI, or piano, guitar, bass, drums, sax, trumpet and so on"
                        .to_owned()
                }
                false => format!("near are {}", near.join(", ")),
            };
            format!("there is no instrument called `{name}`: {hint}")
        })
}

/// What a voice is called.
pub fn instrument_name(voice: u8) -> &'static str {
    match voice {
        DRUMS.. => "drums",
        program => program_name(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_general_midi_are_understood() {
        assert_eq!(instrument("Piano"), Ok(0));
        assert_eq!(instrument(" tenor sax"), Ok(66));
        assert_eq!(instrument("Vibraphone"), Ok(11));
        assert_eq!(instrument("33"), Ok(33));
        assert_eq!(instrument("drums"), Ok(DRUMS));
        assert!(instrument("130").is_err());
        assert!(instrument("baritone oboe").unwrap_err().contains("baritone sax"));
        for (name, program) in NAMES {
            assert_eq!(instrument(name), Ok(program));
        }
    }
}
