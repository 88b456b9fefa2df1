//! Positions as turns: half of each head turns with the place in the sequence, half with the musical time.
//!
//! What attention sees of two places is then how many notes and how much time lie between them. Times turn at the periods music
//! repeats itself at: half a beat, a beat, two, a bar of four, and so on up to thirty-two bars.

use melisma_score::tokens::STEPS_PER_QUARTER;

/// Cosines and sines of places: for each place half a head of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

/// The angle of a turning pair at a place: the pairs of even number turn with the place, the others with the time.
fn angle(pair: usize, half: usize, place: f64, time: f64) -> f64 {
    let share = (pair / 2) as f64 / (half / 2) as f64;
    let (distance, period) = match pair % 2 {
        // From a period of 6 places up to thousands.
        0 => (place, 6.0 * 1_000_f64.powf(share)),
        _ => (time, f64::from(STEPS_PER_QUARTER) / 2.0 * 2_f64.powf(share * 8.0)),
    };
    std::f64::consts::TAU * (distance / period).fract()
}

impl Turns {
    /// The turns of `times.len()` places from `first` on, for heads of `head` numbers.
    pub fn new(head: usize, first: usize, times: &[f32]) -> Self {
        let mut turns = Turns {
            half: head / 2,
            ..Turns::default()
        };
        turns.extend(first, times);
        turns
    }

    /// Adds places.
    pub fn extend(&mut self, first: usize, times: &[f32]) {
        for (at, time) in times.iter().enumerate() {
            for pair in 0..self.half {
                let (sin, cos) = angle(pair, self.half, (first + at) as f64, f64::from(*time)).sin_cos();
                self.cos.push(cos as f32);
                self.sin.push(sin as f32);
            }
        }
    }

    /// Turns the heads of one place, which are side by side in `row`; `back` turns them back.
    #[inline(always)]
    pub fn turn(&self, place: usize, row: &mut [f32], back: bool) {
        let half = self.half;
        let cos = &self.cos[place * half..(place + 1) * half];
        let sin = &self.sin[place * half..(place + 1) * half];
        let sign = if back { -1.0 } else { 1.0 };
        for head in row.chunks_exact_mut(2 * half) {
            let (a, b) = head.split_at_mut(half);
            for ((a, b), (cos, sin)) in a.iter_mut().zip(b).zip(cos.iter().zip(sin)) {
                let (x, y) = (*a, *b);
                *a = x * cos - sign * y * sin;
                *b = sign * x * sin + y * cos;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_see_distances_only_and_turn_back() {
        let head = 16;
        let dot = |place: usize, time: f32| {
            let times: Vec<f32> = vec![time, time + 60.0];
            let turns = Turns::new(head, place, &times);
            let mut a: Vec<f32> = (0..head).map(|i| (i as f32).sin()).collect();
            let mut b: Vec<f32> = (0..head).map(|i| (i as f32 * 0.7).cos()).collect();
            turns.turn(0, &mut a, false);
            turns.turn(1, &mut b, false);
            let dot = a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>();
            turns.turn(1, &mut b, true);
            assert!((b[3] - (2.1_f32).cos()).abs() < 1e-5);
            dot
        };
        assert!((dot(0, 0.0) - dot(77, 5_003.0)).abs() < 1e-3);
    }
}
