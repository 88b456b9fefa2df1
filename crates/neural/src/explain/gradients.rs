//! Integrated gradients (M. Sundararajan, A. Taly, Q. Yan, *Axiomatic Attribution for Deep Networks*, ICML 2017).

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, ArrayView3};

use super::{Error, Map};

/// Points between baseline and image that are differentiated at once.
const BATCH: usize = 8;
/// Most points.
const MOST_STEPS: usize = 10_000;

/// Attributions of the pixels of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradients {
    /// The attributions summed over channels.
    pub map: Map,
    /// The class's logit for the image less that for the baseline: what the attributions sum to but for the error of the integral.
    pub difference: f64,
}

impl Gradients {
    /// How far the sum of the attributions is from what they explain: large where `steps` were too few.
    pub fn residual(&self) -> f64 {
        self.map.values.sum() - self.difference
    }
}

/// How much each pixel of an image (channels x height x width) contributes to a class's logit, compared with a baseline image of the
/// same size (such as silence): the gradient averaged over `steps` points on the straight line between the two (the midpoint rule),
/// times the pixel's distance.
///
/// `logits` maps `[images, channels, height, width]` to `[images, classes]` on `device`, whose gradients it needs: the network must be
/// there with `Device::autodiff`.
///
/// # Errors
/// [`Error::Unfit`] for a device without gradients, images of different sizes, no steps or more than 10,000, a class that there is
/// not, and attributions that are not finite.
pub fn integrated_gradients(
    image: ArrayView3<'_, f32>,
    baseline: ArrayView3<'_, f32>,
    class: usize,
    steps: usize,
    device: &Device,
    logits: impl Fn(Tensor<4>) -> Tensor<2>,
) -> Result<Gradients, Error> {
    check(image, baseline, steps, device)?;
    let path = &image - &baseline;
    let ends = logits(batch(&[baseline.to_owned(), image.to_owned()], device));
    let [_, classes] = ends.dims();
    if class >= classes {
        return Err(Error::Unfit(format!("there is no class {class} among {classes}")));
    }
    let ends: Vec<f64> = ends.narrow(1, class, 1).into_data().iter::<f64>().collect();
    let mut sums = vec![0.0_f64; image.len()];
    let points: Vec<f32> = (0..steps)
        .map(|k| ((k as f64 + 0.5) / steps as f64) as f32)
        .collect();
    for some in points.chunks(BATCH) {
        let images: Vec<Array3<f32>> = some.iter().map(|&at| &baseline + &(&path * at)).collect();
        let x = batch(&images, device).require_grad();
        let gradients = logits(x.clone()).narrow(1, class, 1).sum().backward();
        let gradient = x
            .grad(&gradients)
            .ok_or_else(|| Error::Unfit("the network has no gradient".to_owned()))?;
        for (i, value) in gradient.into_data().iter::<f64>().enumerate() {
            sums[i % image.len()] += value;
        }
    }
    let mut values = ndarray::Array2::zeros((image.dim().1, image.dim().2));
    let pixels = values.len();
    let flat = values.as_slice_mut().expect("a new array is contiguous");
    for (i, (sum, &length)) in sums.iter().zip(path.iter()).enumerate() {
        flat[i % pixels] += sum / steps as f64 * f64::from(length);
    }
    let difference = ends[1] - ends[0];
    if !difference.is_finite() || values.iter().any(|v: &f64| !v.is_finite()) {
        return Err(Error::Unfit("the network's gradient is not finite".to_owned()));
    }
    Ok(Gradients {
        map: Map { class, values },
        difference,
    })
}

fn check(
    image: ArrayView3<'_, f32>,
    baseline: ArrayView3<'_, f32>,
    steps: usize,
    device: &Device,
) -> Result<(), Error> {
    let fault = if !device.is_autodiff() {
        "the device keeps no gradients".to_owned()
    } else if image.dim() != baseline.dim() || image.is_empty() {
        format!(
            "an image of {:?} and a baseline of {:?}",
            image.dim(),
            baseline.dim()
        )
    } else if steps == 0 || steps > MOST_STEPS {
        format!("{steps} steps, not 1 to {MOST_STEPS}")
    } else {
        return Ok(());
    };
    Err(Error::Unfit(fault))
}

/// Images as one tensor.
fn batch(images: &[Array3<f32>], device: &Device) -> Tensor<4> {
    let (channels, height, width) = images[0].dim();
    let values: Vec<f32> = images.iter().flatten().copied().collect();
    let data = TensorData::new(values, [images.len(), channels, height, width]);
    Tensor::from_data(data, device)
}
