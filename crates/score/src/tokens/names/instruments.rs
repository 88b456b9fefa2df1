//! Which instrument a track is of, as music21 tells it from programs and names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::smf::Mark;

/// A kind of instrument: an index into the table.
pub(super) type Kind = usize;

/// An instrument that a track names at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instrument {
    /// The tick at which it is named.
    pub tick: u32,
    kind: Kind,
    /// What music21 parts the notes by; without one, they belong to the instrument without a name.
    pub name: Option<Arc<str>>,
    part: Option<Arc<str>>,
}

/// What music21 knows of instruments (`instruments.tsv`).
#[derive(Debug, Clone)]
pub(super) struct Table {
    kinds: Vec<Known>,
    programs: Vec<Kind>,
    words: HashMap<&'static str, Kind>,
    /// The most words that one name has.
    longest: usize,
    percussion: Kind,
}

#[derive(Debug, Clone)]
struct Known {
    name: Option<Arc<str>>,
    /// Words of its name.
    words: usize,
    above: Option<Kind>,
}

impl Table {
    /// The instrument of no kind.
    const ANY: Kind = 0;

    pub fn new() -> Self {
        let mut kinds: Vec<Known> = Vec::new();
        let mut index: HashMap<&str, Kind> = HashMap::new();
        let (mut programs, mut words) = (Vec::new(), HashMap::new());
        for line in include_str!("instruments.tsv").lines() {
            let fields: Vec<&'static str> = line.split('\t').collect();
            match fields[..] {
                ["class", class, name, above] => {
                    index.insert(class, kinds.len());
                    kinds.push(Known {
                        name: Some(name).filter(|name| !name.is_empty()).map(Arc::from),
                        words: name.split_whitespace().count(),
                        above: index.get(above).copied(),
                    });
                }
                ["program", _, class] => programs.push(index[class]),
                ["word", word, class] => _ = words.insert(word, index[class]),
                _ => {}
            }
        }
        let longest = words.keys().map(|word| word.split(' ').count()).max();
        Table {
            percussion: index["UnpitchedPercussion"],
            longest: longest.unwrap_or(0),
            kinds,
            programs,
            words,
        }
    }

    /// The instruments that the marks of a track name, in order.
    ///
    /// Where no two names contradict each other, all of one kind are the first of them, and those of no kind give way to others: anywhere in
    /// the track, since music21, which means to do so with those of one time, takes a whole track for one time.
    pub fn of(&self, marks: &[(u32, Mark)]) -> Vec<Instrument> {
        let named = marks.iter().filter_map(|(tick, mark)| self.named(*tick, mark));
        let mut all: Vec<Instrument> = named.collect();
        let (Some(name), true) = (one(&all, |i| &i.name), one(&all, |i| &i.part).is_some()) else {
            return all;
        };
        match all.iter().all(|instrument| instrument.kind == all[0].kind) {
            true => all.truncate(1),
            false => all.retain(|instrument| instrument.kind != Self::ANY),
        }
        for instrument in &mut all {
            instrument.name.clone_from(&name);
        }
        all
    }

    fn named(&self, tick: u32, mark: &Mark) -> Option<Instrument> {
        let of_kind = |kind: Kind| Instrument {
            tick,
            kind,
            name: self.kinds[kind].name.clone(),
            part: None,
        };
        let (bytes, is_part) = match mark {
            Mark::Program { channel: 9, .. } => return Some(of_kind(self.percussion)),
            Mark::Program { program, .. } => return Some(of_kind(self.programs[usize::from(*program)])),
            Mark::TrackName(bytes) => (bytes, true),
            Mark::InstrumentName(bytes) => (bytes, false),
            Mark::Metre(..) | Mark::Change => return None,
        };
        let mut instrument = of_kind(Self::ANY);
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Some(instrument);
        };
        let text = text.split('\0').next().unwrap_or_default().trim_matches(is_space);
        if let Some(kind) = self.meant(text) {
            instrument.kind = kind;
            instrument.name = Some(text.into());
        }
        match is_part {
            _ if text.is_empty() || says_nothing(text) => {}
            true => instrument.part = Some(text.into()),
            false => instrument.name = Some(text.into()),
        }
        Some(instrument)
    }

    /// The kind of instrument that a text means: of all that its words name, shortest runs of words first, the one whose own
    /// name has the most words, a later one before an earlier.
    fn meant(&self, text: &str) -> Option<Kind> {
        let text: String = text
            .replace('.', " ")
            .to_lowercase()
            .chars()
            .filter(|c| !c.is_ascii_punctuation())
            .collect();
        let words: Vec<&str> = text.split(is_space).filter(|word| !word.is_empty()).collect();
        let mut best: Option<Kind> = None;
        for size in 1..=self.longest {
            for run in words.windows(size) {
                let Some(&kind) = self.words.get(run.join(" ").as_str()) else {
                    continue;
                };
                let better =
                    |best: Kind| self.kinds[kind].words >= self.kinds[best].words && !self.is_a(best, kind);
                if best.is_none_or(better) {
                    best = Some(kind);
                }
            }
        }
        best
    }

    fn is_a(&self, kind: Kind, other: Kind) -> bool {
        std::iter::successors(Some(kind), |kind| self.kinds[*kind].above).any(|kind| kind == other)
    }
}

/// What instruments are called, where they are called but one name or none.
fn one(all: &[Instrument], name: fn(&Instrument) -> &Option<Arc<str>>) -> Option<Option<Arc<str>>> {
    let mut said = all.iter().filter_map(|instrument| name(instrument).as_ref());
    let first = said.next();
    said.all(|other| Some(other) == first).then(|| first.cloned())
}

/// What Python takes for space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Whether a name is but a number, with or without `instrument`.
fn says_nothing(text: &str) -> bool {
    let text = text.to_lowercase();
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    text == "instrument"
        || text == "inst"
        || number(&text.replace("instrument ", ""))
        || number(&text.replace("inst ", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(marks: Vec<Mark>) -> Vec<(u32, String)> {
        let marks: Vec<(u32, Mark)> = marks.into_iter().map(|mark| (0, mark)).collect();
        let name = |i: Instrument| (i.tick, i.name.as_deref().unwrap_or("").to_owned());
        Table::new().of(&marks).into_iter().map(name).collect()
    }

    fn track(name: &str) -> Mark {
        Mark::TrackName(name.as_bytes().to_vec())
    }

    #[test]
    fn a_program_names_its_instrument_and_a_name_that_means_none_gives_way() {
        let bass = Mark::Program {
            channel: 0,
            program: 33,
        };
        assert_eq!(
            told(vec![track("My song"), bass]),
            [(0, "Electric Bass".to_owned())]
        );
        assert_eq!(told(vec![track("My song")]), [(0, String::new())]);
        let kit = Mark::Program {
            channel: 9,
            program: 33,
        };
        assert_eq!(told(vec![kit]), [(0, "Percussion".to_owned())]);
    }

    #[test]
    fn what_names_no_instrument_gives_way_to_what_a_track_names_later() {
        let program = |program| Mark::Program { channel: 0, program };
        let marks = [
            (0, track("tk1")),
            (55, program(0)),
            (99, program(1)),
            (120, track("")),
        ];
        let of = Table::new().of(&marks);
        let told: Vec<_> = of
            .iter()
            .map(|i| (i.tick, i.name.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(told, [(55, "Piano"), (99, "Piano")]);
    }

    #[test]
    fn a_name_that_means_an_instrument_stands_beside_another() {
        let bass = Mark::Program {
            channel: 0,
            program: 33,
        };
        let both = told(vec![track("Bass (finger)"), bass]);
        assert_eq!(
            both,
            [(0, "Bass (finger)".to_owned()), (0, "Electric Bass".to_owned())]
        );
        let piano = Mark::Program {
            channel: 0,
            program: 1,
        };
        assert_eq!(told(vec![track("Piano"), piano]), [(0, "Piano".to_owned())]);
    }

    #[test]
    fn the_instrument_with_the_longest_name_is_meant() {
        let table = Table::new();
        let named = |text: &str| {
            table
                .meant(text)
                .and_then(|kind| table.kinds[kind].name.as_deref())
        };
        assert_eq!(
            named("I <3 music saxofono tenore go beavers"),
            Some("Tenor Saxophone")
        );
        assert_eq!(named("flauto 2"), Some("Flute"));
        assert_eq!(named("Cl. in B-flat"), Some("Clarinet"));
        assert_eq!(named("untitled"), None);
        assert!(says_nothing("Inst 12") && says_nothing("7") && !says_nothing("Inst x"));
    }
}
