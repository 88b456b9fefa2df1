//! A finished figure: what to call it, how it looks, and the numbers behind it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::canvas::Canvas;
use crate::error::Error;
use crate::table::Table;
use crate::{raster, svg};

/// What a figure is called.
#[derive(Debug, Clone, Copy)]
pub struct Caption<'a> {
    /// Stem of its files' names: letters, digits, `-`, `_` and `.`, not a dot first.
    pub id: &'a str,
    /// The line above it.
    pub title: &'a str,
    /// What it shows, in a sentence, for those who cannot see it.
    pub description: &'a str,
}

impl<'a> Caption<'a> {
    /// Joins the three.
    pub fn new(id: &'a str, title: &'a str, description: &'a str) -> Self {
        Caption {
            id,
            title,
            description,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let good = !self.id.is_empty()
            && self.id.len() <= 200
            && !self.id.starts_with('.')
            && self.id.chars().all(allowed);
        good.then_some(()).ok_or_else(|| Error::Id {
            id: self.id.chars().take(80).collect(),
        })
    }

    pub(crate) fn empty(&self) -> Error {
        Error::Empty {
            figure: self.id.to_owned(),
        }
    }

    /// An error unless two lengths are equal.
    pub(crate) fn same(&self, what: &str, length: usize, than: &str, expected: usize) -> Result<(), Error> {
        if length == expected {
            return Ok(());
        }
        Err(Error::Shape {
            figure: self.id.to_owned(),
            fault: format!("{length} {what} for {expected} {than}"),
        })
    }
}

/// The files of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The drawing, scalable, with texts shown where it is pointed at.
    pub svg: PathBuf,
    /// The same as pixels.
    pub png: PathBuf,
    /// The numbers it shows.
    pub csv: PathBuf,
}

/// A figure.
#[derive(Debug, Clone)]
pub struct Figure {
    id: String,
    title: String,
    description: String,
    canvas: Canvas,
    csv: Vec<u8>,
}

impl Figure {
    pub(crate) fn new(caption: &Caption<'_>, canvas: Canvas, table: Table) -> Result<Self, Error> {
        caption.check()?;
        Ok(Figure {
            id: caption.id.to_owned(),
            title: caption.title.to_owned(),
            description: caption.description.to_owned(),
            canvas,
            csv: table.into_bytes(),
        })
    }

    pub(crate) fn into_canvas(self) -> Canvas {
        self.canvas
    }

    /// Stem of its files' names.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The line above it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What it shows, in a sentence: the alternative text of a page.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Width and height in pixels at scale 1.
    pub fn size(&self) -> (f64, f64) {
        (self.canvas.width, self.canvas.height)
    }

    /// The drawing as SVG, which can be a file of its own or part of an HTML page; marks carry `<title>` texts for hovering.
    pub fn svg(&self) -> String {
        svg::svg(&self.canvas, &self.title, &self.description)
    }

    /// The drawing as PNG, `scale` pixels to a unit of [`size`](Self::size).
    ///
    /// # Errors
    /// [`Error::TooLarge`] if it would have no pixel, or more than 64 million.
    pub fn png(&self, scale: f32) -> Result<Vec<u8>, Error> {
        raster::png(&self.canvas, f64::from(scale)).ok_or_else(|| Error::TooLarge {
            figure: self.id.clone(),
            width: self.canvas.width * f64::from(scale),
            height: self.canvas.height * f64::from(scale),
        })
    }

    /// The numbers it shows, with a line of names.
    pub fn csv(&self) -> &[u8] {
        &self.csv
    }

    /// Writes `id.svg`, `id.png` (two pixels to a unit, one where that is too large) and `id.csv` into a folder that exists.
    ///
    /// # Errors
    /// [`Error::Write`]; a file is complete or absent.
    pub fn write(&self, folder: &Path) -> Result<Written, Error> {
        let png = self.png(2.0).or_else(|_| self.png(1.0))?;
        self.write_with(folder, &png)
    }

    /// As [`write`](Self::write), `scale` pixels to a unit.
    ///
    /// # Errors
    /// [`Error::Write`], and [`Error::TooLarge`] as for [`png`](Self::png).
    pub fn write_scaled(&self, folder: &Path, scale: f32) -> Result<Written, Error> {
        self.write_with(folder, &self.png(scale)?)
    }

    fn write_with(&self, folder: &Path, png: &[u8]) -> Result<Written, Error> {
        let place = |extension: &str| folder.join(format!("{}.{extension}", self.id));
        let written = Written {
            svg: place("svg"),
            png: place("png"),
            csv: place("csv"),
        };
        save(&written.svg, self.svg().as_bytes())?;
        save(&written.png, png)?;
        save(&written.csv, &self.csv)?;
        Ok(written)
    }
}

/// Writes a file beside its place, then renames it there.
///
/// # Errors
/// [`Error::Write`]; nothing is left behind then.
pub fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    });
    written.map_err(|source| {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
        Error::Write {
            path: path.to_path_buf(),
            source,
        }
    })
}
