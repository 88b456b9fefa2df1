//! The outer lines of a piece: what is heard on top, and at the bottom.

use super::piece::Tone;

/// A note of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) pitch: u8,
}

/// The highest tone that begins at each time, unless a higher one sounds on.
pub(super) fn top(tones: &[Tone]) -> Vec<Step> {
    line(tones, |pitch| pitch)
}

/// The lowest tone that begins at each time, unless a lower one sounds on.
pub(super) fn bottom(tones: &[Tone]) -> Vec<Step> {
    line(tones, |pitch| 127 - pitch)
}

fn line(tones: &[Tone], height: impl Fn(u8) -> u8) -> Vec<Step> {
    // When the last tone of a height ends.
    let mut ends = [0_u32; 128];
    let mut steps = Vec::new();
    for together in tones.chunk_by(|a, b| a.start == b.start) {
        let start = together[0].start;
        let Some(outer) = together.iter().max_by_key(|tone| (height(tone.pitch), tone.end)) else {
            continue;
        };
        let above = usize::from(height(outer.pitch)) + 1;
        if ends[above..].iter().all(|end| *end <= start) {
            steps.push(Step {
                start,
                end: outer.end,
                pitch: outer.pitch,
            });
        }
        for tone in together {
            let end = &mut ends[usize::from(height(tone.pitch))];
            *end = (*end).max(tone.end);
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_not_broken_by_what_sounds_below() {
        let tone = |start, end, pitch| Tone {
            start,
            pitch,
            end,
            program: 0,
            velocity: 64,
        };
        let tones = [
            tone(0, 12, 48),
            tone(0, 6, 60),
            tone(0, 24, 72),
            tone(12, 18, 64),
            tone(24, 30, 70),
        ];
        let pitches = |steps: Vec<Step>| steps.iter().map(|step| step.pitch).collect::<Vec<_>>();
        assert_eq!(pitches(top(&tones)), [72, 70], "the inner 64 is not on top");
        assert_eq!(pitches(bottom(&tones)), [48, 64, 70]);
    }
}
