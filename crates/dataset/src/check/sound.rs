//! Findings about single recordings: damage, length, silence, clipping, offset.
//!
//! Not for comparing sound: see `copies`.

use super::{Entry, Finding, FindingKind, Measured};

/// The share of recordings that must have about the median length before another length is odd.
const COMMON: f64 = 0.75;
/// How far from the common length is still the common length, in seconds.
const TOLERANCE_S: f64 = 0.5;
/// The share of silent blocks from which a recording is mostly silent.
const SILENT: f64 = 0.5;
/// The share of clipped samples from which it can be heard.
const CLIPPED: f64 = 0.005;
/// The mean of the samples from which they are off centre.
const OFF_CENTRE: f64 = 0.02;

/// What is odd about each recording; `clip_seconds` is the length that the collection is published with.
pub(super) fn findings(entries: &[Entry], clip_seconds: Option<f64>) -> Vec<Finding> {
    let measured = || {
        entries
            .iter()
            .filter_map(|e| Some((e.id(), e.measured.as_ref()?)))
    };
    let mut findings: Vec<Finding> = measured().flat_map(|(id, m)| of_one(id, m)).collect();
    let mut lengths: Vec<f64> = measured().map(|(_, m)| m.duration_s).collect();
    let expected = common_length(&mut lengths);
    match (expected, clip_seconds) {
        (Some(common), Some(published)) if (common - published).abs() > TOLERANCE_S => {
            findings.push(all_differ(common, published));
        }
        (None, Some(published)) if !lengths.is_empty() => {
            let median = lengths[lengths.len() / 2];
            findings.push(all_differ(median, published));
        }
        _ => {}
    }
    if let Some(expected) = expected {
        for (id, m) in measured().filter(|(_, m)| (m.duration_s - expected).abs() > TOLERANCE_S) {
            let detail = format!("{:.1} s, where most are {expected:.1} s long", m.duration_s);
            findings.push(Finding::new(FindingKind::Length, [id.to_owned()], detail));
        }
    }
    findings
}

fn all_differ(median: f64, published: f64) -> Finding {
    let detail = format!(
        "the median length is {median:.1} s, where the collection is published with {published:.1} s"
    );
    Finding::new(FindingKind::Length, [], detail).advising("compare with published results only with care")
}

/// The median length, where most recordings have it.
fn common_length(lengths: &mut [f64]) -> Option<f64> {
    lengths.sort_by(f64::total_cmp);
    let median = *lengths.get(lengths.len() / 2)?;
    let near = lengths
        .iter()
        .filter(|l| (**l - median).abs() <= TOLERANCE_S)
        .count();
    (near as f64 >= COMMON * lengths.len() as f64).then_some(median)
}

fn of_one(id: &str, measured: &Measured) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |kind, detail: String| findings.push(Finding::new(kind, [id.to_owned()], detail));
    for warning in &measured.warnings {
        find(FindingKind::Damaged, warning.clone());
    }
    if measured.silent_share >= 1.0 {
        find(
            FindingKind::Silent,
            format!("all {:.1} s are silent", measured.duration_s),
        );
    } else if measured.silent_share >= SILENT {
        let share = 100.0 * measured.silent_share;
        find(FindingKind::Silent, format!("{share:.0} % is silent"));
    }
    if measured.clipped_share >= CLIPPED {
        let share = 100.0 * measured.clipped_share;
        find(
            FindingKind::Clipped,
            format!("{share:.1} % of the samples stand at full scale"),
        );
    }
    if measured.dc_offset.abs() >= OFF_CENTRE {
        let offset = measured.dc_offset;
        find(
            FindingKind::DcOffset,
            format!("the mean of the samples is {offset:+.3} of full scale"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_length_needs_a_crowd() {
        let mut clips = vec![30.0, 30.01, 29.9, 30.0, 12.0];
        assert_eq!(common_length(&mut clips), Some(30.0));
        let mut songs = vec![180.0, 240.0, 200.0, 310.0];
        assert_eq!(common_length(&mut songs), None);
        assert_eq!(common_length(&mut []), None);
    }
}
