//! What networks are made of: variables that training moves, and layers that know their own.
//!
//! Variables live outside the tensor library, as plain numbers in the order in which the layers were made.
//! This makes a training exact to stop and resume, and lets a file name every number.

mod basic;
mod block;
mod elu;
mod lstm;
mod spare;
mod summary;

use burn::tensor::{Device, Tensor, TensorData};
use melisma_dataset::rng::Rng;

pub use basic::{BatchNorm, Linear, dropout};
pub use block::{Block, Convolution};
pub use elu::elu;
pub use lstm::{Lstm, State};
pub use summary::{Row, Summary};

/// Numbers of a network that have a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    name: String,
    shape: Vec<usize>,
    role: Role,
    frozen: bool,
    values: Vec<f32>,
}

/// What a variable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Moved along its gradient.
    Weight,
    /// A moving mean or variance: follows the batches, has no gradient.
    Statistic,
}

impl Variable {
    /// Its name: the layer's, a dot, and what it is there.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its lengths, slowest first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether training leaves it as it is.
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// Its numbers, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Whether a step moves it along a gradient.
    pub fn trains(&self) -> bool {
        self.role == Role::Weight && !self.frozen
    }

    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }
}

/// The place of a variable among a network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(usize);

/// How a variable begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All the same number.
    Constant(f32),
    /// Uniform within `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010); Keras's default.
    Glorot {
        /// Inputs of a unit.
        fan_in: usize,
        /// Outputs a unit reaches.
        fan_out: usize,
    },
    /// Uniform within `sqrt(6 / fan_in)` (He and others 2015).
    He {
        /// Inputs of a unit.
        fan_in: usize,
    },
}

/// Makes layers: names their variables, draws their first values, keeps the summary.
#[derive(Debug)]
pub struct Builder {
    rng: Rng,
    variables: Vec<Variable>,
    summary: Summary,
    left: Option<usize>,
}

impl Builder {
    /// A builder that draws first values from `seed`.
    pub fn new(seed: u64) -> Self {
        Builder {
            rng: Rng::new(mix(&[seed, 0x1417])),
            variables: Vec::new(),
            summary: Summary::default(),
            left: Some(usize::MAX),
        }
    }

    /// A builder that makes no more than `most` numbers: what a file describes may be absurd.
    pub(crate) fn within(seed: u64, most: usize) -> Self {
        Builder {
            left: Some(most),
            ..Builder::new(seed)
        }
    }

    /// Whether more was asked for than may be made.
    pub(crate) fn exceeded(&self) -> bool {
        self.left.is_none()
    }

    /// A new variable.
    pub fn variable(&mut self, name: String, shape: &[usize], init: Init, role: Role) -> Id {
        let count = shape.iter().fold(1_usize, |all, &n| all.saturating_mul(n));
        self.left = self.left.and_then(|left| left.checked_sub(count));
        let count = if self.left.is_some() { count } else { 0 };
        let values = match init {
            Init::Constant(value) => vec![value; count],
            Init::Glorot { fan_in, fan_out } => {
                uniform(&mut self.rng, count, 6.0 / (fan_in + fan_out).max(1) as f64)
            }
            Init::He { fan_in } => uniform(&mut self.rng, count, 6.0 / fan_in.max(1) as f64),
        };
        self.variables.push(Variable {
            name,
            shape: shape.to_vec(),
            role,
            frozen: false,
            values,
        });
        Id(self.variables.len() - 1)
    }

    /// Adds a line to the summary: a layer, its output's shape without the batch, and the variables made since the
    /// line before.
    pub fn row(&mut self, layer: impl Into<String>, shape: &[usize]) {
        let known: usize = self.summary.rows.iter().map(|row| row.parameters).sum();
        let all: usize = self.variables.iter().map(|v| v.values.len()).sum();
        let still: usize = self
            .variables
            .iter()
            .filter(|v| v.role == Role::Statistic)
            .map(|v| v.values.len())
            .sum();
        self.summary.rows.push(Row {
            layer: layer.into(),
            shape: shape.to_vec(),
            parameters: all - known,
        });
        self.summary.statistics = still;
    }

    /// What was made.
    pub fn finish(self) -> (Vec<Variable>, Summary) {
        (self.variables, self.summary)
    }
}

/// Uniform numbers with this third of a squared bound.
fn uniform(rng: &mut Rng, count: usize, bound_squared: f64) -> Vec<f32> {
    let bound = bound_squared.sqrt();
    (0..count)
        .map(|_| (bound * (2.0 * unit(rng) - 1.0)) as f32)
        .collect()
}

/// A number in [0, 1).
pub(crate) fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// One seed from several numbers.
pub(crate) fn mix(parts: &[u64]) -> u64 {
    parts.iter().fold(0x006D_656C_6973_6D61, |seed, &part| {
        Rng::new(seed ^ part).next_u64()
    })
}

/// The variables as tensors on a device.
#[derive(Debug)]
pub struct Tensors(Vec<Tensor<1>>);

impl Tensors {
    /// Tensors of all variables; on a device with autodiff, those that train ask for their gradient.
    pub fn new(variables: &[Variable], device: &Device) -> Self {
        let tensor = |v: &Variable| {
            let tensor = Tensor::from_data(TensorData::new(v.values.clone(), [v.values.len()]), device);
            match device.is_autodiff() && v.trains() {
                true => tensor.require_grad(),
                false => tensor,
            }
        };
        Tensors(variables.iter().map(tensor).collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tensor<1>> {
        self.0.iter()
    }
}

/// One pass through a network.
#[derive(Debug)]
pub struct Pass<'a> {
    variables: &'a [Variable],
    tensors: &'a Tensors,
    chance: Option<Rng>,
    moved: Vec<(Id, Tensor<1>, f32)>,
}

impl<'a> Pass<'a> {
    /// A pass that predicts: nothing is dropped, moving statistics are used.
    pub fn predict(variables: &'a [Variable], tensors: &'a Tensors) -> Self {
        Pass {
            variables,
            tensors,
            chance: None,
            moved: Vec::new(),
        }
    }

    /// A pass that trains: `seed` decides what is dropped.
    pub fn train(variables: &'a [Variable], tensors: &'a Tensors, seed: u64) -> Self {
        Pass {
            chance: Some(Rng::new(seed)),
            ..Pass::predict(variables, tensors)
        }
    }

    /// A variable as a tensor of `D` axes.
    ///
    /// # Panics
    /// If the variable was made with another number of axes.
    pub fn tensor<const D: usize>(&self, id: Id) -> Tensor<D> {
        let shape: [usize; D] = self.variables[id.0]
            .shape
            .as_slice()
            .try_into()
            .expect("a variable has the axes it was made with");
        self.tensors.0[id.0].clone().reshape(shape)
    }

    /// Where chance comes from, while training.
    pub fn chance(&mut self) -> Option<&mut Rng> {
        self.chance.as_mut()
    }

    /// Whether batch statistics are to be used for the layer of this variable: while training, unless it is frozen.
    pub fn trains(&self, id: Id) -> bool {
        self.chance.is_some() && !self.variables[id.0].frozen
    }

    /// Notes that a moving statistic is to go to `momentum * old + (1 - momentum) * seen`.
    pub fn follow(&mut self, id: Id, seen: Tensor<1>, momentum: f32) {
        self.moved.push((id, seen, momentum));
    }

    /// The statistics noted by [`Pass::follow`].
    pub(crate) fn finish(self) -> Vec<(usize, Vec<f32>, f32)> {
        self.moved
            .into_iter()
            .map(|(id, seen, momentum)| (id.0, numbers(seen), momentum))
            .collect()
    }
}

/// The numbers of a tensor, row-major.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec::<f32>()
        .expect("tensors are of single precision")
}
