use std::io::{Cursor, Write};
use std::sync::atomic::AtomicBool;

use tempfile::tempdir;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::known::Format;
use super::*;
use crate::weights::{Array, wire};

/// A wheel with these members.
fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// `musicnn-msd` as if published in this wheel, with its checkpoint under this prefix.
fn published(wheel: &[u8], prefix: &'static str) -> Known {
    let mut known = find("musicnn-msd").unwrap().clone();
    known.format = Format::Checkpoint { prefix };
    let Origin::Package(package) = &mut known.origin else {
        panic!("comes in a package");
    };
    package.sha256 = sha256_hex(wheel).leak();
    known
}

const INDEX: &[u8] = include_bytes!("../../tests/golden/tf.index");
const DATA: &[u8] = include_bytes!("../../tests/golden/tf.data-00000-of-00001");

fn sample() -> Vec<u8> {
    wheel(&[("p/.index", INDEX), ("p/.data-00000-of-00001", DATA)])
}

/// The smallest bytes that are an ONNX model by their form.
const ONNX: &[u8] = b"\x08\x07\x3a\x00";

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, said: &[&str]) {
    let message = result.unwrap_err().to_string();
    assert!(said.iter().all(|said| message.contains(said)), "{message}");
}

#[test]
fn a_wheel_is_converted_checked_and_replaced() {
    let folder = tempdir().unwrap();
    let store = Store::at(folder.path().join("models"));
    assert_eq!(store.installed("musicnn-msd").unwrap(), None);
    refused(
        store.weights("musicnn-msd"),
        &["musicnn-msd is not installed in", "melisma models install"],
    );
    let path = folder.path().join("a.whl");
    fs::write(&path, sample()).unwrap();
    let known = published(&sample(), "p/");
    for _ in 0..2 {
        let installed = store.install_file(&known, &path).unwrap();
        assert_eq!(
            (installed.source.as_str(), installed.licence.as_str()),
            ("a.whl", "ISC")
        );
        assert_eq!(store.installed("musicnn-msd").unwrap(), Some(installed.clone()));
        assert_eq!(store.verify("musicnn-msd").unwrap(), installed);
        assert_eq!(names_in(store.folder()), ["musicnn-msd"]);
    }
    assert_eq!(
        names_in(&store.folder().join("musicnn-msd")),
        ["installed.json", "weights.safetensors"]
    );
    let weights = store.weights("musicnn-msd").unwrap();
    assert_eq!(weights["scalar"], Array::new(vec![], vec![2.5]).unwrap());
    assert_eq!(weights.len(), 4);

    let kept = store.file("musicnn-msd").unwrap();
    let mut bytes = fs::read(&kept).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&kept, bytes).unwrap();
    for result in [
        store.verify("musicnn-msd").map(drop),
        store.weights("musicnn-msd").map(drop),
    ] {
        refused(result, &["weights.safetensors: changed since it was installed"]);
    }
    fs::remove_file(&kept).unwrap();
    refused(store.verify("musicnn-msd"), &["weights.safetensors: "]);
    for note in ["{}", "not JSON", &"[".repeat(70_000)] {
        fs::write(store.folder().join("musicnn-msd/installed.json"), note).unwrap();
        refused(store.installed("musicnn-msd"), &["installed.json: "]);
    }
}

#[test]
fn the_wrong_wheel_is_refused_and_what_was_there_stays() {
    let folder = tempdir().unwrap();
    let store = Store::at(folder.path().join("models"));
    let path = folder.path().join("a.whl");
    fs::write(&path, sample()).unwrap();
    let good = published(&sample(), "p/");
    let installed = store.install_file(&good, &path).unwrap();
    let other = wheel(&[("p/.index", INDEX)]);
    let cut = &sample()[..500];
    let many = vec![("p/.index", INDEX), ("p/.data-00000-of-00001", &DATA[1..])];
    for (bytes, said) in [
        (other.as_slice(), "holds no `p/.data-00000-of-00001`"),
        (cut, "not a zip archive"),
        (&wheel(&many), "checksum is wrong"),
    ] {
        fs::write(&path, bytes).unwrap();
        refused(
            store.install_file(&good, &path),
            &["a.whl: not the wheel of musicnn 0.1.0: its SHA-256 is"],
        );
        refused(
            store.install_file(&published(bytes, "p/"), &path),
            &["a.whl: ", said],
        );
        assert_eq!(store.verify("musicnn-msd").unwrap(), installed);
    }
    refused(
        store.install_file(&good, &folder.path().join("none.whl")),
        &["none.whl: "],
    );
    refused(store.install_file(&good, folder.path()), &["is not a file"]);
    assert_eq!(names_in(store.folder()), ["musicnn-msd"]);
}

#[test]
fn a_wheel_that_unpacks_to_too_much_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("bomb.whl");
    let mut bomb = wheel(&[("p/.index", INDEX)]);
    let line = bomb.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bomb[line + 24..line + 28].copy_from_slice(&0xf000_0000_u32.to_le_bytes());
    fs::write(&path, &bomb).unwrap();
    let store = Store::at(folder.path().join("models"));
    refused(
        store.install_file(&published(&bomb, "p/"), &path),
        &["bomb.whl: unpacks to 4026531840 bytes"],
    );
    assert!(!store.folder().exists());
}

#[test]
fn onnx_files_are_kept_as_they_are() {
    let folder = tempdir().unwrap();
    let store = Store::at(folder.path().join("models"));
    let known = find("yamnet").unwrap();
    let path = folder.path().join("y.onnx");
    for (bytes, said) in [
        (b"".as_slice(), "holds no graph"),
        (b"RIFF", "no ONNX model: "),
        (b"\x3a\x00", "does not begin with its version"),
        (b"\x08\x07\x3a\x00\x3a\x00", "more than one graph"),
        (b"\x08\x07\x3a\x05", "damaged or cut off"),
        (b"\xfd7zXZ\0\0\0", "cannot be decompressed"),
    ] {
        fs::write(&path, bytes).unwrap();
        refused(store.install_file(known, &path), &["y.onnx: ", said]);
    }
    fs::write(&path, ONNX).unwrap();
    let installed = store.install_file(known, &path).unwrap();
    assert_eq!(
        (installed.file.as_str(), &installed.sha256),
        ("model.onnx", &installed.source_sha256)
    );
    assert_eq!(store.bytes("yamnet").unwrap(), ONNX);
    store.verify("yamnet").unwrap();
    refused(store.weights("yamnet"), &["model.onnx: "]);
    let stop = AtomicBool::new(false);
    refused(
        store.install_from_pip(known, "python3", &stop),
        &["yamnet", "--from FILE"],
    );
    assert_eq!(wire::Fields::new(ONNX).count(), 2);
}

#[test]
fn names_that_are_not_known_are_refused() {
    let store = Store::at("nowhere");
    for name in ["", "..", "musicnn", "../musicnn-msd"] {
        refused(
            store.installed(name),
            &["no model is called", "musicnn-msd, musicnn-mtt, "],
        );
    }
}

#[test]
fn where_the_store_lies() {
    let folder = |set: &[(&str, &str)]| {
        let named = |name: &str| {
            set.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, path)| PathBuf::from(path))
        };
        Store::choose(named).map(|store| store.folder)
    };
    let home = ("HOME", "/home/a");
    assert_eq!(folder(&[]), None);
    assert_eq!(
        folder(&[home]).unwrap(),
        Path::new("/home/a/.local/share/melisma/models")
    );
    assert_eq!(
        folder(&[home, ("XDG_DATA_HOME", "/x")]).unwrap(),
        Path::new("/x/melisma/models")
    );
    let relative = folder(&[home, ("XDG_DATA_HOME", "x")]).unwrap();
    assert_eq!(relative, Path::new("/home/a/.local/share/melisma/models"));
    assert_eq!(folder(&[home, ("MELISMA_MODELS", "m")]).unwrap(), Path::new("m"));
}

#[cfg(unix)]
mod downloads {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;

    use super::*;

    /// A program cannot be run while another test's child has inherited the open file that it is being written to.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// A program in place of Python that does this; `$dest` is the folder to download to, `$wanted` the package.
    fn python(folder: &Path, script: &str) -> String {
        let path = folder.join("python");
        let head = "#!/bin/sh\nfor a; do [ \"$before\" = --dest ] && dest=$a; before=$a; wanted=$a; done\n";
        fs::write(&path, format!("{head}{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_download_is_installed_and_its_files_are_gone() {
        let _guard = ONE_AT_A_TIME.lock();
        let folder = tempdir().unwrap();
        let store = Store::at(folder.path().join("models"));
        fs::write(folder.path().join("a.whl"), sample()).unwrap();
        let script = format!(
            "[ \"$wanted\" = musicnn==0.1.0 ] && cp '{}/a.whl' \"$dest\"",
            folder.path().display()
        );
        let python = python(folder.path(), &script);
        let stop = AtomicBool::new(false);
        let known = published(&sample(), "p/");
        let installed = store.install_from_pip(&known, &python, &stop).unwrap();
        assert_eq!(store.verify("musicnn-msd").unwrap(), installed);
        let Origin::Package(package) = &known.origin else {
            panic!("comes in a package");
        };
        let path = Store::download(package, &python, &stop)
            .unwrap()
            .path()
            .to_owned();
        assert!(!path.exists());
        // The same program gives the true package's name another content.
        let result = store.install_from_pip(find("musicnn-msd").unwrap(), &python, &stop);
        refused(result, &["a.whl: not the wheel of musicnn 0.1.0"]);
    }

    #[test]
    fn failures_are_explained() {
        let _guard = ONE_AT_A_TIME.lock();
        let folder = tempdir().unwrap();
        let store = Store::at(folder.path().join("models"));
        let known = find("musicnn-msd").unwrap();
        let stop = AtomicBool::new(false);
        let refuses = |python: &str, said: &[&str]| {
            refused(store.install_from_pip(known, python, &stop), said);
        };
        refuses("/no/such/python", &["/no/such/python: there is no such program"]);
        for (script, said) in [
            ("echo 'python: No module named pip' >&2; exit 1", "has no pip"),
            (
                "echo 'WARNING: connection broken by x' >&2; echo 'ERROR: none' >&2; exit 1",
                "is this machine offline?",
            ),
            (
                "printf 'ERROR: no\\033[31m wheel\\n\\n' >&2; exit 1",
                "pip cannot download musicnn 0.1.0: ERROR: no [31m wheel",
            ),
            ("exit 3", "exit status: 3"),
            ("exit 0", "did not download one file"),
            ("touch \"$dest/a\" \"$dest/b\"", "did not download one file"),
        ] {
            refuses(&python(folder.path(), script), &[said]);
        }
        assert!(!store.folder().exists());
    }

    #[test]
    fn a_download_can_be_stopped() {
        let _guard = ONE_AT_A_TIME.lock();
        let folder = tempdir().unwrap();
        let python = python(folder.path(), "exec sleep 100");
        let stop = AtomicBool::new(false);
        let Origin::Package(package) = &find("musicnn-msd").unwrap().origin else {
            panic!("comes in a package");
        };
        std::thread::scope(|scope| {
            let running = scope.spawn(|| Store::download(package, &python, &stop));
            stop.store(true, Ordering::Relaxed);
            assert!(matches!(running.join().unwrap(), Err(Error::Interrupted)));
        });
    }
}
