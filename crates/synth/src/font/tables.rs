//! The nine tables of a SoundFont: checked, so that what they point at is there and they cannot grow when they are unfolded, and mended
//! where one bad sample would cost the whole font.

/// Their names, in their order.
pub(super) const NAMES: [&[u8; 4]; 9] = [
    b"phdr", b"pbag", b"pmod", b"pgen", b"inst", b"ibag", b"imod", b"igen", b"shdr",
];

/// Bytes of a record of each.
const SIZES: [usize; 9] = [38, 4, 10, 4, 22, 4, 10, 4, 46];

const PRESETS: usize = 0;
const PRESET_ZONES: usize = 1;
const PRESET_GENERATORS: usize = 3;
const INSTRUMENTS: usize = 4;
const INSTRUMENT_ZONES: usize = 5;
const INSTRUMENT_GENERATORS: usize = 7;
const SAMPLES: usize = 8;

/// The generator that names a preset zone's instrument.
const INSTRUMENT: u16 = 41;
/// The flag of a sample that is a Vorbis file.
const PACKED: u16 = 0x10;
/// Regions that one preset may look through for one note.
const MAX_REGIONS: u64 = 1 << 17;

/// The tables, byte for byte.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables([Vec<u8>; 9]);

/// A sample's header, as far as it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SampleHeader {
    pub start: u32,
    pub end: u32,
    pub loop_start: u32,
    pub loop_end: u32,
    pub rate: u32,
    pub kind: u16,
}

impl Tables {
    pub(super) fn set(&mut self, table: usize, bytes: Vec<u8>) {
        self.0[table] = bytes;
    }

    /// All nine as chunks.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, table) in NAMES.iter().zip(&self.0) {
            bytes.extend(*name);
            bytes.extend((table.len() as u32).to_le_bytes());
            bytes.extend(table);
        }
        bytes
    }

    /// Cuts records that are not whole, and looks whether every table has its last record and every index its place.
    ///
    /// Indices must rise: where they may jump, a small file unfolds into more regions than any memory holds.
    pub(super) fn check(&mut self) -> Result<(), String> {
        for (table, size) in SIZES.iter().enumerate() {
            let whole = self.0[table].len() / size * size;
            self.0[table].truncate(whole);
            let name = String::from_utf8_lossy(NAMES[table]);
            // Modulators are not read further on; a font may do without them.
            let least = if table == 2 || table == 6 { 0 } else { 1 };
            if self.0[table].len() / size < least {
                return Err(format!("a SoundFont without its table {name}"));
            }
        }
        self.rises(PRESETS, 24, self.count(PRESET_ZONES), 1)?;
        self.rises(PRESET_ZONES, 0, self.count(PRESET_GENERATORS), 0)?;
        self.rises(INSTRUMENTS, 20, self.count(INSTRUMENT_ZONES), 1)?;
        self.rises(INSTRUMENT_ZONES, 0, self.count(INSTRUMENT_GENERATORS), 0)?;
        self.bounded()
    }

    fn count(&self, table: usize) -> usize {
        self.0[table].len() / SIZES[table]
    }

    fn word(&self, table: usize, record: usize, at: usize) -> u16 {
        let at = record * SIZES[table] + at;
        u16::from_le_bytes([self.0[table][at], self.0[table][at + 1]])
    }

    /// Whether the indices of a table never fall, and the last is below `count`, or below one more where `last` is 0.
    fn rises(&self, table: usize, at: usize, count: usize, last: usize) -> Result<(), String> {
        let mut before = 0;
        for record in 0..self.count(table) {
            let index = self.word(table, record, at);
            if index < before || usize::from(index) + last > count {
                let name = String::from_utf8_lossy(NAMES[table]);
                return Err(format!(
                    "record {record} of the SoundFont's table {name} points to {index}, which is out of order or not there"
                ));
            }
            before = index;
        }
        Ok(())
    }

    /// Whether no preset has more regions than a note can look through in time.
    fn bounded(&self) -> Result<(), String> {
        let instruments = self.count(INSTRUMENTS) - 1;
        let zones = |instrument: usize| {
            let (from, to) = (
                self.word(INSTRUMENTS, instrument, 20),
                self.word(INSTRUMENTS, instrument + 1, 20),
            );
            u64::from(to - from)
        };
        for preset in 0..self.count(PRESETS) - 1 {
            let (from, to) = (self.word(PRESETS, preset, 24), self.word(PRESETS, preset + 1, 24));
            let mut regions = 0;
            for zone in usize::from(from)..usize::from(to) {
                let (from, to) = (
                    self.word(PRESET_ZONES, zone, 0),
                    self.word(PRESET_ZONES, zone + 1, 0),
                );
                for at in usize::from(from)..usize::from(to) {
                    if self.word(PRESET_GENERATORS, at, 0) == INSTRUMENT {
                        let instrument = usize::from(self.word(PRESET_GENERATORS, at, 2));
                        regions += if instrument < instruments {
                            zones(instrument)
                        } else {
                            0
                        };
                    }
                }
            }
            if regions > MAX_REGIONS {
                return Err(format!("a SoundFont whose preset {preset} has {regions} regions"));
            }
        }
        Ok(())
    }

    /// Samples without the last record, which ends the table.
    pub(super) fn samples(&self) -> usize {
        self.count(SAMPLES) - 1
    }

    pub(super) fn sample(&self, sample: usize) -> SampleHeader {
        let at = sample * SIZES[SAMPLES];
        let record = &self.0[SAMPLES][at..at + SIZES[SAMPLES]];
        let long =
            |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        SampleHeader {
            start: long(20),
            end: long(24),
            loop_start: long(28),
            loop_end: long(32),
            rate: long(36),
            kind: u16::from_le_bytes([record[44], record[45]]),
        }
    }

    pub(super) fn set_sample(&mut self, sample: usize, header: SampleHeader) {
        let at = sample * SIZES[SAMPLES];
        let record = &mut self.0[SAMPLES][at..at + SIZES[SAMPLES]];
        let longs = [
            header.start,
            header.end,
            header.loop_start,
            header.loop_end,
            header.rate,
        ];
        for (at, long) in longs.iter().enumerate() {
            record[20 + 4 * at..24 + 4 * at].copy_from_slice(&long.to_le_bytes());
        }
        record[44..46].copy_from_slice(&header.kind.to_le_bytes());
    }

    /// Whether samples are Vorbis files, as in `.sf3`.
    pub(super) fn is_packed(&self) -> bool {
        (0..self.samples()).any(|sample| self.sample(sample).kind & PACKED != 0)
    }

    /// Marks a sample as unpacked.
    pub(super) fn unpacked(header: SampleHeader) -> SampleHeader {
        SampleHeader {
            kind: header.kind & !PACKED,
            ..header
        }
    }

    pub(super) fn packed(header: SampleHeader) -> bool {
        header.kind & PACKED != 0
    }

    /// Moves what points beyond the `samples` that are there to within them, and gives rates that no recording has a common one.
    pub(super) fn mend(&mut self, samples: u64) {
        // The synthesizer counts in 32 bits with a sign.
        let last = u32::try_from(samples.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(i32::MAX as u32 - 64)
            .max(1);
        for at in 0..self.samples() {
            let mut header = self.sample(at);
            header.start = header.start.min(last - 1);
            header.end = header.end.clamp(header.start + 1, last);
            header.loop_start = header.loop_start.clamp(header.start, header.end);
            header.loop_end = header.loop_end.clamp(header.loop_start, header.end);
            if !(400..=192_000).contains(&header.rate) {
                header.rate = 44_100;
            }
            self.set_sample(at, header);
            // 255 stands for sounds without pitch; others above 127 are damage.
            let pitch = at * SIZES[SAMPLES] + 40;
            if self.0[SAMPLES][pitch] > 127 {
                self.0[SAMPLES][pitch] = 60;
            }
        }
    }
}
