//! `melisma models`: pretrained models that are listed, installed and verified.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{melisma, names_in, put, run};
use tempfile::tempdir;

/// The smallest bytes that are an ONNX model by their form.
const ONNX: &[u8] = b"\x08\x07\x3a\x00";

/// The command with its store in this folder.
fn in_store(folder: &Path, mut command: Command) -> Command {
    command.env("MELISMA_MODELS", folder.join("models"));
    command
}

#[test]
fn listed_installed_verified() {
    let folder = tempdir().unwrap();
    let models = folder.path().join("models");
    let file = put(folder.path().join("y.onnx"), ONNX);
    let ran = run(in_store(folder.path(), melisma!("models", "list"))).succeeded();
    for said in [
        "musicnn-msd 0.1.0 (ISC): not installed, 3.2 MB\n",
        "install  melisma models install musicnn-msd (downloads 29.3 MB)\n",
        "install  melisma models install yamnet --from FILE (its ONNX file, plain or .xz)\n",
    ] {
        assert!(ran.stdout.contains(said), "{}", ran.stdout);
    }
    run(in_store(folder.path(), melisma!("models", "verify")))
        .succeeded()
        .said(&["no model is installed in"]);
    assert!(!models.exists());

    let ran = run(in_store(
        folder.path(),
        melisma!("models", "install", "yamnet", "--from", &file),
    ))
    .succeeded();
    assert!(
        ran.stdout.starts_with("yamnet 1 is installed in "),
        "{}",
        ran.stdout
    );
    assert_eq!(names_in(&models), ["yamnet"]);
    assert_eq!(names_in(&models.join("yamnet")), ["installed.json", "model.onnx"]);
    let ran = run(in_store(folder.path(), melisma!("models", "verify"))).succeeded();
    assert_eq!(ran.stdout, "yamnet 1 is as it was installed\n");
    let lines = run(in_store(folder.path(), melisma!("models", "list", "--json")))
        .succeeded()
        .json_lines();
    let installed = |name: &str| &lines.iter().find(|line| line["name"] == name).unwrap()["installed"];
    assert_eq!(lines.len(), 5);
    assert_eq!(installed("yamnet")["source"], "y.onnx");
    assert_eq!(installed("yamnet")["bytes"], 4);
    assert!(installed("musicnn-msd").is_null());

    put(models.join("yamnet/model.onnx"), b"\x08\x07\x3a\x01\x00");
    let ran = run(in_store(folder.path(), melisma!("models", "verify", "--json")))
        .refused(&["model.onnx: changed since it was installed"]);
    assert_eq!(ran.json()["name"], "yamnet");
    put(models.join("yamnet/installed.json"), "{");
    run(in_store(folder.path(), melisma!("models", "verify"))).refused(&["installed.json: "]);
    let ran =
        run(in_store(folder.path(), melisma!("models", "list", "--json"))).refused(&["installed.json: "]);
    assert_eq!(ran.json_lines().len(), 5);
}

#[test]
fn a_batch_goes_on_with_the_rest() {
    let folder = tempdir().unwrap();
    let file = put(folder.path().join("a.onnx"), ONNX);
    let arguments = melisma!(
        "models",
        "install",
        "ears",
        "nothing",
        "mobilenet-v2",
        "--from",
        &file,
        "--json"
    );
    let ran = run(in_store(folder.path(), arguments))
        .refused(&["a.onnx: not the wheel of musicnn 0.1.0: its SHA-256 is"])
        .said(&["no model is called `nothing`: musicnn-msd, "]);
    let lines = ran.json_lines();
    let names: Vec<&str> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert_eq!(names, ["musicnn-msd", "musicnn-mtt", "nothing", "mobilenet-v2"]);
    assert!(lines[..3].iter().all(|line| line["error"].is_string()));
    assert_eq!(lines[3]["file"], "model.onnx");
    assert_eq!(names_in(&folder.path().join("models")), ["mobilenet-v2"]);
}

#[test]
fn what_cannot_be_downloaded_is_explained() {
    let folder = tempdir().unwrap();
    let missing = folder.path().join("no-python");
    let arguments = melisma!("models", "install", "musicnn-msd", "yamnet", "--python", &missing);
    run(in_store(folder.path(), arguments))
        .refused(&["no-python: there is no such program"])
        .said(&["yamnet cannot be downloaded", "--from FILE"]);
    let none = folder.path().join("none.whl");
    run(in_store(
        folder.path(),
        melisma!("models", "install", "ears", "--from", &none),
    ))
    .refused(&["none.whl: "]);
    run(in_store(folder.path(), melisma!("models", "verify", "ears")))
        .refused(&["no model is called `ears`"]);
    run(in_store(
        folder.path(),
        melisma!("models", "verify", "musicnn-msd"),
    ))
    .refused(&["musicnn-msd is not installed in"]);
    assert!(!folder.path().join("models").exists());
    let mut homeless = melisma!("models", "list");
    homeless
        .env_remove("MELISMA_MODELS")
        .env_remove("XDG_DATA_HOME")
        .env_remove("HOME");
    run(homeless).refused(&["no folder for models"]);
    // A file where the folder of models should be.
    fs::write(folder.path().join("models"), "").unwrap();
    let file = put(folder.path().join("y.onnx"), ONNX);
    run(in_store(
        folder.path(),
        melisma!("models", "install", "yamnet", "--from", &file),
    ))
    .refused(&["models: "]);
}
