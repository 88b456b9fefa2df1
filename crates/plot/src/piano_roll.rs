//! A score as a piano roll: bars to the right, pitches upwards, an instrument a colour; drums on lines of their own below.

use std::collections::BTreeMap;

use melisma_score::general_midi::{drum_name, program_name};
use melisma_score::{Bar, Note, Score};

use crate::axis::{Axis, Tick};
use crate::canvas::{Canvas, Mark, Shape};
use crate::color::{BAND, GRID, Rgb, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::frame::{
    Area, BOTTOM, EDGE, Entry, Frame, WIDTH, heading, left_margin, legend_across, legend_height, top,
};
use crate::picture::{Picture, Pixels};
use crate::table::Table;

/// Height of the tones for each semitone, and its bounds.
const SEMITONE: f64 = 7.0;
const LOWEST: f64 = 150.0;
const HIGHEST: f64 = 460.0;
/// Height of a drum's line, the most lines, and the space between tones and drums.
const DRUM: f64 = 17.0;
const MOST_DRUMS: usize = 14;
const GAP: f64 = 16.0;
/// More notes than these become a picture.
const MOST_MARKS: usize = 4_000;
/// Pixels of such a picture to each unit of the figure.
const FINE: f64 = 2.0;
/// The most instruments with a colour of their own.
const MOST_VOICES: usize = 12;
/// Lines of bars that stand closer than this are left out.
const CLOSE: f64 = 9.0;

/// A score, or a part of it, as a piano roll.
#[derive(Debug, Clone, Copy)]
pub struct PianoRoll<'a> {
    /// The score.
    pub score: &'a Score,
    /// From this tick on.
    pub from: u32,
    /// Up to this tick.
    pub to: u32,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// A note with the voice that plays it.
struct Placed {
    note: Note,
    voice: usize,
}

impl PianoRoll<'_> {
    /// Draws the roll. The CSV holds every note of the part: bar, second, instrument, pitch, length, velocity.
    ///
    /// # Errors
    /// If no note sounds in the part.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let (from, to) = (self.from, self.to.max(self.from + 1));
        let inside =
            |note: &&Note| note.onset < to && note.end() >= from && (note.end() > from || note.onset >= from);
        let voices = self.voices(inside);
        let (mut tones, mut drums) = (Vec::new(), Vec::new());
        for track in &self.score.tracks {
            let voice = voices
                .iter()
                .position(|voice| voice.0 == name(track.drums, track.program))
                .unwrap_or_default();
            let placed = track
                .notes
                .iter()
                .filter(inside)
                .map(|note| Placed { note: *note, voice });
            if track.drums {
                drums.extend(placed)
            } else {
                tones.extend(placed)
            }
        }
        if tones.is_empty() && drums.is_empty() {
            return Err(caption.empty());
        }
        let entries: Vec<Entry> = voices
            .iter()
            .map(|(name, color)| Entry {
                name: name.clone(),
                color: *color,
                marker: None,
            })
            .collect();
        let keys = drum_lines(&drums);
        let pitches = self.pitches(&tones);
        let y = pitch_axis(pitches);
        let lines = drum_axis(&keys);
        let left = left_margin(&y).max(left_margin(&lines));
        let legend = legend_height(left, WIDTH - EDGE, &entries);
        let begin = top(self.note);
        let height = match tones.is_empty() {
            true => 0.0,
            false => (f64::from(pitches.1 - pitches.0) * SEMITONE).clamp(LOWEST, HIGHEST),
        };
        let gap = if height > 0.0 && !keys.is_empty() {
            GAP
        } else {
            0.0
        };
        let drum_height = keys.len() as f64 * DRUM;
        let mut canvas = Canvas::new(WIDTH, begin + legend + height + gap + drum_height + BOTTOM);
        heading(&mut canvas, caption.title, self.note);
        legend_across(&mut canvas, left, begin, WIDTH - EDGE, &entries);
        let x = bar_axis(&self.score.bars(), from, to);
        let area = |y, h| Area {
            x: left,
            y,
            w: WIDTH - left - EDGE,
            h,
        };
        let upper = Frame {
            area: area(begin + legend, height),
            x: x.clone(),
            y,
        };
        let lower = Frame {
            area: area(begin + legend + height + gap, drum_height),
            x,
            y: lines,
        };
        let rows: Vec<f64> = (0..keys.len()).map(|row| row as f64).collect();
        if height > 0.0 {
            keyboard(&mut canvas, &upper, pitches);
            let semitone = height / f64::from(pitches.1 - pitches.0);
            let place = |p: &Placed| {
                (
                    f64::from(p.note.pitch),
                    f64::from(p.note.duration),
                    semitone * 0.9,
                )
            };
            self.notes(&mut canvas, &upper, &tones, &voices, &place);
            upper.outline(&mut canvas);
            upper.x_axis(&mut canvas, keys.is_empty());
            upper.y_axis(&mut canvas);
        }
        if !keys.is_empty() {
            lower.grid(&mut canvas, true, false);
            // A drum has no length: it is drawn as long as a thirty-second, or as a point where that is less.
            let length = f64::from(self.score.ticks_per_quarter) / 8.0;
            let row = |key: u8| {
                keys.iter()
                    .position(|line| line.contains(&key))
                    .map_or(0.0, |row| rows[row])
            };
            let place = |p: &Placed| (row(p.note.pitch), length, DRUM * 0.7);
            self.notes(&mut canvas, &lower, &drums, &voices, &place);
            lower.axes(&mut canvas);
        }
        let mut all: Vec<&Placed> = tones.iter().chain(&drums).collect();
        all.sort_by_key(|p| (p.note.onset, p.voice, p.note.pitch));
        Figure::new(caption, canvas, self.table(&all, &voices))
    }

    /// The instruments by the number of their notes, each with its colour; those past the last colour share one.
    fn voices(&self, inside: impl Fn(&&Note) -> bool) -> Vec<(String, Rgb)> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for track in &self.score.tracks {
            let count = track.notes.iter().filter(&inside).count();
            if count > 0 {
                *counts.entry(name(track.drums, track.program)).or_default() += count;
            }
        }
        let mut voices: Vec<(String, usize)> = counts.into_iter().collect();
        voices.sort_by_key(|voice| std::cmp::Reverse(voice.1));
        let color = |at: usize| class_color(at.min(MOST_VOICES - 1));
        voices
            .into_iter()
            .enumerate()
            .map(|(at, (name, _))| (name, color(at)))
            .collect()
    }

    /// The lowest and the highest pitch with some room.
    fn pitches(&self, tones: &[Placed]) -> (u8, u8) {
        let pitches = || tones.iter().map(|p| p.note.pitch);
        let (low, high) = (pitches().min().unwrap_or(60), pitches().max().unwrap_or(60));
        (low.saturating_sub(2), high.saturating_add(2).max(low + 12))
    }

    fn notes(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        notes: &[Placed],
        voices: &[(String, Rgb)],
        place: &dyn Fn(&Placed) -> (f64, f64, f64),
    ) {
        let rect = |p: &Placed| {
            let (row, length, h) = place(p);
            let onset = f64::from(p.note.onset);
            let (x, end) = (frame.px(onset), frame.px(onset + length));
            (x, frame.py(row) - h / 2.0, (end - x).max(1.2), h)
        };
        // The loudest stand out.
        let opacity = |p: &Placed| 0.4 + 0.6 * f64::from(p.note.velocity) / 127.0;
        if notes.len() <= MOST_MARKS {
            for p in notes {
                let (x, y, w, h) = rect(p);
                let hover = format!(
                    "{}, {}, velocity {}",
                    pitch_name(p.note.pitch),
                    voices[p.voice].0,
                    p.note.velocity
                );
                let mark = Mark::filled(Shape::Rect { x, y, w, h }, voices[p.voice].1);
                canvas.add(mark.opacity(opacity(p)).hover(hover));
            }
            return;
        }
        let area = frame.area;
        let mut pixels = Raster::new(area);
        for p in notes {
            pixels.fill(rect(p), voices[p.voice].1, opacity(p));
        }
        canvas.image(area.x, area.y, area.w, area.h, pixels.picture());
    }

    fn table(&self, notes: &[&Placed], voices: &[(String, Rgb)]) -> Table {
        let bars = self.score.bars();
        let clock = self.score.clock();
        let mut table = Table::new([
            "bar",
            "seconds",
            "instrument",
            "pitch",
            "name",
            "length_s",
            "velocity",
        ]);
        for p in notes {
            let bar = bars.partition_point(|bar| bar.start <= p.note.onset);
            let seconds = clock.seconds(p.note.onset);
            table
                .cell(&bar.to_string())
                .number(seconds)
                .cell(&voices[p.voice].0)
                .cell(&p.note.pitch.to_string());
            table
                .cell(&pitch_name(p.note.pitch))
                .number(clock.seconds(p.note.end()) - seconds);
            table.cell(&p.note.velocity.to_string()).end();
        }
        table
    }
}

fn name(drums: bool, program: u8) -> String {
    if drums {
        "drums".to_owned()
    } else {
        program_name(program).to_owned()
    }
}

/// A pitch's name with its octave; middle C is C4.
pub(crate) fn pitch_name(pitch: u8) -> String {
    let names = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
    format!("{}{}", names[usize::from(pitch % 12)], i32::from(pitch / 12) - 1)
}

/// The drums that are played, from the bottom, each with its keys; those past the last line share it.
fn drum_lines(drums: &[Placed]) -> Vec<Vec<u8>> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for p in drums {
        *counts.entry(p.note.pitch).or_default() += 1;
    }
    let mut keys: Vec<(u8, usize)> = counts.into_iter().collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.1));
    let rest: Vec<u8> = keys.iter().skip(MOST_DRUMS - 1).map(|key| key.0).collect();
    let mut lines: Vec<Vec<u8>> = keys.iter().take(MOST_DRUMS - 1).map(|key| vec![key.0]).collect();
    lines.sort_unstable();
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn drum_axis(lines: &[Vec<u8>]) -> Axis {
    let label = |keys: &Vec<u8>| match keys.as_slice() {
        [key] => drum_name(*key).map_or_else(|| format!("key {key}"), str::to_owned),
        _ => "others".to_owned(),
    };
    let ticks = lines.iter().enumerate().map(|(row, keys)| Tick {
        at: row as f64,
        label: label(keys),
    });
    Axis::with_ticks(-0.5, lines.len() as f64 - 0.5, ticks.collect(), "")
}

fn pitch_axis((low, high): (u8, u8)) -> Axis {
    let ticks = (low..=high).filter(|pitch| pitch % 12 == 0);
    let ticks = ticks.map(|pitch| Tick {
        at: f64::from(pitch),
        label: pitch_name(pitch),
    });
    Axis::with_ticks(f64::from(low) - 0.5, f64::from(high) + 0.5, ticks.collect(), "")
}

/// An axis of bars, counted from 1.
pub(crate) fn bar_axis(bars: &[Bar], from: u32, to: u32) -> Axis {
    let inside: Vec<(usize, u32)> = (bars.iter().enumerate())
        .filter(|(_, bar)| bar.start >= from && bar.start < to)
        .map(|(at, bar)| (at + 1, bar.start))
        .collect();
    let steps = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192];
    let step = steps
        .into_iter()
        .find(|step| inside.len() / step <= 16)
        .unwrap_or(16_384);
    let ticks = inside.into_iter().filter(|(bar, _)| (bar - 1) % step == 0);
    let ticks = ticks.map(|(bar, start)| Tick {
        at: f64::from(start),
        label: bar.to_string(),
    });
    Axis::with_ticks(f64::from(from), f64::from(to), ticks.collect(), "Bar")
}

/// Bands where a keyboard has black keys, lines at each C and at bars.
fn keyboard(canvas: &mut Canvas, frame: &Frame, (low, high): (u8, u8)) {
    let Area { x, y, w, h } = frame.area;
    let semitone = h / f64::from(high - low + 1);
    for pitch in (low..=high).filter(|pitch| [1, 3, 6, 8, 10].contains(&(pitch % 12))) {
        canvas.rect(x, frame.py(f64::from(pitch)) - semitone / 2.0, w, semitone, BAND);
    }
    for pitch in (low..=high).filter(|pitch| pitch % 12 == 0) {
        let at = frame.py(f64::from(pitch) - 0.5);
        canvas.line((x, at), (x + w, at), GRID, 1.0);
    }
    let mut last = f64::NEG_INFINITY;
    for tick in &frame.x.ticks {
        let at = frame.px(tick.at);
        if at - last >= CLOSE {
            canvas.line((at, y), (at, y + h), GRID, 1.0);
            last = at;
        }
    }
}

/// Notes as pixels.
struct Raster {
    area: Area,
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Raster {
    fn new(area: Area) -> Self {
        let (width, height) = (
            (area.w * FINE).round().max(1.0) as usize,
            (area.h * FINE).round().max(1.0) as usize,
        );
        Raster {
            area,
            width,
            height,
            pixels: vec![0; 4 * width * height],
        }
    }

    fn fill(&mut self, (x, y, w, h): (f64, f64, f64, f64), Rgb(r, g, b): Rgb, opacity: f64) {
        let place = |from: f64, length: f64, most: usize| {
            let start = ((from * FINE).round().max(0.0) as usize).min(most.saturating_sub(1));
            (
                start,
                (((from + length) * FINE).round().max(0.0) as usize).clamp(start + 1, most),
            )
        };
        let (left, right) = place(x - self.area.x, w, self.width);
        let (upper, lower) = place(y - self.area.y, h, self.height);
        for row in upper..lower {
            for column in left..right {
                let at = 4 * (row * self.width + column);
                self.pixels[at..at + 4].copy_from_slice(&[r, g, b, (opacity * 255.0).round() as u8]);
            }
        }
    }

    fn picture(self) -> Picture {
        Picture {
            width: self.width,
            height: self.height,
            pixels: Pixels::Rgba(self.pixels),
            smooth: false,
        }
    }
}
