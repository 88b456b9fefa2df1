//! The spectrogram images of the data folder, where there is one.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_dataset::spectrograms::{SpectrogramOptions, read_spectrograms};

const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

/// Values of `blues.00029.png` by NumPy and Pillow, with the functions of `crates/features/tests/golden/spectrogram_image.py`.
const BLUES_29: [(&str, f64); 10] = [
    ("pattern_1_000", 0.262_233_491_757_775_05),
    ("pattern_1_255", 0.282_471_283_932_942_1),
    ("pattern_2_255", 0.300_098_409_056_279_8),
    ("pattern_4_255", 0.293_665_149_613_446_3),
    ("cepstrum_mean_01", 3.463_369_073_916_470_4),
    ("cepstrum_mean_12", 0.164_955_093_627_733_2),
    ("log_cov_0_01_0_01", 0.415_409_999_917_041_64),
    ("log_cov_0_01_0_02", 0.000_981_724_344_325_780_4),
    ("log_cov_0_12_2_03", -0.066_829_693_220_486_32),
    ("log_cov_3_12_3_12", -3.471_605_011_163_97),
];

#[test]
#[cfg_attr(
    not(melisma_data),
    ignore = "needs the data folder (../shared/data or MELISMA_DATA)"
)]
fn gtzans_images_have_numpys_values() {
    let path = Path::new(DATA.unwrap()).join("gtzan/spectrograms.tar");
    let read = read_spectrograms(&path, &SpectrogramOptions::default(), &AtomicBool::new(false)).unwrap();
    assert!(read.failed.is_empty() && !read.interrupted);
    let table = read.table;
    assert_eq!((table.len(), table.columns.len()), (999, 2212));
    for (filename, label) in table.filenames.iter().zip(table.labels.as_ref().unwrap()) {
        assert_eq!(filename.split('.').next(), Some(label.as_str()));
    }
    let row = table.filenames.iter().position(|name| name == "blues.00029.png");
    let values = table.row(row.unwrap());
    for (name, expected) in BLUES_29 {
        let column = table.columns.iter().position(|column| column == name);
        let value = values[column.unwrap_or_else(|| panic!("{name}"))];
        // Images are kept in single precision, which shows where a value is near zero.
        assert!(
            (value - expected).abs() <= 1e-5 * expected.abs() + 1e-6,
            "{name}: {value}, not {expected}"
        );
    }
}
