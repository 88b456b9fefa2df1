//! Axes: from values to pixels, and the round numbers that are written beside them.
//!
//! Values are a stranger's: whatever their size, there are few ticks, and no position lies outside the axis.

/// Largest magnitude an axis reaches, so that differences stay finite.
const HUGE: f64 = 1e300;

/// A place on an axis with its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub at: f64,
    pub label: String,
}

/// An axis between two values.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub lo: f64,
    pub hi: f64,
    pub log: bool,
    pub ticks: Vec<Tick>,
    pub label: String,
}

impl Axis {
    /// An axis that reaches from one round number to another around all finite values.
    pub(crate) fn around(values: impl Iterator<Item = f64>, ticks: usize, label: &str) -> Option<Self> {
        let (lo, hi) = range(values)?;
        let step = nice_step((hi - lo) / ticks.max(1) as f64);
        let (lo, hi) = ((lo / step).floor() * step, (hi / step).ceil() * step);
        Some(Axis::between(lo, hi, ticks, label))
    }

    /// An axis that reaches a little beyond all finite values.
    pub(crate) fn loose(values: impl Iterator<Item = f64>, ticks: usize, label: &str) -> Option<Self> {
        let (lo, hi) = range(values)?;
        let room = (hi - lo) * 0.04;
        Some(Axis::between(lo - room, hi + room, ticks, label))
    }

    /// An axis from zero (or below, for negative values) to a round number above all values.
    pub(crate) fn from_zero(values: impl Iterator<Item = f64>, ticks: usize, label: &str) -> Option<Self> {
        let mut some = false;
        let values = values.filter(|v| v.is_finite()).inspect(|_| some = true);
        let (lo, hi) = values.fold((0.0f64, 0.0f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
        if !some {
            return None;
        }
        // A little room, so that the highest bar does not touch the frame.
        let (lo, hi) = if lo == hi {
            (0.0, 1.0)
        } else {
            (lo * 1.03, hi * 1.03)
        };
        Axis::around([lo, hi].into_iter(), ticks, label)
    }

    /// An axis with about `ticks` round numbers.
    pub(crate) fn between(lo: f64, hi: f64, ticks: usize, label: &str) -> Self {
        Axis {
            lo,
            hi,
            log: false,
            ticks: linear_ticks(lo, hi, ticks),
            label: label.to_owned(),
        }
    }

    /// An axis of seconds, in minutes and seconds where they are many.
    pub(crate) fn time(lo: f64, hi: f64, ticks: usize) -> Self {
        let (ticks, label) = time_ticks(lo, hi, ticks);
        Axis {
            lo,
            hi,
            log: false,
            ticks,
            label: label.to_owned(),
        }
    }

    /// A logarithmic axis around all values above zero.
    pub(crate) fn logarithmic(values: impl Iterator<Item = f64>, label: &str) -> Option<Self> {
        let (lo, hi) = range(values.filter(|&v| v > 0.0))?;
        let lo = if lo > 0.0 { lo } else { hi / 10.0 };
        Some(Axis {
            lo,
            hi,
            log: true,
            ticks: log_ticks(lo, hi),
            label: label.to_owned(),
        })
    }

    /// An axis with given ticks.
    pub(crate) fn with_ticks(lo: f64, hi: f64, ticks: Vec<Tick>, label: &str) -> Self {
        Axis {
            lo,
            hi,
            log: false,
            ticks,
            label: label.to_owned(),
        }
    }

    /// Where a value lies, 0 at the low end and 1 at the high one; what lies beyond an end is put there.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.lo).ln() - self.lo.ln()) / (self.hi.ln() - self.lo.ln())
        } else {
            (value - self.lo) / (self.hi - self.lo)
        };
        if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        }
    }
}

/// The smallest and largest finite value, apart from each other even where all are equal.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (lo, hi) = values
        .filter(|v| v.is_finite())
        .map(|v| v.clamp(-HUGE, HUGE))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| {
            (lo.min(v), hi.max(v))
        });
    if lo > hi {
        return None;
    }
    let size = lo.abs().max(hi.abs());
    if hi - lo > size * 1e-9 && hi - lo > 1e-300 {
        return Some((lo, hi));
    }
    let room = if size < 1e-290 { 0.5 } else { size * 0.1 };
    Some((lo - room, hi + room))
}

/// The round number (1, 2, 2.5 or 5 times a power of ten) that is no smaller than a step.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.max(1e-305).log10().floor());
    let lead = step / power;
    let nice = [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .find(|&n| n >= lead * (1.0 - 1e-9));
    nice.unwrap_or(10.0) * power
}

fn linear_ticks(lo: f64, hi: f64, count: usize) -> Vec<Tick> {
    let step = nice_step((hi - lo) / count.max(1) as f64);
    multiples(lo, hi, step, count)
        .map(|at| Tick {
            at,
            label: fixed(at, step),
        })
        .collect()
}

/// The multiples of a step between two values; never more than three times `count`.
fn multiples(lo: f64, hi: f64, step: f64, count: usize) -> impl Iterator<Item = f64> {
    let first = (lo / step - 1e-6).ceil();
    let end = hi + step * 1e-6;
    (0..3 * count.max(1))
        .map(move |i| (first + i as f64) * step)
        .take_while(move |&at| at <= end)
        .filter(|at| at.is_finite())
}

/// A number with as many decimals as its step needs; with a power of ten where that would be long.
fn fixed(value: f64, step: f64) -> String {
    let value = if value.abs() < step * 1e-6 { 0.0 } else { value };
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) || step < 1e-6 {
        return power_of_ten(value);
    }
    let decimals = (0..=7)
        .find(|&d| {
            let scaled = step * 10f64.powi(d);
            (scaled - scaled.round()).abs() < 1e-6 * scaled.max(1.0)
        })
        .unwrap_or(7);
    format!("{value:.*}", decimals as usize).replace('-', "−")
}

fn power_of_ten(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.2e}");
    let (lead, power) = text.split_once('e').unwrap_or((&text, "0"));
    let lead = lead.trim_end_matches('0').trim_end_matches('.');
    format!("{lead}e{power}").replace('-', "−")
}

/// A number in a text, with about four digits.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "no value".to_owned();
    }
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e7).contains(&size) {
        return power_of_ten(value);
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    text.replace('-', "−")
}

/// Minutes and seconds, or seconds with decimals, as far as `step` needs.
pub(crate) fn clock(seconds: f64, step: f64) -> String {
    let whole = seconds.round();
    if whole >= 3600.0 {
        let (h, m, s) = (whole / 3600.0, whole / 60.0 % 60.0, whole % 60.0);
        return format!("{}:{:02}:{:02}", h as u64, m as u64, s as u64);
    }
    if step < 1.0 {
        return fixed(seconds, step);
    }
    format!("{}:{:02}", (whole / 60.0) as u64, (whole % 60.0) as u64)
}

fn time_ticks(lo: f64, hi: f64, count: usize) -> (Vec<Tick>, &'static str) {
    let rough = (hi - lo) / count.max(1) as f64;
    let minutes = hi > 120.0 && rough > 1.0;
    let step = if minutes {
        const STEPS: [f64; 13] = [
            5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0,
        ];
        STEPS
            .into_iter()
            .find(|&s| s >= rough)
            .unwrap_or_else(|| nice_step(rough))
    } else {
        nice_step(rough)
    };
    let text = |at: f64| if minutes { clock(at, step) } else { fixed(at, step) };
    let ticks = multiples(lo, hi, step, count)
        .map(|at| Tick { at, label: text(at) })
        .collect();
    let label = match (minutes, hi >= 3600.0) {
        (false, _) => "time (s)",
        (true, false) => "time (min:s)",
        (true, true) => "time (h:min:s)",
    };
    (ticks, label)
}

/// Powers of ten; with their doubles and fivefolds where there are few.
fn log_ticks(lo: f64, hi: f64) -> Vec<Tick> {
    let (first, last) = (lo.log10().floor() as i32, hi.log10().ceil() as i32);
    let every = ((last - first) / 8).max(1);
    let leads: &[f64] = if last - first <= 3 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    (first..=last)
        .step_by(every as usize)
        .flat_map(|power| leads.iter().map(move |lead| lead * 10f64.powi(power)))
        .filter(|&at| at >= lo * (1.0 - 1e-9) && at <= hi * (1.0 + 1e-9))
        .map(|at| Tick {
            at,
            label: number(at),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(
            labels(&linear_ticks(0.0, 1.0, 5)),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(&linear_ticks(-1.0, 1.0, 4)),
            ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
        );
        assert_eq!(
            labels(&linear_ticks(0.0, 11_025.0, 5)),
            ["0", "2500", "5000", "7500", "10000"]
        );
        assert_eq!(labels(&linear_ticks(0.0, 3e-9, 3)), ["0", "1e−9", "2e−9", "3e−9"]);
    }

    #[test]
    fn time_is_written_as_on_a_clock() {
        assert_eq!(
            labels(&time_ticks(0.0, 30.0, 6).0),
            ["0", "5", "10", "15", "20", "25", "30"]
        );
        assert_eq!(
            labels(&time_ticks(0.0, 180.0, 4).0),
            ["0:00", "1:00", "2:00", "3:00"]
        );
        assert_eq!(
            labels(&time_ticks(0.0, 4000.0, 3).0),
            ["0:00", "30:00", "1:00:00"]
        );
    }

    #[test]
    fn ranges_are_never_empty() {
        for values in [
            vec![1.0],
            vec![0.0, 0.0],
            vec![-1e300, -1e300],
            vec![f64::MAX, f64::MIN],
            vec![5e-324],
        ] {
            let (lo, hi) = range(values.iter().copied()).unwrap();
            assert!(lo < hi && (hi - lo).is_finite(), "{values:?}: {lo} {hi}");
        }
        assert_eq!(range([f64::NAN, f64::INFINITY].into_iter()), None);
    }

    #[test]
    fn numbers_have_four_digits() {
        let cases = [
            (0.0, "0"),
            (2.34567, "2.346"),
            (1234.5, "1234"),
            (-0.5, "−0.5"),
            (1e-9, "1e−9"),
            (2e8, "2e8"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
