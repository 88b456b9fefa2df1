//! Measures of pitch: of the tones, drums left out.

use crate::score::Score;

/// Semitones above its tonic that belong to the major scale, as bits.
const MAJOR: u16 = 0b1010_1011_0101;
/// The same of the natural minor scale.
const MINOR: u16 = 0b0101_1010_1101;

/// The tones of a piece.
pub(super) struct Tones {
    /// How many there are of each pitch.
    pub(super) pitches: [u32; 128],
    /// Pitch, onset and end, in this order.
    intervals: Vec<(u8, u32, u32)>,
}

impl Tones {
    pub(super) fn of(score: &Score) -> Tones {
        let mut pitches = [0; 128];
        let mut intervals = Vec::new();
        for note in score.tones() {
            let pitch = note.pitch & 127;
            pitches[usize::from(pitch)] += 1;
            intervals.push((pitch, note.onset, note.end()));
        }
        intervals.sort_unstable();
        Tones { pitches, intervals }
    }

    pub(super) fn pitch_class_counts(&self) -> [u32; 12] {
        let mut counts = [0; 12];
        for (pitch, count) in self.pitches.iter().enumerate() {
            counts[pitch % 12] += count;
        }
        counts
    }

    pub(super) fn range(&self) -> u32 {
        let sounds = |count: &u32| *count > 0;
        let lowest = self.pitches.iter().position(sounds);
        let highest = self.pitches.iter().rposition(sounds);
        match (lowest, highest) {
            (Some(lowest), Some(highest)) => (highest - lowest) as u32,
            _ => 0,
        }
    }

    /// Polyphony and polyphony rate of a piece of this length in ticks.
    pub(super) fn polyphony(&self, length: u64) -> (f64, f64) {
        let (mut sum, mut any, mut many) = (0_u64, 0_u64, 0_u64);
        let (mut sounding, mut since) = (0_i64, 0);
        for (tick, change) in self.changes() {
            let time = u64::from(tick - since);
            sum += time * sounding as u64;
            any += if sounding > 0 { time } else { 0 };
            many += if sounding > 2 { time } else { 0 };
            (sounding, since) = (sounding + i64::from(change), tick);
        }
        let share = |part: u64, whole: u64| match whole {
            0 => f64::NAN,
            _ => part as f64 / whole as f64,
        };
        (share(sum, any), share(many, length))
    }

    /// When a pitch begins to sound, by whatever number of notes, and when it ends.
    fn changes(&self) -> Vec<(u32, i8)> {
        let mut changes = Vec::with_capacity(2 * self.intervals.len());
        let mut intervals = self.intervals.iter().copied().peekable();
        while let Some((pitch, start, mut end)) = intervals.next() {
            while let Some((_, _, more)) =
                intervals.next_if(|(other, onset, _)| *other == pitch && *onset <= end)
            {
                end = end.max(more);
            }
            changes.extend([(start, 1), (end, -1)]);
        }
        // Ends go before starts at one tick; no time passes between.
        changes.sort_unstable();
        changes
    }
}

/// Shannon entropy of counts, in bits; NaN of nothing.
pub(super) fn entropy(counts: &[u32]) -> f64 {
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    if total == 0 {
        return f64::NAN;
    }
    let bits = |count: &u32| {
        let share = f64::from(*count) / total as f64;
        -share * share.log2()
    };
    let sum: f64 = counts.iter().filter(|count| **count > 0).map(bits).sum();
    // One value alone gives a negative zero.
    sum.max(0.0)
}

pub(super) fn used(counts: &[u32]) -> u32 {
    counts.iter().filter(|count| **count > 0).count() as u32
}

/// The share of tones in a major or natural minor scale on `root` (0 is C); NaN without tones. As muspy.
pub fn pitch_in_scale_rate(score: &Score, root: u8, minor: bool) -> f64 {
    in_scale_rate(&Tones::of(score).pitch_class_counts(), root, minor)
}

fn in_scale_rate(counts: &[u32; 12], root: u8, minor: bool) -> f64 {
    let scale = if minor { MINOR } else { MAJOR };
    let (mut inside, mut all) = (0_u64, 0_u64);
    for (class, count) in counts.iter().enumerate() {
        let above = (class + 12 - usize::from(root % 12)) % 12;
        all += u64::from(*count);
        inside += u64::from(*count) * u64::from(scale >> above & 1);
    }
    match all {
        0 => f64::NAN,
        _ => inside as f64 / all as f64,
    }
}

pub(super) fn scale_consistency(counts: &[u32; 12]) -> f64 {
    // Every natural minor scale holds the tones of a major one.
    (0..12)
        .map(|root| in_scale_rate(counts, root, false))
        .fold(f64::NAN, f64::max)
}

/// The share in the scale of the first key signature.
pub(super) fn in_key_rate(score: &Score, counts: &[u32; 12]) -> f64 {
    let Some(key) = score.key_signatures.first() else {
        return f64::NAN;
    };
    let major = (7 * i32::from(key.sharps)).rem_euclid(12) as u8;
    let root = if key.minor { major + 9 } else { major };
    in_scale_rate(counts, root, key.minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_those_of_their_tonics() {
        let steps = |scale: u16| (0..12).filter(|step| scale >> step & 1 == 1).collect::<Vec<_>>();
        assert_eq!(steps(MAJOR), [0, 2, 4, 5, 7, 9, 11]);
        assert_eq!(steps(MINOR), [0, 2, 3, 5, 7, 8, 10]);
    }
}
