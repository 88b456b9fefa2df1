//! The reference's network for tables: five fully connected blocks.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{Definition, Layers};
use crate::layers::{BatchNorm, Builder, Linear, Pass, dropout, elu};
use crate::{Error, Result};

/// Parameters of the fully connected network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenseParams {
    /// Units of each block: linear, ELU, batch normalisation.
    pub units: Vec<usize>,
    /// Probability of dropping a value before the last layer, in [0, 1).
    pub dropout: f64,
    /// What the moving statistics of batch normalisation keep of themselves at each step, in [0, 1).
    pub momentum: f64,
}

impl Default for DenseParams {
    fn default() -> Self {
        DenseParams {
            units: vec![1024, 512, 256, 128, 64],
            dropout: 0.25,
            momentum: 0.99,
        }
    }
}

/// Whether layers of these widths are to be had: some, none empty, none absurd.
pub(super) fn check_units(of: &'static str, what: &str, units: &[usize]) -> Result<()> {
    match units.len() <= 64 && units.iter().all(|&n| (1..=65_536).contains(&n)) {
        true => Ok(()),
        false => Err(Error::params(
            of,
            format!("`{what}` must be at most 64 numbers of 1 to 65536"),
        )),
    }
}

/// Whether a share lies in [0, 1).
pub(super) fn check_share(of: &'static str, what: &str, value: f64) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::params(
            of,
            format!("`{what}` must be in [0, 1), not {value}"),
        )),
    }
}

impl Definition for DenseParams {
    fn check(&self, shape: &[usize], classes: usize) -> Result<()> {
        check_units("dense", "units", &self.units)?;
        check_share("dense", "dropout", self.dropout)?;
        check_share("dense", "momentum", self.momentum)?;
        match shape.iter().product::<usize>() > 0 && classes > 0 {
            true => Ok(()),
            false => Err(Error::params("dense", "needs at least one feature and one class")),
        }
    }

    fn build(&self, shape: &[usize], classes: usize, builder: &mut Builder) -> Box<dyn Layers> {
        let mut inputs: usize = shape.iter().product();
        let mut blocks = Vec::new();
        for (i, &units) in self.units.iter().enumerate() {
            let name = format!("block{}", i + 1);
            let linear = Linear::new(builder, &format!("{name}.linear"), inputs, units);
            builder.row(format!("{name}: linear, ELU"), &[units]);
            let norm = BatchNorm::new(builder, &format!("{name}.norm"), units, self.momentum);
            builder.row(format!("{name}: batch normalisation"), &[units]);
            blocks.push((linear, norm));
            inputs = units;
        }
        let head = Linear::new(builder, "head", inputs, classes);
        builder.row(format!("head: dropout {}, linear", self.dropout), &[classes]);
        Box::new(Dense {
            blocks,
            dropout: self.dropout,
            head,
        })
    }
}

#[derive(Debug)]
struct Dense {
    blocks: Vec<(Linear, BatchNorm)>,
    dropout: f64,
    head: Linear,
}

impl Layers for Dense {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<2> {
        let mut x: Tensor<2> = x.flatten(1, 3);
        for (linear, norm) in &self.blocks {
            x = norm.forward(elu(linear.forward(x, pass)), pass);
        }
        self.head.forward(dropout(x, self.dropout, pass), pass)
    }
}
