//! The long short-term memory, as Keras computes it.

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::{Builder, Id, Init, Pass, Role};

/// A layer of LSTM cells (Hochreiter and Schmidhuber 1997; gates in Keras's order: input, forget, cell, output).
#[derive(Debug, Clone)]
pub struct Lstm {
    kernel: Id,
    recurrent: Id,
    bias: [Id; 4],
    units: usize,
}

impl Lstm {
    /// Cells that begin with Glorot-uniform weights and remember (forget bias 1).
    pub fn new(builder: &mut Builder, name: &str, inputs: usize, units: usize) -> Self {
        let glorot = |fan_in| Init::Glorot {
            fan_in,
            fan_out: 4 * units,
        };
        let kernel = builder.variable(
            format!("{name}.kernel"),
            &[inputs, 4 * units],
            glorot(inputs),
            Role::Weight,
        );
        let recurrent = builder.variable(
            format!("{name}.recurrent_kernel"),
            &[units, 4 * units],
            glorot(units),
            Role::Weight,
        );
        let bias = [("input", 0.0), ("forget", 1.0), ("cell", 0.0), ("output", 0.0)].map(|(gate, value)| {
            let name = format!("{name}.bias.{gate}");
            builder.variable(name, &[units], Init::Constant(value), Role::Weight)
        });
        Lstm {
            kernel,
            recurrent,
            bias,
            units,
        }
    }

    /// Sequences (batch x time x inputs) to the last state (batch x units).
    pub fn forward(&self, x: Tensor<3>, pass: &Pass<'_>) -> Tensor<2> {
        let [batch, steps, inputs] = x.dims();
        let units = self.units;
        let device: Device = x.device();
        let bias = Tensor::cat(self.bias.map(|id| pass.tensor::<1>(id)).to_vec(), 0);
        let rows = x.swap_dims(0, 1).reshape([steps * batch, inputs]);
        let driven = rows.matmul(pass.tensor::<2>(self.kernel)) + bias.unsqueeze();
        let recurrent = pass.tensor::<2>(self.recurrent);
        let mut hidden = Tensor::<2>::zeros([batch, units], &device);
        let mut cell = Tensor::<2>::zeros([batch, units], &device);
        for step in 0..steps {
            let rows = driven
                .clone()
                .slice([step * batch..(step + 1) * batch, 0..4 * units]);
            let gates = match step {
                0 => rows,
                _ => rows + hidden.matmul(recurrent.clone()),
            };
            let gate = |i: usize| gates.clone().slice([0..batch, i * units..(i + 1) * units]);
            cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * gate(2).tanh();
            hidden = sigmoid(gate(3)) * cell.clone().tanh();
        }
        hidden
    }
}
