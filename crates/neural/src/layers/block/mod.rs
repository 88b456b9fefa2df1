//! Convolution over images, and the block of the reference's networks made of it.
//!
//! On the processor, a block is one operation of ours ([`fused`]); elsewhere, and where gradients are asked of a network
//! that predicts, it is made of the tensor library's.

mod fused;
mod graph;
mod kernel;

use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

use melisma_dataset::rng::Rng;

use super::spare::Spare;
use super::{BatchNorm, Builder, Id, Init, Pass, Role, dropout, elu};

/// A 3 x 3 convolution whose output is as large as its input.
#[derive(Debug, Clone)]
pub struct Convolution {
    kernel: Id,
    bias: Id,
}

impl Convolution {
    /// A layer with He-uniform weights, of shape outputs x inputs x 3 x 3.
    pub fn new(builder: &mut Builder, name: &str, inputs: usize, outputs: usize) -> Self {
        let he = Init::He { fan_in: 9 * inputs };
        Convolution {
            kernel: builder.variable(
                format!("{name}.kernel"),
                &[outputs, inputs, 3, 3],
                he,
                Role::Weight,
            ),
            bias: builder.variable(
                format!("{name}.bias"),
                &[outputs],
                Init::Constant(0.0),
                Role::Weight,
            ),
        }
    }

    /// Images (batch x channels x height x width) to images.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let (kernel, bias) = (pass.tensor::<4>(self.kernel), pass.tensor::<1>(self.bias));
        conv2d(x, kernel, Some(bias), ConvOptions::new([1, 1], [1, 1], [1, 1], 1))
    }
}

/// Convolution, ELU, batch normalisation, 2 x 2 maximum and dropout.
#[derive(Debug, Clone)]
pub struct Block {
    convolution: Convolution,
    norm: BatchNorm,
    dropout: f64,
    spare: Spare,
}

impl Block {
    /// A block named `name` that ends in `outputs` channels; adds its lines to the summary and moves `shape`
    /// (channels, height, width) on to its output.
    pub fn new(
        builder: &mut Builder,
        name: &str,
        shape: &mut [usize; 3],
        outputs: usize,
        momentum: f64,
        dropout: f64,
    ) -> Self {
        let convolution = Convolution::new(builder, &format!("{name}.convolution"), shape[0], outputs);
        shape[0] = outputs;
        builder.row(format!("{name}: 3 x 3 convolution, ELU"), shape);
        let norm = BatchNorm::new(builder, &format!("{name}.norm"), outputs, momentum);
        builder.row(format!("{name}: batch normalisation"), shape);
        shape[1] /= 2;
        shape[2] /= 2;
        builder.row(format!("{name}: 2 x 2 maximum, dropout {dropout}"), shape);
        Block {
            convolution,
            norm,
            dropout,
            spare: Spare::default(),
        }
    }

    /// Images to images of half the height and width.
    pub fn forward(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<4> {
        self.fused(&x, pass).unwrap_or_else(|| self.composed(x, pass))
    }

    /// The block as one operation, where there is one for this device.
    fn fused(&self, x: &Tensor<4>, pass: &mut Pass<'_>) -> Option<Tensor<4>> {
        let inputs = graph::Inputs {
            images: x.clone(),
            kernel: pass.tensor(self.convolution.kernel),
            bias: pass.tensor(self.convolution.bias),
            gamma: pass.tensor(self.norm.gamma),
            beta: pass.tensor(self.norm.beta),
        };
        let trains = pass.trains(self.norm.gamma);
        match pass.chance().map(Rng::next_u64) {
            None => graph::predict(
                &inputs,
                pass.tensor(self.norm.mean),
                pass.tensor(self.norm.variance),
                &self.spare,
            ),
            Some(seed) if trains => {
                let out = graph::train(&inputs, self.dropout, seed, &self.spare)?;
                self.norm.follow(out.mean, out.variance, pass);
                Some(out.images)
            }
            Some(_) => None,
        }
    }

    /// The block made of the tensor library's operations.
    fn composed(&self, x: Tensor<4>, pass: &mut Pass<'_>) -> Tensor<4> {
        let x = elu(self.convolution.forward(x, pass));
        let x = self.norm.forward(x, pass);
        let x = max_pool2d(x, MaxPoolOptions::new([2, 2]));
        dropout(x, self.dropout, pass)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::layers::{Tensors, numbers};

    /// Output and gradients of both ways to compute a block, from the same numbers.
    #[test]
    fn one_operation_or_many_give_the_same() {
        for (shape, outputs) in [([1, 6, 10], 3), ([3, 9, 13], 5), ([4, 16, 24], 8)] {
            let mut builder = Builder::new(3);
            let block = Block::new(&mut builder, "block", &mut shape.clone(), outputs, 0.9, 0.0);
            let (mut variables, _) = builder.finish();
            let mut rng = Rng::new(17);
            let mut random = |_: usize| crate::layers::unit(&mut rng) as f32 - 0.4;
            for variable in &mut variables {
                let positive = variable.name().ends_with("variance");
                for value in variable.values_mut() {
                    *value = if positive {
                        random(0).abs() + 0.1
                    } else {
                        random(0)
                    };
                }
            }
            let values: Vec<f32> = (0..5 * shape.iter().product::<usize>())
                .map(&mut random)
                .collect();
            let device = burn::tensor::Device::flex().autodiff();
            let images = || {
                let data = TensorData::new(values.clone(), [5, shape[0], shape[1], shape[2]]);
                Tensor::<4>::from_data(data, &device).require_grad()
            };
            let way = |fused: bool| {
                let tensors = Tensors::new(&variables, &device);
                let mut pass = Pass::train(&variables, &tensors, 1);
                let x = images();
                let out = match fused {
                    true => block.fused(&x, &mut pass).expect("the processor has one"),
                    false => block.composed(x.clone(), &mut pass),
                };
                let ramp = Tensor::<1>::from_data(
                    TensorData::new(
                        (0..out.shape().num_elements())
                            .map(|i| (i % 7) as f32 - 2.0)
                            .collect(),
                        [out.shape().num_elements()],
                    ),
                    &device,
                );
                let ramp = ramp.reshape(out.dims());
                let mut gradients = (out.clone() * ramp).sum().backward();
                let mut all = vec![numbers(out.inner())];
                all.extend(pass.finish().into_iter().map(|(_, seen, _)| seen));
                all.push(numbers(
                    x.grad_remove(&mut gradients).expect("images have a gradient"),
                ));
                all.extend(
                    tensors
                        .iter()
                        .filter_map(|t| t.grad_remove(&mut gradients))
                        .map(numbers),
                );
                all
            };
            let (ours, theirs) = (way(true), way(false));
            assert_eq!((ours.len(), theirs.len()), (8, 8));
            for (i, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                let size = theirs.iter().fold(1.0_f32, |most, v| most.max(v.abs()));
                for (a, b) in ours.iter().zip(theirs) {
                    assert!((a - b).abs() < 2e-4 * size, "{i}: {a} for {b} in {shape:?}");
                }
            }
            let device = burn::tensor::Device::flex();
            let tensors = Tensors::new(&variables, &device);
            let x = Tensor::<4>::from_data(
                TensorData::new(values.clone(), [5, shape[0], shape[1], shape[2]]),
                &device,
            );
            let ours = numbers(
                block
                    .fused(&x, &mut Pass::predict(&variables, &tensors))
                    .expect("there is one"),
            );
            let theirs = numbers(block.composed(x, &mut Pass::predict(&variables, &tensors)));
            assert!(
                ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-3),
                "{shape:?}"
            );
        }
    }

    #[test]
    fn what_is_dropped_has_its_share_and_no_gradient() {
        let mut builder = Builder::new(3);
        let block = Block::new(&mut builder, "block", &mut [1, 32, 32], 8, 0.9, 0.25);
        let (variables, _) = builder.finish();
        let device = burn::tensor::Device::flex().autodiff();
        let tensors = Tensors::new(&variables, &device);
        let values = (0..4 * 1024).map(|i| (i % 11) as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [4, 1, 32, 32]), &device);
        let mut pass = Pass::train(&variables, &tensors, 1);
        let out = block.forward(x, &mut pass);
        let zeros = numbers(out.clone().inner()).iter().filter(|v| **v == 0.0).count();
        let share = zeros as f64 / out.shape().num_elements() as f64;
        assert!((share - 0.25).abs() < 0.02, "{share}");
        let mut gradients = out.clone().sum().backward();
        let beta = numbers(
            tensors
                .iter()
                .nth(3)
                .and_then(|t| t.grad_remove(&mut gradients))
                .expect("beta has one"),
        );
        let kept = out.shape().num_elements() as f32 * (1.0 - share as f32) / 0.75;
        assert!((beta.iter().sum::<f32>() - kept).abs() < 1.0);
    }
}
