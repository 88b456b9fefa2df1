//! How the steps of a design become what a network reads: inputs and musical time.

use melisma_score::tokens::{Compound, Design, STEPS_PER_QUARTER};
use serde::{Deserialize, Serialize};

use crate::network::Window;

/// Where the fields of a compound step are.
pub(crate) mod field {
    pub const BARS: usize = 0;
    pub const METRE: usize = 1;
    pub const POSITION: usize = 2;
    pub const PROGRAM: usize = 4;
    pub const PITCH: usize = 5;
}

/// Program and pitch of what is no tone.
const DRUMS: u16 = 128;
const NO_PITCH: u16 = 128;

/// How a design's steps are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Steps {
    /// One field, which is the one input; a step takes a quarter of a beat.
    Plain {
        /// The size of its vocabulary.
        size: usize,
        /// How many values each control may take.
        controls: Vec<usize>,
    },
    /// Notes with their eight fields; drums and tones are told apart, and tones' pitch classes are an input of their own.
    Compound {
        /// The size of each vocabulary.
        sizes: Vec<usize>,
        /// The steps of the grid that a bar of each metre lasts.
        bars: Vec<u32>,
        /// How many values each control may take.
        controls: Vec<usize>,
    },
}

impl Steps {
    /// How the steps of a design are read, with controls that may take so many values each.
    pub fn of(design: &dyn Design, controls: &[usize]) -> Steps {
        let fields = design.fields();
        let controls = controls.to_vec();
        if let [field] = fields {
            return Steps::Plain {
                size: field.vocabulary.len(),
                controls,
            };
        }
        let steps = |metre: &String| {
            let (beats, value) = metre.split_once('/').unwrap_or(("4", "4"));
            let number = |text: &str| text.parse::<u32>().unwrap_or(4);
            number(beats) * 4 * STEPS_PER_QUARTER / number(value)
        };
        Steps::Compound {
            sizes: fields.iter().map(|field| field.vocabulary.len()).collect(),
            bars: fields[field::METRE].vocabulary.iter().map(steps).collect(),
            controls,
        }
    }

    /// Whether steps can be read so: those of notes have the fields of the design as it is.
    pub(crate) fn known(&self) -> bool {
        match self {
            Steps::Plain { .. } => true,
            Steps::Compound { controls, .. } => *self == Steps::of(&Compound::new(), controls),
        }
    }

    /// How many values each control may take.
    pub fn controls(&self) -> &[usize] {
        match self {
            Steps::Plain { controls, .. } | Steps::Compound { controls, .. } => controls,
        }
    }

    /// How many tokens the vocabulary of each field has.
    pub fn fields(&self) -> Vec<usize> {
        match self {
            Steps::Plain { size, .. } => vec![*size],
            Steps::Compound { sizes, .. } => sizes.clone(),
        }
    }

    /// How many values each input may take; the last of each but the controls stands for the beginning.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = match self {
            Steps::Plain { size, .. } => vec![size + 1],
            Steps::Compound { sizes, .. } => {
                let mut sizes: Vec<usize> = sizes.iter().map(|size| size + 1).collect();
                sizes[field::PITCH] = usize::from(NO_PITCH) + 1 + 128 + 1;
                sizes.push(13 + 1);
                sizes
            }
        };
        sizes.extend(self.controls());
        sizes
    }

    /// The inputs of the place before the first step.
    pub fn begin(&self, controls: &[u16], out: &mut Vec<u16>) {
        let sizes = self.sizes();
        let own = sizes.len() - self.controls().len();
        out.extend(sizes[..own].iter().map(|size| (size - 1) as u16));
        out.extend_from_slice(controls);
    }

    /// The inputs of a step.
    pub fn inputs(&self, fields: &[u16], controls: &[u16], out: &mut Vec<u16>) {
        out.extend_from_slice(fields);
        if let Steps::Compound { sizes, .. } = self {
            let (program, pitch) = (fields[field::PROGRAM], fields[field::PITCH]);
            let at = out.len() - sizes.len() + field::PITCH;
            let tone = pitch != NO_PITCH && program != DRUMS;
            if pitch != NO_PITCH && program == DRUMS {
                out[at] = NO_PITCH + 1 + pitch;
            }
            out.push(if tone { pitch % 12 } else { 12 });
        }
        out.extend_from_slice(controls);
    }

    /// A window of a piece: the steps `from..from + places` are told, each after the one before it. `times` are those of all of the
    /// piece's steps.
    pub fn window(
        &self,
        tokens: &[u16],
        times: &[f32],
        from: usize,
        places: usize,
        controls: &[u16],
    ) -> Window {
        let width = self.fields().len();
        let end = (from + places).min(tokens.len() / width);
        let step = |at: usize| &tokens[at * width..(at + 1) * width];
        let mut window = Window {
            targets: tokens[from * width..end * width].to_vec(),
            ..Window::default()
        };
        for at in from..end {
            match at.checked_sub(1) {
                None => self.begin(controls, &mut window.inputs),
                Some(before) => self.inputs(step(before), controls, &mut window.inputs),
            }
        }
        window.times.push(match from.checked_sub(1) {
            None => 0.0,
            Some(before) => times[before],
        });
        window.times.extend_from_slice(&times[from..end]);
        window
    }

    /// The time of each step of a piece.
    pub fn times(&self, tokens: &[u16]) -> Vec<f32> {
        let mut walk = Walk::default();
        tokens
            .chunks_exact(self.fields().len())
            .map(|fields| {
                walk.take(self, fields);
                walk.time()
            })
            .collect()
    }
}

/// Keeps the time of a piece.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Where the bar at hand begins and how long it is; no bar has begun where it has no length.
    bar: u32,
    length: u32,
    time: u32,
}

impl Walk {
    /// The time of the last step taken.
    pub fn time(&self) -> f32 {
        self.time as f32
    }

    /// The time of the next step, whose first fields are known.
    pub(crate) fn told(&self, steps: &Steps, fields: &[u16]) -> f32 {
        let mut next = self.clone();
        next.take(steps, fields);
        next.time()
    }

    /// Goes on by a step.
    pub fn take(&mut self, steps: &Steps, fields: &[u16]) {
        let Steps::Compound { bars, .. } = steps else {
            self.time = self.time.saturating_add(STEPS_PER_QUARTER / 4);
            return;
        };
        let begun = u32::from(fields[field::BARS]);
        if begun > 0 {
            // Bars passed over are as long as the one before.
            let before = if self.length == 0 {
                (begun - 1) * 4 * STEPS_PER_QUARTER
            } else {
                begun * self.length
            };
            self.bar = self.bar.saturating_add(before);
            self.length = bars[usize::from(fields[field::METRE])];
        }
        self.time = self.bar.saturating_add(u32::from(fields[field::POSITION]));
    }
}
