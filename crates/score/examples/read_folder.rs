//! Reads every MIDI file under a folder and says what was mended or refused: `cargo run --release -p melisma-score --example read_folder -- FOLDER`

use std::path::{Path, PathBuf};
use std::time::Instant;

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args_os().nth(1).expect("a folder");
    let mut files = Vec::new();
    walk(Path::new(&folder), &mut files)?;
    files.sort();
    let start = Instant::now();
    let (mut notes, mut refused) = (0, 0);
    for path in &files {
        match melisma_score::read(path) {
            Ok(read) => {
                notes += read.score.notes().count();
                for repair in read.repairs {
                    println!("{}: {repair}", path.display());
                }
            }
            Err(error) => {
                refused += 1;
                println!("REFUSED {error}");
            }
        }
    }
    println!(
        "{} files, {refused} refused, {notes} notes, {:.3} s",
        files.len(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
