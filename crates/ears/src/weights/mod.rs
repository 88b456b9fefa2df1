//! Weights of networks, by name, whatever file they came in.

pub mod archive;
pub mod onnx;
pub mod pth;
pub mod safetensors;
pub mod tf_checkpoint;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::fmt;

/// Named arrays of a network.
pub type Weights = BTreeMap<String, Array>;

/// An array of numbers in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Why weights cannot be used: the message names what is wrong, the caller adds the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// A fault with this message.
    pub fn new(message: impl Into<String>) -> Fault {
        Fault(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl Array {
    /// An array of this shape.
    ///
    /// # Errors
    /// When `values` are not as many as the shape asks for.
    pub fn new(shape: Vec<usize>, values: Vec<f32>) -> Result<Array, Fault> {
        let asked = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
        match asked {
            Some(asked) if asked == values.len() => Ok(Array { shape, values }),
            _ => Err(Fault::new(format!(
                "{} values for the shape {shape:?}",
                values.len()
            ))),
        }
    }

    /// Its lengths, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Its numbers, handed over.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

/// The array called `name`, which must have this shape and only finite numbers.
///
/// # Errors
/// A message that names the array and what was found in its place.
pub fn exactly<'a>(weights: &'a Weights, name: &str, shape: &[usize]) -> Result<&'a [f32], Fault> {
    let Some(array) = weights.get(name) else {
        return Err(Fault::new(format!("no weights called `{name}`")));
    };
    if array.shape != shape {
        return Err(Fault::new(format!(
            "`{name}` is of shape {:?}, not {shape:?}",
            array.shape
        )));
    }
    if array.values.iter().any(|v| !v.is_finite()) {
        return Err(Fault::new(format!("`{name}` holds values that are not finite")));
    }
    Ok(&array.values)
}
