//! Any bytes as a SoundFont: read or refused; and what is read plays a few notes or says that it cannot.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use melisma_audio::{Hertz, install_quiet_panic_hook};
use melisma_score::{Note, Score, Track};
use melisma_synth::{Font, RenderParams, Synth};

fuzz_target!(|data: &[u8]| {
    // libFuzzer's own hook ends the process; inside the guard a panic is part of the plan.
    install_quiet_panic_hook();
    let Ok(font) = Font::from_bytes(data, Path::new("fuzz")) else { return };
    let note = |onset, pitch, velocity| Note { onset, pitch, duration: 120, velocity };
    let track = |channel, drums| Track {
        channel,
        drums,
        notes: vec![note(0, 60, 100), note(60, 0, 1), note(90, 127, 127), note(100, 60, 64)],
        ..Track::default()
    };
    let score = Score { tracks: vec![track(0, false), track(9, true)], ..Score::default() };
    let params = RenderParams { rate: Hertz(16_000), ..RenderParams::default() };
    if let Ok(sound) = Synth::new(font).render(&score, &params) {
        assert!(sound.duration_s() < 10.0);
    }
});
