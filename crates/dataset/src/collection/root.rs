//! A folder that paths from foreign lists may not leave.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// The folder of a collection.
///
/// Lists inside a collection are foreign text: a path from one may point anywhere. Every file of a
/// collection is therefore found through its root, which answers only with files below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    folder: PathBuf,
    resolved: PathBuf,
}

impl Root {
    /// A folder that exists.
    ///
    /// # Errors
    /// [`Error::Io`] when it does not exist or is no folder.
    pub fn open(folder: &Path) -> Result<Root> {
        let resolved = folder.canonicalize().map_err(Error::io(folder))?;
        if !resolved.is_dir() {
            return Err(Error::io(folder)(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Root {
            folder: folder.to_owned(),
            resolved,
        })
    }

    /// The folder as it was given.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The file at `relative`.
    ///
    /// # Errors
    /// [`Error::Outside`] when the path is absolute, climbs with `..`, or leads outside through a link;
    /// [`Error::Io`] when there is nothing there.
    pub fn file(&self, relative: &Path) -> Result<PathBuf> {
        let outside = || Error::Outside {
            root: self.folder.clone(),
            path: relative.to_owned(),
        };
        let plain = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
        if !relative.components().all(plain) {
            return Err(outside());
        }
        let path = self.folder.join(relative);
        let resolved = path.canonicalize().map_err(Error::io(&path))?;
        match resolved.starts_with(&self.resolved) {
            true => Ok(path),
            false => Err(outside()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_root_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir_all(inside.join("a")).unwrap();
        std::fs::write(inside.join("a/b.wav"), b"").unwrap();
        std::fs::write(folder.path().join("secret.wav"), b"").unwrap();
        let root = Root::open(&inside).unwrap();
        assert_eq!(root.file(Path::new("a/b.wav")).unwrap(), inside.join("a/b.wav"));
        for path in ["../secret.wav", "a/../../secret.wav", "/etc/passwd"] {
            let error = root.file(Path::new(path)).unwrap_err();
            assert!(matches!(error, Error::Outside { .. }), "{path}: {error}");
            assert!(error.to_string().contains(path), "{error}");
        }
        assert!(matches!(root.file(Path::new("a/c.wav")), Err(Error::Io { .. })));
        assert!(Root::open(&inside.join("none")).is_err());
        assert!(Root::open(&inside.join("a/b.wav")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_outside() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret.wav"), b"").unwrap();
        std::fs::write(inside.join("own.wav"), b"").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.wav"), inside.join("link.wav")).unwrap();
        std::os::unix::fs::symlink(inside.join("own.wav"), inside.join("fine.wav")).unwrap();
        let root = Root::open(&inside).unwrap();
        assert!(matches!(
            root.file(Path::new("link.wav")),
            Err(Error::Outside { .. })
        ));
        assert!(root.file(Path::new("fine.wav")).is_ok());
    }
}
