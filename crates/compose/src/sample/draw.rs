//! Drawing a piece from a network, token by token.

use melisma_dataset::rng::Rng;
use melisma_score::tokens::{Compound, Design};
use melisma_score::{KeySignature, Score, TimeSignature};
use rayon::prelude::*;

use super::grammar::WIDTH;
use super::{Grammar, Key, Request, instrument_name};
use crate::file::Composer;
use crate::model::Reader;
use crate::network::{TransformerReader, unit};
use crate::songs::{self, UNTOLD};
use crate::steps::field;
use crate::{Error, Result};

/// Bars that an instrument may be silent before it is called for.
const PATIENCE: u32 = 2;
/// Of the steps of a section that repeats an earlier one, the share that is taken over as it was.
const TAKEN_OVER: f32 = 0.85;
/// Nats that a tone outside the scale loses, for each attempt in which the piece was heard in another key.
const PULL: f32 = 0.75;
/// What the tonic gains for each of those nats.
const CHORD: f32 = 0.5;
/// Attempts at the key that was asked for.
const ATTEMPTS: u64 = 6;

/// A piece that was composed.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its tokens, those of what it goes on from included.
    pub tokens: Vec<u16>,
    /// Its score.
    pub score: Score,
    /// The key it is heard in, by its pitch classes.
    pub key: Option<Key>,
    /// Nats of a drawn token by the network, as it was asked.
    pub nats_per_note: f64,
    /// Notes drawn.
    pub notes: usize,
    /// The attempt, from 1, at which the key was met or given up.
    pub attempts: u64,
}

/// Hears of bars as they are composed.
pub trait Bars {
    /// A bar has been composed: its number from 1, and its steps.
    fn bar(&mut self, number: u32, steps: &[[u16; WIDTH]]);

    /// Whether to end before the piece is done.
    fn stopped(&self) -> bool {
        false
    }
}

impl Bars for () {
    fn bar(&mut self, _: u32, _: &[[u16; WIDTH]]) {}
}

/// Tells how good a piece is as far as it goes.
pub trait Reward: Sync {
    /// The higher, the better; what is no number is worst.
    fn reward(&self, score: &Score) -> f64;
}

/// Steers what is drawn by a reward: every few bars several ways to go on are drawn, and the one after which the piece is best is gone.
#[derive(Clone, Copy)]
pub struct Guide<'a> {
    /// What is good.
    pub reward: &'a dyn Reward,
    /// Ways to go on that are drawn each time, at least 1.
    pub ways: usize,
    /// Bars of each.
    pub bars: u32,
}

/// Composes a piece; the same request and network give the same piece. With a `prime`, compound tokens of whole bars, it goes on from there.
///
/// Where the piece is heard in another key than was asked for, it is moved, if that is of the same mode and nothing is to go on from, or else
/// composed anew, tones outside the scale ever less likely and those of the tonic's chord likelier; `bars` hears of every attempt, before it is
/// moved.
///
/// # Errors
/// [`Error::Params`] for what the network cannot meet, [`Error::Tokens`] for a prime that is not of the design, or empty,
/// [`Error::Interrupted`].
pub fn compose(
    composer: &Composer,
    request: &Request,
    prime: Option<&[u16]>,
    bars: &mut dyn Bars,
) -> Result<Piece> {
    compose_guided(composer, request, prime, None, bars)
}

/// As [`compose`], steered by a reward. Ways to go on are drawn side by side; the outcome does not depend on the number of threads.
///
/// # Errors
/// As [`compose`].
pub fn compose_guided(
    composer: &Composer,
    request: &Request,
    prime: Option<&[u16]>,
    guide: Option<Guide<'_>>,
    bars: &mut dyn Bars,
) -> Result<Piece> {
    request.check(&composer.genres)?;
    let design = Compound::new();
    if composer.about.design != design.name() {
        return Err(Error::Params(format!(
            "the model writes `{}` tokens, and pieces are composed of compound ones",
            composer.about.design
        )));
    }
    if let Some(prime) = prime {
        crate::model::check(&composer.about.sizes(), prime)?;
        if prime.is_empty() || !prime.len().is_multiple_of(WIDTH) {
            return Err(Error::Tokens("there is nothing to go on from".into()));
        }
    }
    let mut attempt = 0;
    loop {
        let piece = attempt_at(composer, request, prime, attempt, guide, bars)?;
        // Chance decides the tonic less surely than the mode: a piece in another key of the mode is moved to the one that was asked for.
        let piece = match prime.is_none() && request.chromaticism >= 1.0 {
            true => moved(request, piece)?,
            false => piece,
        };
        let met = request.key.is_none() || piece.key == request.key;
        attempt += 1;
        if met || attempt >= ATTEMPTS {
            return Ok(Piece {
                attempts: attempt,
                ..piece
            });
        }
    }
}

/// The piece in the key that was asked for, if it is heard in another of the same mode and every tone has room to move; otherwise as it is.
fn moved(request: &Request, piece: Piece) -> Result<Piece> {
    let (Some(asked), Some(heard)) = (request.key, piece.key) else {
        return Ok(piece);
    };
    let up = (i32::from(asked.tonic) - i32::from(heard.tonic)).rem_euclid(12);
    if asked.minor != heard.minor || up == 0 {
        return Ok(piece);
    }
    let by = if up > 6 { up - 12 } else { up } as i8;
    let mut tokens = piece.tokens.clone();
    if !songs::Moves::Pitches.apply(&mut tokens, by) {
        return Ok(piece);
    }
    let score = score_of(request, &[], &tokens)?;
    Ok(Piece {
        key: heard_in(&tokens),
        score,
        tokens,
        ..piece
    })
}

/// The key that tokens are heard in, by their pitch classes.
fn heard_in(tokens: &[u16]) -> Option<Key> {
    let [key, _] = songs::told_by_notes(tokens, &songs::durations());
    Key::told(key)
}

/// The controls of a request.
fn controls(composer: &Composer, request: &Request) -> Vec<u16> {
    let genre = request
        .genre
        .as_ref()
        .and_then(|genre| composer.genres.iter().position(|known| known == genre))
        .map_or(UNTOLD, |at| at as u16 + 1);
    let all = [
        genre,
        request.key.map_or(UNTOLD, Key::control),
        request.notes_per_bar.map_or(UNTOLD, songs::density),
    ];
    all[..composer.network.steps().controls().len().min(all.len())].to_vec()
}

fn attempt_at(
    composer: &Composer,
    request: &Request,
    prime: Option<&[u16]>,
    attempt: u64,
    guide: Option<Guide<'_>>,
    bars: &mut dyn Bars,
) -> Result<Piece> {
    let mut reader = composer.network.begin_with(&controls(composer, request));
    let prime = prime.unwrap_or_default();
    for token in prime {
        reader.read(*token);
    }
    let mut voices = request.instruments.clone();
    voices.sort_unstable();
    let seed = request.seed.wrapping_add(attempt.wrapping_mul(0x5DEE_CE66));
    let mut under_way = UnderWay {
        reader,
        drawing: Drawing {
            request,
            grammar: Grammar::new(request)?,
            rng: Rng::new(seed),
            steps: Vec::new(),
            starts: Vec::new(),
            heard: vec![0; voices.len()],
            voices,
            pull: PULL * attempt as f32,
            nats: 0.0,
            next: None,
        },
        ended: false,
    };
    let every = guide.map_or(1, |guide| guide.bars.max(1));
    let mut told = 0;
    while !under_way.ended {
        if bars.stopped() {
            return Err(Error::Interrupted);
        }
        let goal = under_way.drawing.grammar.begun() + every;
        match guide.filter(|guide| guide.ways > 1) {
            None => under_way.until(goal),
            Some(guide) => {
                let way = |number: usize| {
                    let mut way = under_way.clone();
                    if number > 0 {
                        let own = u64::from(goal) << 16 | number as u64;
                        way.drawing.rng = Rng::new(seed ^ own.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    }
                    way.until(goal);
                    let reward = match finish(request, prime, &way.drawing) {
                        Ok(piece) => guide.reward.reward(&piece.score),
                        Err(_) => f64::NAN,
                    };
                    (
                        way,
                        if reward.is_nan() {
                            f64::NEG_INFINITY
                        } else {
                            reward
                        },
                    )
                };
                let ways: Vec<_> = (0..guide.ways).into_par_iter().map(way).collect();
                // The first of those that are best.
                let best = ways
                    .into_iter()
                    .reduce(|best, way| if way.1 > best.1 { way } else { best });
                if let Some((way, _)) = best {
                    under_way = way;
                }
            }
        }
        told = under_way.drawing.tell(told, under_way.ended, bars);
    }
    finish(request, prime, &under_way.drawing)
}

/// A piece and what draws it.
#[derive(Clone)]
struct UnderWay<'a> {
    reader: TransformerReader<'a>,
    drawing: Drawing<'a>,
    ended: bool,
}

impl UnderWay<'_> {
    /// Goes on until a bar after number `goal` has begun, or the piece has ended.
    fn until(&mut self, goal: u32) {
        let drawing = &mut self.drawing;
        let mut out = Vec::new();
        while drawing.grammar.begun() <= goal {
            if drawing.grammar.fields().is_empty() {
                drawing.next = drawing.taken_over();
            }
            self.reader.predict(&mut out);
            let token = drawing.draw(&mut out);
            if drawing.grammar.ends(token) {
                self.ended = true;
                return;
            }
            let before = drawing.grammar.begun();
            self.reader.read(token);
            if let Some(step) = drawing.grammar.take(token) {
                drawing.note(step, before);
            }
        }
    }
}

/// A piece that is being drawn.
#[derive(Clone)]
struct Drawing<'a> {
    request: &'a Request,
    grammar: Grammar,
    rng: Rng,
    steps: Vec<[u16; WIDTH]>,
    /// The first step of each bar begun; of a silent bar the one after it.
    starts: Vec<usize>,
    /// The bar in which each voice was last heard.
    heard: Vec<u32>,
    voices: Vec<u8>,
    pull: f32,
    nats: f64,
    /// The step that is being taken over from an earlier section.
    next: Option<[u16; WIDTH]>,
}

impl Drawing<'_> {
    /// Tells of the bars that are complete since `told` of them were; gives how many are now.
    fn tell(&self, told: u32, ended: bool, bars: &mut dyn Bars) -> u32 {
        let complete = match ended {
            true => self.starts.len(),
            false => self.starts.len().saturating_sub(1),
        };
        for number in told as usize..complete {
            let end = self.starts.get(number + 1).copied().unwrap_or(self.steps.len());
            bars.bar(number as u32 + 1, &self.steps[self.starts[number]..end]);
        }
        complete as u32
    }

    /// Keeps a step that was completed.
    fn note(&mut self, step: [u16; WIDTH], before: u32) {
        for _ in before..self.grammar.begun() {
            self.starts.push(self.steps.len());
        }
        self.steps.push(step);
        if let Some(at) = self
            .voices
            .iter()
            .position(|voice| u16::from(*voice) == step[field::PROGRAM])
        {
            self.heard[at] = self.grammar.begun();
        }
    }

    /// Where the piece is in the bar: position, voice and pitch of the last step, if there was one.
    fn place(&self) -> Option<(u16, u16, u16)> {
        let step = self.steps.last()?;
        Some((step[field::POSITION], step[field::PROGRAM], step[field::PITCH]))
    }

    /// The step of an earlier section that comes next, where the form has one and chance takes it.
    fn taken_over(&mut self) -> Option<[u16; WIDTH]> {
        let form = self.request.form.as_ref()?;
        let long = u32::from(self.grammar.long());
        let begun = self.grammar.begun();
        let after = |bar: u32, place: Option<(u16, u16, u16)>| {
            let model = form.repeats(bar, self.request.bars)?;
            let from = *self.starts.get(model as usize)?;
            let to = *self.starts.get(model as usize + 1).unwrap_or(&self.steps.len());
            self.steps[from..to]
                .iter()
                .find(|step| {
                    let own = (step[field::POSITION], step[field::PROGRAM], step[field::PITCH]);
                    u32::from(step[field::POSITION]) < long && place.is_none_or(|place| own > place)
                })
                .copied()
        };
        let within = begun.checked_sub(1).and_then(|bar| after(bar, self.place()));
        let found = match within {
            Some(mut step) => {
                step[field::BARS] = 0;
                Some(step)
            }
            // The bar is done in the earlier section: on to the next, if that repeats one too.
            None if begun == 0
                || form.repeats(begun - 1, self.request.bars).is_some()
                || form.repeats(begun, self.request.bars).is_some() =>
            {
                let bar_done = begun == 0
                    || form.repeats(begun - 1, self.request.bars).is_some()
                    || self.place().is_some_and(|place| u32::from(place.0) + 1 >= long);
                (bar_done && begun < self.request.bars)
                    .then(|| after(begun, None))
                    .flatten()
                    .map(|mut step| {
                        step[field::BARS] = 1;
                        step
                    })
            }
            None => None,
        };
        found.filter(|_| unit(&mut self.rng) < TAKEN_OVER)
    }

    /// Draws the next token of what the network says.
    fn draw(&mut self, out: &mut [f32]) -> u16 {
        let at = self.grammar.fields().len();
        if let Some(token) = self
            .next
            .map(|step| step[at])
            .filter(|token| self.grammar.allows(*token))
        {
            self.nats -= f64::from(out[usize::from(token)]);
            return token;
        }
        self.next = None;
        let said = out.to_vec();
        for (token, value) in out.iter_mut().enumerate() {
            if !self.grammar.allows(token as u16) {
                *value = f32::NEG_INFINITY;
            }
        }
        match at {
            field::PROGRAM => self.call(out),
            field::PITCH => self.bend(out),
            _ => {}
        }
        let token = self.choose(out);
        self.nats -= f64::from(said[token]);
        token as u16
    }

    /// Makes instruments that have been silent for long likelier.
    fn call(&self, out: &mut [f32]) {
        let bar = self.grammar.begun() + u32::from(self.grammar.fields()[field::BARS]);
        for (voice, heard) in self.voices.iter().zip(&self.heard) {
            let silent = bar.saturating_sub(*heard);
            if silent > PATIENCE {
                out[usize::from(*voice)] += (silent - PATIENCE) as f32;
            }
        }
    }

    /// Makes tones outside the scale less likely, where that is asked for.
    fn bend(&self, out: &mut [f32]) {
        let drums = self.grammar.fields()[field::PROGRAM] == u16::from(super::DRUMS);
        let Some(key) = self.request.key.filter(|_| !drums) else {
            return;
        };
        // Nothing is lost at 1, and all at 0.
        let strict = -self.request.chromaticism.max(1e-9).ln();
        for (pitch, value) in out.iter_mut().enumerate() {
            let class = pitch as u16 % 12;
            if !key.holds(class) {
                *value -= strict + self.pull;
            } else if let Some(share) = key.weight(class) {
                *value += CHORD * share * self.pull;
            }
        }
    }

    /// A token by chance: the logarithms over the temperature, of the likeliest as many as have `top_p` together.
    fn choose(&mut self, out: &[f32]) -> usize {
        let most = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut shares: Vec<(f32, usize)> = out
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite())
            .map(|(token, value)| (((value - most) / self.request.temperature).exp(), token))
            .collect();
        shares.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let all: f32 = shares.iter().map(|(share, _)| share).sum();
        let mut kept = 0.0;
        let count = shares
            .iter()
            .position(|(share, _)| {
                kept += share;
                kept >= self.request.top_p * all
            })
            .map_or(shares.len(), |at| at + 1);
        let mut left = unit(&mut self.rng) * shares[..count].iter().map(|(share, _)| share).sum::<f32>();
        for (share, token) in &shares[..count] {
            left -= share;
            if left < 0.0 {
                return *token;
            }
        }
        shares[count - 1].1
    }
}

/// The piece as it was drawn.
fn finish(request: &Request, prime: &[u16], drawing: &Drawing<'_>) -> Result<Piece> {
    let mut tokens = prime.to_vec();
    tokens.extend(drawing.steps.iter().flatten());
    let notes = drawing.steps.len();
    Ok(Piece {
        score: score_of(request, prime, &tokens)?,
        key: heard_in(&tokens),
        tokens,
        nats_per_note: drawing.nats / notes.max(1) as f64,
        notes,
        attempts: 1,
    })
}

/// The tokens of a piece as a score.
fn score_of(request: &Request, prime: &[u16], tokens: &[u16]) -> Result<Score> {
    let mut score = Compound::new()
        .decode(tokens)
        .map_err(|fault| Error::Tokens(fault.to_string()))?;
    // Bars go on to the end of what rings; the piece ends with the bar of its last onset.
    let last = score.notes().map(|note| note.onset).max().unwrap_or(0);
    let bars = score.bars();
    let end = bars
        .iter()
        .take_while(|bar| bar.start <= last)
        .last()
        .map_or(0, |bar| bar.end);
    for track in &mut score.tracks {
        let voice = if track.drums { super::DRUMS } else { track.program };
        track.name = instrument_name(voice).to_owned();
        // What rings beyond the last bar is let go with it.
        for note in &mut track.notes {
            note.duration = note.duration.min(end.saturating_sub(note.onset));
        }
    }
    if score.time_signatures.first().is_none_or(|first| first.tick > 0) {
        let (numerator, denominator) = match prime.is_empty() {
            true => request.metre,
            false => (4, 4),
        };
        score.time_signatures.insert(
            0,
            TimeSignature {
                tick: 0,
                numerator,
                denominator,
            },
        );
    }
    // The tokens tell the tempo with the first note, which may not be the first thing in the bar.
    if let Some(first) = score.tempos.first_mut().filter(|_| prime.is_empty()) {
        first.tick = 0;
    }
    if let Some(key) = heard_in(tokens) {
        score.key_signatures = vec![KeySignature {
            tick: 0,
            sharps: key.sharps(),
            minor: key.minor,
        }];
    }
    score.tidy();
    Ok(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, Stage, Weights};
    use crate::sample::Form;
    use crate::{About, Steps, Transformer};

    /// A network that has learnt nothing.
    fn composer() -> Composer {
        let design = Compound::new();
        let steps = Steps::of(&design, &songs::control_sizes(2));
        let shape = Shape {
            inputs: steps.sizes(),
            fields: steps.fields(),
            stages: vec![Stage { layers: 1, fields: 5 }, Stage { layers: 1, fields: 3 }],
            width: 16,
            heads: 2,
            hidden: 32,
            told: 8,
        };
        let fields: Vec<(String, Vec<String>)> = design
            .fields()
            .iter()
            .map(|field| (field.name.to_owned(), field.vocabulary.clone()))
            .collect();
        Composer {
            name: "test".into(),
            genres: vec!["jazz".into(), "rock".into()],
            about: About::scores("compound", &fields, &[]),
            typical: Vec::new(),
            network: Transformer::new(shape.clone(), Weights::new(&shape, 1), steps, 64).unwrap(),
        }
    }

    struct Count(Vec<u32>, usize);

    impl Bars for Count {
        fn bar(&mut self, number: u32, steps: &[[u16; WIDTH]]) {
            self.0.push(number);
            self.1 += steps.len();
        }
    }

    #[test]
    fn a_piece_has_what_was_asked_for_and_the_same_seed_gives_it_again() {
        let request = Request {
            genre: Some("jazz".into()),
            tempo: 140.0,
            bars: 8,
            instruments: vec![0, 32, 66, 128],
            form: Some(Form::parse("AABA").unwrap()),
            ..Request::default()
        };
        let composer = composer();
        let mut count = Count(Vec::new(), 0);
        let piece = compose(&composer, &request, None, &mut count).unwrap();
        assert!(count.0.is_sorted() && count.0.last() == Some(&8));
        assert_eq!(count.1, piece.notes);
        let again = compose(&composer, &request, None, &mut ()).unwrap();
        assert_eq!(piece, again);
        let other = Request { seed: 2, ..request };
        assert_ne!(piece, compose(&composer, &other, None, &mut ()).unwrap());
        let mut voices: Vec<u8> = piece
            .score
            .tracks
            .iter()
            .map(|track| if track.drums { 128 } else { track.program })
            .collect();
        voices.sort_unstable();
        assert_eq!(voices, [0, 32, 66, 128]);
        let tempo = piece.score.tempos[0];
        assert_eq!(tempo.tick, 0);
        assert!((tempo.per_minute() / 140.0).ln().abs() < 0.04);
        assert_eq!(piece.score.bars().len(), 8);
        assert!(piece.score.end() <= piece.score.bars()[7].end);
    }

    /// Few notes are good.
    struct Few;

    impl Reward for Few {
        fn reward(&self, score: &Score) -> f64 {
            -(score.notes().count() as f64)
        }
    }

    #[test]
    fn what_is_guided_gets_more_of_its_reward_and_every_bar_is_told_once() {
        let request = Request {
            bars: 6,
            ..Request::default()
        };
        let composer = composer();
        let free = compose(&composer, &request, None, &mut ()).unwrap();
        let guide = |ways| {
            Some(Guide {
                reward: &Few,
                ways,
                bars: 2,
            })
        };
        let mut count = Count(Vec::new(), 0);
        let few = compose_guided(&composer, &request, None, guide(4), &mut count).unwrap();
        assert!(few.notes < free.notes, "{} {}", few.notes, free.notes);
        assert_eq!(count.0, [1, 2, 3, 4, 5, 6]);
        assert_eq!(count.1, few.notes);
        let one = compose_guided(&composer, &request, None, guide(1), &mut ()).unwrap();
        assert_eq!(one, free);
    }

    #[test]
    fn sections_of_one_letter_are_much_alike() {
        let request = Request {
            bars: 8,
            form: Some(Form::parse("AABA").unwrap()),
            ..Request::default()
        };
        let piece = compose(&composer(), &request, None, &mut ()).unwrap();
        let mut bars: Vec<std::collections::HashSet<Vec<u16>>> = Vec::new();
        for step in piece.tokens.chunks_exact(WIDTH) {
            for _ in 0..step[0] {
                bars.push(Default::default());
            }
            bars.last_mut().unwrap().insert(step[2..].to_vec());
        }
        let shared =
            |a: usize, b: usize| bars[a].intersection(&bars[b]).count() as f64 / bars[a].len().max(1) as f64;
        let alike = (shared(0, 2) + shared(1, 3) + shared(0, 6)) / 3.0;
        let others = (shared(0, 4) + shared(1, 5)) / 2.0;
        assert!(alike > others + 0.2, "{alike} {others}");
    }

    #[test]
    fn a_piece_goes_on_from_another() {
        let composer = composer();
        let request = Request {
            bars: 2,
            ..Request::default()
        };
        let prime = compose(&composer, &request, None, &mut ()).unwrap().tokens;
        let piece = compose(&composer, &request, Some(&prime), &mut ()).unwrap();
        assert_eq!(piece.tokens[..prime.len()], prime);
        let begun: u16 = piece.tokens.chunks_exact(WIDTH).map(|step| step[0]).sum();
        assert_eq!(begun, 4);
        let error = compose(&composer, &request, Some(&[]), &mut ()).unwrap_err();
        assert!(error.to_string().contains("nothing to go on from"));
    }

    #[test]
    fn a_piece_is_moved_to_the_key_that_was_asked_for() {
        let composer = composer();
        let mut met = 0;
        for (seed, key) in ["F", "Eb", "A", "C minor", "G minor"].iter().enumerate() {
            let request = Request {
                bars: 4,
                key: Some(Key::parse(key).unwrap()),
                seed: seed as u64,
                ..Request::default()
            };
            let piece = compose(&composer, &request, None, &mut ()).unwrap();
            // What is said of it is what is heard in it.
            assert_eq!(piece.key, heard_in(&piece.tokens));
            met += usize::from(piece.key == request.key);
        }
        assert!(met >= 4, "{met} of 5");
    }

    #[test]
    fn without_chromaticism_no_tone_leaves_the_scale() {
        let request = Request {
            bars: 6,
            key: Some(Key::parse("Eb").unwrap()),
            chromaticism: 0.0,
            ..Request::default()
        };
        let piece = compose(&composer(), &request, None, &mut ()).unwrap();
        let key = request.key.unwrap();
        assert!(
            piece
                .score
                .tones()
                .all(|note| key.holds(u16::from(note.pitch) % 12))
        );
        assert_eq!(piece.key, request.key);
    }
}
