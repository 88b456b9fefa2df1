//! The exponential linear unit, as one operation on the processor.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData, activation};
use pulp::{Arch, Simd, WithSimd};

/// Values side by side.
const LANES: usize = 8;

/// The exponential linear unit with alpha 1 (Clevert and others 2016).
pub fn elu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let shape = x.dims();
    if let Ok(x) = x.clone().try_into_primitive::<Flex>() {
        return Tensor::from_primitive::<Flex>(forward(&x.to_contiguous(), shape));
    }
    let Ok(tracked) = x.clone().try_into_primitive::<Autodiff<Flex>>() else {
        return activation::elu(x, 1.0);
    };
    let node = tracked.node();
    let output = forward(&tracked.into_primitive().to_contiguous(), shape);
    let output = match EluStep
        .prepare::<NoCheckpointing>([node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prepared) => prepared.finish((output.clone(), shape.to_vec()), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    Tensor::from_primitive::<Autodiff<Flex>>(output)
}

fn values(tensor: &FlexTensor) -> &[f32] {
    tensor
        .as_slice()
        .expect("tensors are contiguous and of single precision")
}

fn forward<const D: usize>(x: &FlexTensor, shape: [usize; D]) -> FlexTensor {
    let mut out = values(x).to_vec();
    Arch::new().dispatch(Forward(&mut out));
    FlexTensor::from_data(TensorData::new(out, shape))
}

/// The way back; keeps the output, from which the slope follows.
#[derive(Debug)]
struct EluStep;

impl Backward<Flex, 1> for EluStep {
    type State = (FlexTensor, Vec<usize>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let [Some(parent)] = ops.parents else { return };
        let (output, shape) = ops.state;
        let mut back = values(&gradient).to_vec();
        for (gradient, &out) in back.iter_mut().zip(values(&output)) {
            *gradient *= if out > 0.0 { 1.0 } else { out + 1.0 };
        }
        gradients.register::<Flex>(parent.id, FlexTensor::from_data(TensorData::new(back, shape)));
    }
}

struct Forward<'a>(&'a mut [f32]);

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (blocks, rest) = self.0.as_chunks_mut::<LANES>();
        for block in blocks {
            for value in block {
                *value = elu_of(*value);
            }
        }
        for value in rest {
            *value = elu_of(*value);
        }
    }
}

/// ELU without a branch.
#[inline(always)]
pub(super) fn elu_of(z: f32) -> f32 {
    let low = if z > 0.0 { 0.0 } else { z };
    let below = exp_of(low) - 1.0;
    if z > 0.0 { z } else { below }
}

/// The exponential of a number that is not above zero, without a branch: to 2 ulp by a polynomial (as in Cephes) on
/// [-ln 2 / 2, ln 2 / 2] times a power of two. Below -87, that of -87.
#[inline(always)]
pub(super) fn exp_of(z: f32) -> f32 {
    // Adding this leaves the rounded number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let low = if z < -87.0 { -87.0 } else { z };
    let shifted = low * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = low - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4 * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let exp = p * (r * r) + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    exp * power
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::layers::numbers;

    #[test]
    fn elu_is_that_of_the_library_s_exp() {
        for i in -4000..400 {
            let z = i as f32 / 40.0;
            let expected = if z > 0.0 {
                f64::from(z)
            } else {
                f64::from(z).exp_m1()
            };
            assert!((f64::from(elu_of(z)) - expected).abs() < 2e-7, "{z}");
        }
        assert_eq!(elu_of(f32::NEG_INFINITY), -1.0);
        assert!(elu_of(f32::NAN).is_nan());
    }

    #[test]
    fn its_gradient_is_the_library_s() {
        let device = Device::flex().autodiff();
        let x = || Tensor::<2>::from_floats([[-3.0, -0.5, 0.0], [0.25, 2.0, -40.0]], &device).require_grad();
        let gradient = |x: Tensor<2>, y: Tensor<2>| {
            let mut gradients = (y.clone() * y).sum().backward();
            numbers(x.grad_remove(&mut gradients).expect("a leaf has a gradient"))
        };
        let (a, b) = (x(), x());
        let ours = gradient(a.clone(), elu(a));
        let theirs = gradient(b.clone(), activation::elu(b, 1.0));
        assert!(
            ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-5),
            "{ours:?} {theirs:?}"
        );
    }
}
