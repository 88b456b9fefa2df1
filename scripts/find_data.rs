// Included by the build scripts of the crates whose tests can use the data folder: sets `cfg(melisma_data)` and
// `MELISMA_TEST_DATA` where it is at hand, so that such tests count as ignored elsewhere, not as passed.

use std::path::PathBuf;

fn find_data() {
    println!("cargo::rustc-check-cfg=cfg(melisma_data)");
    println!("cargo::rerun-if-env-changed=MELISMA_DATA");
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let nearby = manifest.join("../../../shared/data");
    println!("cargo::rerun-if-changed={}", nearby.join("gtzan/splits").display());
    let given = std::env::var_os("MELISMA_DATA").map(PathBuf::from);
    let mut folders = [Some(nearby), given].into_iter().flatten();
    match folders.find(|folder| folder.join("gtzan/features_30_sec.csv").is_file()) {
        Some(folder) => {
            println!("cargo::rustc-cfg=melisma_data");
            println!("cargo::rustc-env=MELISMA_TEST_DATA={}", folder.display());
        }
        None => println!("cargo::warning=no data folder: tests that need it are ignored (set MELISMA_DATA)"),
    }
}
