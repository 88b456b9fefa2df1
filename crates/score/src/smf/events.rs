//! The events of one track chunk: midly reads each, and where it gives up this mends and goes on.

use midly::{EventIter, TrackEventKind};

use super::repair::Repairs;

/// How the events of a track came to their end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By the event that says so, with so many bytes left.
    Marked { left: usize },
    /// The bytes ran out.
    Missing,
}

/// Calls `event` with the ticks since the last one and each event of `body`.
pub(super) fn each<'a>(
    body: &'a [u8],
    number: usize,
    repairs: &mut Repairs,
    mut event: impl FnMut(u32, TrackEventKind<'a>),
) -> End {
    let track = Some(number);
    let mut rest = body;
    let mut running = None;
    let mut last_channel = None;
    // Ticks of events that had to be skipped.
    let mut waiting = 0_u32;
    while !rest.is_empty() {
        let mut events = EventIter::new(rest);
        *events.running_status_mut() = running;
        match events.next() {
            Some(Ok(read)) => {
                rest = events.unread();
                running = events.running_status();
                last_channel = running.or(last_channel);
                let delta = waiting.saturating_add(read.delta.as_int());
                waiting = 0;
                event(delta, read.kind);
                if read.kind == TrackEventKind::Meta(midly::MetaMessage::EndOfTrack) {
                    return End::Marked { left: rest.len() };
                }
            }
            _ => {
                let (delta, after) = variable_length(rest);
                if let Some((status, kind, left)) = clipped(after, running) {
                    repairs.add(track, "a data byte above 127: taken for 127");
                    running = Some(status);
                    last_channel = running;
                    event(waiting.saturating_add(delta), kind);
                    waiting = 0;
                    rest = left;
                    continue;
                }
                let Some(&status) = after.first() else { break };
                match status {
                    0..=0x7f => match last_channel {
                        Some(status) if running.is_none() => {
                            repairs.add(track, "running status after a message that ends it: the last channel message's is taken");
                            // The same event once more, now with a status.
                            running = Some(status);
                        }
                        // Running status is known, so data is missing.
                        Some(_) => break,
                        None => {
                            repairs.add(track, "a byte that belongs to no message: skipped");
                            waiting = waiting.saturating_add(delta);
                            rest = &after[1..];
                        }
                    },
                    0xf1..=0xf6 | 0xf8..=0xfe => {
                        repairs.add(track, "a system message that has no place in a file: skipped");
                        waiting = waiting.saturating_add(delta);
                        let length = match status {
                            0xf1 | 0xf3 => 2,
                            0xf2 => 3,
                            _ => 1,
                        };
                        rest = after.get(length..).unwrap_or_default();
                    }
                    _ => break,
                }
            }
        }
    }
    if !rest.is_empty() {
        repairs.add(track, "the last message is cut off: dropped");
    }
    End::Missing
}

/// A number of up to four bytes, seven bits each, and what follows it.
fn variable_length(bytes: &[u8]) -> (u32, &[u8]) {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(4) {
        value = value << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (value, &bytes[at + 1..]);
        }
    }
    (value, bytes.get(4..).unwrap_or_default())
}

/// A channel message with data bytes of eight bits, the largest of seven taken for them: its status, itself, and what follows.
fn clipped<'a>(bytes: &'a [u8], running: Option<u8>) -> Option<(u8, TrackEventKind<'a>, &'a [u8])> {
    let (status, data) = match *bytes.first()? {
        status @ 0x80.. => (status, &bytes[1..]),
        _ => (running?, bytes),
    };
    let length = match status {
        0x80..=0xbf | 0xe0..=0xef => 2,
        0xc0..=0xdf => 1,
        _ => return None,
    };
    let (data, left) = data.split_at_checked(length)?;
    let mut message = vec![0, status];
    message.extend(data.iter().map(|byte| byte.min(&127)));
    match EventIter::new(&message).next()?.ok()?.kind {
        TrackEventKind::Midi { channel, message } => {
            Some((status, TrackEventKind::Midi { channel, message }, left))
        }
        _ => None,
    }
}
