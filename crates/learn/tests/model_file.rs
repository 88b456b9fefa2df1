//! The shipped model, and what happens to files that are not quite one.

use melisma_dataset::Genre;
use melisma_features::Schema;
use melisma_learn::{Model, mean_prediction, shipped};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn bytes() -> Vec<u8> {
    shipped().unwrap().to_bytes().unwrap()
}

/// A plausible row: positive everywhere.
fn row(seed: &[f64]) -> Vec<f64> {
    Schema::Gtzan
        .names()
        .iter()
        .zip(seed.iter().cycle())
        .map(|(_, v)| v.abs() + 1e-3)
        .collect()
}

#[test]
fn the_shipped_model_is_small_and_knows_what_it_is() {
    let model = shipped().unwrap();
    assert_eq!(model.genres(), Genre::ALL.map(|genre| genre.name().to_owned()));
    assert_eq!(model.schema().unwrap(), Schema::Gtzan);
    assert_eq!(
        (model.header().window_seconds, model.header().pad.as_deref()),
        (Some(3.0), Some("reflect"))
    );
    let file = include_bytes!("../../../models/genre-table-1.bin");
    assert!(file.len() < 2_000_000);
    assert_eq!(bytes(), file, "reading and writing gives the same bytes");
    assert_eq!(Model::from_bytes(&bytes()).unwrap(), model);
}

#[test]
fn bad_rows_are_refused_by_name() {
    let model = shipped().unwrap();
    let mut values = row(&[1.0]);
    values[0] = f64::NAN;
    assert!(
        model
            .predict(&values)
            .unwrap_err()
            .to_string()
            .contains("chroma_stft_mean is NaN")
    );
    assert!(
        model
            .predict(&values[1..])
            .unwrap_err()
            .to_string()
            .contains("56 values")
    );
    assert!(
        model.predict(&vec![0.0; 57]).is_ok(),
        "silence is a row like any other"
    );
}

#[test]
fn damage_is_noticed() {
    let whole = bytes();
    for length in (0..200).chain((200..whole.len()).step_by(4999)) {
        assert!(Model::from_bytes(&whole[..length]).is_err(), "cut to {length}");
    }
    for position in (0..whole.len()).step_by(1013) {
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (position % 8);
        assert!(Model::from_bytes(&flipped).is_err(), "bit flipped at {position}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(Model::from_bytes(&longer).is_err());
    let mut newer = whole;
    newer[8] = 3;
    assert!(
        Model::from_bytes(&newer)
            .unwrap_err()
            .to_string()
            .contains("format 3")
    );
}

#[test]
fn a_changed_schema_is_refused() {
    let whole = bytes();
    let hash = Schema::Gtzan.hash();
    let at = whole
        .windows(hash.len())
        .position(|part| part == hash.as_bytes())
        .unwrap();
    let mut other = whole;
    other[at] = if other[at] == b'0' { b'1' } else { b'0' };
    let error = Model::from_bytes(&signed(other)).unwrap_err().to_string();
    assert!(error.contains("another version of schema"), "{error}");
}

/// The bytes with a checksum that fits.
fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let content = bytes.len() - 32;
    let checksum = Sha256::digest(&bytes[..content]);
    bytes[content..].copy_from_slice(&checksum);
    bytes
}

#[test]
fn a_mixture_is_the_mean_of_its_windows() {
    assert_eq!(
        mean_prediction(&[vec![0.2, 0.8], vec![0.6, 0.4]]).unwrap(),
        [0.4, 0.6000000000000001]
    );
    assert_eq!(mean_prediction(&[]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn garbage_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Model::from_bytes(&noise).is_err());
        let mut framed = b"MELISMA\0\x01\0\0\0".to_vec();
        framed.extend(noise);
        prop_assert!(Model::from_bytes(&framed).is_err());
    }

    #[test]
    fn a_forged_file_never_panics(at in any::<prop::sample::Index>(), patch in prop::collection::vec(any::<u8>(), 1..9)) {
        let mut forged = bytes();
        let at = at.index(forged.len() - 32 - patch.len());
        forged[at..at + patch.len()].copy_from_slice(&patch);
        if let Ok(model) = Model::from_bytes(&signed(forged)) {
            let p = model.predict(&row(&[0.5, 3.0, 40.0])).unwrap();
            prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }

    #[test]
    fn probabilities_sum_to_one(seed in prop::collection::vec(-1e6..1e6f64, 57)) {
        let p = shipped().unwrap().predict(&row(&seed)).unwrap();
        prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn level_does_not_matter(seed in prop::collection::vec(0.1..10.0f64, 57), db in -30.0..30.0f64) {
        let (quiet, gain) = (row(&seed), 10f64.powf(db / 20.0));
        let mut loud = quiet.clone();
        for (value, name) in loud.iter_mut().zip(Schema::Gtzan.names()) {
            match name.as_str() {
                "rms_mean" | "harmony_mean" | "perceptr_mean" => *value *= gain,
                "rms_var" | "harmony_var" | "perceptr_var" => *value *= gain * gain,
                "mfcc1_mean" => *value += 128f64.sqrt() * db,
                _ => {}
            }
        }
        let model = shipped().unwrap();
        for (a, b) in model.predict(&quiet).unwrap().iter().zip(model.predict(&loud).unwrap()) {
            prop_assert!((a - b).abs() < 1e-6);
        }
    }
}
