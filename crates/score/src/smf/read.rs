//! Standard MIDI Files in: the chunks, and events made into a score.

use std::collections::VecDeque;
use std::io::Read as _;
use std::path::Path;

use midly::{MetaMessage, MidiMessage, TrackEventKind};

use super::events::{End, each};
use super::repair::{Repair, Repairs};
use crate::error::{Error, Result};
use crate::score::{
    Control, ControlKind, KeySignature, MAX_QUARTERS, Note, Score, Tempo, Text, TextKind, TimeSignature,
    Track,
};

/// Bytes of the longest file that is read.
pub const MAX_BYTES: u64 = 64 << 20;

/// Characters of the longest text that is kept.
const MAX_TEXT: usize = 4_096;

/// How far into a file its header is looked for: a RIFF wrapper is 20 bytes, a Macintosh one 128.
const MAX_PREFIX: usize = 4_096;

/// A score, and what had to be mended to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The score.
    pub score: Score,
    /// What was mended; empty for a file without fault.
    pub repairs: Vec<Repair>,
}

/// Reads a Standard MIDI File of format 0, 1 or 2.
///
/// # Errors
/// The file cannot be opened, is larger than [`MAX_BYTES`], or holds no header or no track.
pub fn read(path: &Path) -> Result<Read> {
    parse(&read_bytes(path)?).map_err(|error| error.in_file(path))
}

/// The bytes of a file, as many as a MIDI file may have and one more: for [`parse`], or a design of tokens.
///
/// # Errors
/// The file cannot be opened or read.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(io)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

/// Reads the bytes of a Standard MIDI File.
///
/// Tracks of the file that play several channels or programs become several tracks of the score. The tracks of format 2
/// follow one another. Time code becomes quarters of half a second. System exclusive messages and polyphonic pressure are left out.
///
/// # Errors
/// The bytes are more than [`MAX_BYTES`], or hold no header or no track.
pub fn parse(bytes: &[u8]) -> Result<Read> {
    parse_tracks(bytes, &mut |_| ())
}

/// Reads as [`parse`] does, and hands over the tracks of the file one by one as they stand in it.
pub(crate) fn parse_tracks(bytes: &[u8], track: &mut dyn FnMut(FileTrack)) -> Result<Read> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::malformed("larger than 64 MB: no MIDI file"));
    }
    let mut repairs = Repairs::default();
    let header = Header::find(bytes, &mut repairs)?;
    let mut builder = Builder::new(&header);
    let mut rest = header.rest;
    let mut number = 0;
    while let Some(chunk) = next_chunk(&mut rest, number, &mut repairs) {
        number += 1;
        track(builder.track(chunk, number, &mut rest, &mut repairs));
    }
    if number == 0 {
        return Err(Error::malformed("a MIDI header without a track"));
    }
    if number != usize::from(header.tracks) {
        repairs.add(
            None,
            "the header counts other tracks than there are: those there are read",
        );
    }
    let mut score = builder.score;
    score.tidy();
    dedup_changes(&mut score);
    Ok(Read {
        score,
        repairs: repairs.0,
    })
}

struct Header<'a> {
    format: u16,
    tracks: u16,
    ticks_per_quarter: u16,
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    fn find(bytes: &'a [u8], repairs: &mut Repairs) -> Result<Header<'a>> {
        let near = &bytes[..bytes.len().min(MAX_PREFIX)];
        let Some(start) = near.windows(4).position(|four| four == b"MThd") else {
            return Err(Error::malformed(no_header(bytes)));
        };
        if start > 0 {
            repairs.add(None, "bytes before the header: skipped");
        }
        let header = &bytes[start + 4..];
        let number = |at: usize| {
            header
                .get(at..at + 2)
                .map(|two| u16::from_be_bytes([two[0], two[1]]))
        };
        let (Some(high), Some(low), Some(format), Some(tracks), Some(division)) =
            (number(0), number(2), number(4), number(6), number(8))
        else {
            return Err(Error::malformed("cut off within the MIDI header"));
        };
        let length = (usize::from(high) << 16) | usize::from(low);
        let rest = match header.get(4 + length..) {
            Some(rest) if length >= 6 && rest.first().is_none_or(u8::is_ascii_alphabetic) => rest,
            _ => {
                repairs.add(None, "the header's length is wrong: six bytes are taken");
                &header[10..]
            }
        };
        if format > 2 {
            repairs.add(None, "a format that does not exist: taken for format 1");
        }
        let ticks_per_quarter = match division {
            0 => {
                repairs.add(None, "no ticks to the quarter: 480 are taken");
                480
            }
            1..=0x7fff => division,
            // Frames a second, negative, and ticks to the frame; at 120 quarters a minute, two quarters are a second.
            _ => {
                let frames = u16::from((division >> 8) as u8).wrapping_neg() & 0xff;
                (frames * (division & 0xff) / 2).max(1)
            }
        };
        Ok(Header {
            format,
            tracks,
            ticks_per_quarter,
            rest,
        })
    }
}

/// What a file without a header may be.
fn no_header(bytes: &[u8]) -> String {
    let start = bytes.trim_ascii_start();
    let what = match start {
        [] => "no bytes",
        [b'<', ..] => "a web page, not a MIDI file",
        [b'P', b'K', ..] => "a zip archive, not a MIDI file",
        [b'R', b'I', b'F', b'F', ..] => "a RIFF file without a MIDI header",
        _ if bytes.iter().all(|byte| *byte == 0) => "nothing but zeros, no MIDI file",
        _ => "no MIDI header (MThd)",
    };
    what.to_owned()
}

/// The next track's bytes, as long as its chunk claims to be; other chunks are passed over.
fn next_chunk<'a>(rest: &mut &'a [u8], before: usize, repairs: &mut Repairs) -> Option<&'a [u8]> {
    loop {
        if rest.len() < 8 {
            if rest.iter().any(|byte| *byte != 0) {
                repairs.add(None, "bytes after the last track: skipped");
            }
            return None;
        }
        let (head, body) = rest.split_at(8);
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] == b"MTrk" {
            let (chunk, after) = match body.split_at_checked(length) {
                Some(parts) => parts,
                None => {
                    repairs.add(
                        Some(before + 1),
                        "its chunk claims more bytes than there are: those there are read",
                    );
                    (body, &[][..])
                }
            };
            *rest = after;
            return Some(chunk);
        }
        let known = head[..4]
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        match body.get(length..) {
            Some(after) if known => *rest = after,
            _ => match find_track(rest) {
                Some(at) => {
                    repairs.add(None, "bytes between chunks: skipped");
                    *rest = &rest[at..];
                }
                None => {
                    if rest.iter().any(|byte| *byte != 0) {
                        repairs.add(None, "bytes after the last track: skipped");
                    }
                    *rest = &[];
                }
            },
        }
    }
}

fn find_track(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"MTrk")
}

/// Makes a score of events.
struct Builder {
    score: Score,
    sequential: bool,
    /// Where the next track of a format 2 file begins.
    offset: u32,
    limit: u32,
    /// Programs chosen for each channel by any track so far: tick and program.
    programs: [Vec<(u32, u8)>; 16],
}

/// What is sounding on one channel and pitch: onset, velocity, and the track of the score that it is in.
type Held = VecDeque<(u32, u8, usize)>;

/// A track as it stands in the file: what a score, which is in order, no longer tells.
pub(crate) struct FileTrack {
    /// Notes, programs and controls in the file's order, with their ticks.
    pub played: Vec<(u32, Played)>,
    /// What stands beside the notes, in the file's order, with its tick.
    pub marks: Vec<(u32, Mark)>,
}

/// What stands in a track beside its notes.
pub(crate) enum Mark {
    /// The track's name.
    TrackName(Vec<u8>),
    /// The name of its instrument.
    InstrumentName(Vec<u8>),
    /// A program for a channel.
    Program { channel: u8, program: u8 },
    /// A time signature: beats, and the power of two that their value is.
    Metre(u8, u8),
    /// A tempo or a key signature.
    Change,
}

/// An event of one track with its tick, as far as it concerns notes.
pub(crate) enum Played {
    On { channel: u8, pitch: u8, velocity: u8 },
    Off { channel: u8, pitch: u8 },
    Program { channel: u8, program: u8 },
    Control { channel: u8, kind: ControlKind },
}

impl Builder {
    fn new(header: &Header<'_>) -> Self {
        let score = Score {
            ticks_per_quarter: header.ticks_per_quarter,
            ..Score::default()
        };
        let limit = MAX_QUARTERS
            .saturating_mul(u32::from(header.ticks_per_quarter))
            .min(u32::MAX / 2);
        Builder {
            score,
            sequential: header.format == 2,
            offset: 0,
            limit,
            programs: Default::default(),
        }
    }

    /// Reads one track; a chunk that is shorter than its track goes on into `rest`.
    fn track(&mut self, chunk: &[u8], number: usize, rest: &mut &[u8], repairs: &mut Repairs) -> FileTrack {
        let mut found = Repairs::default();
        let mut events = Events::new(self.offset, self.limit);
        let end = each(chunk, number, &mut found, |delta, kind| events.take(delta, kind));
        // A length that is too short shows in no end and no chunk after it.
        let continues =
            end == End::Missing && rest.len() >= 4 && !rest.starts_with(b"MTrk") && !alphabetic(rest);
        if continues {
            let more = find_track(rest).unwrap_or(rest.len());
            let longer = [chunk, &rest[..more]].concat();
            found = Repairs::default();
            found.add(
                Some(number),
                "its chunk claims fewer bytes than it has: read to the next",
            );
            events = Events::new(self.offset, self.limit);
            each(&longer, number, &mut found, |delta, kind| {
                events.take(delta, kind)
            });
            *rest = &rest[more..];
        } else if end == End::Missing {
            found.add(Some(number), "no end of track: its last message is taken for it");
        } else if let End::Marked { left } = end
            && left > 0
        {
            found.add(Some(number), "bytes after the end of the track: skipped");
        }
        if events.beyond {
            found.add(
                Some(number),
                "a time that no music reaches: the rest of the track is dropped",
            );
        }
        let track = self.add(events, number, &mut found);
        repairs.0.append(&mut found.0);
        track
    }

    fn add(&mut self, events: Events, number: usize, repairs: &mut Repairs) -> FileTrack {
        let end = events.tick;
        let score = &mut self.score;
        score.tempos.extend(events.tempos);
        score.time_signatures.extend(events.time_signatures);
        score.key_signatures.extend(events.key_signatures);
        score.texts.extend(events.texts);
        for _ in 0..events.unknown_keys {
            repairs.add(Some(number), "a key signature that does not exist: left out");
        }
        let mut own = [false; 16];
        for (tick, played) in &events.played {
            if let Played::Program { channel, program } = *played {
                own[usize::from(channel)] = true;
                self.programs[usize::from(channel)].push((*tick, program));
            }
        }
        let mut parts = Parts::new(events.name, number);
        let mut current = [0_u8; 16];
        for &(tick, ref played) in &events.played {
            match *played {
                Played::Program { channel, program } => current[usize::from(channel)] = program,
                Played::On {
                    channel,
                    pitch,
                    velocity,
                } => {
                    let at = usize::from(channel);
                    let program = match own[at] {
                        true => current[at],
                        false => last_before(&self.programs[at], tick),
                    };
                    parts.on(tick, channel, program, pitch, velocity);
                }
                Played::Off { channel, pitch } => parts.off(tick, channel, pitch),
                Played::Control { channel, kind } => {
                    parts.controls[usize::from(channel)].push(Control { tick, kind })
                }
            }
        }
        parts.finish(end, number, repairs, &mut self.score.tracks);
        if self.sequential {
            self.offset = end;
        }
        FileTrack {
            played: events.played,
            marks: events.marks,
        }
    }
}

fn alphabetic(bytes: &[u8]) -> bool {
    bytes[..4].iter().all(|byte| byte.is_ascii_alphanumeric())
}

/// The program that other tracks have chosen for a channel by a tick.
fn last_before(programs: &[(u32, u8)], tick: u32) -> u8 {
    programs
        .iter()
        .filter(|(at, _)| *at <= tick)
        .max_by_key(|(at, _)| *at)
        .or(programs.first())
        .map_or(0, |(_, program)| *program)
}

/// The events of one track of the file.
struct Events {
    tick: u32,
    limit: u32,
    beyond: bool,
    name: String,
    played: Vec<(u32, Played)>,
    marks: Vec<(u32, Mark)>,
    tempos: Vec<Tempo>,
    time_signatures: Vec<TimeSignature>,
    key_signatures: Vec<KeySignature>,
    unknown_keys: usize,
    texts: Vec<Text>,
}

impl Events {
    fn new(offset: u32, limit: u32) -> Self {
        Events {
            tick: offset,
            limit,
            beyond: false,
            name: String::new(),
            played: Vec::new(),
            marks: Vec::new(),
            tempos: Vec::new(),
            time_signatures: Vec::new(),
            key_signatures: Vec::new(),
            unknown_keys: 0,
            texts: Vec::new(),
        }
    }

    fn take(&mut self, delta: u32, kind: TrackEventKind<'_>) {
        if self.beyond {
            return;
        }
        match self.tick.checked_add(delta).filter(|tick| *tick <= self.limit) {
            Some(tick) => self.tick = tick,
            None => {
                self.beyond = true;
                return;
            }
        }
        match kind {
            TrackEventKind::Midi { channel, message } => self.message(channel.as_int(), message),
            TrackEventKind::Meta(message) => self.meta(message),
            TrackEventKind::SysEx(_) | TrackEventKind::Escape(_) => {}
        }
    }

    fn message(&mut self, channel: u8, message: MidiMessage) {
        let played = match message {
            MidiMessage::NoteOn { key, vel } if vel > 0 => Played::On {
                channel,
                pitch: key.as_int(),
                velocity: vel.as_int(),
            },
            MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => Played::Off {
                channel,
                pitch: key.as_int(),
            },
            MidiMessage::ProgramChange { program } => {
                let program = program.as_int();
                self.marks.push((self.tick, Mark::Program { channel, program }));
                Played::Program { channel, program }
            }
            MidiMessage::Controller { controller, value } => Played::Control {
                channel,
                kind: ControlKind::Controller(controller.as_int(), value.as_int()),
            },
            MidiMessage::PitchBend { bend } => Played::Control {
                channel,
                kind: ControlKind::Bend(bend.as_int()),
            },
            MidiMessage::ChannelAftertouch { vel } => Played::Control {
                channel,
                kind: ControlKind::Pressure(vel.as_int()),
            },
            MidiMessage::Aftertouch { .. } => return,
        };
        self.played.push((self.tick, played));
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((self.tick, mark));
    }

    fn meta(&mut self, message: MetaMessage<'_>) {
        let tick = self.tick;
        let kind = match message {
            MetaMessage::TrackName(name) => {
                self.mark(Mark::TrackName(short(name)));
                if self.name.is_empty() {
                    self.name = text(name);
                }
                return;
            }
            MetaMessage::InstrumentName(name) => return self.mark(Mark::InstrumentName(short(name))),
            MetaMessage::Tempo(micros) => {
                self.mark(Mark::Change);
                let micros_per_quarter = micros.as_int().max(1);
                return self.tempos.push(Tempo {
                    tick,
                    micros_per_quarter,
                });
            }
            MetaMessage::TimeSignature(numerator, power, _, _) => {
                self.mark(Mark::Metre(numerator, power));
                if numerator > 0 && power <= 6 {
                    self.time_signatures.push(TimeSignature {
                        tick,
                        numerator,
                        denominator: 1 << power,
                    });
                }
                return;
            }
            MetaMessage::KeySignature(sharps, minor) => {
                self.mark(Mark::Change);
                match (-7..=7).contains(&sharps) {
                    true => self.key_signatures.push(KeySignature { tick, sharps, minor }),
                    false => self.unknown_keys += 1,
                }
                return;
            }
            MetaMessage::Text(bytes) => (TextKind::Text, bytes),
            MetaMessage::Copyright(bytes) => (TextKind::Copyright, bytes),
            MetaMessage::Lyric(bytes) => (TextKind::Lyric, bytes),
            MetaMessage::Marker(bytes) => (TextKind::Marker, bytes),
            MetaMessage::CuePoint(bytes) => (TextKind::Cue, bytes),
            _ => return,
        };
        let (kind, bytes) = kind;
        let text = text(bytes);
        if !text.is_empty() {
            self.texts.push(Text { tick, kind, text });
        }
    }
}

fn short(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len().min(MAX_TEXT)].to_vec()
}

fn text(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let text = text.trim_end_matches('\0');
    text.chars().take(MAX_TEXT).collect()
}

/// The tracks of the score that come of one track of the file.
struct Parts {
    name: String,
    source: u16,
    tracks: Vec<Track>,
    /// The track of a channel and program.
    index: Vec<(u8, u8)>,
    controls: [Vec<Control>; 16],
    /// What sounds, by channel and pitch; channels that nothing has sounded on have no pitches.
    held: [Vec<Held>; 16],
}

impl Parts {
    fn new(name: String, number: usize) -> Self {
        Parts {
            name,
            // A file has no more tracks than its bytes divided by eight, but the number of a track is kept in two bytes.
            source: (number % usize::from(u16::MAX)) as u16,
            tracks: Vec::new(),
            index: Vec::new(),
            controls: Default::default(),
            held: Default::default(),
        }
    }

    fn on(&mut self, tick: u32, channel: u8, program: u8, pitch: u8, velocity: u8) {
        let at = match self.index.iter().position(|key| *key == (channel, program)) {
            Some(at) => at,
            None => {
                self.index.push((channel, program));
                self.tracks.push(Track {
                    name: self.name.clone(),
                    source: self.source,
                    program,
                    drums: channel == 9,
                    channel,
                    ..Track::default()
                });
                self.tracks.len() - 1
            }
        };
        let held = &mut self.held[usize::from(channel)];
        if held.is_empty() {
            held.resize(128, Held::new());
        }
        held[usize::from(pitch)].push_back((tick, velocity, at));
    }

    /// Ends the note of this pitch that began first.
    fn off(&mut self, tick: u32, channel: u8, pitch: u8) {
        self.end_first(channel, tick, pitch);
    }

    fn end_first(&mut self, channel: u8, tick: u32, pitch: u8) -> bool {
        let held = self.held[usize::from(channel)].get_mut(usize::from(pitch));
        let Some((onset, velocity, track)) = held.and_then(Held::pop_front) else {
            return false;
        };
        self.tracks[track].notes.push(Note {
            onset,
            pitch,
            duration: tick - onset,
            velocity,
        });
        true
    }

    fn finish(mut self, end: u32, number: usize, repairs: &mut Repairs, tracks: &mut Vec<Track>) {
        for (channel, pitch) in (0..16).flat_map(|channel| (0..128).map(move |pitch| (channel, pitch))) {
            while self.end_first(channel, end, pitch) {
                repairs.add(
                    Some(number),
                    "a note that is never let go: it ends with the track",
                );
            }
        }
        for track in &mut self.tracks {
            // Controls are a channel's; its first part carries them.
            track.controls = std::mem::take(&mut self.controls[usize::from(track.channel)]);
        }
        tracks.append(&mut self.tracks);
    }
}

/// Leaves out changes that change nothing, and all but the last at one tick.
fn dedup_changes(score: &mut Score) {
    keep_last(&mut score.tempos, |tempo| tempo.tick);
    keep_last(&mut score.time_signatures, |signature| signature.tick);
    keep_last(&mut score.key_signatures, |signature| signature.tick);
    score.tempos.dedup_by_key(|tempo| tempo.micros_per_quarter);
    score
        .time_signatures
        .dedup_by_key(|signature| (signature.numerator, signature.denominator));
    score
        .key_signatures
        .dedup_by_key(|signature| (signature.sharps, signature.minor));
    score.texts.dedup();
}

fn keep_last<T: Copy>(changes: &mut Vec<T>, tick: impl Fn(&T) -> u32) {
    let mut kept: Vec<T> = Vec::with_capacity(changes.len());
    for change in changes.iter() {
        match kept.last_mut() {
            Some(last) if tick(last) == tick(change) => *last = *change,
            _ => kept.push(*change),
        }
    }
    *changes = kept;
}
