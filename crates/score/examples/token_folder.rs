//! Encodes every MIDI file of a folder in one thread: a line a file with its name, how many steps there are, and with `--tokens` each token.
//!
//! ```sh
//! cargo run --release -p melisma-score --example token_folder -- DESIGN FOLDER [--tokens]
//! ```

use std::io::Write;
use std::path::PathBuf;

use melisma_score::{midi_files, read_bytes, tokens};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(design), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("token_folder DESIGN FOLDER [--tokens]".into());
    };
    let all = arguments.next().as_deref() == Some("--tokens");
    let design = tokens::design(&design).ok_or("no such design")?;
    let fields = design.fields();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for path in midi_files(&[PathBuf::from(folder)]).files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let encoded = read_bytes(&path).and_then(|bytes| design.encode_file(&bytes));
        match encoded {
            Err(error) => writeln!(out, "{name}\t{error}")?,
            Ok((_, tokens)) => {
                write!(out, "{name}\t{}", tokens.len() / fields.len())?;
                for (at, token) in tokens.iter().enumerate().filter(|_| all) {
                    let separator = if at == 0 { '\t' } else { ' ' };
                    let name = &fields[at % fields.len()].vocabulary[usize::from(*token)];
                    write!(out, "{separator}{name}")?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
