//! What musicnn or YAMNet hears in audio files, as one line of JSON per file, tags and classes by name.
//!
//! `cargo run -p melisma-ears --example listen -- MODEL.onnx FILE...`. The model may be packed with xz. A file with `MTT` in its name
//! has the tags of MagnaTagATune, any other musicnn those of the Million Song Dataset. Given are the means over the patches.

use std::io::{Cursor, Read};
use std::path::Path;

use melisma_audio::{Limit, load};
use melisma_ears::front::{Error, SAMPLE_RATE};
use melisma_ears::musicnn::{MSD_TAGS, MTT_TAGS, Musicnn, TAGS};
use melisma_ears::weights::onnx::Graph;
use melisma_ears::yamnet::{Yamnet, class_names};
use ndarray::{Array2, Axis};
use serde_json::{Map, Value, json};

type Failure = Box<dyn std::error::Error>;

/// A network and the names of what it tells.
enum Ear {
    Musicnn(Box<Musicnn>, &'static [&'static str; TAGS]),
    Yamnet(Yamnet),
}

impl Ear {
    fn open(path: &str) -> Result<Ear, Failure> {
        let graph = Graph::parse(&read(path)?)?;
        if let Ok(yamnet) = Yamnet::from_onnx(&graph) {
            return Ok(Ear::Yamnet(yamnet));
        }
        let tags = if path.contains("MTT") {
            &MTT_TAGS
        } else {
            &MSD_TAGS
        };
        Ok(Ear::Musicnn(Box::new(Musicnn::from_onnx(&graph)?), tags))
    }

    /// The means over patches of what it hears in a file.
    fn listen(&self, path: &str) -> Result<Value, Failure> {
        let signal = load(Path::new(path), Some(SAMPLE_RATE), Limit::Default)?.signal;
        // What is wrong with a file's coding names the file already.
        let named_file = |error: Error| format!("{path}: {error}");
        Ok(match self {
            Ear::Musicnn(network, tags) => {
                let heard = network.listen(&signal).map_err(named_file)?;
                let tags = named(tags.iter().copied(), &heard.tags);
                json!({ "file": path, "tags": tags, "penultimate": mean(&heard.penultimate) })
            }
            Ear::Yamnet(network) => {
                let heard = network.listen(&signal).map_err(named_file)?;
                json!({ "file": path, "classes": named(class_names(), &heard.scores) })
            }
        })
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("usage: listen MODEL.onnx FILE...")?;
    let ear = Ear::open(&model).map_err(|failure| format!("{model}: {failure}"))?;
    for file in arguments {
        println!("{}", ear.listen(&file)?);
    }
    Ok(())
}

/// The means over patches by name.
fn named<'a>(names: impl Iterator<Item = &'a str>, table: &Array2<f32>) -> Map<String, Value> {
    names
        .map(str::to_owned)
        .zip(mean(table).into_iter().map(Into::into))
        .collect()
}

/// A file's bytes, unpacked where they are packed with xz.
fn read(path: &str) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    if !bytes.starts_with(b"\xfd7zXZ\0") {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    xz4rust::XzReader::new(Cursor::new(bytes))
        .take(1 << 28)
        .read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

/// The mean over patches.
fn mean(table: &Array2<f32>) -> Vec<f32> {
    table
        .mean_axis(Axis(0))
        .map_or_else(Vec::new, |mean| mean.to_vec())
}
