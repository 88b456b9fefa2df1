//! A whole block in two walks over each image: convolution and ELU, then normalisation, maximum and dropout.
//!
//! The scale and offset of batch normalisation do not change which of four values is the largest (or, where the scale is
//! negative, smallest), so only the chosen ones are normalised. Between the walks, and for the way back, only the
//! activations and one byte for each chosen value are kept. Images are independent and sums over them are added in their
//! order: results are the same on any number of threads.

use melisma_dataset::rng::Rng;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::super::elu::elu_of;
use super::super::mix;
use super::super::spare::{Buffer, Spare};
use super::kernel::{Plane, convolve, flat_len, mirrored, packed, weight_gradient};

/// The choice that stands for a dropped value.
const DROPPED: u8 = 4;
/// Sums side by side.
const LANES: usize = 8;

/// The sizes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    pub images: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub plane: Plane,
}

impl Sizes {
    fn image(&self) -> usize {
        self.inputs * self.plane.area()
    }

    fn activations(&self) -> usize {
        self.outputs * self.plane.area()
    }

    /// Values that leave an image.
    fn pooled(&self) -> usize {
        self.outputs * (self.plane.height / 2) * (self.plane.width / 2)
    }
}

/// The numbers of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'a> {
    /// Outputs x inputs x 3 x 3.
    pub kernel: &'a [f32],
    pub bias: &'a [f32],
    pub gamma: &'a [f32],
    pub beta: &'a [f32],
    pub epsilon: f64,
}

/// What a batch leaves.
#[derive(Debug)]
pub(super) struct Forward {
    /// Images x outputs x half height x half width.
    pub output: Vec<f32>,
    /// The batch's mean of each channel.
    pub mean: Vec<f32>,
    /// Its population variance.
    pub variance: Vec<f32>,
    /// What the way back needs.
    pub kept: Kept,
}

/// What the way back needs beside the inputs and the numbers.
#[derive(Debug)]
pub(super) struct Kept {
    activations: Buffer,
    choices: Vec<u8>,
    scale: f32,
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

/// The gradients of a block.
#[derive(Debug)]
pub(super) struct Backward {
    /// Of the images, where they were asked for.
    pub images: Option<Vec<f32>>,
    pub kernel: Vec<f32>,
    pub bias: Vec<f32>,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

/// The block while training: batch statistics, and values dropped with probability `rate` as `seed` says.
pub(super) fn forward(
    sizes: Sizes,
    images: &[f32],
    numbers: Numbers<'_>,
    rate: f64,
    seed: u64,
    spare: &Spare,
) -> Forward {
    let mut activations = spare.take(sizes.images * sizes.activations());
    let weights = packed(numbers.kernel, sizes.outputs, sizes.inputs);
    let sums: Vec<Vec<[f64; 2]>> = activations
        .values
        .par_chunks_exact_mut(sizes.activations())
        .zip(images.par_chunks_exact(sizes.image()))
        .map(|(activations, image)| activate(sizes, image, &weights, numbers.bias, activations, spare))
        .collect();
    let count = (sizes.images * sizes.plane.area()) as f64;
    let moments = (0..sizes.outputs).map(|o| {
        let sum = |k: usize| sums.iter().map(|image| image[o][k]).sum::<f64>() / count;
        let mean = sum(0);
        (mean as f32, (sum(1) - mean * mean).max(0.0) as f32)
    });
    let (mean, variance): (Vec<f32>, Vec<f32>) = moments.unzip();
    let deviation: Vec<f32> = variance.iter().map(|&v| deviation(v, numbers.epsilon)).collect();
    let mut output = vec![0.0; sizes.images * sizes.pooled()];
    let mut choices = vec![0; output.len()];
    let threshold = (rate * f64::from(u32::MAX)) as u32;
    let scale = (1.0 / (1.0 - rate)) as f32;
    output
        .par_chunks_exact_mut(sizes.pooled())
        .zip(choices.par_chunks_exact_mut(sizes.pooled()))
        .zip(activations.values.par_chunks_exact(sizes.activations()))
        .enumerate()
        .for_each(|(i, ((output, choices), activations))| {
            choose(sizes, activations, numbers, &mean, &deviation, output, choices);
            if threshold > 0 {
                drop_some(output, choices, threshold, scale, mix(&[seed, i as u64]));
            }
        });
    Forward {
        output,
        variance,
        kept: Kept {
            activations,
            choices,
            scale,
            mean: mean.clone(),
            deviation,
        },
        mean,
    }
}

/// The block while predicting: by given statistics, nothing dropped.
pub(super) fn predict(
    sizes: Sizes,
    images: &[f32],
    numbers: Numbers<'_>,
    mean: &[f32],
    variance: &[f32],
    spare: &Spare,
) -> Vec<f32> {
    let weights = packed(numbers.kernel, sizes.outputs, sizes.inputs);
    let deviation: Vec<f32> = variance.iter().map(|&v| deviation(v, numbers.epsilon)).collect();
    let mut output = vec![0.0; sizes.images * sizes.pooled()];
    output
        .par_chunks_exact_mut(sizes.pooled())
        .zip(images.par_chunks_exact(sizes.image()))
        .for_each(|(output, image)| {
            let mut activations = spare.take(sizes.activations());
            let mut choices = vec![0; output.len()];
            activate(
                sizes,
                image,
                &weights,
                numbers.bias,
                &mut activations.values,
                spare,
            );
            choose(
                sizes,
                &activations.values,
                numbers,
                mean,
                &deviation,
                output,
                &mut choices,
            );
        });
    output
}

/// The way back: from the gradient of the output to all others; `images` that need none are left out.
pub(super) fn backward(
    sizes: Sizes,
    images: &[f32],
    numbers: Numbers<'_>,
    kept: &Kept,
    gradient: &[f32],
    needed: bool,
    spare: &Spare,
) -> Backward {
    let activations = || kept.activations.values.par_chunks_exact(sizes.activations());
    let chosen = || {
        kept.choices
            .par_chunks_exact(sizes.pooled())
            .zip(gradient.par_chunks_exact(sizes.pooled()))
    };
    let sums: Vec<Vec<[f64; 2]>> = activations()
        .zip(chosen())
        .map(|(activations, (choices, gradient))| norm_sums(sizes, activations, kept, choices, gradient))
        .collect();
    let total = |k: usize| -> Vec<f32> {
        (0..sizes.outputs)
            .map(|o| sums.iter().map(|image| image[o][k]).sum::<f64>() as f32)
            .collect()
    };
    let (beta, gamma) = (total(0), total(1));
    let count = (sizes.images * sizes.plane.area()) as f32;
    // The gradient of an activation a: `factor * chosen + offset + slope * a`.
    let lines: Vec<[f32; 3]> = (0..sizes.outputs)
        .map(|o| {
            let factor = numbers.gamma[o] * kept.deviation[o];
            let slope = -factor * kept.deviation[o] * gamma[o] / count;
            [
                factor * kept.scale,
                -factor * beta[o] / count - slope * kept.mean[o],
                slope,
            ]
        })
        .collect();
    let weights = needed.then(|| {
        let mirrored = mirrored(numbers.kernel, sizes.outputs, sizes.inputs);
        packed(&mirrored, sizes.inputs, sizes.outputs)
    });
    let mut image_gradients = vec![0.0; if needed { images.len() } else { 0 }];
    let pieces: Vec<Option<&mut [f32]>> = match needed {
        true => image_gradients
            .chunks_exact_mut(sizes.image())
            .map(Some)
            .collect(),
        false => (0..sizes.images).map(|_| None).collect(),
    };
    let parts: Vec<(Vec<f32>, Vec<f32>)> = pieces
        .into_par_iter()
        .zip(activations().zip(chosen()))
        .zip(images.par_chunks_exact(sizes.image()))
        .map(|((piece, (activations, (choices, gradient))), image)| {
            let mut back = ImageBackward {
                sizes,
                image,
                activations,
                choices,
                gradient,
                lines: &lines,
                weights: weights.as_deref().unwrap_or_default(),
                piece,
                kernel: vec![0.0; numbers.kernel.len()],
                bias: vec![0.0; sizes.outputs],
                spare,
            };
            Arch::new().dispatch(&mut back);
            (back.kernel, back.bias)
        })
        .collect();
    let mut kernel = vec![0.0; numbers.kernel.len()];
    let mut bias = vec![0.0; sizes.outputs];
    for (of_kernel, of_bias) in &parts {
        kernel
            .iter_mut()
            .zip(of_kernel)
            .for_each(|(sum, part)| *sum += part);
        bias.iter_mut().zip(of_bias).for_each(|(sum, part)| *sum += part);
    }
    Backward {
        images: needed.then_some(image_gradients),
        kernel,
        bias,
        gamma,
        beta,
    }
}

/// One over the standard deviation.
fn deviation(variance: f32, epsilon: f64) -> f32 {
    (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32
}

/// Convolution and ELU of an image; the sum and the sum of squares of each channel.
fn activate(
    sizes: Sizes,
    image: &[f32],
    weights: &[f32],
    bias: &[f32],
    activations: &mut [f32],
    spare: &Spare,
) -> Vec<[f64; 2]> {
    struct Activate<'a> {
        plane: Plane,
        padded: &'a [f32],
        weights: &'a [f32],
        bias: &'a [f32],
        flat: &'a mut [f32],
        activations: &'a mut [f32],
    }
    impl WithSimd for Activate<'_> {
        type Output = Vec<[f64; 2]>;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let plane = self.plane;
            convolve(simd, plane, self.padded, self.weights, self.flat);
            let channels = self.activations.chunks_exact_mut(plane.area());
            let planes = self.flat.chunks_exact(plane.flat());
            let mut all = Vec::with_capacity(self.bias.len());
            // Loops, not closures: what an iterator calls would be compiled for the baseline processor.
            for ((channel, flat), &bias) in channels.zip(planes).zip(self.bias) {
                let mut sums = [0.0; 2];
                for (out, row) in channel
                    .chunks_exact_mut(plane.width)
                    .zip(flat.chunks(plane.stride()))
                {
                    let [sum, squares] = elu_row(&row[..plane.width], bias, out);
                    sums[0] += f64::from(sum);
                    sums[1] += f64::from(squares);
                }
                all.push(sums);
            }
            all
        }
    }
    let mut padded = spare.take(sizes.inputs * sizes.plane.padded());
    let mut flat = spare.take(flat_len(sizes.plane, sizes.outputs));
    sizes.plane.pad(image, &mut padded.values);
    Arch::new().dispatch(Activate {
        plane: sizes.plane,
        padded: &padded.values,
        weights,
        bias,
        flat: &mut flat.values,
        activations,
    })
}

/// ELU of a row with its bias; the sum and the sum of squares.
#[inline(always)]
fn elu_row(row: &[f32], bias: f32, out: &mut [f32]) -> [f32; 2] {
    let (rows, rest) = row.as_chunks::<LANES>();
    let (outs, out_rest) = out.as_chunks_mut::<LANES>();
    let (mut sum, mut squares) = ([0.0; LANES], [0.0; LANES]);
    for (row, out) in rows.iter().zip(outs) {
        for lane in 0..LANES {
            let value = elu_of(row[lane] + bias);
            out[lane] = value;
            sum[lane] += value;
            squares[lane] += value * value;
        }
    }
    let mut sums = [sum.iter().sum::<f32>(), squares.iter().sum::<f32>()];
    for (value, out) in rest.iter().zip(out_rest) {
        *out = elu_of(value + bias);
        sums[0] += *out;
        sums[1] += *out * *out;
    }
    sums
}

/// The largest of every 2 x 2 values after normalisation, and which it was.
fn choose(
    sizes: Sizes,
    activations: &[f32],
    numbers: Numbers<'_>,
    mean: &[f32],
    deviation: &[f32],
    output: &mut [f32],
    choices: &mut [u8],
) {
    let Plane { height, width } = sizes.plane;
    let (half_height, half_width) = (height / 2, width / 2);
    for o in 0..sizes.outputs {
        let scale = numbers.gamma[o] * deviation[o];
        let offset = numbers.beta[o] - mean[o] * scale;
        let channel = &activations[o * height * width..(o + 1) * height * width];
        for y in 0..half_height {
            let top = &channel[2 * y * width..2 * y * width + 2 * half_width];
            let bottom = &channel[(2 * y + 1) * width..(2 * y + 1) * width + 2 * half_width];
            let at = (o * half_height + y) * half_width;
            let outs = output[at..at + half_width]
                .iter_mut()
                .zip(&mut choices[at..at + half_width]);
            let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
            for ((out, choice), (top, bottom)) in outs.zip(pairs) {
                let values = [
                    top[0] * scale,
                    top[1] * scale,
                    bottom[0] * scale,
                    bottom[1] * scale,
                ];
                let (upper, first) = if values[1] > values[0] {
                    (values[1], 1)
                } else {
                    (values[0], 0)
                };
                let (lower, second) = if values[3] > values[2] {
                    (values[3], 3)
                } else {
                    (values[2], 2)
                };
                let (value, chosen) = if lower > upper {
                    (lower, second)
                } else {
                    (upper, first)
                };
                *out = value + offset;
                *choice = chosen;
            }
        }
    }
}

/// Drops values, and scales the others.
fn drop_some(output: &mut [f32], choices: &mut [u8], threshold: u32, scale: f32, seed: u64) {
    let mut rng = Rng::new(seed);
    for (outs, choices) in output.chunks_mut(2).zip(choices.chunks_mut(2)) {
        let bits = rng.next_u64();
        for ((out, choice), bits) in outs
            .iter_mut()
            .zip(choices)
            .zip([bits as u32, (bits >> 32) as u32])
        {
            let dropped = bits < threshold;
            *out *= if dropped { 0.0 } else { scale };
            *choice = if dropped { DROPPED } else { *choice };
        }
    }
}

/// Sums over an image's outputs of their gradient, and of its product with the normalised value.
fn norm_sums(
    sizes: Sizes,
    activations: &[f32],
    kept: &Kept,
    choices: &[u8],
    gradient: &[f32],
) -> Vec<[f64; 2]> {
    let Plane { height, width } = sizes.plane;
    let (half_height, half_width) = (height / 2, width / 2);
    (0..sizes.outputs)
        .map(|o| {
            let mut sums = [0.0_f64; 2];
            for y in 0..half_height {
                let at = (o * half_height + y) * half_width;
                let rows = &activations[(o * height + 2 * y) * width..(o * height + 2 * y + 2) * width];
                let all = choices[at..at + half_width]
                    .iter()
                    .zip(&gradient[at..at + half_width]);
                let (mut plain, mut product) = (0.0_f32, 0.0_f32);
                for (x, (&choice, &gradient)) in all.enumerate() {
                    if choice != DROPPED {
                        let choice = usize::from(choice);
                        let value = rows[(choice / 2) * width + 2 * x + choice % 2];
                        plain += gradient;
                        product += gradient * (value - kept.mean[o]);
                    }
                }
                sums[0] += f64::from(plain);
                sums[1] += f64::from(product);
            }
            let scale = f64::from(kept.scale);
            [sums[0] * scale, sums[1] * scale * f64::from(kept.deviation[o])]
        })
        .collect()
}

/// The way back through one image.
struct ImageBackward<'a> {
    sizes: Sizes,
    image: &'a [f32],
    activations: &'a [f32],
    choices: &'a [u8],
    gradient: &'a [f32],
    lines: &'a [[f32; 3]],
    /// Mirrored and packed, where the image's gradient is needed.
    weights: &'a [f32],
    piece: Option<&'a mut [f32]>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    spare: &'a Spare,
}

impl WithSimd for &mut ImageBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sizes {
            inputs,
            outputs,
            plane,
            ..
        } = self.sizes;
        let mut before = self.spare.take(outputs * plane.padded());
        before.values.fill(0.0);
        for o in 0..outputs {
            let sum = self.channel(
                o,
                &mut before.values[o * plane.padded()..(o + 1) * plane.padded()],
            );
            self.bias[o] = sum;
        }
        let mut padded = self.spare.take(inputs * plane.padded());
        plane.pad(self.image, &mut padded.values);
        weight_gradient(simd, plane, &padded.values, &before.values, &mut self.kernel);
        if let Some(piece) = &mut self.piece {
            let mut flat = self.spare.take(flat_len(plane, inputs));
            convolve(simd, plane, &before.values, self.weights, &mut flat.values);
            let planes = flat.values.chunks_exact(plane.flat());
            for (channel, flat) in piece.chunks_exact_mut(plane.area()).zip(planes) {
                for (row, flat) in channel
                    .chunks_exact_mut(plane.width)
                    .zip(flat.chunks(plane.stride()))
                {
                    row.copy_from_slice(&flat[..plane.width]);
                }
            }
        }
    }
}

impl ImageBackward<'_> {
    /// The gradient before the ELU of one channel, into a padded plane of zeros; its sum.
    #[inline(always)]
    fn channel(&self, o: usize, padded: &mut [f32]) -> f32 {
        let plane = self.sizes.plane;
        let Plane { height, width } = plane;
        let (half_height, half_width) = (height / 2, width / 2);
        let [factor, offset, slope] = self.lines[o];
        let mut total = 0.0;
        let mut spread = vec![0.0_f32; width];
        for y in 0..height {
            let row = &self.activations[(o * height + y) * width..(o * height + y + 1) * width];
            spread.fill(0.0);
            if y / 2 < half_height {
                let at = (o * half_height + y / 2) * half_width;
                let upper = if y % 2 == 0 { 0 } else { 2 };
                let all = self.choices[at..at + half_width]
                    .iter()
                    .zip(&self.gradient[at..at + half_width]);
                for (pair, (&choice, &gradient)) in spread.as_chunks_mut::<2>().0.iter_mut().zip(all) {
                    pair[0] = if choice == upper { factor * gradient } else { 0.0 };
                    pair[1] = if choice == upper + 1 {
                        factor * gradient
                    } else {
                        0.0
                    };
                }
            }
            let at = (y + 1) * plane.stride() + 1;
            let out = &mut padded[at..at + width];
            let mut sum = [0.0_f32; LANES];
            let (outs, out_rest) = out.as_chunks_mut::<LANES>();
            let (rows, row_rest) = row.as_chunks::<LANES>();
            let (spreads, spread_rest) = spread.as_chunks::<LANES>();
            for ((out, row), spread) in outs.iter_mut().zip(rows).zip(spreads) {
                for lane in 0..LANES {
                    let a = row[lane];
                    let slope_of_elu = if a > 0.0 { 1.0 } else { a + 1.0 };
                    out[lane] = (spread[lane] + offset + slope * a) * slope_of_elu;
                    sum[lane] += out[lane];
                }
            }
            for ((out, &a), spread) in out_rest.iter_mut().zip(row_rest).zip(spread_rest) {
                let slope_of_elu = if a > 0.0 { 1.0 } else { a + 1.0 };
                *out = (spread + offset + slope * a) * slope_of_elu;
                total += *out;
            }
            total += sum.iter().sum::<f32>();
        }
        total
    }
}
