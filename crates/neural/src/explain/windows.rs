//! Which windows of a recording decided.

use ndarray::ArrayView2;

use super::{Error, log_odds};

/// A window and its part in the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Begin in seconds.
    pub from: f64,
    /// End in seconds.
    pub to: f64,
    /// The class's log-odds in this window alone.
    pub log_odds: f64,
    /// What it adds to the recording's evidence: its log-odds less those of a window that says nothing (all classes alike), by the
    /// number of windows. The evidences of all windows sum to that of the recording, whose log-odds are the mean of theirs.
    pub evidence: f64,
}

/// The windows of a recording with what each says about a class, from their probabilities (windows x classes) and their begins and ends
/// in seconds.
///
/// # Errors
/// [`Error::Unfit`] where numbers of windows differ, there are fewer than two classes or no such class, or a probability is not finite.
pub fn windows(
    probabilities: ArrayView2<'_, f64>,
    spans: &[(f64, f64)],
    class: usize,
) -> Result<Vec<Window>, Error> {
    let (n, classes) = probabilities.dim();
    if n != spans.len() {
        return Err(Error::Unfit(format!(
            "probabilities of {n} windows, and times of {}",
            spans.len()
        )));
    }
    if classes < 2 || class >= classes {
        return Err(Error::Unfit(format!(
            "there is no class {class} to tell from others among {classes}"
        )));
    }
    if probabilities.column(class).iter().any(|p| !p.is_finite()) {
        return Err(Error::Unfit("a probability is not finite".to_owned()));
    }
    let nothing = log_odds(1.0 / classes as f64);
    let window = |(&p, &(from, to)): (&f64, &(f64, f64))| {
        let log_odds = log_odds(p);
        Window {
            from,
            to,
            log_odds,
            evidence: (log_odds - nothing) / n as f64,
        }
    };
    Ok(probabilities
        .column(class)
        .iter()
        .zip(spans)
        .map(window)
        .collect())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn evidence_sums_to_the_recordings() {
        let probabilities = array![
            [0.8, 0.1, 0.1],
            [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0],
            [0.1, 0.6, 0.3]
        ];
        let spans = [(0.0, 3.0), (3.0, 6.0), (6.0, 9.0)];
        let found = windows(probabilities.view(), &spans, 0).unwrap();
        let mean = found.iter().map(|w| w.log_odds).sum::<f64>() / 3.0;
        let sum = found.iter().map(|w| w.evidence).sum::<f64>();
        assert!((sum - (mean + 2.0_f64.ln())).abs() < 1e-12);
        assert!(found[0].evidence > 0.0 && found[1].evidence.abs() < 1e-12 && found[2].evidence < 0.0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let probabilities = array![[0.5, 0.5]];
        assert!(windows(probabilities.view(), &[], 0).is_err());
        assert!(windows(probabilities.view(), &[(0.0, 1.0)], 2).is_err());
        assert!(windows(array![[f64::NAN, 0.5]].view(), &[(0.0, 1.0)], 0).is_err());
        assert!(windows(array![[1.0]].view(), &[(0.0, 1.0)], 0).is_err());
        assert!(
            windows(array![[0.0, 1.0]].view(), &[(0.0, 1.0)], 1).unwrap()[0]
                .log_odds
                .is_finite()
        );
    }
}
