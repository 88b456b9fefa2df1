//! Sets `cfg(melisma_data)` when the data folder is present, so that tests which need it show as
//! ignored, not as passed, where it is not.

use std::path::PathBuf;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(melisma_data)");
    println!("cargo::rerun-if-env-changed=MELISMA_DATA");
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let nearby = manifest.join("../../../shared/data");
    println!(
        "cargo::rerun-if-changed={}",
        nearby.join("gtzan/splits").display()
    );
    let folders = [Some(nearby), std::env::var_os("MELISMA_DATA").map(PathBuf::from)];
    match folders
        .into_iter()
        .flatten()
        .find(|folder| folder.join("gtzan/features_30_sec.csv").is_file())
    {
        Some(folder) => {
            println!("cargo::rustc-cfg=melisma_data");
            println!("cargo::rustc-env=MELISMA_TEST_DATA={}", folder.display());
        }
        None => println!("cargo::warning=no data folder: tests that need it are ignored (set MELISMA_DATA)"),
    }
}
