//! A SoundFont that is put together here, of samples and zones. Not for files: those are read, see [`super::chunks`].

use std::collections::BTreeMap;

use super::tables::Tables;

/// The generators that are used here (SoundFont 2.04, section 8.1.2).
pub(crate) mod generator {
    pub const VIBRATO_TO_PITCH: u16 = 6;
    pub const FILTER_CUTOFF: u16 = 8;
    pub const ENVELOPE_TO_FILTER: u16 = 11;
    pub const MODULATION_TO_VOLUME: u16 = 13;
    pub const CHORUS: u16 = 15;
    pub const PAN: u16 = 17;
    pub const MODULATION_FREQUENCY: u16 = 22;
    pub const VIBRATO_DELAY: u16 = 23;
    pub const VIBRATO_FREQUENCY: u16 = 24;
    pub const ENVELOPE_DECAY: u16 = 28;
    pub const ENVELOPE_SUSTAIN: u16 = 29;
    pub const ATTACK: u16 = 34;
    pub const DECAY: u16 = 36;
    pub const SUSTAIN: u16 = 37;
    pub const RELEASE: u16 = 38;
    pub const KEY_TO_DECAY: u16 = 40;
    pub const INSTRUMENT: u16 = 41;
    pub const KEYS: u16 = 43;
    pub const VELOCITIES: u16 = 44;
    pub const ATTENUATION: u16 = 48;
    pub const SAMPLE: u16 = 53;
    pub const LOOPED: u16 = 54;
    pub const EXCLUSIVE: u16 = 57;
}

/// A recording.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub samples: Vec<i16>,
    pub rate: u32,
    /// The key that it sounds, and cents that it is to be raised by to sound it.
    pub key: u8,
    pub correction: i8,
    /// Where what is repeated begins and ends, if anything is.
    pub repeat: Option<(u32, u32)>,
}

/// What is set for some keys and velocities: generators and their amounts.
pub(crate) type Zone = BTreeMap<u16, i16>;

/// The parts of a SoundFont.
#[derive(Debug, Default)]
pub(crate) struct Bank {
    pub samples: Vec<Sample>,
    /// Zones of each instrument; each names its sample.
    pub instruments: Vec<Vec<Zone>>,
    /// Bank, program, instrument.
    pub presets: Vec<(u16, u16, u16)>,
}

/// Silent samples after each.
const GAP: usize = 46;

impl Bank {
    /// The samples as bytes, and the tables.
    pub fn to_parts(&self) -> (Vec<u8>, Tables) {
        let mut bytes = Vec::new();
        let mut headers = Vec::new();
        for sample in &self.samples {
            let start = (bytes.len() / 2) as u32;
            bytes.extend(sample.samples.iter().flat_map(|s| s.to_le_bytes()));
            let end = (bytes.len() / 2) as u32;
            bytes.extend([0; 2 * GAP]);
            let (from, to) = sample.repeat.unwrap_or((0, 0));
            headers.extend([0; 20]);
            for long in [start, end, start + from, start + to, sample.rate] {
                headers.extend(long.to_le_bytes());
            }
            headers.extend([sample.key, sample.correction as u8, 0, 0, 1, 0]);
        }
        headers.extend([0; 46]);
        let (mut instruments, mut bags, mut generators) = (Vec::new(), Vec::new(), Vec::new());
        let mut zones = 0_u16;
        for instrument in &self.instruments {
            instruments.extend([0; 20]);
            instruments.extend(zones.to_le_bytes());
            for zone in instrument {
                bags.extend(((generators.len() / 4) as u16).to_le_bytes());
                bags.extend([0; 2]);
                zones += 1;
                // Ranges come first and the sample last; the others in any order.
                let rank = |number: u16| match number {
                    generator::KEYS => (0, number),
                    generator::VELOCITIES => (1, number),
                    generator::SAMPLE => (3, number),
                    _ => (2, number),
                };
                let mut all: Vec<(u16, i16)> = zone.iter().map(|(n, a)| (*n, *a)).collect();
                all.sort_by_key(|(number, _)| rank(*number));
                for (number, amount) in all {
                    generators.extend(number.to_le_bytes());
                    generators.extend(amount.to_le_bytes());
                }
            }
        }
        instruments.extend([0; 20]);
        instruments.extend(zones.to_le_bytes());
        bags.extend(((generators.len() / 4) as u16).to_le_bytes());
        bags.extend([0; 2]);
        generators.extend([0; 4]);
        let (mut presets, mut preset_bags, mut preset_generators) = (Vec::new(), Vec::new(), Vec::new());
        for (at, (bank, program, instrument)) in self.presets.iter().enumerate() {
            presets.extend([0; 20]);
            for word in [*program, *bank, at as u16] {
                presets.extend(word.to_le_bytes());
            }
            presets.extend([0; 12]);
            preset_bags.extend((at as u16).to_le_bytes());
            preset_bags.extend([0; 2]);
            preset_generators.extend(generator::INSTRUMENT.to_le_bytes());
            preset_generators.extend(instrument.to_le_bytes());
        }
        let count = self.presets.len() as u16;
        presets.extend([0; 24]);
        presets.extend(count.to_le_bytes());
        presets.extend([0; 12]);
        preset_bags.extend(count.to_le_bytes());
        preset_bags.extend([0; 2]);
        preset_generators.extend([0; 4]);
        let mut tables = Tables::default();
        let all = [
            presets,
            preset_bags,
            vec![0; 10],
            preset_generators,
            instruments,
            bags,
            vec![0; 10],
            generators,
            headers,
        ];
        for (table, bytes) in all.into_iter().enumerate() {
            tables.set(table, bytes);
        }
        (bytes, tables)
    }
}
