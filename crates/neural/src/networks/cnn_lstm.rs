//! The reference's recurrent network for images: blocks of convolution, then an LSTM over time.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::cnn::{blocks, check_image};
use super::dense::{check_share, check_units};
use super::{Definition, Layers};
use crate::layers::{Block, Builder, Linear, Lstm, Pass, elu};
use crate::{Error, Result};

/// Parameters of the convolutional recurrent network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CnnLstmParams {
    /// Channels of each block: 3 x 3 convolution, ELU, batch normalisation, 2 x 2 maximum, dropout.
    pub filters: Vec<usize>,
    /// Cells of the LSTM that reads what is left column by column, from left to right.
    pub cells: usize,
    /// Units of the fully connected layers before the last.
    pub units: Vec<usize>,
    /// Probability of dropping a value after each block, in [0, 1).
    pub dropout: f64,
    /// What the moving statistics of batch normalisation keep of themselves at each step, in [0, 1).
    pub momentum: f64,
}

impl Default for CnnLstmParams {
    fn default() -> Self {
        CnnLstmParams {
            filters: vec![32, 32, 64],
            cells: 128,
            units: vec![64],
            dropout: 0.25,
            momentum: 0.99,
        }
    }
}

impl Definition for CnnLstmParams {
    fn check(&self, shape: &[usize], classes: usize) -> Result<()> {
        check_units("cnn_lstm", "filters", &self.filters)?;
        check_units("cnn_lstm", "cells", &[self.cells])?;
        check_units("cnn_lstm", "units", &self.units)?;
        check_share("cnn_lstm", "dropout", self.dropout)?;
        check_share("cnn_lstm", "momentum", self.momentum)?;
        check_image("cnn_lstm", shape, self.filters.len())?;
        match classes > 0 {
            true => Ok(()),
            false => Err(Error::params("cnn_lstm", "needs at least one class")),
        }
    }

    fn build(&self, shape: &[usize], classes: usize, builder: &mut Builder) -> Box<dyn Layers> {
        let (blocks, shape) = blocks(builder, shape, &self.filters, self.momentum, self.dropout);
        let [channels, height, width] = shape;
        builder.row("columns over time", &[width, channels * height]);
        let lstm = Lstm::new(builder, "lstm", channels * height, self.cells);
        builder.row("lstm", &[self.cells]);
        let mut inputs = self.cells;
        let mut hidden = Vec::new();
        for (i, &units) in self.units.iter().enumerate() {
            hidden.push(Linear::new(builder, &format!("hidden{}", i + 1), inputs, units));
            builder.row(format!("hidden{}: linear, ELU", i + 1), &[units]);
            inputs = units;
        }
        let head = Linear::new(builder, "head", inputs, classes);
        builder.row("head: linear", &[classes]);
        Box::new(CnnLstm {
            blocks,
            lstm,
            hidden,
            head,
        })
    }
}

#[derive(Debug)]
struct CnnLstm {
    blocks: Vec<Block>,
    lstm: Lstm,
    hidden: Vec<Linear>,
    head: Linear,
}

impl Layers for CnnLstm {
    fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<2> {
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x, pass));
        let [batch, channels, height, width] = x.dims();
        let columns = x.permute([0, 3, 1, 2]).reshape([batch, width, channels * height]);
        let mut x = self.lstm.last(columns, pass);
        for layer in &self.hidden {
            x = elu(layer.forward(x, pass));
        }
        self.head.forward(x, pass)
    }
}
