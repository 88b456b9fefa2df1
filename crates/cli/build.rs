//! Tells the tests whether the data folder and a browser are at hand.

include!("../../scripts/find_data.rs");

use std::path::Path;

fn main() {
    find_data();
    find_chromium();
}

/// Sets `cfg(melisma_chromium)` and `MELISMA_TEST_CHROMIUM` where a browser to open pages in is at hand.
fn find_chromium() {
    println!("cargo::rustc-check-cfg=cfg(melisma_chromium)");
    println!("cargo::rerun-if-env-changed=CHROMIUM");
    println!("cargo::rerun-if-env-changed=PATH");
    let given = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let usual = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    match given
        .into_iter()
        .chain(usual)
        .find(|browser: &PathBuf| Path::is_file(browser))
    {
        Some(browser) => {
            println!("cargo::rustc-cfg=melisma_chromium");
            println!("cargo::rustc-env=MELISMA_TEST_CHROMIUM={}", browser.display());
        }
        None => println!(
            "cargo::warning=no Chromium: the test that opens the report in a browser is ignored (set CHROMIUM)"
        ),
    }
}
