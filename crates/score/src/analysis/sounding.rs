//! What sounds in stretches of a piece: how long each pitch class does, and which is the lowest.

use crate::score::Score;

/// What sounds in a stretch of time, in ticks for each pitch class.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sounding {
    /// The lowest pitch of all.
    pub(super) lowest: Option<u8>,
    /// The time of every note: two notes at once count twice.
    pub(super) notes: [f64; 12],
    /// The time in which a pitch sounds, by whatever number of notes; octaves count apart.
    pub(super) pitches: [f64; 12],
    /// The time in which it is the lowest.
    pub(super) bass: [f64; 12],
    /// How many pitches begin.
    pub(super) attacks: [f64; 12],
}

/// What sounds between each cut and the next; `cuts` increase. Drums are left out.
///
/// One sweep over all notes: time grows with notes and cuts, not with their product.
pub(super) fn sounding(score: &Score, cuts: &[u32]) -> Vec<Sounding> {
    let (Some(first), Some(last)) = (cuts.first(), cuts.last()) else {
        return Vec::new();
    };
    let mut found = vec![Sounding::default(); cuts.len() - 1];
    // Ends go before starts at one tick.
    let mut changes: Vec<(u32, bool, u8)> = Vec::new();
    for track in score.tracks.iter().filter(|track| !track.drums) {
        // A pitch that a track strikes again sounds anew, whatever the file forgot to let go.
        let mut again = [u32::MAX; 128];
        for note in track.notes.iter().rev() {
            let pitch = note.pitch & 127;
            let next = &mut again[usize::from(pitch)];
            let end = if *next > note.onset {
                note.end().min(*next)
            } else {
                note.end()
            };
            *next = note.onset;
            if end > *first && note.onset < *last || note.onset == end {
                changes.extend([(note.onset, true, pitch), (end, false, pitch)]);
            }
        }
    }
    changes.sort_unstable_by_key(|change| (change.0, change.1, change.2));
    let mut sounds = Pitches::default();
    let (mut now, mut at) = (0, 0);
    for (tick, begins, pitch) in changes {
        while at < found.len() && now < tick {
            if cuts[at] >= tick {
                break;
            }
            let until = tick.min(cuts[at + 1]);
            sounds.add(until.saturating_sub(now.max(cuts[at])), &mut found[at]);
            now = until;
            at += usize::from(until == cuts[at + 1]);
        }
        now = tick;
        while at < found.len() && cuts[at + 1] <= now {
            at += 1;
        }
        if begins {
            if at < found.len() && cuts[at] <= tick && sounds.counts[usize::from(pitch)] <= 0 {
                found[at].attacks[usize::from(pitch % 12)] += 1.0;
            }
            sounds.begin(pitch);
        } else {
            sounds.end(pitch);
        }
    }
    found
}

/// The pitches that sound at a moment.
struct Pitches {
    counts: [i64; 128],
    mask: u128,
}

impl Default for Pitches {
    fn default() -> Self {
        Pitches {
            counts: [0; 128],
            mask: 0,
        }
    }
}

impl Pitches {
    fn begin(&mut self, pitch: u8) {
        self.counts[usize::from(pitch)] += 1;
        self.set(pitch);
    }

    fn end(&mut self, pitch: u8) {
        // The end of a note without length comes before its start; the count is below zero for no time.
        self.counts[usize::from(pitch)] -= 1;
        self.set(pitch);
    }

    fn set(&mut self, pitch: u8) {
        match self.counts[usize::from(pitch)] > 0 {
            true => self.mask |= 1 << pitch,
            false => self.mask &= !(1 << pitch),
        }
    }

    /// Adds what sounds for so many ticks.
    fn add(&self, ticks: u32, to: &mut Sounding) {
        if self.mask == 0 || ticks == 0 {
            return;
        }
        let time = f64::from(ticks);
        let lowest = self.mask.trailing_zeros() as u8;
        to.bass[usize::from(lowest) % 12] += time;
        to.lowest = Some(to.lowest.map_or(lowest, |before| before.min(lowest)));
        let mut rest = self.mask;
        while rest != 0 {
            let pitch = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            to.pitches[pitch % 12] += time;
            to.notes[pitch % 12] += time * self.counts[pitch] as f64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{Note, Track};

    #[test]
    fn times_are_cut_where_stretches_are() {
        let note = |onset, pitch, duration| Note {
            onset,
            pitch,
            duration,
            velocity: 64,
        };
        let track = |notes: &[Note]| Track {
            notes: notes.to_vec(),
            ..Track::default()
        };
        let score = Score {
            tracks: vec![
                track(&[note(0, 60, 90), note(5, 64, 10), note(20, 60, 5), note(30, 62, 0)]),
                track(&[note(0, 60, 10), note(12, 72, 3)]),
            ],
            ..Score::default()
        };
        let found = sounding(&score, &[0, 10, 20, 40]);
        assert_eq!(
            (found[0].notes[0], found[0].pitches[0]),
            (20.0, 10.0),
            "one pitch, two notes"
        );
        assert_eq!(
            (found[1].notes[0], found[1].pitches[0]),
            (13.0, 13.0),
            "an octave counts"
        );
        assert_eq!((found[0].pitches[4], found[1].pitches[4]), (5.0, 5.0));
        assert_eq!((found[2].notes[0], found[2].notes[2]), (5.0, 0.0));
        assert_eq!(
            (found[0].bass[0], found[0].lowest, found[2].lowest),
            (10.0, Some(60), Some(60))
        );
        assert_eq!(
            (found[0].attacks[0], found[1].attacks[0], found[2].attacks[2]),
            (1.0, 1.0, 1.0)
        );
        let late = sounding(&score, &[12, 13]);
        assert_eq!(
            (late[0].pitches[0], late[0].pitches[4], late[0].attacks[0]),
            (2.0, 1.0, 1.0)
        );
        assert!(sounding(&score, &[]).is_empty());
    }
}
