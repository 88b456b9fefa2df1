//! Mix-down to mono and the cleaning of samples that are no numbers.
//!
//! The mix is the arithmetic mean over channels in single precision, `librosa.to_mono`. Not for weighting channels
//! by loudspeaker position.

use crate::decode::Block;

/// The largest magnitude taken for a sample. Integer-scaled float files reach 2^31; beyond this limit the squares
/// and sums of later stages would leave the range of single precision.
pub(crate) const MAX_MAGNITUDE: f32 = 1e10;

/// Appends the mean over the channels of each frame to `mono`; samples that are not finite or larger than
/// [`MAX_MAGNITUDE`] count as 0. Returns how many those were.
pub(crate) fn mix_down(block: &Block, mono: &mut Vec<f32>) -> u64 {
    let start = mono.len();
    match block.channels {
        0 => return 0,
        1 => mono.extend_from_slice(&block.samples),
        // The mean of the general case, written so that it vectorises.
        2 => mono.extend(
            block
                .samples
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[l, r]| (l + r) / 2.0),
        ),
        channels => {
            mono.extend(
                block
                    .samples
                    .chunks_exact(channels)
                    .map(|frame| mean(frame.iter().copied())),
            );
        }
    }
    // A bad sample shows in its mean, so only suspicious frames are looked at again. (In a mean of n channels a
    // magnitude just above the limit can hide; it is then at most n times the limit, which does no harm.)
    let mut replaced = 0;
    for (index, value) in mono[start..].iter_mut().enumerate() {
        if !is_sound(*value) {
            let frame = &block.samples[index * block.channels..(index + 1) * block.channels];
            replaced += frame.iter().filter(|sample| !is_sound(**sample)).count() as u64;
            *value = mean(
                frame
                    .iter()
                    .map(|&sample| if is_sound(sample) { sample } else { 0.0 }),
            );
        }
    }
    replaced
}

fn is_sound(sample: f32) -> bool {
    // Written so that NaN fails.
    sample.abs() <= MAX_MAGNITUDE
}

fn mean(frame: impl ExactSizeIterator<Item = f32>) -> f32 {
    let channels = frame.len() as f32;
    frame.fold(0.0, |sum, sample| sum + sample) / channels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(samples: &[f32], channels: usize) -> (Vec<f32>, u64) {
        let mut mono = vec![9.0];
        let replaced = mix_down(
            &Block {
                samples: samples.to_vec(),
                channels,
            },
            &mut mono,
        );
        assert_eq!(mono.remove(0), 9.0);
        (mono, replaced)
    }

    #[test]
    fn mono_is_unchanged() {
        assert_eq!(mix(&[0.5, -1.25], 1), (vec![0.5, -1.25], 0));
    }

    #[test]
    fn several_channels_are_averaged() {
        assert_eq!(mix(&[0.5, 0.25, -1.0, 1.0], 2), (vec![0.375, 0.0], 0));
        assert_eq!(mix(&[0.5, 0.25, 0.75, 0.0, 0.0, 3.0], 3), (vec![0.5, 1.0], 0));
    }

    #[test]
    fn what_is_no_number_becomes_zero_and_is_counted() {
        let inf = f32::INFINITY;
        assert_eq!(
            mix(&[f32::NAN, 0.5, inf, -inf, 1e30], 1),
            (vec![0.0, 0.5, 0.0, 0.0, 0.0], 4)
        );
        assert_eq!(
            mix(&[f32::NAN, 0.5, inf, -inf, 1.0, 0.0], 2),
            (vec![0.25, 0.0, 0.5], 3)
        );
        assert_eq!(mix(&[f32::MAX, f32::MAX, 3.0], 3), (vec![1.0], 2));
    }
}
