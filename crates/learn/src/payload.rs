//! Arrays of numbers as bytes: the payload of a model file.
//!
//! Every array is preceded by its length, and no array is read that the remaining bytes cannot hold, so
//! a file cannot make the reader allocate more than its own size.

use ndarray::Array2;

use crate::{Error, Result};

/// Writes arrays.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// One small number: a tag or a count.
    pub(crate) fn tag(&mut self, tag: u8) {
        self.bytes.push(tag);
    }

    /// A list of numbers, rounded to 32 bits.
    pub(crate) fn vector(&mut self, values: &[f64]) {
        self.length(values.len());
        for &value in values {
            self.bytes.extend_from_slice(&(value as f32).to_le_bytes());
        }
    }

    /// A matrix, rounded to 32 bits: its width, then its rows.
    pub(crate) fn matrix(&mut self, values: &Array2<f64>) {
        self.length(values.ncols());
        self.vector(&values.iter().copied().collect::<Vec<_>>());
    }

    /// A list of numbers as they are, where rounding could turn a decision.
    pub(crate) fn exact(&mut self, values: &[f64]) {
        self.length(values.len());
        values
            .iter()
            .for_each(|value| self.bytes.extend_from_slice(&value.to_le_bytes()));
    }

    /// A matrix as it is: its width, then its rows.
    pub(crate) fn exact_matrix(&mut self, values: &Array2<f64>) {
        self.length(values.ncols());
        self.exact(&values.iter().copied().collect::<Vec<_>>());
    }

    /// A list of whole numbers.
    pub(crate) fn whole(&mut self, values: &[u32]) {
        self.length(values.len());
        values
            .iter()
            .for_each(|value| self.bytes.extend_from_slice(&value.to_le_bytes()));
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn length(&mut self, length: usize) {
        self.bytes
            .extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
}

/// Reads what [`Writer`] wrote.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(count)
            .ok_or_else(|| Error::Model("the payload ends too soon".to_owned()))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize> {
        let bytes = self.take(4)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    pub(crate) fn tag(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// A list of finite numbers (or infinite ones, where a limit is off).
    pub(crate) fn vector(&mut self) -> Result<Vec<f64>> {
        let length = self.length()?;
        let bytes = self.take(length.saturating_mul(4))?;
        let values: Vec<f64> = bytes
            .chunks_exact(4)
            .map(|chunk| f64::from(f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]])))
            .collect();
        if values.iter().any(|value| value.is_nan()) {
            return Err(Error::Model("the payload holds NaN".to_owned()));
        }
        Ok(values)
    }

    pub(crate) fn matrix(&mut self) -> Result<Array2<f64>> {
        let width = self.length()?;
        let values = self.vector()?;
        if width == 0 || values.len() % width != 0 || values.iter().any(|value| !value.is_finite()) {
            return Err(Error::Model("malformed matrix".to_owned()));
        }
        Array2::from_shape_vec((values.len() / width, width), values)
            .map_err(|error| Error::Model(error.to_string()))
    }

    /// What [`Writer::exact`] wrote; never NaN.
    pub(crate) fn exact(&mut self) -> Result<Vec<f64>> {
        let length = self.length()?;
        let bytes = self.take(length.saturating_mul(8))?;
        let values: Vec<f64> = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|chunk| f64::from_le_bytes(*chunk))
            .collect();
        if values.iter().any(|value| value.is_nan()) {
            return Err(Error::Model("the payload holds NaN".to_owned()));
        }
        Ok(values)
    }

    /// What [`Writer::exact_matrix`] wrote; all finite.
    pub(crate) fn exact_matrix(&mut self) -> Result<Array2<f64>> {
        let width = self.length()?;
        let values = self.exact()?;
        if width == 0 || values.len() % width != 0 || values.iter().any(|value| !value.is_finite()) {
            return Err(Error::Model("malformed matrix".to_owned()));
        }
        Array2::from_shape_vec((values.len() / width, width), values)
            .map_err(|error| Error::Model(error.to_string()))
    }

    /// What [`Writer::whole`] wrote.
    pub(crate) fn whole(&mut self) -> Result<Vec<u32>> {
        let length = self.length()?;
        let bytes = self.take(length.saturating_mul(4))?;
        let chunks = bytes.as_chunks::<4>().0.iter();
        Ok(chunks.map(|chunk| u32::from_le_bytes(*chunk)).collect())
    }

    /// Checks that nothing is left.
    pub(crate) fn end(self) -> Result<()> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(Error::Model("bytes left over".to_owned()))
        }
    }
}
