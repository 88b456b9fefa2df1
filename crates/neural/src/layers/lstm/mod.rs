//! The long short-term memory, as Keras computes it.
//!
//! On the processor, a layer is one operation of ours ([`fused`]); elsewhere it is made of the tensor library's.

mod fused;
mod graph;

use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::spare::Spare;
use super::{Builder, Id, Init, Pass, Role};

/// A layer of LSTM cells (Hochreiter and Schmidhuber 1997; gates in Keras's order: input, forget, cell, output).
#[derive(Debug, Clone)]
pub struct Lstm {
    kernel: Id,
    recurrent: Id,
    bias: [Id; 4],
    units: usize,
    spare: Spare,
}

/// What cells know between two steps.
#[derive(Debug, Clone)]
pub struct State {
    /// What they last gave: batch x units.
    pub hidden: Tensor<2>,
    /// What they remember: batch x units.
    pub cell: Tensor<2>,
}

impl State {
    /// Cells that know nothing yet.
    pub fn zeros(batch: usize, units: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([batch, units], device);
        State {
            hidden: zeros(),
            cell: zeros(),
        }
    }
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
            spare: Spare::default(),
        }
    }

    /// How many cells there are.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Sequences (batch x time x inputs) to what the cells give after each step (batch x time x units), and their state after the
    /// last; from the state `initial`, or from zeros. Gradients flow through all of them.
    ///
    /// # Panics
    /// If sequences have no step, or the state is not of this batch and these cells.
    pub fn forward(&self, x: Tensor<3>, initial: Option<State>, pass: &Pass<'_>) -> (Tensor<3>, State) {
        let [batch, steps, _] = x.dims();
        let initial = initial.unwrap_or_else(|| State::zeros(batch, self.units, &x.device()));
        assert!(steps > 0, "sequences have steps");
        assert_eq!(
            (initial.hidden.dims(), initial.cell.dims()),
            ([batch, self.units], [batch, self.units]),
            "the state is that of this batch and these cells"
        );
        let inputs = graph::Inputs {
            x,
            kernel: pass.tensor(self.kernel),
            recurrent: pass.tensor(self.recurrent),
            bias: Tensor::cat(self.bias.map(|id| pass.tensor::<1>(id)).to_vec(), 0),
            initial,
        };
        let Some(all) = graph::run(&inputs, &self.spare) else {
            return composed(inputs);
        };
        // The last row of each sequence is the memory of its cells.
        let hidden = all.clone().slice([0..batch, 0..steps, 0..self.units]);
        let row = |at: usize| {
            let row = all.clone().slice([0..batch, at..at + 1, 0..self.units]);
            row.reshape([batch, self.units])
        };
        let state = State {
            hidden: row(steps - 1),
            cell: row(steps),
        };
        (hidden, state)
    }

    /// Sequences (batch x time x inputs) to what the cells give after the last step (batch x units), from a state of zeros.
    ///
    /// # Panics
    /// If sequences have no step.
    pub fn last(&self, x: Tensor<3>, pass: &Pass<'_>) -> Tensor<2> {
        self.forward(x, None, pass).1.hidden
    }
}

/// The layer made of the tensor library's operations.
fn composed(inputs: graph::Inputs) -> (Tensor<3>, State) {
    let graph::Inputs {
        x,
        kernel,
        recurrent,
        bias,
        initial: State { mut hidden, mut cell },
    } = inputs;
    let [batch, steps, inputs] = x.dims();
    let units = cell.dims()[1];
    let rows = x.swap_dims(0, 1).reshape([steps * batch, inputs]);
    let driven = rows.matmul(kernel) + bias.unsqueeze();
    let mut all = Vec::with_capacity(steps);
    for step in 0..steps {
        let rows = driven
            .clone()
            .slice([step * batch..(step + 1) * batch, 0..4 * units]);
        let gates = rows + hidden.matmul(recurrent.clone());
        let gate = |i: usize| gates.clone().slice([0..batch, i * units..(i + 1) * units]);
        cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * gate(2).tanh();
        hidden = sigmoid(gate(3)) * cell.clone().tanh();
        all.push(hidden.clone());
    }
    (Tensor::stack(all, 1), State { hidden, cell })
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use melisma_dataset::rng::Rng;

    use super::*;
    use crate::layers::{Tensors, Variable, numbers, unit};

    fn layer(inputs: usize, units: usize) -> (Lstm, Vec<Variable>) {
        let mut builder = Builder::new(3);
        let lstm = Lstm::new(&mut builder, "lstm", inputs, units);
        (lstm, builder.finish().0)
    }

    fn random(rng: &mut Rng, shape: [usize; 3], device: &Device) -> Tensor<3> {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| 2.0 * unit(rng) as f32 - 1.0)
            .collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Output, last state and all gradients, from the same numbers, by one operation and by many.
    #[test]
    fn one_operation_or_many_give_the_same() {
        for [batch, steps, inputs, units] in [[1, 1, 1, 1], [3, 5, 4, 7], [5, 9, 16, 24], [33, 4, 20, 40]] {
            let (lstm, variables) = layer(inputs, units);
            let device = Device::flex().autodiff();
            let way = |fused: bool| {
                let mut rng = Rng::new(11);
                let tensors = Tensors::new(&variables, &device);
                let pass = Pass::train(&variables, &tensors, 1);
                let x = random(&mut rng, [batch, steps, inputs], &device).require_grad();
                let [hidden, cell] = [(); 2].map(|()| {
                    let state = random(&mut rng, [batch, units, 1], &device);
                    state.reshape([batch, units]).require_grad()
                });
                let initial = State {
                    hidden: hidden.clone(),
                    cell: cell.clone(),
                };
                let (all, last) = match fused {
                    true => lstm.forward(x.clone(), Some(initial), &pass),
                    false => composed(graph::Inputs {
                        x: x.clone(),
                        kernel: pass.tensor(lstm.kernel),
                        recurrent: pass.tensor(lstm.recurrent),
                        bias: Tensor::cat(lstm.bias.map(|id| pass.tensor::<1>(id)).to_vec(), 0),
                        initial,
                    }),
                };
                let weighing = random(&mut rng, [batch, steps, units], &device);
                let ends = random(&mut rng, [batch, units, 1], &device).reshape([batch, units]);
                let sum = (all.clone() * weighing).sum()
                    + (last.hidden.clone() * ends.clone()).sum()
                    + (last.cell.clone() * ends.square()).sum();
                let mut gradients = sum.backward();
                let mut found = vec![
                    numbers(all.inner()),
                    numbers(last.hidden.inner()),
                    numbers(last.cell.inner()),
                ];
                found.push(numbers(
                    x.grad_remove(&mut gradients).expect("the input has a gradient"),
                ));
                found.extend([hidden, cell].map(|state| {
                    numbers(
                        state
                            .grad_remove(&mut gradients)
                            .expect("the state has a gradient"),
                    )
                }));
                found.extend(
                    tensors
                        .iter()
                        .filter_map(|t| t.grad_remove(&mut gradients))
                        .map(numbers),
                );
                found
            };
            let (ours, theirs) = (way(true), way(false));
            assert_eq!((ours.len(), theirs.len()), (12, 12));
            for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert_eq!(ours.len(), theirs.len());
                let size = theirs.iter().fold(0.1_f32, |most, v| most.max(v.abs()));
                for (a, b) in ours.iter().zip(theirs) {
                    assert!((a - b).abs() < 1e-5 * size, "{i}: {a} for {b} with {units} units");
                }
            }
        }
    }

    #[test]
    fn a_sequence_in_two_parts_is_the_sequence() {
        let (lstm, variables) = layer(6, 10);
        let device = Device::flex();
        let tensors = Tensors::new(&variables, &device);
        let pass = Pass::predict(&variables, &tensors);
        let x = random(&mut Rng::new(5), [2, 8, 6], &device);
        let (whole, end) = lstm.forward(x.clone(), None, &pass);
        let (first, state) = lstm.forward(x.clone().slice([0..2, 0..3, 0..6]), None, &pass);
        let (second, last) = lstm.forward(x.slice([0..2, 3..8, 0..6]), Some(state), &pass);
        let near = |a: Vec<f32>, b: Vec<f32>| a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(numbers(whole), numbers(Tensor::cat(vec![first, second], 1))));
        assert!(near(numbers(end.cell), numbers(last.cell)));
        assert!(near(numbers(end.hidden), numbers(last.hidden)));
    }

    #[test]
    fn threads_change_no_number() {
        let (lstm, variables) = layer(12, 16);
        let device = Device::flex().autodiff();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads can be had");
            pool.install(|| {
                let tensors = Tensors::new(&variables, &device);
                let pass = Pass::train(&variables, &tensors, 1);
                let x = random(&mut Rng::new(5), [37, 6, 12], &device);
                let (all, _) = lstm.forward(x, None, &pass);
                let mut gradients = all.clone().square().sum().backward();
                let mut found = vec![numbers(all.inner())];
                found.extend(
                    tensors
                        .iter()
                        .filter_map(|t| t.grad_remove(&mut gradients))
                        .map(numbers),
                );
                found
            })
        };
        assert_eq!(run(1), run(3));
    }
}
