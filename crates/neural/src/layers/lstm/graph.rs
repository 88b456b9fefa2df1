//! The fused layer as an operation that burn can take gradients through, on its processor backend.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward as Step, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};

use super::State;
use super::fused::{self, Kept, Numbers, Sizes};
use crate::layers::spare::Spare;

/// The tensors of a layer.
#[derive(Debug, Clone)]
pub(super) struct Inputs {
    /// Batch x time x inputs.
    pub x: Tensor<3>,
    /// Inputs x 4 units.
    pub kernel: Tensor<2>,
    /// Units x 4 units.
    pub recurrent: Tensor<2>,
    /// 4 units.
    pub bias: Tensor<1>,
    pub initial: State,
}

impl Inputs {
    fn sizes(&self) -> Sizes {
        let [batch, steps, inputs] = self.x.dims();
        Sizes {
            batch,
            steps,
            inputs,
            units: self.recurrent.dims()[0],
        }
    }
}

/// The tensors as the backend has them: x, kernel, recurrent kernel, bias, hidden state, cells.
type Held = [FlexTensor; 6];

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("tensors are contiguous and of single precision")
}

fn numbers(held: &Held) -> Numbers<'_> {
    Numbers {
        x: values(&held[0]),
        kernel: values(&held[1]),
        recurrent: values(&held[2]),
        bias: values(&held[3]),
        hidden: values(&held[4]),
        cell: values(&held[5]),
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
struct LstmStep;

impl Step<Flex, 6> for LstmStep {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 6>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let Saved {
            sizes,
            held,
            kept,
            spare,
        } = ops.state;
        let needed = ops.parents[0].is_some();
        let back = fused::backward(sizes, numbers(&held), &kept, values(&gradient), needed, &spare);
        let Sizes {
            batch,
            steps,
            inputs,
            units,
        } = sizes;
        let found = [
            back.x.map(|g| tensor(g, [batch, steps, inputs])),
            Some(tensor(back.kernel, [inputs, 4 * units])),
            Some(tensor(back.recurrent, [units, 4 * units])),
            Some(tensor(back.bias, [4 * units])),
            Some(tensor(back.hidden, [batch, units])),
            Some(tensor(back.cell, [batch, units])),
        ];
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                gradients.register::<Flex>(parent.id, found);
            }
        }
    }
}

/// What the cells give after each step, and what they remember after the last (batch x (time + 1) x units); nothing when the
/// tensors are not the processor's.
pub(super) fn run(inputs: &Inputs, spare: &Spare) -> Option<Tensor<3>> {
    train(inputs, spare).or_else(|| predict(inputs, spare))
}

fn train(inputs: &Inputs, spare: &Spare) -> Option<Tensor<3>> {
    let sizes = inputs.sizes();
    let Inputs {
        x,
        kernel,
        recurrent,
        bias,
        initial,
    } = inputs.clone();
    let tensors = [
        x.try_into_primitive::<Autodiff<Flex>>().ok()?,
        kernel.try_into_primitive::<Autodiff<Flex>>().ok()?,
        recurrent.try_into_primitive::<Autodiff<Flex>>().ok()?,
        bias.try_into_primitive::<Autodiff<Flex>>().ok()?,
        initial.hidden.try_into_primitive::<Autodiff<Flex>>().ok()?,
        initial.cell.try_into_primitive::<Autodiff<Flex>>().ok()?,
    ];
    let nodes = tensors.each_ref().map(|tensor| tensor.node());
    let held: Held = tensors.map(|tensor| tensor.into_primitive().to_contiguous());
    let (output, kept) = fused::forward(sizes, numbers(&held), spare);
    let output = tensor(output, [sizes.batch, sizes.steps + 1, sizes.units]);
    let output = match LstmStep
        .prepare::<NoCheckpointing>(nodes)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prepared) => {
            let saved = Saved {
                sizes,
                held,
                kept: Arc::new(kept),
                spare: spare.clone(),
            };
            prepared.finish(saved, output)
        }
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    Some(Tensor::from_primitive::<Autodiff<Flex>>(output))
}

fn predict(inputs: &Inputs, spare: &Spare) -> Option<Tensor<3>> {
    let sizes = inputs.sizes();
    let Inputs {
        x,
        kernel,
        recurrent,
        bias,
        initial,
    } = inputs.clone();
    let held: Held = [
        x.try_into_primitive::<Flex>().ok()?,
        kernel.try_into_primitive::<Flex>().ok()?,
        recurrent.try_into_primitive::<Flex>().ok()?,
        bias.try_into_primitive::<Flex>().ok()?,
        initial.hidden.try_into_primitive::<Flex>().ok()?,
        initial.cell.try_into_primitive::<Flex>().ok()?,
    ]
    .map(|tensor| tensor.to_contiguous());
    let (output, _) = fused::forward(sizes, numbers(&held), spare);
    let output = tensor(output, [sizes.batch, sizes.steps + 1, sizes.units]);
    Some(Tensor::from_primitive::<Flex>(output))
}
