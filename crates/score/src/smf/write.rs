//! Standard MIDI Files out: format 1, one track for what changes, one for each track of the score.

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
    for track in &score.tracks {
        smf.tracks.push(in_time(part(track, score)));
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

/// The order of messages at one tick: what ends, what prepares, what begins.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Off,
    Prepare,
    On,
}

fn part<'a>(track: &'a Track, score: &Score) -> Vec<At<'a>> {
    let channel = u4::from(track.channel.min(15));
    let midi = |message| TrackEventKind::Midi { channel, message };
    let mut events: Vec<(u32, Rank, TrackEventKind<'a>)> = Vec::new();
    let program = || {
        midi(MidiMessage::ProgramChange {
            program: u7::from(track.program.min(127)),
        })
    };
    if !track.name.is_empty() {
        let name = MetaMessage::TrackName(track.name.as_bytes());
        events.push((0, Rank::Off, TrackEventKind::Meta(name)));
    }
    events.push((0, Rank::Prepare, program()));
    for tick in returns(track, score) {
        events.push((tick, Rank::Prepare, program()));
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
        events.push((control.tick, Rank::Prepare, midi(message)));
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
        events.push((note.onset, Rank::On, midi(on)));
        // A note without length ends after it began.
        let rank = if note.duration == 0 { Rank::On } else { Rank::Off };
        events.push((note.end(), rank, midi(off)));
    }
    events.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    events.into_iter().map(|(tick, _, kind)| (tick, kind)).collect()
}

/// Where this track has to choose its program again, because another on its channel has chosen one since.
fn returns(track: &Track, score: &Score) -> Vec<u32> {
    let mut rivals: Vec<(u32, bool)> = Vec::new();
    for other in &score.tracks {
        if other.channel == track.channel && other.program != track.program {
            rivals.extend(other.notes.iter().map(|note| (note.onset, false)));
        }
    }
    if rivals.is_empty() {
        return Vec::new();
    }
    rivals.extend(track.notes.iter().map(|note| (note.onset, true)));
    rivals.sort_unstable();
    let pairs = rivals.windows(2);
    let mut ticks: Vec<u32> = pairs
        .filter(|two| !two[0].1 && two[1].1)
        .map(|two| two[1].0)
        .collect();
    ticks.dedup();
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
