//! music21's quantisation: to the nearest multiple of a quarter or a third of a beat, whichever is nearer.

/// Units of musical time to a quarter note: what bars of 128ths, sixteenths and triplets share.
pub(super) const UNITS: i64 = 96;

/// The parts of a quarter note that times are rounded to.
const DIVISORS: [i64; 2] = [4, 3];

/// A time in quarters that is a multiple of a quarter or a third.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest {
    /// In [`UNITS`].
    pub units: i64,
    /// The same in quarters, as music21 computes it.
    pub quarters: f64,
}

/// The multiple that is nearest to a time, both in quarters; of those that leave part of a gap open (a note that should last until
/// the next begins), the one that leaves least.
///
/// The arithmetic is that of `Stream.quantize`, step by step in double precision, since ties hang on its rounding.
pub(super) fn nearest(target: f64, zero_allowed: bool, gap: f64) -> Nearest {
    let [quarter, third] = DIVISORS.map(|divisor| {
        let tick = 1.0 / divisor as f64;
        let below = (target / tick).floor();
        let (low, high) = (tick * below, tick * (below + 1.0));
        let (mut times, mut at, mut error) = match low <= target && target <= low + tick / 2.0 {
            true => (below, low, target - low),
            false => (below + 1.0, high, high - target),
        };
        if at == 0.0 && !zero_allowed {
            (times, at, error) = (1.0, tick, (target - tick).abs());
        }
        let open = match gap % tick == 0.0 {
            true => 0.0,
            false => (gap - at).max(0.0),
        };
        let nearest = Nearest {
            units: times as i64 * (UNITS / divisor),
            quarters: at,
        };
        (nearest, open, error)
    });
    let nearer = match third.1 == quarter.1 {
        true => less(third.2, quarter.2),
        false => third.1 < quarter.1,
    };
    if nearer { third.0 } else { quarter.0 }
}

/// Whether one error is less than another once both are rounded to seven places.
fn less(a: f64, b: f64) -> bool {
    if (a - b).abs() > 1e-6 {
        return a < b;
    }
    // On the beat both are nothing.
    if a.max(b) < 4e-8 {
        return false;
    }
    let rounded = |error: f64| format!("{error:.7}").parse::<f64>().unwrap_or(error);
    rounded(a) < rounded(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_to_quarters_and_thirds_of_a_beat() {
        let units = |target| nearest(target, true, 0.0).units;
        assert_eq!(units(0.0), 0);
        assert_eq!(units(0.26), 24);
        assert_eq!(units(0.3), 32);
        // Half-way between a quarter and a third the quarter is taken.
        assert_eq!(units(7.0 / 24.0), 24);
        assert_eq!(units(0.125), 0);
        assert_eq!(units(5.66), 32 * 17);
    }

    #[test]
    fn a_note_lasts_and_fills_the_gap_before_the_next() {
        assert_eq!(nearest(0.01, false, 0.0).units, 24);
        assert_eq!(nearest(0.2, false, 1.0 / 3.0).units, 32);
        assert_eq!(nearest(0.2, false, 0.25).units, 24);
    }
}
