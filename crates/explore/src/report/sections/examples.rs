//! One recording of each class, side by side.

use melisma_plot::{Caption, Recording, side_by_side};

use super::Context;
use crate::report::{ReportError, Section};

/// Seconds that are shown of each.
const SECONDS: f64 = 30.0;

pub(super) fn section(context: &mut Context<'_>) -> Result<Option<Section>, ReportError> {
    let mut shown: Vec<(String, Recording)> = Vec::new();
    for (class, path) in &context.options.examples {
        // A file that cannot be read was told of when its features were asked for; the next of its class takes its place.
        if shown.iter().any(|(name, _)| name == class) {
            continue;
        }
        if let Ok(recording) = Recording::read(path, 0.0, Some(SECONDS)) {
            shown.push((class.clone(), recording));
        }
    }
    if shown.is_empty() {
        return Ok(None);
    }
    let mut part = Section::new("examples", "One recording of each class");
    part.text.push(
        "The mel spectrogram of the first recording of each class, at most half a minute of it.".to_owned(),
    );
    part.figures.push(side_by_side(
        &mut shown,
        &Caption::new(
            "examples",
            "One mel spectrogram of each class",
            "Mel spectrograms of one recording of each class, side by side: time from left to right, frequency upwards.",
        ),
    )?);
    Ok(Some(part))
}
