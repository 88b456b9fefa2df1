//! Standard MIDI Files out: format 1, one track for what changes, one for each source of the score's tracks.

use std::io::Write as _;
use std::path::Path;

use midly::num::{u4, u7, u14, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, PitchBend, Smf, Timing, TrackEvent, TrackEventKind};

use crate::error::{Error, Result};
use crate::score::{ControlKind, Score, TextKind, Track};

/// Writes a score as a Standard MIDI File of format 1, beside its place first and then renamed.
///
/// # Errors
/// The file cannot be written.
pub fn write(score: &Score, path: &Path) -> Result<()> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(&to_bytes(score)).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is half-written helps nobody; the first error is the one that counts.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(io)
}

/// The bytes of a score as a Standard MIDI File of format 1.
///
/// Reading them gives the score back, if it is in order ([`Score::tidy`]) and no track holds one pitch twice at a time with
/// the later note ending first.
pub fn to_bytes(score: &Score) -> Vec<u8> {
    let ticks = u15::from(score.ticks_per_quarter.clamp(1, 0x7fff));
    let mut smf = Smf::new(Header::new(Format::Parallel, Timing::Metrical(ticks)));
    smf.tracks.push(in_time(changes(score)));
    for tracks in score.tracks.chunk_by(|a, b| a.source == b.source) {
        smf.tracks.push(in_time(parts(tracks, score)));
    }
    let mut bytes = Vec::new();
    smf.write(&mut bytes).expect("writing to memory does not fail");
    bytes
}

type At<'a> = (u32, TrackEventKind<'a>);

fn changes(score: &Score) -> Vec<At<'_>> {
    let mut events: Vec<At<'_>> = Vec::new();
    let mut add = |tick, message| events.push((tick, TrackEventKind::Meta(message)));
    for signature in &score.time_signatures {
        let power = signature.denominator.max(1).trailing_zeros() as u8;
        add(
            signature.tick,
            MetaMessage::TimeSignature(signature.numerator, power, 24, 8),
        );
    }
    for signature in &score.key_signatures {
        add(
            signature.tick,
            MetaMessage::KeySignature(signature.sharps, signature.minor),
        );
    }
    for tempo in &score.tempos {
        add(
            tempo.tick,
            MetaMessage::Tempo(u24::from(tempo.micros_per_quarter.clamp(1, 0xff_ffff))),
        );
    }
    for text in &score.texts {
        let bytes = text.text.as_bytes();
        let message = match text.kind {
            TextKind::Text => MetaMessage::Text(bytes),
            TextKind::Copyright => MetaMessage::Copyright(bytes),
            TextKind::Lyric => MetaMessage::Lyric(bytes),
            TextKind::Marker => MetaMessage::Marker(bytes),
            TextKind::Cue => MetaMessage::CuePoint(bytes),
        };
        add(text.tick, message);
    }
    events.sort_by_key(|event| event.0);
    events
}

/// The order of messages at one tick: what ends; then, track by track, what prepares and what begins.
enum Rank {
    Off,
    Prepare(usize),
    On(usize),
}

impl Rank {
    fn key(&self) -> (usize, u8) {
        match self {
            Rank::Off => (0, 0),
            Rank::Prepare(at) => (at + 1, 0),
            Rank::On(at) => (at + 1, 1),
        }
    }
}

/// The messages of the tracks that are one track of the file.
fn parts<'a>(tracks: &'a [Track], score: &Score) -> Vec<At<'a>> {
    let mut events: Vec<(u32, Rank, TrackEventKind<'a>)> = Vec::new();
    if let Some(name) = tracks
        .first()
        .map(|track| &track.name)
        .filter(|name| !name.is_empty())
    {
        let name = MetaMessage::TrackName(name.as_bytes());
        events.push((0, Rank::Off, TrackEventKind::Meta(name)));
    }
    for (at, track) in tracks.iter().enumerate() {
        part(track, at, score, &mut events);
    }
    events.sort_by_key(|event| (event.0, event.1.key()));
    events.into_iter().map(|(tick, _, kind)| (tick, kind)).collect()
}

fn part<'a>(track: &Track, at: usize, score: &Score, events: &mut Vec<(u32, Rank, TrackEventKind<'a>)>) {
    let channel = u4::from(track.channel.min(15));
    let midi = |message| TrackEventKind::Midi { channel, message };
    let program = || {
        midi(MidiMessage::ProgramChange {
            program: u7::from(track.program.min(127)),
        })
    };
    events.push((0, Rank::Prepare(at), program()));
    for tick in returns(track, score) {
        events.push((tick, Rank::Prepare(at), program()));
    }
    for control in &track.controls {
        let message = match control.kind {
            ControlKind::Controller(number, value) => MidiMessage::Controller {
                controller: u7::from(number.min(127)),
                value: u7::from(value.min(127)),
            },
            ControlKind::Bend(bend) => MidiMessage::PitchBend {
                bend: PitchBend(u14::from((bend.clamp(-8_192, 8_191) + 8_192) as u16)),
            },
            ControlKind::Pressure(vel) => MidiMessage::ChannelAftertouch {
                vel: u7::from(vel.min(127)),
            },
        };
        events.push((control.tick, Rank::Prepare(at), midi(message)));
    }
    for note in &track.notes {
        let key = u7::from(note.pitch.min(127));
        let on = MidiMessage::NoteOn {
            key,
            vel: u7::from(note.velocity.clamp(1, 127)),
        };
        let off = MidiMessage::NoteOff {
            key,
            vel: u7::from(64),
        };
        events.push((note.onset, Rank::On(at), midi(on)));
        // A note without length ends after it began.
        let rank = if note.duration == 0 {
            Rank::On(at)
        } else {
            Rank::Off
        };
        events.push((note.end(), rank, midi(off)));
    }
}

/// Where this track has to choose its program again, because another on its channel plays with another since.
fn returns(track: &Track, score: &Score) -> Vec<u32> {
    let of = |other: &Track| other.notes.iter().map(|note| note.onset).collect::<Vec<u32>>();
    let rivals: Vec<u32> = (score.tracks.iter())
        .filter(|other| other.channel == track.channel && other.program != track.program)
        .flat_map(of)
        .collect();
    if rivals.is_empty() {
        return Vec::new();
    }
    let own = of(track).into_iter().map(|onset| (onset, true));
    let mut onsets: Vec<(u32, bool)> = rivals
        .into_iter()
        .map(|onset| (onset, false))
        .chain(own)
        .collect();
    onsets.sort_unstable();
    onsets.dedup();
    let mut ticks = Vec::new();
    let mut contested = true;
    for (at, (onset, own)) in onsets.iter().enumerate() {
        match own {
            false => contested = true,
            true => {
                // Where both begin at one tick, either may be the first to be written.
                if contested {
                    ticks.push(*onset);
                }
                contested = at > 0 && onsets[at - 1] == (*onset, false);
            }
        }
    }
    ticks
}

fn in_time(events: Vec<At<'_>>) -> Vec<TrackEvent<'_>> {
    let mut last = 0;
    let mut track: Vec<TrackEvent<'_>> = Vec::with_capacity(events.len() + 1);
    for (tick, kind) in events {
        // A delta holds 28 bits; longer waits are spelt with empty texts in between.
        while tick - last > 0x0fff_ffff {
            track.push(TrackEvent {
                delta: u28::max_value(),
                kind: TrackEventKind::Meta(MetaMessage::Text(&[])),
            });
            last += 0x0fff_ffff;
        }
        track.push(TrackEvent {
            delta: u28::from(tick - last),
            kind,
        });
        last = tick;
    }
    track.push(TrackEvent {
        delta: u28::from(0),
        kind: TrackEventKind::Meta(MetaMessage::EndOfTrack),
    });
    track
}
