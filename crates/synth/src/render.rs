//! Scores to sound, piece by piece. Not for levels: see [`master`](crate::master).

use melisma_audio::{Hertz, Limit, Stereo, contained};
use melisma_score::Score;
use rustysynth::{Synthesizer, SynthesizerSettings};

use crate::error::{Error, Result};
use crate::font::Font;
use crate::schedule::{Event, Part, Schedule, What};

/// Samples that are rendered between two looks at what happens: 1.5 ms at 44,100 Hz.
const BLOCK: usize = 64;
/// Voices that may sound at a time in sixteen parts; the quietest gives way.
const VOICES: usize = 256;
/// Parts of one synthesizer.
const PARTS: usize = Synthesizer::CHANNEL_COUNT;
/// The channel that the synthesizer takes for drums.
const DRUM_CHANNEL: usize = Synthesizer::PERCUSSION_CHANNEL;
/// The bank that holds drum kits.
const DRUM_BANK: i32 = 128;
/// Seconds that may follow the last note's end.
const TAIL_S: f64 = 8.0;
/// What is quieter than this, 0.1 s long, is silence: -86 dB.
const SILENCE: f32 = 5e-5;

/// How a score is rendered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenderParams {
    /// Samples of each channel per second, 16,000 to 192,000.
    pub rate: Hertz,
    /// Whether there are reverb and chorus, as much as scores ask for (controllers 91 and 93; reverb of 40 where they do not).
    pub effects: bool,
    /// How long a score may last.
    pub limit: Limit,
}

impl Default for RenderParams {
    fn default() -> Self {
        RenderParams {
            rate: Hertz(44_100),
            effects: true,
            limit: Limit::Default,
        }
    }
}

/// Plays scores on a font; may be shared by threads.
#[derive(Debug, Clone)]
pub struct Synth {
    font: Font,
}

impl Synth {
    /// A player on this font.
    pub fn new(font: Font) -> Self {
        Synth { font }
    }

    /// The font.
    pub fn font(&self) -> &Font {
        &self.font
    }

    /// Renders a whole score, with what rings on after its end. The same score gives the same samples.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLong`], [`Error::Parameter`], and [`Error::Font`] where the font is damaged in a way that shows only
    /// when it is played.
    pub fn render(&self, score: &Score, params: &RenderParams) -> Result<Stereo> {
        self.begin(score, params)?.into_sound()
    }

    /// Begins to render a score, to be read piece by piece.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn begin(&self, score: &Score, params: &RenderParams) -> Result<Renderer> {
        Renderer::new(&self.font, score, None, params)
    }

    /// Begins to render one track of a score, as it sounds within the whole: what all tracks' stems add up to is the score, as long as no
    /// voice gives way and no two tracks of one channel and program hold one key.
    ///
    /// # Errors
    /// As [`render`](Self::render); [`Error::Empty`] where there is no such track.
    pub fn begin_stem(&self, score: &Score, track: usize, params: &RenderParams) -> Result<Renderer> {
        Renderer::new(&self.font, score, Some(track), params)
    }
}

/// A score that is being rendered.
pub struct Renderer {
    font: Font,
    synths: Vec<Synthesizer>,
    parts: Vec<Part>,
    events: Vec<Event>,
    next: usize,
    rate: Hertz,
    /// Samples that are rendered; where the last note ends; and where the sound ends at the latest.
    frame: u64,
    end: u64,
    last: u64,
    /// Samples of silence at the end of what is rendered.
    silent: u64,
    done: bool,
    /// What a second and further synthesizers play, before it is added.
    more: [Vec<f32>; 2],
}

impl Renderer {
    fn new(font: &Font, score: &Score, only: Option<usize>, params: &RenderParams) -> Result<Renderer> {
        let rate = params.rate;
        if !(16_000..=192_000).contains(&rate.0) {
            return Err(Error::Parameter(format!(
                "a rate of {rate}; 16000 to 192000 Hz are there"
            )));
        }
        let seconds = score.clock().seconds(score.end());
        if let Some(limit_s) = params.limit.seconds()
            && (seconds.is_nan() || seconds > limit_s)
        {
            return Err(Error::TooLong { seconds, limit_s });
        }
        let schedule = Schedule::of(score, only, f64::from(rate.0));
        if schedule.parts.is_empty() {
            return Err(Error::Empty);
        }
        let mut settings = SynthesizerSettings::new(rate.0 as i32);
        settings.block_size = BLOCK;
        settings.maximum_polyphony = VOICES;
        settings.enable_reverb_and_chorus = params.effects;
        let mut synths = Vec::new();
        for _ in schedule.parts.chunks(PARTS) {
            let synth = Synthesizer::new(font.sound(), &settings);
            synths.push(synth.map_err(|error| Error::Parameter(error.to_string()))?);
        }
        let mut renderer = Renderer {
            font: font.clone(),
            synths,
            parts: schedule.parts,
            events: schedule.events,
            next: 0,
            rate,
            frame: 0,
            end: schedule.end,
            last: schedule.end + (TAIL_S * f64::from(rate.0)) as u64,
            silent: 0,
            done: false,
            more: [vec![0.0; BLOCK], vec![0.0; BLOCK]],
        };
        for part in 0..renderer.parts.len() {
            renderer.choose_instrument(part);
        }
        Ok(renderer)
    }

    /// Samples of each channel per second.
    pub fn rate(&self) -> Hertz {
        self.rate
    }

    /// Samples to the end of the last note; what rings on comes on top.
    pub fn frames_of_notes(&self) -> u64 {
        self.end
    }

    /// Appends at least `frames` samples to both channels, fewer at the end; returns how many, 0 when all is rendered.
    ///
    /// # Errors
    /// [`Error::Font`] where the font is damaged in a way that shows only when it is played.
    pub fn read(&mut self, left: &mut Vec<f32>, right: &mut Vec<f32>, frames: usize) -> Result<usize> {
        let before = left.len();
        // Whatever state a panic leaves is not used again.
        let rendered = match self.done {
            true => Ok(()),
            false => contained(|| {
                while !self.done && left.len() - before < frames {
                    self.block(left, right);
                }
            }),
        };
        if let Err(panic) = rendered {
            self.done = true;
            let path = self.font.path().unwrap_or(self.font.name().as_ref()).to_owned();
            return Err(Error::Font {
                path,
                fault: format!("cannot be played: the synthesizer gave up ({panic})"),
            });
        }
        Ok(left.len() - before)
    }

    /// All that is left, as one sound.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn into_sound(mut self) -> Result<Stereo> {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        left.reserve(self.end as usize);
        right.reserve(self.end as usize);
        while self.read(&mut left, &mut right, 1 << 16)? > 0 {}
        Ok(Stereo::new(left, right, self.rate))
    }

    fn block(&mut self, left: &mut Vec<f32>, right: &mut Vec<f32>) {
        // What happens is moved to the block whose start is nearest.
        let until = self.frame + BLOCK as u64 / 2;
        while let Some(event) = self.events.get(self.next).filter(|event| event.frame < until) {
            let what = event.what;
            self.next += 1;
            self.happen(what);
        }
        let after = self.next == self.events.len() && self.frame >= self.end;
        if after {
            self.let_go();
        }
        let from = left.len();
        left.resize(from + BLOCK, 0.0);
        right.resize(from + BLOCK, 0.0);
        for (at, synth) in self.synths.iter_mut().enumerate() {
            let (left, right) = (&mut left[from..], &mut right[from..]);
            if at == 0 {
                synth.render(left, right);
                continue;
            }
            let [more_left, more_right] = &mut self.more;
            synth.render(more_left, more_right);
            for (sum, more) in left.iter_mut().zip(more_left) {
                *sum += *more;
            }
            for (sum, more) in right.iter_mut().zip(more_right) {
                *sum += *more;
            }
        }
        self.frame += BLOCK as u64;
        if after {
            self.fade(&mut left[from..], &mut right[from..]);
        }
    }

    /// What rings on ends where it is silent, or fades out at the latest end.
    fn fade(&mut self, left: &mut [f32], right: &mut [f32]) {
        let quiet = |channel: &[f32]| channel.iter().all(|sample| sample.abs() < SILENCE);
        self.silent = match quiet(left) && quiet(right) {
            true => self.silent + BLOCK as u64,
            false => 0,
        };
        let second = u64::from(self.rate.0);
        if self.frame + second > self.last {
            for (at, (l, r)) in left.iter_mut().zip(right).enumerate() {
                let frame = self.frame - (BLOCK - at) as u64;
                let gain = self.last.saturating_sub(frame) as f32 / second as f32;
                *l *= gain.min(1.0);
                *r *= gain.min(1.0);
            }
        }
        self.done = self.silent >= second / 10 || self.frame >= self.last;
    }

    /// Where a part plays: which synthesizer, which of its channels.
    fn place(&mut self, part: usize) -> (&mut Synthesizer, i32) {
        (&mut self.synths[part / PARTS], (part % PARTS) as i32)
    }

    fn choose_instrument(&mut self, part: usize) {
        let Part { program, drums, .. } = self.parts[part];
        let bank = if drums { DRUM_BANK } else { 0 };
        self.choose_bank(part, bank);
        let (synth, channel) = self.place(part);
        synth.process_midi_message(channel, 0xC0, i32::from(program), 0);
    }

    fn choose_bank(&mut self, part: usize, bank: i32) {
        // One channel counts its banks from the drums' on; every channel plays anything all the same.
        let from = if part % PARTS == DRUM_CHANNEL {
            DRUM_BANK
        } else {
            0
        };
        let (synth, channel) = self.place(part);
        synth.process_midi_message(channel, 0xB0, 0, bank - from);
    }

    fn happen(&mut self, what: What) {
        match what {
            What::On { part, key, velocity } => {
                let (synth, channel) = self.place(usize::from(part));
                synth.note_on(channel, i32::from(key), i32::from(velocity));
            }
            What::Off { part, key } => {
                let (synth, channel) = self.place(usize::from(part));
                synth.note_off(channel, i32::from(key));
            }
            What::Controller {
                channel,
                number,
                value,
            } => {
                for part in 0..self.parts.len() {
                    if self.parts[part].channel == channel {
                        self.control(part, number, i32::from(value));
                    }
                }
            }
            What::Bend { channel, value } => {
                let bend = i32::from(value) + 8_192;
                for part in 0..self.parts.len() {
                    if self.parts[part].channel == channel {
                        let (synth, at) = self.place(part);
                        synth.process_midi_message(at, 0xE0, bend & 127, bend >> 7);
                    }
                }
            }
        }
    }

    fn control(&mut self, part: usize, number: u8, value: i32) {
        match number {
            // A kit stays a kit, whatever bank its channel asks for.
            0 if self.parts[part].drums => {}
            0 => self.choose_bank(part, value),
            _ => {
                let (synth, channel) = self.place(part);
                synth.process_midi_message(channel, 0xB0, i32::from(number), value);
            }
        }
    }

    /// Lifts pedals and fingers.
    fn let_go(&mut self) {
        for part in 0..self.parts.len() {
            let (synth, channel) = self.place(part);
            synth.process_midi_message(channel, 0xB0, 64, 0);
            synth.process_midi_message(channel, 0xB0, 123, 0);
        }
    }
}
