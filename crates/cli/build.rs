//! Sets `cfg(melisma_data)` where the data folder is at hand, so that tests which need it count as ignored elsewhere.

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
    let given = std::env::var_os("MELISMA_DATA").map(PathBuf::from);
    let found = [Some(nearby), given]
        .into_iter()
        .flatten()
        .find(|f| f.join("gtzan/audio/full").is_dir());
    if let Some(folder) = found {
        println!("cargo::rustc-cfg=melisma_data");
        println!("cargo::rustc-env=MELISMA_TEST_DATA={}", folder.display());
    }
}
