//! The fused block as an operation that burn can take gradients through, on its processor backend.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward as Step, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};

use super::fused::{self, Kept, Numbers, Sizes};
use super::kernel::Plane;
use crate::layers::BatchNorm;
use crate::layers::spare::Spare;

/// The tensors of a block.
#[derive(Debug, Clone)]
pub(super) struct Inputs {
    pub images: Tensor<4>,
    pub kernel: Tensor<4>,
    pub bias: Tensor<1>,
    pub gamma: Tensor<1>,
    pub beta: Tensor<1>,
}

/// A block's output, and its batch's mean and variance.
pub(super) struct Output {
    pub images: Tensor<4>,
    pub mean: Tensor<1>,
    pub variance: Tensor<1>,
}

impl Inputs {
    fn sizes(&self) -> Sizes {
        let [images, inputs, height, width] = self.images.dims();
        Sizes {
            images,
            inputs,
            outputs: self.bias.dims()[0],
            plane: Plane { height, width },
        }
    }

    /// The shape of what leaves the block.
    fn output(&self) -> [usize; 4] {
        let Sizes {
            images,
            outputs,
            plane,
            ..
        } = self.sizes();
        [images, outputs, plane.height / 2, plane.width / 2]
    }
}

/// The five tensors as the backend has them: images, kernel, bias, gamma, beta.
type Held = [FlexTensor; 5];

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("tensors are contiguous and of single precision")
}

fn numbers(held: &Held) -> Numbers<'_> {
    Numbers {
        kernel: values(&held[1]),
        bias: values(&held[2]),
        gamma: values(&held[3]),
        beta: values(&held[4]),
        epsilon: BatchNorm::EPSILON,
    }
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}

/// What the way back takes along.
#[derive(Debug, Clone)]
struct Saved {
    sizes: Sizes,
    held: Held,
    kept: Arc<Kept>,
    spare: Spare,
}

#[derive(Debug)]
struct BlockStep;

impl Step<Flex, 5> for BlockStep {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 5>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let Saved {
            sizes,
            held,
            kept,
            spare,
        } = ops.state;
        let needed = ops.parents[0].is_some();
        let back = fused::backward(
            sizes,
            values(&held[0]),
            numbers(&held),
            &kept,
            values(&gradient),
            needed,
            &spare,
        );
        let Sizes {
            images,
            inputs,
            outputs,
            plane,
        } = sizes;
        let found = [
            back.images
                .map(|g| tensor(g, [images, inputs, plane.height, plane.width])),
            Some(tensor(back.kernel, [outputs, inputs, 3, 3])),
            Some(tensor(back.bias, [outputs])),
            Some(tensor(back.gamma, [outputs])),
            Some(tensor(back.beta, [outputs])),
        ];
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                gradients.register::<Flex>(parent.id, found);
            }
        }
    }
}

/// The block while training; nothing when the tensors are not the processor's with gradients.
pub(super) fn train(inputs: &Inputs, rate: f64, seed: u64, spare: &Spare) -> Option<Output> {
    let (sizes, shape) = (inputs.sizes(), inputs.output());
    let device = inputs.images.device();
    let Inputs {
        images,
        kernel,
        bias,
        gamma,
        beta,
    } = inputs.clone();
    let tensors = [
        images.try_into_primitive::<Autodiff<Flex>>().ok()?,
        kernel.try_into_primitive::<Autodiff<Flex>>().ok()?,
        bias.try_into_primitive::<Autodiff<Flex>>().ok()?,
        gamma.try_into_primitive::<Autodiff<Flex>>().ok()?,
        beta.try_into_primitive::<Autodiff<Flex>>().ok()?,
    ];
    let nodes = tensors.each_ref().map(|tensor| tensor.node());
    let held: Held = tensors.map(|tensor| tensor.into_primitive().to_contiguous());
    let forward = fused::forward(sizes, values(&held[0]), numbers(&held), rate, seed, spare);
    let output = tensor(forward.output, shape);
    let images = match BlockStep
        .prepare::<NoCheckpointing>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prepared) => {
            let saved = Saved {
                sizes,
                held,
                kept: Arc::new(forward.kept),
                spare: spare.clone(),
            };
            prepared.finish(saved, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    let statistic = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [sizes.outputs]), &device);
    Some(Output {
        images: Tensor::from_primitive::<Autodiff<Flex>>(images),
        mean: statistic(forward.mean),
        variance: statistic(forward.variance),
    })
}

/// The block while predicting; nothing when the tensors are not the processor's without gradients.
pub(super) fn predict(
    inputs: &Inputs,
    mean: Tensor<1>,
    variance: Tensor<1>,
    spare: &Spare,
) -> Option<Tensor<4>> {
    let (sizes, shape) = (inputs.sizes(), inputs.output());
    let Inputs {
        images,
        kernel,
        bias,
        gamma,
        beta,
    } = inputs.clone();
    let held: Held = [
        images.try_into_primitive::<Flex>().ok()?,
        kernel.try_into_primitive::<Flex>().ok()?,
        bias.try_into_primitive::<Flex>().ok()?,
        gamma.try_into_primitive::<Flex>().ok()?,
        beta.try_into_primitive::<Flex>().ok()?,
    ]
    .map(|tensor| tensor.to_contiguous());
    let mean = mean.try_into_primitive::<Flex>().ok()?.to_contiguous();
    let variance = variance.try_into_primitive::<Flex>().ok()?.to_contiguous();
    let out = fused::predict(
        sizes,
        values(&held[0]),
        numbers(&held),
        values(&mean),
        values(&variance),
        spare,
    );
    Some(Tensor::from_primitive::<Flex>(tensor(out, shape)))
}
