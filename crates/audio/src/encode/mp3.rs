//! MPEG-1 Layer III out, through rusty_mp3. Not for low rates.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use rusty_mp3::{Error, Mp3Encoder, Mp3EncoderConfig};

use super::{Sink, into_file};
use crate::Hertz;
use crate::guard::guarded;

const KBIT_PER_S: u32 = 192;

pub(super) struct Mp3 {
    out: BufWriter<File>,
    encoder: Mp3Encoder,
    rate: Hertz,
    /// Samples of both channels in turn.
    samples: Vec<f32>,
}

impl Mp3 {
    pub(super) fn begin(out: BufWriter<File>, rate: Hertz) -> io::Result<Self> {
        let encoder = Mp3Encoder::new(Mp3EncoderConfig {
            bitrate_kbps: KBIT_PER_S,
            vbr_quality: None,
        });
        Ok(Mp3 {
            out,
            encoder,
            rate,
            samples: Vec::new(),
        })
    }

    fn push(&mut self) -> io::Result<()> {
        let (encoder, samples, rate) = (&mut self.encoder, &self.samples, self.rate.0);
        guarded(|| encoder.push_pcm_f32(samples, 2, rate))
            .map_err(|_| io::Error::other("the mp3 encoder gave up"))?
            .map_err(failed)
    }
}

impl Sink for Mp3 {
    fn write(&mut self, left: &[f32], right: &[f32]) -> io::Result<()> {
        self.samples.clear();
        self.samples
            .extend(left.iter().zip(right).flat_map(|(l, r)| [*l, *r]));
        self.push()
    }

    fn finish(mut self: Box<Self>) -> io::Result<File> {
        // A file without a frame has a format all the same.
        self.samples.clear();
        self.push()?;
        let encoder = &mut self.encoder;
        guarded(|| encoder.finish()).map_err(|_| io::Error::other("the mp3 encoder gave up"))?;
        // Frames wait until here, so that the first of them can say how long the music is.
        loop {
            match self.encoder.next_packet() {
                Ok(packet) => self.out.write_all(&packet)?,
                Err(Error::Again | Error::Eof) => return into_file(self.out),
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

fn failed(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("mp3: {error}"))
}
