//! Writes the features of every MIDI file under a folder as CSV: `cargo run --release -p melisma-score --example features -- FOLDER > features.csv`

use std::path::PathBuf;
use std::time::Instant;

use melisma_score::features::Features;

fn main() {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let files = melisma_score::midi_files(&[PathBuf::from(folder)]);
    println!("file,{}", Features::columns().join(","));
    let (mut count, mut seconds) = (0, 0.0);
    for path in files.files {
        let Ok(read) = melisma_score::read(&path) else {
            continue;
        };
        let start = Instant::now();
        let features = Features::of(&read.score);
        seconds += start.elapsed().as_secs_f64();
        count += 1;
        let values: Vec<String> = features.values().iter().map(f64::to_string).collect();
        println!("\"{}\",{}", path.display(), values.join(","));
    }
    eprintln!("{count} pieces described in {seconds:.2} s");
}
