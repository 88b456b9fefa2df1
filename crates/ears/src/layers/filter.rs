//! Convolutions of each channel by itself, for maps whose channels lie side by side.

use pulp::Arch;

/// Channels that are filtered side by side.
const LANES: usize = 32;
/// Where the rectifier cuts.
const CEILING: f32 = 6.0;

/// A square filter for each channel, and a rectifier from 0 to 6.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Weights: taps (row after row) x channels.
    pub taps: Vec<f32>,
    /// What is added to each channel.
    pub bias: Vec<f32>,
    /// Taps along an axis.
    pub kernel: usize,
    /// Places from one output to the next.
    pub stride: usize,
}

/// Where the places of an output lie in the map that is filtered.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Height and width of the map.
    pub seen: [usize; 2],
    /// Height and width of the output.
    pub made: [usize; 2],
    /// Rows and columns of zeros before the first.
    pub before: [usize; 2],
}

impl Filter {
    /// Filters a map (height x width x channels) to `out`.
    ///
    /// # Panics
    /// When the map or the output is not of the frame's size.
    pub fn apply(&self, frame: Frame, map: &[f32], out: &mut [f32]) {
        let channels = self.bias.len();
        let Frame { seen, made, before } = frame;
        assert_eq!(map.len(), seen[0] * seen[1] * channels, "a map of another size");
        assert_eq!(
            out.len(),
            made[0] * made[1] * channels,
            "an output of another size"
        );
        // Moved in, so that the closure is called once and compiled for the processor's vectors.
        let once = Once;
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let _once: Once = once;
                for (place, out) in out.chunks_exact_mut(channels).enumerate() {
                    let at = [place / made[1], place % made[1]].map(|at| at * self.stride);
                    let rows = within(at[0], before[0], self.kernel, seen[0]);
                    let columns = within(at[1], before[1], self.kernel, seen[1]);
                    for from in (0..channels).step_by(LANES) {
                        let to = (from + LANES).min(channels);
                        let mut sums = [0.0_f32; LANES];
                        sums[..to - from].copy_from_slice(&self.bias[from..to]);
                        for (tap_y, y) in rows.clone() {
                            for (tap_x, x) in columns.clone() {
                                let tap = (tap_y * self.kernel + tap_x) * channels;
                                let at = (y * seen[1] + x) * channels;
                                add_products(
                                    &mut sums,
                                    &map[at + from..at + to],
                                    &self.taps[tap + from..tap + to],
                                );
                            }
                        }
                        let sums = sums.map(|sum| sum.clamp(0.0, CEILING));
                        out[from..to].copy_from_slice(&sums[..to - from]);
                    }
                }
            },
        );
    }
}

/// Has no value and cannot be copied: a closure that takes it in is called once only.
struct Once;

/// The taps of a kernel that lie within a line, each with its place there.
#[inline(always)]
fn within(
    start: usize,
    before: usize,
    kernel: usize,
    length: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let first = before.saturating_sub(start);
    let last = kernel.min(length + before - start);
    (first..last).map(move |tap| (tap, start + tap - before))
}

#[inline(always)]
fn add_products(sums: &mut [f32; LANES], a: &[f32], b: &[f32]) {
    if let (Ok(a), Ok(b)) = (<&[f32; LANES]>::try_from(a), <&[f32; LANES]>::try_from(b)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    } else {
        sums.iter_mut()
            .zip(a.iter().zip(b))
            .for_each(|(sum, (a, b))| *sum += a * b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_those_of_the_definition() {
        for (seen, channels, kernel, stride, before) in [
            ([4, 5], 3, 3, 1, [1, 1]),
            ([6, 4], 40, 3, 2, [0, 0]),
            ([5, 5], 32, 5, 2, [2, 1]),
        ] {
            let made = seen.map(|n: usize| n.div_ceil(stride));
            let value = |i: usize| ((7 * i + 3) % 13) as f32 / 4.0 - 1.0;
            let map: Vec<f32> = (0..seen[0] * seen[1] * channels).map(value).collect();
            let filter = Filter {
                taps: (0..kernel * kernel * channels).map(|i| value(3 * i)).collect(),
                bias: (0..channels).map(|i| value(5 * i)).collect(),
                kernel,
                stride,
            };
            let mut out = vec![f32::NAN; made[0] * made[1] * channels];
            filter.apply(Frame { seen, made, before }, &map, &mut out);
            for (i, &found) in out.iter().enumerate() {
                let (place, channel) = (i / channels, i % channels);
                let mut sum = filter.bias[channel];
                for tap in 0..kernel * kernel {
                    let y = (place / made[1] * stride + tap / kernel).wrapping_sub(before[0]);
                    let x = (place % made[1] * stride + tap % kernel).wrapping_sub(before[1]);
                    if y < seen[0] && x < seen[1] {
                        sum += filter.taps[tap * channels + channel]
                            * map[(y * seen[1] + x) * channels + channel];
                    }
                }
                assert!((found - sum.clamp(0.0, 6.0)).abs() < 1e-5, "{found} for {sum}");
            }
        }
    }
}
