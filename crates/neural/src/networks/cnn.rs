//! The reference's network for images: blocks of convolution, then a fully connected layer.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::dense::{check_share, check_units};
use super::{Definition, Layers};
use crate::layers::{Block, Builder, Linear, Pass, dropout, elu};
use crate::{Error, Result};

/// What becomes of the last block's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// All of its values, as the reference does: most parameters of the network hang on them.
    Flatten,
    /// Mean, deviation and maximum over time of each channel and frequency: where in the excerpt something sounds no
    /// longer matters, which generalises better from few clips.
    MeanMax,
}

/// Parameters of the convolutional network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CnnParams {
    /// Channels of each block: 3 x 3 convolution, ELU, batch normalisation, 2 x 2 maximum, dropout.
    pub filters: Vec<usize>,
    /// What becomes of the last block's image.
    pub pool: Pool,
    /// Units of the fully connected layers before the last.
    pub units: Vec<usize>,
    /// Probability of dropping a value after each block, in [0, 1).
    pub dropout: f64,
    /// Probability of dropping a value before the last layer, in [0, 1).
    pub head_dropout: f64,
    /// What the moving statistics of batch normalisation keep of themselves at each step, in [0, 1). Keras's 0.99
    /// needs some 300 steps to settle; with few steps an epoch, 0.9 judges the network by what it is now.
    pub momentum: f64,
}

impl Default for CnnParams {
    fn default() -> Self {
        CnnParams {
            filters: vec![32, 32, 64],
            pool: Pool::Flatten,
            units: vec![64],
            dropout: 0.25,
            head_dropout: 0.0,
            momentum: 0.99,
        }
    }
}

/// Whether inputs are images that as many halvings leave something of.
pub(super) fn check_image(of: &'static str, shape: &[usize], halvings: usize) -> Result<()> {
    let [channels, height, width] = shape else {
        return Err(Error::params(of, "needs images, not the rows of a table"));
    };
    match *channels > 0 && height >> halvings > 0 && width >> halvings > 0 {
        true => Ok(()),
        false => Err(Error::params(
            of,
            format!("images of {channels} x {height} x {width} are too small for {halvings} blocks"),
        )),
    }
}

impl Definition for CnnParams {
    fn check(&self, shape: &[usize], classes: usize) -> Result<()> {
        check_units("cnn", "filters", &self.filters)?;
        check_units("cnn", "units", &self.units)?;
        check_share("cnn", "dropout", self.dropout)?;
        check_share("cnn", "head_dropout", self.head_dropout)?;
        check_share("cnn", "momentum", self.momentum)?;
        check_image("cnn", shape, self.filters.len())?;
        match classes > 0 {
            true => Ok(()),
            false => Err(Error::params("cnn", "needs at least one class")),
        }
    }

    fn build(&self, shape: &[usize], classes: usize, builder: &mut Builder) -> Box<dyn Layers> {
        let (blocks, shape) = blocks(builder, shape, &self.filters, self.momentum, self.dropout);
        let mut inputs = match self.pool {
            Pool::Flatten => shape.iter().product(),
            Pool::MeanMax => 3 * shape[0] * shape[1],
        };
        builder.row(
            match self.pool {
                Pool::Flatten => "flatten",
                Pool::MeanMax => "mean, deviation and maximum over time",
            },
            &[inputs],
        );
        let mut hidden = Vec::new();
        for (i, &units) in self.units.iter().enumerate() {
            hidden.push(Linear::new(builder, &format!("hidden{}", i + 1), inputs, units));
            builder.row(format!("hidden{}: linear, ELU", i + 1), &[units]);
            inputs = units;
        }
        let head = Linear::new(builder, "head", inputs, classes);
        builder.row(format!("head: dropout {}, linear", self.head_dropout), &[classes]);
        Box::new(Cnn {
            blocks,
            pool: self.pool,
            hidden,
            head_dropout: self.head_dropout,
            head,
        })
    }
}

/// The blocks for these images, and the shape of what leaves the last.
pub(super) fn blocks(
    builder: &mut Builder,
    shape: &[usize],
    filters: &[usize],
    momentum: f64,
    dropout: f64,
) -> (Vec<Block>, [usize; 3]) {
    let mut shape = [shape[0], shape[1], shape[2]];
    let blocks = filters
        .iter()
        .enumerate()
        .map(|(i, &n)| {
            Block::new(
                builder,
                &format!("block{}", i + 1),
                &mut shape,
                n,
                momentum,
                dropout,
            )
        })
        .collect();
    (blocks, shape)
}

#[derive(Debug)]
struct Cnn {
    blocks: Vec<Block>,
    pool: Pool,
    hidden: Vec<Linear>,
    head_dropout: f64,
    head: Linear,
}

/// Mean, deviation and maximum over the last axis, for each channel and row.
fn over_time(x: Tensor<4>) -> Tensor<2> {
    let mean = x.clone().mean_dim(3);
    let maximum = x.clone().max_dim(3);
    let deviation = (x - mean.clone()).square().mean_dim(3).add_scalar(1e-6).sqrt();
    Tensor::cat(vec![mean, deviation, maximum], 1).flatten(1, 3)
}

impl Layers for Cnn {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<2> {
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, pass));
        let mut x = match self.pool {
            Pool::Flatten => x.flatten(1, 3),
            Pool::MeanMax => over_time(x),
        };
        for layer in &self.hidden {
            x = elu(layer.forward(x, pass));
        }
        self.head.forward(dropout(x, self.head_dropout, pass), pass)
    }
}
