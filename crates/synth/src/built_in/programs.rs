//! Which tones play which programs, and how: loudness over time, brightness by touch, vibrato, level.

use super::tones::{self, Graph};
use crate::font::generator as g;

/// An instrument: the tone that it plays, and what a player does with it.
pub(super) struct Instrument {
    /// General MIDI programs, from 0.
    pub programs: &'static [u8],
    pub tone: fn(f32) -> Graph,
    /// Keys at which the tone is recorded; each serves the keys nearest to it.
    pub roots: &'static [u8],
    /// How long it is recorded, and how much of the end is repeated (0: nothing), in seconds.
    pub seconds: f32,
    pub repeat: f32,
    /// Level in dB beside the others.
    pub level_db: f32,
    pub player: Player,
}

/// What is done with a tone. Times in seconds.
#[derive(Clone, Copy)]
pub(super) struct Player {
    pub attack: f32,
    /// To silence, or to the level that is held; 0: it does not decay.
    pub decay: f32,
    /// The level that is held below the first, in dB; more than 96: none.
    pub sustain_db: f32,
    pub release: f32,
    /// Timecents that the decay is shorter for each key above the middle.
    pub key_to_decay: i16,
    /// Where the low pass is at full force, in Hz; 0: open.
    pub cutoff: f32,
    /// Cents that the low pass is lower when a key is struck softly.
    pub touch: i16,
    /// Cents that the low pass begins above its place, and how fast it comes down.
    pub sweep: (i16, f32),
    /// Vibrato in cents, times a second, after so many seconds.
    pub vibrato: (i16, f32, f32),
    /// Tremolo in tenths of a dB, times a second.
    pub tremolo: (i16, f32),
    /// Sends in tenths of a percent, beyond what a channel sends.
    pub chorus: i16,
}

/// Struck or plucked: it decays by itself.
const PLUCKED: Player = Player {
    attack: 0.0,
    decay: 0.0,
    sustain_db: 0.0,
    release: 0.25,
    key_to_decay: 0,
    cutoff: 0.0,
    touch: 1_800,
    sweep: (0, 0.0),
    vibrato: (0, 0.0, 0.0),
    tremolo: (0, 0.0),
    chorus: 0,
};

/// Blown or bowed: it lasts as long as it is held.
const HELD: Player = Player {
    attack: 0.05,
    release: 0.15,
    touch: 1_200,
    vibrato: (12, 5.3, 0.35),
    ..PLUCKED
};

const WIDE: &[u8] = &[28, 36, 43, 50, 57, 64, 71, 78, 86, 96];
const MIDDLE: &[u8] = &[40, 48, 55, 62, 69, 76, 84, 92];
const FEW: &[u8] = &[36, 48, 60, 72, 84];
const LOW: &[u8] = &[26, 33, 40, 47, 55];

/// What is attached to a key that nobody attends: two octaves apart.
const EFFECTS: &[u8] = &[48, 72];

pub(super) fn instruments() -> Vec<Instrument> {
    let of = |programs, tone: fn(f32) -> Graph, roots, (seconds, repeat), level_db, player| Instrument {
        programs,
        tone,
        roots,
        seconds,
        repeat,
        level_db,
        player,
    };
    let decaying = |decay, key_to_decay| Player {
        decay,
        sustain_db: 100.0,
        key_to_decay,
        ..PLUCKED
    };
    vec![
        of(
            &[0, 1, 3],
            tones::piano,
            WIDE,
            (1.6, 0.4),
            0.0,
            Player {
                release: 0.3,
                touch: 2_400,
                cutoff: 9_000.0,
                ..decaying(9.0, 40)
            },
        ),
        of(
            &[2, 4, 5],
            tones::electric_piano,
            MIDDLE,
            (1.2, 0.3),
            -1.0,
            Player {
                tremolo: (15, 4.6),
                chorus: 150,
                ..decaying(9.0, 30)
            },
        ),
        of(
            &[6, 7],
            tones::harpsichord,
            MIDDLE,
            (1.4, 0.0),
            -3.0,
            Player {
                touch: 0,
                release: 0.1,
                ..PLUCKED
            },
        ),
        of(
            &[8, 9, 10, 112],
            tones::celesta,
            FEW,
            (1.4, 0.0),
            -4.0,
            Player {
                release: 1.0,
                ..PLUCKED
            },
        ),
        of(
            &[11],
            tones::vibraphone,
            FEW,
            (1.5, 0.3),
            -2.0,
            Player {
                tremolo: (30, 5.5),
                release: 0.6,
                ..decaying(8.0, 30)
            },
        ),
        of(
            &[12, 13, 108],
            tones::marimba,
            FEW,
            (0.8, 0.0),
            -2.0,
            Player {
                release: 0.5,
                ..PLUCKED
            },
        ),
        of(
            &[14, 15, 113],
            tones::tubular_bell,
            FEW,
            (2.4, 0.0),
            -4.0,
            Player {
                release: 1.5,
                ..PLUCKED
            },
        ),
        of(
            &[16, 17, 18],
            tones::drawbar_organ,
            FEW,
            (0.6, 0.4),
            -4.0,
            Player {
                attack: 0.008,
                release: 0.05,
                touch: 0,
                tremolo: (12, 6.2),
                chorus: 300,
                vibrato: (5, 6.2, 0.0),
                ..HELD
            },
        ),
        of(
            &[19],
            tones::church_organ,
            FEW,
            (1.2, 0.8),
            -4.0,
            Player {
                attack: 0.06,
                release: 0.3,
                touch: 0,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[20, 21, 22, 23, 109],
            tones::accordion,
            FEW,
            (0.8, 0.6),
            -6.0,
            Player {
                attack: 0.04,
                release: 0.08,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(&[24], tones::nylon_guitar, MIDDLE, (2.0, 0.0), -1.0, PLUCKED),
        of(
            &[25, 104, 106, 107],
            tones::steel_guitar,
            MIDDLE,
            (2.2, 0.0),
            -2.0,
            PLUCKED,
        ),
        of(
            &[26, 27, 31],
            tones::electric_guitar,
            MIDDLE,
            (2.2, 0.0),
            -2.0,
            Player {
                chorus: 100,
                ..PLUCKED
            },
        ),
        of(
            &[28],
            tones::electric_guitar,
            FEW,
            (0.3, 0.0),
            -2.0,
            decaying(0.25, 0),
        ),
        of(
            &[29, 30],
            tones::distorted_guitar,
            MIDDLE,
            (1.2, 0.5),
            -6.0,
            Player {
                touch: 300,
                release: 0.1,
                ..decaying(14.0, 0)
            },
        ),
        of(&[105], tones::banjo, FEW, (1.0, 0.0), -3.0, PLUCKED),
        of(
            &[32],
            tones::upright_bass,
            LOW,
            (1.6, 0.0),
            2.0,
            Player {
                release: 0.12,
                touch: 900,
                ..PLUCKED
            },
        ),
        of(
            &[33, 34, 35],
            tones::electric_bass,
            LOW,
            (2.2, 0.0),
            1.0,
            Player {
                release: 0.1,
                touch: 1_200,
                ..PLUCKED
            },
        ),
        of(
            &[36, 37],
            tones::slap_bass,
            LOW,
            (1.6, 0.0),
            0.0,
            Player {
                release: 0.1,
                ..PLUCKED
            },
        ),
        of(
            &[38, 39, 87],
            tones::synth_bass,
            LOW,
            (0.8, 0.6),
            -1.0,
            Player {
                attack: 0.003,
                release: 0.08,
                cutoff: 700.0,
                sweep: (2_600, 0.35),
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[40, 41, 42, 43, 110],
            tones::violin,
            MIDDLE,
            (0.9, 0.6),
            -4.0,
            Player {
                attack: 0.08,
                release: 0.2,
                cutoff: 7_000.0,
                vibrato: (18, 5.8, 0.25),
                ..HELD
            },
        ),
        of(
            &[44],
            tones::strings,
            FEW,
            (1.4, 1.0),
            -5.0,
            Player {
                attack: 0.06,
                tremolo: (60, 9.0),
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(&[45], tones::harp, MIDDLE, (0.8, 0.0), -2.0, decaying(0.5, 20)),
        of(
            &[46],
            tones::harp,
            MIDDLE,
            (2.0, 0.0),
            -2.0,
            Player {
                release: 0.8,
                ..PLUCKED
            },
        ),
        of(
            &[47],
            tones::timpani,
            &[36, 45, 55],
            (1.6, 0.0),
            0.0,
            Player {
                release: 0.8,
                ..PLUCKED
            },
        ),
        of(
            &[48, 49, 50, 51],
            tones::strings,
            MIDDLE,
            (1.4, 1.0),
            -4.0,
            Player {
                attack: 0.14,
                release: 0.35,
                cutoff: 6_000.0,
                chorus: 200,
                vibrato: (6, 5.0, 0.4),
                ..HELD
            },
        ),
        of(
            &[52, 53, 54, 85, 91],
            tones::choir,
            FEW,
            (1.4, 1.0),
            -4.0,
            Player {
                attack: 0.12,
                release: 0.35,
                chorus: 250,
                ..HELD
            },
        ),
        of(&[55], tones::orchestra_hit, FEW, (0.9, 0.0), -3.0, PLUCKED),
        of(
            &[56, 59],
            tones::trumpet,
            MIDDLE,
            (0.7, 0.5),
            -4.0,
            Player {
                attack: 0.03,
                release: 0.1,
                cutoff: 3_800.0,
                touch: 2_000,
                sweep: (900, 0.12),
                ..HELD
            },
        ),
        of(
            &[57, 58, 60],
            tones::trombone,
            FEW,
            (0.7, 0.5),
            -3.0,
            Player {
                attack: 0.05,
                release: 0.12,
                cutoff: 2_400.0,
                touch: 1_800,
                sweep: (700, 0.15),
                vibrato: (6, 5.0, 0.5),
                ..HELD
            },
        ),
        of(
            &[61, 62, 63],
            tones::brass_section,
            MIDDLE,
            (1.1, 0.9),
            -4.0,
            Player {
                attack: 0.035,
                release: 0.12,
                cutoff: 4_200.0,
                touch: 1_800,
                sweep: (800, 0.15),
                chorus: 100,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[64, 65, 66, 67],
            tones::saxophone,
            MIDDLE,
            (0.9, 0.6),
            -4.0,
            Player {
                attack: 0.03,
                release: 0.1,
                cutoff: 5_000.0,
                vibrato: (14, 5.0, 0.3),
                ..HELD
            },
        ),
        of(
            &[68, 69, 70, 111],
            tones::oboe,
            FEW,
            (0.7, 0.5),
            -5.0,
            Player {
                attack: 0.04,
                release: 0.1,
                ..HELD
            },
        ),
        of(
            &[71],
            tones::clarinet,
            FEW,
            (0.7, 0.5),
            -3.0,
            Player {
                attack: 0.04,
                release: 0.1,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[72, 73, 74, 79],
            tones::flute,
            FEW,
            (0.9, 0.6),
            -3.0,
            Player {
                attack: 0.04,
                release: 0.1,
                tremolo: (8, 5.2),
                ..HELD
            },
        ),
        of(
            &[75, 76, 77, 78, 121],
            tones::pan_flute,
            FEW,
            (0.9, 0.6),
            -4.0,
            Player {
                attack: 0.05,
                release: 0.15,
                ..HELD
            },
        ),
        of(
            &[80],
            tones::square_lead,
            FEW,
            (0.8, 0.6),
            -6.0,
            Player {
                attack: 0.004,
                release: 0.08,
                ..HELD
            },
        ),
        of(
            &[81, 82, 83, 84, 86],
            tones::saw_lead,
            MIDDLE,
            (1.0, 0.8),
            -6.0,
            Player {
                attack: 0.004,
                release: 0.08,
                cutoff: 6_500.0,
                ..HELD
            },
        ),
        of(
            &[88, 89, 90, 94, 95, 101],
            tones::warm_pad,
            FEW,
            (1.6, 1.2),
            -4.0,
            Player {
                attack: 0.35,
                release: 0.9,
                chorus: 350,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[92, 93, 96, 97, 98, 99, 100, 102, 103],
            tones::bell_pad,
            FEW,
            (1.6, 1.0),
            -4.0,
            Player {
                attack: 0.02,
                release: 0.9,
                chorus: 350,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
        of(
            &[114],
            tones::steel_drum,
            FEW,
            (1.0, 0.0),
            -3.0,
            Player {
                release: 0.4,
                ..PLUCKED
            },
        ),
        of(
            &[115],
            tones::woodblock,
            EFFECTS,
            (0.2, 0.0),
            -4.0,
            Player {
                release: 0.2,
                ..PLUCKED
            },
        ),
        of(
            &[116, 117, 118, 127],
            tones::tom,
            EFFECTS,
            (0.7, 0.0),
            -1.0,
            Player {
                release: 0.5,
                ..PLUCKED
            },
        ),
        of(
            &[119, 120, 122, 123, 124, 125, 126],
            tones::wind,
            EFFECTS,
            (1.6, 1.2),
            -8.0,
            Player {
                attack: 0.4,
                release: 0.5,
                vibrato: (0, 0.0, 0.0),
                ..HELD
            },
        ),
    ]
}

/// Seconds in timecents, which SoundFonts count in.
fn timecents(seconds: f32) -> i16 {
    match seconds > 0.0 {
        true => (1_200.0 * seconds.log2()).round().clamp(-12_000.0, 8_000.0) as i16,
        false => -12_000,
    }
}

/// Hertz in cents above the lowest key.
fn absolute_cents(frequency: f32) -> i16 {
    (1_200.0 * (frequency / 8.176).log2()).round() as i16
}

impl Player {
    /// Softest, middle and hardest touch: the velocities of each, and what is set for them.
    #[allow(clippy::type_complexity)]
    pub(super) fn touches(&self) -> Vec<(u8, u8, Vec<(u16, i16)>)> {
        let layers: &[(u8, u8, f32)] = match self.touch {
            0 => &[(0, 127, 0.0)],
            _ => &[(0, 44, 1.0), (45, 74, 0.6), (75, 104, 0.25), (105, 127, 0.0)],
        };
        let touch = |(low, high, share): &(u8, u8, f32)| {
            let open = if self.cutoff > 0.0 {
                absolute_cents(self.cutoff)
            } else {
                13_400
            };
            let lower = (f32::from(self.touch) * share) as i16;
            let mut set = self.settings();
            if self.cutoff > 0.0 || lower > 0 {
                set.push((g::FILTER_CUTOFF, open - lower));
            }
            (*low, *high, set)
        };
        layers.iter().map(touch).collect()
    }

    fn settings(&self) -> Vec<(u16, i16)> {
        let mut set = vec![
            (g::ATTACK, timecents(self.attack)),
            (g::RELEASE, timecents(self.release)),
        ];
        if self.decay > 0.0 {
            set.push((g::DECAY, timecents(self.decay)));
            set.push((g::SUSTAIN, (self.sustain_db * 10.0) as i16));
            set.push((g::KEY_TO_DECAY, self.key_to_decay));
        }
        let (cents, seconds) = self.sweep;
        if cents != 0 {
            set.push((g::ENVELOPE_TO_FILTER, cents));
            set.push((g::ENVELOPE_DECAY, timecents(seconds)));
            set.push((g::ENVELOPE_SUSTAIN, 1_000));
        }
        let (cents, frequency, delay) = self.vibrato;
        if cents != 0 {
            set.push((g::VIBRATO_TO_PITCH, cents));
            set.push((g::VIBRATO_FREQUENCY, absolute_cents(frequency)));
            set.push((g::VIBRATO_DELAY, timecents(delay)));
        }
        let (tenths, frequency) = self.tremolo;
        if tenths != 0 {
            set.push((g::MODULATION_TO_VOLUME, tenths));
            set.push((g::MODULATION_FREQUENCY, absolute_cents(frequency)));
        }
        if self.chorus != 0 {
            set.push((g::CHORUS, self.chorus));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_one_instrument() {
        let mut played = [0; 128];
        for instrument in instruments() {
            for program in instrument.programs {
                played[usize::from(*program)] += 1;
            }
        }
        let wrong: Vec<usize> = (0..128).filter(|program| played[*program] != 1).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
