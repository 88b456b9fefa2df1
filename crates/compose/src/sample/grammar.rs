//! Which tokens may come: what makes a step of the compound design a step of the piece that was asked for.

use melisma_score::tokens::{Compound, Design, STEPS_PER_QUARTER};

use super::{DRUMS, Request};
use crate::steps::field;
use crate::{Error, Result};

/// Fields of a step.
pub(super) const WIDTH: usize = 8;
const TEMPO: usize = 3;
const DURATION: usize = 6;
/// Bars that may be passed over at once.
const MOST_SILENCE: u32 = 2;
/// Steps of a bar at most: denser bars are no music.
const MOST_IN_BAR: usize = 256;
/// Keys that General MIDI gives drums, and what General MIDI 2 adds.
const DRUM_KEYS: std::ops::RangeInclusive<u16> = 27..=87;

/// What may come next in a piece.
#[derive(Debug, Clone)]
pub struct Grammar {
    bars: u32,
    metre: u16,
    /// Steps of a bar.
    long: u16,
    tempo: u16,
    /// Voices in rising order.
    voices: Vec<u16>,
    begun: u32,
    /// Steps of the bar at hand.
    in_bar: usize,
    /// Position, voice and pitch of the step before, in the bar at hand.
    last: Option<(u16, u16, u16)>,
    fields: Vec<u16>,
}

impl Grammar {
    /// That of a piece as asked.
    ///
    /// # Errors
    /// [`Error::Params`] for a metre that the design does not have.
    pub fn new(request: &Request) -> Result<Grammar> {
        let design = Compound::new();
        let fields = design.fields();
        let (beats, value) = request.metre;
        let name = format!("{beats}/{value}");
        let metres = &fields[field::METRE].vocabulary;
        let metre = metres.iter().position(|known| *known == name).ok_or_else(|| {
            Error::Params(format!(
                "the metre {name} cannot be told: bars are at most six quarters long"
            ))
        })?;
        let tempos = fields[TEMPO].vocabulary.iter().map(|text| text.parse::<f64>());
        let tempo = tempos
            .enumerate()
            .filter_map(|(at, tempo)| Some((at, tempo.ok()?)))
            .min_by(|a, b| {
                let far = |tempo: f64| (tempo / request.tempo).ln().abs();
                far(a.1).total_cmp(&far(b.1))
            })
            .map_or(0, |(at, _)| at);
        let mut voices: Vec<u16> = request
            .instruments
            .iter()
            .map(|voice| u16::from(*voice))
            .collect();
        voices.sort_unstable();
        Ok(Grammar {
            bars: request.bars,
            metre: metre as u16,
            long: (u32::from(beats) * 4 * STEPS_PER_QUARTER / u32::from(value)) as u16,
            tempo: tempo as u16,
            voices,
            begun: 0,
            in_bar: 0,
            last: None,
            fields: Vec::new(),
        })
    }

    /// Bars begun.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    /// The fields of the step at hand that are known.
    pub fn fields(&self) -> &[u16] {
        &self.fields
    }

    /// Steps from the beginning of a bar to its end.
    pub(super) fn long(&self) -> u16 {
        self.long
    }

    /// The pitches of a voice that are played.
    fn range(voice: u16) -> std::ops::RangeInclusive<u16> {
        match voice == u16::from(DRUMS) {
            true => DRUM_KEYS,
            false => 0..=127,
        }
    }

    /// Whether anything may follow the last step at its own position.
    fn room(&self, (_, voice, pitch): (u16, u16, u16)) -> bool {
        self.voices.last() != Some(&voice) || pitch < *Self::range(voice).end()
    }

    /// The position of the last step, if the step at hand is of the same bar.
    fn here(&self) -> Option<(u16, u16, u16)> {
        self.last.filter(|_| self.fields.first() == Some(&0))
    }

    /// Whether a token may come now. A step that begins a bar after the last ends the piece: [`Grammar::ends`].
    pub fn allows(&self, token: u16) -> bool {
        let fields = &self.fields;
        match fields.len() {
            field::BARS => match (self.begun, self.last) {
                (0, _) => token == 1,
                // No bar is left empty at its beginning: a step that begins it always follows.
                (_, Some(last)) if token == 0 => {
                    self.in_bar < MOST_IN_BAR && (last.0 + 1 < self.long || self.room(last))
                }
                (_, None) if token == 0 => false,
                // The last bar is reached whatever is passed over.
                _ => u32::from(token) <= MOST_SILENCE.min((self.bars - self.begun).max(1)),
            },
            field::METRE => token == self.metre,
            field::POSITION => {
                token < self.long
                    && match self.here() {
                        None => true,
                        Some(last) => token > last.0 || (token == last.0 && self.room(last)),
                    }
            }
            TEMPO => token == self.tempo,
            field::PROGRAM => {
                self.voices.contains(&token)
                    && match self.here().filter(|last| last.0 == fields[field::POSITION]) {
                        None => true,
                        Some((_, voice, pitch)) => {
                            token > voice || (token == voice && pitch < *Self::range(voice).end())
                        }
                    }
            }
            field::PITCH => {
                let voice = fields[field::PROGRAM];
                Self::range(voice).contains(&token)
                    && match self.here() {
                        Some(last) if (last.0, last.1) == (fields[field::POSITION], voice) => token > last.2,
                        _ => true,
                    }
            }
            DURATION => fields[field::PROGRAM] != u16::from(DRUMS) || token == 0,
            _ => true,
        }
    }

    /// Whether a token ends the piece: it begins a bar after the last.
    pub fn ends(&self, token: u16) -> bool {
        self.fields.is_empty() && self.begun + u32::from(token) > self.bars
    }

    /// Goes on by a token that is allowed and does not end the piece; gives the step that it completes.
    pub fn take(&mut self, token: u16) -> Option<[u16; WIDTH]> {
        self.fields.push(token);
        let step: [u16; WIDTH] = self.fields.as_slice().try_into().ok()?;
        if step[field::BARS] > 0 {
            self.begun += u32::from(step[field::BARS]);
            self.in_bar = 0;
        }
        self.in_bar += 1;
        self.last = Some((step[field::POSITION], step[field::PROGRAM], step[field::PITCH]));
        self.fields.clear();
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use melisma_dataset::rng::Rng;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_drawn_is_a_piece_as_it_was_asked_for(
            seed: u64,
            bars in 1_u32..20,
            metre in prop::sample::select(vec![(4_u8, 4_u8), (3, 4), (6, 8), (5, 4), (2, 2)]),
            voices in prop::collection::btree_set(0_u8..=128, 1..4),
        ) {
            let request = Request {
                bars,
                metre,
                instruments: voices.iter().copied().collect(),
                tempo: 140.0,
                ..Request::default()
            };
            let design = Compound::new();
            let mut grammar = Grammar::new(&request).unwrap();
            let mut rng = Rng::new(seed);
            let mut tokens = Vec::new();
            'piece: loop {
                let size = design.fields()[grammar.fields().len()].vocabulary.len();
                let allowed: Vec<u16> = (0..size as u16).filter(|token| grammar.allows(*token)).collect();
                prop_assert!(!allowed.is_empty(), "nothing may follow {:?}", grammar);
                // Mostly within the bar, and high: corners are met.
                let token = match rng.below(3) {
                    0 => *allowed.last().unwrap(),
                    _ => allowed[rng.below(allowed.len())],
                };
                if grammar.ends(token) {
                    break 'piece;
                }
                if let Some(step) = grammar.take(token) {
                    tokens.extend(step);
                }
            }
            let score = design.decode(&tokens).unwrap();
            prop_assert_eq!(melisma_score::tokens::Piece::of(&score).bars.len() as u32, bars);
            for track in &score.tracks {
                let voice = if track.drums { DRUMS } else { track.program };
                prop_assert!(voices.contains(&voice));
            }
            prop_assert_eq!(design.encode(&score).len() / WIDTH, tokens.len() / WIDTH);
        }
    }
}
