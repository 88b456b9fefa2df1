//! Decodes files and says what came of it: rate, samples, warnings, time.
//!
//! `decode [--rate HZ] [--dump OUT.f32] FILE...`: one line a file, tab-separated; `--dump` writes the mono samples of
//! the last file in native-endian single precision.

use std::path::Path;
use std::time::Instant;

use melisma_audio::{Hertz, Stream, install_quiet_panic_hook};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    install_quiet_panic_hook();
    let (mut rate, mut dump, mut files) = (None, None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rate" => rate = Some(Hertz(arguments.next().ok_or("--rate HZ")?.parse()?)),
            "--dump" => dump = Some(arguments.next().ok_or("--dump OUT.f32")?),
            _ => files.push(argument),
        }
    }
    for file in &files {
        let start = Instant::now();
        let (mut samples, mut count) = (Vec::new(), 0_u64);
        let outcome = Stream::open(Path::new(file), rate).and_then(|mut stream| {
            loop {
                if dump.is_none() || samples.len() > 1 << 28 {
                    samples.clear();
                }
                match stream.read(&mut samples, 1 << 16)? {
                    0 => return Ok(stream),
                    read => count += read as u64,
                }
            }
        });
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(stream) => println!(
                "{file}\t{}\t{count}\t{seconds:.3} s\t{:.0}x\t{}",
                stream.rate(),
                count as f64 / f64::from(stream.rate().0) / seconds,
                stream.warnings().join("; ")
            ),
            Err(error) => println!("{error}\t{seconds:.3} s"),
        }
        if let Some(output) = &dump {
            std::fs::write(
                output,
                samples
                    .iter()
                    .flat_map(|sample| sample.to_ne_bytes())
                    .collect::<Vec<u8>>(),
            )?;
        }
    }
    Ok(())
}
