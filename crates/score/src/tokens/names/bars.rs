//! Bars as music21 makes them: what begins in a bar is in it, in voices where sounds overlap, and what lasts beyond is tied.

use std::collections::BTreeMap;

use super::part::Sound;
use super::quantise::UNITS;

/// Sounds of a bar among which overlaps are looked for.
const MAX_LAYERED: usize = 512;

/// A sound with its time, in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub at: i64,
    pub length: i64,
    /// Without length in the file: it stands before others of its time.
    pub grace: bool,
    pub sound: Sound,
}

impl Timed {
    /// What sounds are ordered by; those alike keep the order they came in.
    pub fn order(&self) -> (i64, bool) {
        (self.at, !self.grace)
    }

    fn end(&self) -> i64 {
        self.at + self.length
    }
}

/// From when on bars have which length, in units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metre {
    pub at: i64,
    pub length: i64,
}

/// Where bars begin.
#[derive(Debug)]
pub(super) struct Grid(Vec<Bar>);

/// A bar: which, from where on, how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bar {
    pub index: i64,
    pub start: i64,
    pub length: i64,
}

impl Grid {
    /// The grid of metres in order; a change within a bar waits for the next, and 4/4 holds before the first.
    pub fn new(metres: &[Metre]) -> Grid {
        let mut bar = Bar {
            index: 0,
            start: 0,
            length: 4 * UNITS,
        };
        let mut bars = Vec::new();
        loop {
            let after = metres.partition_point(|metre| metre.at <= bar.start);
            if let Some(now) = after.checked_sub(1) {
                bar.length = metres[now].length;
            }
            bars.push(bar);
            let Some(next) = metres.get(after) else {
                return Grid(bars);
            };
            let count = (next.at - bar.start + bar.length - 1) / bar.length;
            bar.index += count;
            bar.start += count * bar.length;
        }
    }

    /// The bar in which a time is.
    pub fn bar_at(&self, at: i64) -> Bar {
        let segment = self.0[self.0.partition_point(|bar| bar.start <= at).max(1) - 1];
        segment.later((at - segment.start) / segment.length)
    }

    /// The bar of an index.
    fn bar(&self, index: i64) -> Bar {
        let segment = self.0[self.0.partition_point(|bar| bar.index <= index).max(1) - 1];
        segment.later(index - segment.index)
    }

    /// Where the metre that holds in a bar was begun.
    fn since(&self, bar: Bar) -> i64 {
        self.0[self
            .0
            .partition_point(|segment| segment.start <= bar.start)
            .max(1)
            - 1]
        .start
    }
}

impl Bar {
    fn later(self, count: i64) -> Bar {
        Bar {
            index: self.index + count,
            start: self.start + count * self.length,
            length: self.length,
        }
    }
}

/// What is in a bar, with times from its beginning.
#[derive(Debug, Default)]
struct Content {
    direct: Vec<Timed>,
    /// Empty where there are none.
    voices: Vec<Vec<Timed>>,
}

/// The bars of a part, those that hold something.
pub(super) struct Bars<'a> {
    grid: &'a Grid,
    odd: Vec<Metre>,
    /// How many bars there are.
    count: i64,
    contents: BTreeMap<i64, Content>,
    /// What has no length and stands where the last bar ends.
    at_end: Vec<Timed>,
    left: &'a mut usize,
}

/// Where bars came to lie: longer ones push those after them on.
pub(super) struct Placed {
    /// Where a bar ended by its metre, and how far what follows is moved.
    moved: Vec<(i64, i64)>,
    /// Where the last one ends.
    pub end: i64,
}

impl Placed {
    /// Where a time came to lie.
    pub fn moved(&self, at: i64) -> i64 {
        let before = self.moved.partition_point(|(end, _)| *end <= at);
        at + before.checked_sub(1).map_or(0, |before| self.moved[before].1)
    }
}

impl<'a> Bars<'a> {
    /// Bars up to a time. `odd` are metres within bars, which tell only how far notes go in those after; `left` is how many sounds
    /// may still be made.
    pub fn new(grid: &'a Grid, odd: Vec<Metre>, end: i64, left: &'a mut usize) -> Self {
        let last = grid.bar_at(end);
        let count = match end > 0 && last.start == end {
            true => last.index,
            false => last.index + 1,
        };
        let mut contents = BTreeMap::new();
        if !odd.is_empty() {
            let known = count.min(*left as i64);
            *left -= known as usize;
            contents.extend((0..known).map(|index| (index, Content::default())));
        }
        Bars {
            grid,
            odd,
            count,
            contents,
            at_end: Vec::new(),
            left,
        }
    }

    /// Puts a sound into its bar.
    pub fn place(&mut self, sound: Timed) {
        if *self.left == 0 {
            return;
        }
        *self.left -= 1;
        let bar = self.grid.bar_at(sound.at);
        if bar.index >= self.count {
            return self.at_end.push(sound);
        }
        let at = sound.at - bar.start;
        self.contents
            .entry(bar.index)
            .or_default()
            .direct
            .push(Timed { at, ..sound });
    }

    /// Parts the sounds of each bar into voices where they overlap.
    pub fn make_voices(&mut self) {
        for content in self.contents.values_mut() {
            let most = most_layers(&content.direct);
            if most < 2 {
                continue;
            }
            let mut voices = vec![(0, Vec::new()); most];
            for sound in std::mem::take(&mut content.direct) {
                // Where there is no voice for it, a sound is lost.
                if let Some((end, voice)) = voices.iter_mut().find(|(end, _)| *end <= sound.at) {
                    *end = sound.end().max(*end);
                    voice.push(sound);
                }
            }
            content.voices = voices.into_iter().map(|(_, voice)| voice).collect();
            content.voices.retain(|voice| !voice.is_empty());
        }
    }

    /// How far sounds go within a bar.
    fn reach(&self, bar: Bar) -> i64 {
        let odd = self
            .odd
            .partition_point(|metre| metre.at <= bar.start)
            .checked_sub(1);
        match odd.map(|odd| self.odd[odd]) {
            Some(odd) if odd.at > self.grid.since(bar) => odd.length,
            _ => bar.length,
        }
    }

    /// Splits what lasts beyond its bar; the rest begins the next.
    pub fn tie(&mut self) {
        let mut from = 0;
        while let Some(index) = self.contents.range(from..).next().map(|(index, _)| *index) {
            from = index + 1;
            let reach = self.reach(self.grid.bar(index));
            let mut content = self.contents.remove(&index).unwrap_or_default();
            let has_voices = !content.voices.is_empty();
            let lines = match has_voices {
                true => content.voices.iter_mut(),
                false => std::slice::from_mut(&mut content.direct).iter_mut(),
            };
            let next_has_voices = self
                .contents
                .get(&from)
                .is_some_and(|next| !next.voices.is_empty());
            for line in lines {
                line.sort_by_key(Timed::order);
                for sound in line {
                    if sound.end() <= reach || sound.at >= reach || *self.left == 0 {
                        continue;
                    }
                    *self.left -= 1;
                    let rest = Timed {
                        at: 0,
                        length: sound.end() - reach,
                        ..*sound
                    };
                    sound.length = reach - sound.at;
                    self.contents
                        .entry(from)
                        .or_default()
                        .tied(rest, has_voices, next_has_voices);
                }
            }
            self.contents.insert(index, content);
        }
        for content in self.contents.values_mut() {
            content.voices.retain(|voice| !voice.is_empty());
            if content.voices.len() == 1 {
                content.direct.append(&mut content.voices[0]);
                content.voices.clear();
            }
        }
    }

    /// All sounds in order, and where the bars came to lie.
    pub fn in_order(self) -> (Vec<Timed>, Placed) {
        let last = self.contents.last_key_value().map_or(0, |(index, _)| *index);
        let last = self.grid.bar(last.max(self.count - 1));
        let mut sounds: Vec<Timed> = Vec::new();
        let (mut moved, mut by) = (Vec::new(), 0);
        for (index, content) in &self.contents {
            let bar = self.grid.bar(*index);
            let reach = self.reach(bar);
            let start = bar.start + by;
            let lines = content.voices.iter().chain([&content.direct]);
            let all = lines.flatten().map(|sound| Timed {
                at: start + sound.at,
                ..*sound
            });
            sounds.extend(all);
            let long = content.longest(bar.length, reach) - bar.length;
            if long != 0 {
                by += long;
                moved.push((bar.start + bar.length, by));
            }
        }
        let end = last.start + last.length;
        sounds.extend(&self.at_end);
        sounds.sort_by_key(Timed::order);
        let end = sounds.iter().map(Timed::end).fold(end + by, i64::max);
        (sounds, Placed { moved, end })
    }
}

impl Content {
    /// Takes what is left of a sound of the bar before. Between voices music21 finds none to go on with, and lets it stand apart.
    fn tied(&mut self, rest: Timed, from_voice: bool, has_voices: bool) {
        match (from_voice, has_voices) {
            (false, false) | (true, true) => self.direct.push(rest),
            (false, true) => self.voices[0].push(rest),
            (true, false) => {
                if self.voices.is_empty() {
                    self.direct.sort_by_key(Timed::order);
                    self.voices.push(std::mem::take(&mut self.direct));
                }
                self.voices[0].push(rest);
            }
        }
    }

    /// How long the bar is once rests fill it: as its metre says, or as long as what lasts longer; where notes reach less far than the
    /// metre, so do rests.
    fn longest(&self, length: i64, reach: i64) -> i64 {
        let end = |line: &Vec<Timed>| line.iter().map(Timed::end).max().unwrap_or(0);
        let filled = |line: &Vec<Timed>| match end(line) {
            end if end >= length => end,
            end if end < reach => reach.min(length),
            _ => length,
        };
        match self.voices.iter().map(filled).max() {
            Some(longest) => longest.max(end(&self.direct)),
            None => filled(&self.direct),
        }
    }
}

/// The most sounds that music21's `getOverlaps` finds in one group, which is how many voices it makes.
///
/// It looks for overlaps of each sound with those after it, in order, up to the first that does not overlap, and collects what
/// overlaps under the time of the first of the group.
fn most_layers(sounds: &[Timed]) -> usize {
    let sounds = &sounds[..sounds.len().min(MAX_LAYERED)];
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); sounds.len()];
    for i in 0..sounds.len() {
        for j in i + 1..sounds.len() {
            let (a, b) = (&sounds[i], &sounds[j]);
            let (first, second) = match (a.at, a.end()) <= (b.at, b.end()) {
                true => (a, b),
                false => (b, a),
            };
            if second.at >= first.end() {
                break;
            }
            layers[i].push(j);
            layers[j].push(i);
        }
    }
    // Groups by the time of their first sound; and the group that each sound is in.
    let mut groups: Vec<(i64, usize)> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; sounds.len()];
    for (i, overlapping) in layers.iter_mut().enumerate() {
        if overlapping.is_empty() {
            continue;
        }
        overlapping.sort_unstable();
        let mut group = None;
        for j in overlapping.iter().copied().chain([i]) {
            if let Some(known) = group_of[j] {
                group = Some(known);
                continue;
            }
            let at = *group.get_or_insert_with(|| {
                let known = groups.iter().position(|group| group.0 == sounds[i].at);
                known.unwrap_or_else(|| {
                    groups.push((sounds[i].at, 0));
                    groups.len() - 1
                })
            });
            groups[at].1 += 1;
            group_of[j] = Some(at);
        }
    }
    groups.iter().map(|group| group.1).max().unwrap_or(1)
}
