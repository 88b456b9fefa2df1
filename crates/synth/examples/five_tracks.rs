//! Writes the tests' piece for five tracks as a MIDI file, to be rendered by this and other programs:
//! `cargo run -p melisma-synth --example five_tracks -- five.mid [BARS]`

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: five_tracks FILE [BARS]")?;
    let bars = arguments.next().map_or(Ok(64), |bars| bars.parse())?;
    melisma_score::write(&support::five_tracks(bars), path.as_ref())?;
    Ok(())
}
