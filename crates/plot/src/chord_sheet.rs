//! The chords of a score, line by line as on a lead sheet: names over bars, and below them how long each pitch class sounds.

use melisma_score::Score;
use melisma_score::analysis::{
    Beat, ChordSpan, Key, KeyFinding, Section, Structure, beat_chroma, beats, chord_spans, key, key_of,
};

use crate::axis::Axis;
use crate::canvas::{Anchor, Canvas, Label, Mark, Shape};
use crate::color::{BAND, Colors, LINE, QUIET, TEXT, class_color};
use crate::error::Error;
use crate::figure::{Caption, Figure};
use crate::font::Font;
use crate::frame::{EDGE, WIDTH, heading, noted, top};
use crate::picture::{Picture, Pixels, index};
use crate::self_similarity::shown_form;
use crate::table::Table;
use crate::token_sheet::pale;

/// Bars to a line, and the most lines; longer pieces have more bars to a line.
const BARS: usize = 8;
const MOST_BARS: usize = 16;
const MOST_LINES: usize = 24;
/// Heights of a line's parts: section and bar number, chords, pitch classes, and the space below.
const TAG: f64 = 20.0;
const LANE: f64 = 28.0;
const ROW: f64 = 6.0;
const BELOW: f64 = 18.0;
/// Room on the left for the names of pitch classes.
const LEFT: f64 = EDGE + 24.0;
const SIZE: f64 = 15.0;
const SMALL: f64 = 12.0;
const TINY: f64 = 10.0;
/// Pitch classes that are named on the left.
const NAMED: [(usize, &str); 4] = [(0, "C"), (4, "E"), (7, "G"), (11, "B")];

/// A score, or a part of it, as chords.
#[derive(Debug, Clone, Copy)]
pub struct ChordSheet<'a> {
    /// The score.
    pub score: &'a Score,
    /// From this tick on, from the start of its bar.
    pub from: u32,
    /// Up to this tick.
    pub to: u32,
    /// A quieter line under the title; may be empty.
    pub note: &'a str,
}

/// A line of the sheet.
struct Line<'a> {
    beats: &'a [Beat],
    chroma: &'a [[f64; 12]],
    start: u32,
    end: u32,
    y: f64,
}

impl Line<'_> {
    /// Where a tick lies when the line is this wide; a last line of fewer bars is shorter.
    fn x(&self, tick: u32, ticks_to_width: f64) -> f64 {
        LEFT + f64::from(tick.clamp(self.start, self.end) - self.start) * ticks_to_width
    }
}

impl ChordSheet<'_> {
    /// Draws the sheet. The CSV holds a row for each beat of the part: its chord, bass and key, and how much of it each pitch class sounds.
    ///
    /// # Errors
    /// If the part has no beat.
    pub fn draw(&self, caption: &Caption<'_>) -> Result<Figure, Error> {
        caption.check()?;
        let all = beats(self.score);
        let bar_at = |tick: u32| {
            all.partition_point(|beat| beat.start <= tick)
                .checked_sub(1)
                .map(|at| all[at].bar)
        };
        let first = bar_at(self.from).unwrap_or(0);
        let inside: Vec<Beat> = (all.iter().copied())
            .filter(|beat| beat.bar >= first && beat.start < self.to)
            .collect();
        if inside.is_empty() {
            return Err(caption.empty());
        }
        let structure = Structure::of(self.score);
        let whole = key(self.score);
        let keys: Vec<Option<KeyFinding>> = structure
            .spans()
            .iter()
            .map(|span| key_of(self.score, *span))
            .collect();
        let spans = chord_spans(self.score);
        let chroma = beat_chroma(self.score, &inside);
        let bars: Vec<usize> = inside
            .chunk_by(|a, b| a.bar == b.bar)
            .map(<[Beat]>::len)
            .collect();
        let per_line = (BARS..=MOST_BARS)
            .step_by(4)
            .find(|bars_to_line| bars.len().div_ceil(*bars_to_line) <= MOST_LINES)
            .unwrap_or(MOST_BARS);
        let shown = bars.len().min(per_line * MOST_LINES);
        let cut = match shown < bars.len() {
            true => format!("The first {shown} of {} bars.", bars.len()),
            false => String::new(),
        };
        let note = noted(self.note, &told(whole.as_ref(), &cut, &structure.form()));
        let begin = top(&note);
        let height = TAG + LANE + 12.0 * ROW + BELOW;
        let lines = lines(&inside, &chroma, &bars[..shown], per_line, (begin, height));
        let mut canvas = Canvas::new(WIDTH, begin + lines.len() as f64 * height + EDGE);
        heading(&mut canvas, caption.title, &note);
        let longest = lines
            .iter()
            .map(|line| line.end - line.start)
            .max()
            .unwrap_or(1)
            .max(1);
        let scale = (WIDTH - LEFT - EDGE) / f64::from(longest);
        let flats = |tick: u32| {
            let at = structure
                .sections
                .partition_point(|section| section.start <= tick);
            let here = at.checked_sub(1).and_then(|at| keys[at]).or(whole);
            here.is_some_and(|found| writes_flats(found.key))
        };
        for line in &lines {
            classes(&mut canvas, line, scale);
            for (section, key) in structure.sections.iter().zip(&keys) {
                tag(&mut canvas, line, scale, section, key.as_ref());
            }
            for span in spans
                .iter()
                .filter(|span| span.start < line.end && span.end > line.start)
            {
                lane(&mut canvas, line, scale, span, flats(span.start));
            }
        }
        let row = |tick: u32| {
            let at = structure
                .sections
                .partition_point(|section| section.start <= tick);
            at.checked_sub(1).and_then(|at| keys[at]).map(|found| found.key)
        };
        Figure::new(
            caption,
            canvas,
            self.table(&inside, &chroma, &spans, &row, &flats),
        )
    }

    fn table(
        &self,
        beats: &[Beat],
        chroma: &[[f64; 12]],
        spans: &[ChordSpan],
        key: &dyn Fn(u32) -> Option<Key>,
        flats: &dyn Fn(u32) -> bool,
    ) -> Table {
        let classes = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
        let clock = self.score.clock();
        let mut table = Table::new(
            ["bar", "beat", "seconds", "chord", "key"]
                .into_iter()
                .chain(classes),
        );
        for (beat, chroma) in beats.iter().zip(chroma) {
            let at = spans.partition_point(|span| span.start <= beat.start);
            let name = at
                .checked_sub(1)
                .map_or(String::new(), |at| spans[at].name(flats(beat.start)));
            table
                .cell(&(beat.bar + 1).to_string())
                .cell(&(beat.place + 1).to_string())
                .number(clock.seconds(beat.start))
                .cell(&name)
                .cell(&key(beat.start).map_or(String::new(), |key| key.to_string()));
            for share in chroma {
                table.single(*share as f32);
            }
            table.end();
        }
        table
    }
}

/// The beats in lines of so many bars; `bars` tells how many beats each has.
fn lines<'a>(
    beats: &'a [Beat],
    chroma: &'a [[f64; 12]],
    bars: &[usize],
    per_line: usize,
    (begin, height): (f64, f64),
) -> Vec<Line<'a>> {
    let mut at = 0;
    let mut lines = Vec::new();
    for bars in bars.chunks(per_line) {
        let inside = at..at + bars.iter().sum::<usize>();
        at = inside.end;
        let beats = &beats[inside.clone()];
        lines.push(Line {
            start: beats[0].start,
            end: beats[beats.len() - 1].end,
            beats,
            chroma: &chroma[inside],
            y: begin + lines.len() as f64 * height,
        });
    }
    lines
}

/// The pitch classes of a line, C at the bottom, with lines at its bars and their numbers above.
fn classes(canvas: &mut Canvas, line: &Line<'_>, scale: f64) {
    let (y, h) = (line.y + TAG + LANE, 12.0 * ROW);
    let right = line.x(line.end, scale);
    canvas.rect(LEFT, y, right - LEFT, h, BAND);
    for (beat, chroma) in line.beats.iter().zip(line.chroma) {
        let (x, end) = (line.x(beat.start, scale), line.x(beat.end, scale));
        let range = Axis::between(0.0, 1.0, 2, "");
        let pixels = chroma
            .iter()
            .rev()
            .map(|share| index(*share, range.lo, range.hi))
            .collect();
        let picture = Picture {
            width: 1,
            height: 12,
            pixels: Pixels::Indexed(Colors::Count, pixels),
            smooth: false,
        };
        canvas.image(x, y, end - x, h, picture);
    }
    canvas.add(Mark::stroked(
        Shape::Rect {
            x: LEFT,
            y,
            w: right - LEFT,
            h,
        },
        LINE,
        1.0,
    ));
    for (row, name) in NAMED {
        let middle = y + h - (row as f64 + 0.5) * ROW;
        canvas.text(LEFT - 6.0, middle + TINY * 0.36, name, TINY, Anchor::End, QUIET);
    }
    let mut free = f64::NEG_INFINITY;
    for beat in line.beats.iter().filter(|beat| beat.place == 0) {
        let x = line.x(beat.start, scale);
        canvas.line((x, line.y + TAG), (x, y + h), LINE, 1.0);
        if x >= free {
            let number = (beat.bar + 1).to_string();
            free = x + Font::new(false).width(&number, TINY) + 6.0;
            canvas.text(x + 2.0, y + h + TINY + 2.0, number, TINY, Anchor::Start, QUIET);
        }
    }
}

/// The letter and the key of a section, above the line in which it begins.
fn tag(canvas: &mut Canvas, line: &Line<'_>, scale: f64, section: &Section, key: Option<&KeyFinding>) {
    if section.start < line.start || section.start >= line.end {
        return;
    }
    let x = line.x(section.start, scale);
    let end = line.x(section.end, scale);
    let name = section.name();
    let bold = Font::new(true);
    let color = class_color(usize::from(section.letter));
    let w = bold.width(&name, SMALL) + 10.0;
    let (y, h) = (line.y + 1.0, TAG - 4.0);
    canvas.add(Mark::filled(Shape::Rect { x, y, w, h }, pale(color)).edge(color, 1.0));
    let label = Label {
        x: x + w / 2.0,
        y: y + h / 2.0 + SMALL * 0.36,
        text: name,
        size: SMALL,
        anchor: Anchor::Middle,
        bold: true,
        upright: false,
    };
    canvas.add(Mark::filled(Shape::Text(label), TEXT));
    let key = key.map_or(String::new(), |found| signs(&found.key.to_string()));
    // A section that goes on over the line's end has the room to it.
    if Font::new(false).width(&key, SMALL) < end - x - w - 10.0 {
        canvas.text(
            x + w + 6.0,
            y + h / 2.0 + SMALL * 0.36,
            key,
            SMALL,
            Anchor::Start,
            QUIET,
        );
    }
}

/// A chord over the beats for which it holds.
fn lane(canvas: &mut Canvas, line: &Line<'_>, scale: f64, span: &ChordSpan, flats: bool) {
    let (x, right) = (line.x(span.start, scale), line.x(span.end, scale));
    let (y, w) = (line.y + TAG, right - x);
    let Some(chord) = span.chord else {
        return;
    };
    let color = class_color(usize::from(chord.root));
    let name = signs(&span.name(flats));
    let shape = Shape::Rect {
        x,
        y,
        w,
        h: LANE - 4.0,
    };
    canvas.add(Mark::filled(shape, pale(color)).edge(color, 1.0).hover(&name));
    let font = Font::new(false);
    // Short of room, a name is written smaller, then without its bass, then left to pointing at it.
    let short = signs(&chord.name(flats));
    let fits = |text: &String, size: f64| font.width(text, size) + 3.0 <= w;
    let choices = [
        (&name, SIZE),
        (&name, SMALL),
        (&short, SIZE),
        (&short, SMALL),
        (&short, TINY),
    ];
    if let Some((text, size)) = choices.into_iter().find(|(text, size)| fits(text, *size)) {
        let base = y + (LANE - 4.0) / 2.0 + size * 0.36;
        canvas.text(x + w / 2.0, base, text.clone(), size, Anchor::Middle, TEXT);
    }
}

/// The key, what is cut off, and the form, which may be too long for the line.
fn told(key: Option<&KeyFinding>, cut: &str, form: &str) -> String {
    let key = key.map_or(String::new(), |found| {
        format!(
            "{} ({:.2}; next {}, {:.2}).",
            signs(&found.key.to_string()),
            found.strength,
            signs(&found.runner_up.to_string()),
            found.runner_up_strength
        )
    });
    noted(&key, &noted(cut, &format!("Form {}.", shown_form(form))))
}

/// Whether chords in a key are written with flats; in C major, G minor and their neighbours that is so too, as E flat and B flat are more
/// common there than D sharp and A sharp.
fn writes_flats(key: Key) -> bool {
    key.sharps() <= 0
}

/// A name with the signs of music for sharp and flat.
fn signs(name: &str) -> String {
    name.replace('#', "♯").replace('b', "♭")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_signs_of_music() {
        assert_eq!(signs("Bbm7b5"), "B♭m7♭5");
        assert_eq!(signs("F#/A#"), "F♯/A♯");
        assert!(writes_flats("C major".parse().unwrap()) && !writes_flats("G major".parse().unwrap()));
    }
}
