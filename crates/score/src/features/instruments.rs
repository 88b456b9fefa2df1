//! Who plays.

use super::piece::Piece;
use super::{Features, entropy};

/// The sixteen families of General MIDI.
const FAMILIES: [&str; 16] = [
    "piano_share",
    "chromatic_percussion_share",
    "organ_share",
    "guitar_share",
    "bass_share",
    "strings_share",
    "ensemble_share",
    "brass_share",
    "reed_share",
    "pipe_share",
    "synth_lead_share",
    "synth_pad_share",
    "synth_effects_share",
    "ethnic_share",
    "percussive_share",
    "sound_effects_share",
];

pub(super) fn put(piece: &Piece<'_>, sheet: &mut Features) {
    let mut programs = [0.0_f64; 128];
    for tone in &piece.tones {
        programs[usize::from(tone.program)] += 1.0;
    }
    let mut families = [0.0; 16];
    for (family, programs) in families.iter_mut().zip(programs.chunks(8)) {
        *family = programs.iter().sum();
    }
    sheet.put_shares(FAMILIES, &families);
    let all = piece.tones.len() as f64;
    let mut part = |name, members: &[std::ops::RangeInclusive<usize>]| {
        let sum: f64 = members.iter().flat_map(|range| &programs[range.clone()]).sum();
        sheet.put(name, sum / all);
    };
    part("acoustic_piano_share", &[0..=3]);
    part("acoustic_bass_share", &[32..=32, 43..=43]);
    part("synth_bass_share", &[38..=39]);
    part("acoustic_guitar_share", &[24..=25]);
    part("distorted_guitar_share", &[29..=30]);
    part("saxophone_share", &[64..=67]);
    part("church_organ_harpsichord_share", &[6..=6, 19..=19]);
    part("country_string_share", &[22..=22, 105..=105, 110..=110]);
    part("voice_share", &[52..=54]);
    let used = programs.iter().filter(|count| **count > 0.0).count();
    sheet.put("instruments", used as f64);
    sheet.put("instrument_entropy", entropy(&programs));
}
