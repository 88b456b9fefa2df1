//! Every format that Symphonia demultiplexes, behind the [`Decode`] trait.
//!
//! Finds the audio track, decodes its packets (Opus through [`crate::opus`]), and puts bounds on what a hostile file
//! can make us do. Not for mixing or resampling, and not for `.au`.

use std::collections::VecDeque;
use std::io::{Seek, SeekFrom};
use std::sync::Arc;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_ALAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error as SymphoniaError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};

use crate::decode::{Block, Damage, Decode, Header, MAX_CHANNELS, check_layout};
use crate::edit_list::{TrackStart, track_starts};
use crate::error::Fault;
use crate::guard::guarded;
use crate::opus::{self, OpusPackets};
use crate::source::{Meter, Source};

/// Bytes that may be read while opening: headers, cover art, sample tables.
const OPEN_ALLOWANCE: u64 = 256 << 20;
/// Bytes that may be read in search of one packet.
const PACKET_ALLOWANCE: u64 = 64 << 20;
/// Packets in a row that may fail to decode.
const MAX_FAILURES: u32 = 200;
/// Failures in a row of the demultiplexer, after which the rest of the file is given up as lost.
const MAX_DEMUX_FAILURES: u32 = 16;
/// Packets in a row that may hold no sound of ours: video, or nothing.
const MAX_SILENT_PACKETS: u32 = 100_000;
/// Frames in a packet that a header may announce; real codecs stay below 2^16.
const MAX_FRAMES_PER_PACKET: u64 = 1 << 20;
/// Largest tag and picture that are read, in bytes; larger ones are skipped.
const MAX_TAG_BYTES: usize = 1 << 20;
/// Whole packets that a LAME tag may trim; real padding is less than two.
const MAX_TRIMMED_PACKETS: u32 = 3;
/// Good packets needed at the start of formats that are recognised by a few bits of a frame header only.
const PROOF_PACKETS: usize = 3;

/// What is said of a file that is cut before its first packet.
const CUT_IN_HEADER: &str = "the file ends inside its header";

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusPackets>),
}

/// What came of one packet.
enum Outcome {
    /// Samples are in the block; their rate.
    Decoded(u32),
    /// The packet is lost, for this reason.
    Damaged(String),
    /// The decoder must be made anew.
    Reset,
}

/// A file opened through Symphonia.
pub(crate) struct Container {
    reader: Box<dyn FormatReader>,
    codec: Codec,
    track_id: u32,
    time_base: Option<TimeBase>,
    header: Header,
    meter: Arc<Meter>,
    source_len: Option<u64>,
    /// Blocks decoded while opening.
    primed: VecDeque<Block>,
    damage: Damage,
    /// Whether the frames to drop at the end are known rather than estimated.
    trims_end: bool,
    finished: bool,
    packet_bytes: u64,
    bytes_before_packets: u64,
    bytes_at_last_packet: u64,
    /// Sum of packet durations in units of the time base.
    duration: u64,
    /// Where each track begins, in mp4.
    starts: Vec<TrackStart>,
    /// Frames to drop from the start, and how many of them are still to come.
    start_trim: u64,
    start_left: u64,
    trimmed_packets: u32,
    failures: u32,
    silent_packets: u32,
}

impl Container {
    /// Recognises the content (`extension` is a hint only), and decodes its first packets so that what the header
    /// says is known to be true.
    pub(crate) fn open(source: Source, extension: Option<&str>) -> Result<Self, Fault> {
        let twin = source.forward_twin()?;
        match (Self::open_once(source, extension), twin) {
            (Err(Fault::Malformed(fault)), Some(mut twin)) if fault == CUT_IN_HEADER => {
                // The twin of a file shares its position.
                twin.seek(SeekFrom::Start(0))?;
                Self::open_once(twin, extension).map_err(|_| Fault::Malformed(fault))
            }
            (outcome, _) => outcome,
        }
    }

    fn open_once(mut source: Source, extension: Option<&str>) -> Result<Self, Fault> {
        let meter = source.meter();
        let source_len = source.byte_len();
        let channels = announced_channels(source.head());
        meter.allow(OPEN_ALLOWANCE);
        let starts = match source_len {
            Some(len) if source.is_seekable() => {
                let starts = track_starts(&mut source, len);
                source.seek(SeekFrom::Start(0))?;
                starts
            }
            _ => Vec::new(),
        };
        let mut hint = Hint::new();
        if let Some(extension) = extension {
            hint.with_extension(extension);
        }
        let mut metadata = MetadataOptions::default();
        metadata.limit_tag_bytes = Limit::Maximum(MAX_TAG_BYTES);
        metadata.limit_visual_bytes = Limit::Maximum(MAX_TAG_BYTES);
        let stream = MediaSourceStream::new(Box::new(source), Default::default());
        let probe = symphonia::default::get_probe();
        let reader =
            guarded(|| probe.probe(&hint, stream, FormatOptions::default(), metadata))?.map_err(|error| {
                match (error, channels) {
                    (SymphoniaError::DecodeError("riff: invalid channel count"), Some(channels)) => {
                        Fault::Unsupported(format!("{channels} channels in a wav file"))
                    }
                    (error, _) => in_header(error, &meter),
                }
            })?;

        let track = audio_track(reader.as_ref())?;
        let params = audio_params(&track)?;
        let format = plain_format_name(reader.format_info().short_name);
        let codec = make_codec(params)?;
        let name = codec_name(&codec);
        let mut container = Container {
            header: Header {
                codec: name,
                rate: 0,
                channels: 0,
                bits_per_sample: params.bits_per_sample.or(params.bits_per_coded_sample),
                frames: track.num_frames,
                format,
            },
            reader,
            codec,
            track_id: track.id,
            time_base: track.time_base,
            bytes_before_packets: meter.bytes_read(),
            bytes_at_last_packet: meter.bytes_read(),
            meter,
            source_len,
            primed: VecDeque::new(),
            damage: Damage::default(),
            trims_end: true,
            finished: false,
            packet_bytes: 0,
            duration: 0,
            starts,
            start_trim: 0,
            start_left: 0,
            trimmed_packets: 0,
            failures: 0,
            silent_packets: 0,
        };
        if container.is_mpeg_stream() && track.padding.is_none() {
            // Without a LAME tag the length is estimated from the first frames, and trimming to it could cut music.
            container.trims_end = false;
            container.header.frames = None;
        }
        if let Codec::Opus(packets) = &container.codec {
            container.header.frames = track
                .num_frames
                .map(|frames| frames.saturating_sub(packets.pre_skip() as u64));
        }
        if container.header.format == "mkv" && container.header.frames.is_none() {
            container.header.frames = media_frames(container.reader.as_ref(), params.sample_rate);
        }
        container.prime()?;
        Ok(container)
    }

    /// Whether the format has no header, only frames that are found by their first bits.
    fn is_mpeg_stream(&self) -> bool {
        matches!(self.header.format.as_str(), "mp1" | "mp2" | "mp3" | "adts")
    }

    /// Decodes until there is sound, or in formats that are easily mistaken, until there is no mistake.
    fn prime(&mut self) -> Result<(), Fault> {
        let wanted = if self.is_mpeg_stream() { PROOF_PACKETS } else { 1 };
        while self.primed.len() < wanted {
            let mut block = Block::default();
            if !self.decode_next(&mut block)? {
                break;
            }
            self.primed.push_back(block);
        }
        let skipped = self.damage.skipped_packets;
        if self.is_mpeg_stream() && skipped > 0 && self.primed.len() < wanted {
            return Err(Fault::Unrecognised("no run of MPEG audio frames".into()));
        }
        let Some(first) = self.primed.front() else {
            return Err(match skipped {
                0 if self.damage.cut_short => {
                    Fault::Malformed("the file ends before its first packet".into())
                }
                0 => Fault::NoAudio,
                _ => Fault::Malformed(format!("none of its {skipped} packets could be decoded")),
            });
        };
        // At most MAX_CHANNELS.
        self.header.channels = first.channels as u16;
        self.header.frames = self
            .header
            .frames
            .map(|frames| frames.saturating_sub(self.start_trim));
        Ok(())
    }

    /// The next packet of our track; `None` at the end.
    fn next_packet(&mut self) -> Result<Option<Packet>, Fault> {
        let mut demux_failures = 0;
        loop {
            self.meter.allow(PACKET_ALLOWANCE);
            match guarded(|| self.reader.next_packet())? {
                Ok(None) => return Ok(None),
                Ok(Some(packet)) => {
                    self.account(&packet)?;
                    if packet.track_id == self.track_id {
                        return Ok(Some(packet));
                    }
                    self.count_silent_packet()?;
                }
                Err(SymphoniaError::ResetRequired) => {
                    self.count_silent_packet()?;
                    self.follow_chain()?;
                }
                Err(SymphoniaError::IoError(error)) => {
                    if self.meter.is_exhausted() {
                        return Err(Fault::Malformed(format!(
                            "no audio within {} MiB",
                            PACKET_ALLOWANCE >> 20
                        )));
                    }
                    if error.kind() != std::io::ErrorKind::UnexpectedEof {
                        return Err(Fault::Io(error));
                    }
                    self.damage.cut_short = !self.ends_at_end_of_file();
                    return Ok(None);
                }
                Err(_) => {
                    demux_failures += 1;
                    self.damage.skipped_packets += 1;
                    if demux_failures == MAX_DEMUX_FAILURES {
                        self.damage.cut_short = true;
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether the end of the file is a proper end: where the length is unknown (a stream written to a pipe), or
    /// known to the container apart from its packets.
    fn ends_at_end_of_file(&self) -> bool {
        match self.header.format.as_str() {
            "wav" | "aiff" | "caf" => self.header.frames.is_none(),
            "mkv" => true,
            _ => false,
        }
    }

    /// Refuses a file that hands out more bytes than it has, as an index that points to the same bytes again and
    /// again would.
    fn account(&mut self, packet: &Packet) -> Result<(), Fault> {
        // An empty packet counts too, or there could be any number of them.
        self.packet_bytes += packet.data.len().max(1) as u64;
        self.bytes_at_last_packet = self.meter.bytes_read();
        let len = self.source_len.unwrap_or(self.bytes_at_last_packet);
        if self.packet_bytes > len.saturating_mul(2).saturating_add(1 << 20) {
            return Err(Fault::Malformed(
                "its index uses the same bytes again and again".into(),
            ));
        }
        Ok(())
    }

    fn count_silent_packet(&mut self) -> Result<(), Fault> {
        self.silent_packets += 1;
        if self.silent_packets > MAX_SILENT_PACKETS {
            return Err(Fault::Malformed(format!(
                "{MAX_SILENT_PACKETS} packets in a row without sound"
            )));
        }
        Ok(())
    }

    /// Goes on with the next stream of a chained file, such as recorded internet radio.
    fn follow_chain(&mut self) -> Result<(), Fault> {
        let track = audio_track(self.reader.as_ref())?;
        self.codec = make_codec(audio_params(&track)?)?;
        self.track_id = track.id;
        self.time_base = track.time_base;
        Ok(())
    }

    fn decode_next(&mut self, block: &mut Block) -> Result<bool, Fault> {
        while !self.finished {
            let Some(mut packet) = self.next_packet()? else {
                self.finished = true;
                self.check_density()?;
                break;
            };
            if !self.trims_end {
                packet.trim_end = Duration::ZERO;
            }
            self.duration = self.duration.saturating_add(packet.dur.get());
            match self.decode(&packet, block)? {
                Outcome::Decoded(rate) => {
                    self.failures = 0;
                    if self.header.rate == 0 && !block.samples.is_empty() {
                        check_layout(rate, block.channels)?;
                        self.header.rate = rate;
                        if matches!(self.codec, Codec::Symphonia(_)) {
                            self.start_trim = TrackStart::frames(&self.starts, self.track_id, rate);
                            self.start_left = self.start_trim;
                        }
                    }
                    self.drop_end(&packet, block);
                    self.drop_start(block);
                    if block.samples.is_empty() {
                        self.count_silent_packet()?;
                        self.note_trimmed(&packet);
                        continue;
                    }
                    self.silent_packets = 0;
                    return Ok(true);
                }
                Outcome::Damaged(reason) => {
                    self.failures += 1;
                    self.damage.skipped_packets += 1;
                    if self.failures == MAX_FAILURES {
                        return Err(Fault::Malformed(format!(
                            "{MAX_FAILURES} packets in a row could not be decoded ({reason})"
                        )));
                    }
                }
                Outcome::Reset => {
                    self.count_silent_packet()?;
                    self.follow_chain()?;
                }
            }
        }
        Ok(false)
    }

    /// Drops from `block` what exceeds the packet's duration in mp4, whose last packet may last less than it holds.
    fn drop_end(&self, packet: &Packet, block: &mut Block) {
        let in_frames = self
            .time_base
            .is_some_and(|base| base.numer.get() == 1 && base.denom.get() == self.header.rate);
        if self.header.format == "mp4" && in_frames && matches!(self.codec, Codec::Symphonia(_)) {
            let frames = usize::try_from(packet.dur.get()).unwrap_or(usize::MAX);
            block.samples.truncate(frames.saturating_mul(block.channels));
        }
    }

    /// Drops from `block` what lies before the beginning that the edit list names.
    fn drop_start(&mut self, block: &mut Block) {
        if self.start_left > 0 && block.channels > 0 {
            let frames = (block.samples.len() / block.channels) as u64;
            let dropped = frames.min(self.start_left);
            self.start_left -= dropped;
            // At most the block's own frames.
            block.samples.drain(..dropped as usize * block.channels);
        }
    }

    /// Several mp3 files joined into one still carry the first one's length: what follows it is music, not padding.
    fn note_trimmed(&mut self, packet: &Packet) {
        if self.is_mpeg_stream() && packet.trim_end > Duration::ZERO {
            self.trimmed_packets += 1;
            if self.trimmed_packets == MAX_TRIMMED_PACKETS {
                self.trims_end = false;
                self.damage.goes_on = true;
            }
        }
    }

    fn decode(&mut self, packet: &Packet, block: &mut Block) -> Result<Outcome, Fault> {
        let outcome = match &mut self.codec {
            Codec::Opus(packets) => {
                let trim_end = usize::try_from(packet.trim_end.get()).unwrap_or(usize::MAX);
                match packets.decode(&packet.data, trim_end, block)? {
                    Ok(()) => Outcome::Decoded(opus::RATE),
                    Err(reason) => Outcome::Damaged(reason),
                }
            }
            Codec::Symphonia(decoder) => guarded(|| match decoder.decode(packet) {
                Ok(buffer) => {
                    block.channels = buffer.num_planes();
                    if block.channels > MAX_CHANNELS {
                        return Outcome::Damaged(format!("{} channels", block.channels));
                    }
                    buffer.copy_to_vec_interleaved(&mut block.samples);
                    Outcome::Decoded(buffer.spec().rate())
                }
                Err(SymphoniaError::ResetRequired) => Outcome::Reset,
                Err(error) => Outcome::Damaged(error.to_string()),
            })?,
        };
        Ok(match outcome {
            Outcome::Decoded(rate) if self.header.rate != 0 && rate != self.header.rate => Outcome::Damaged(
                format!("the sample rate changes from {} to {rate} Hz", self.header.rate),
            ),
            other => other,
        })
    }

    /// Refuses what was taken for MPEG audio because a few of its bytes look like it.
    fn check_density(&self) -> Result<(), Fault> {
        /// Read-ahead that does not count as searched.
        const SLACK: u64 = 128 << 10;
        let searched = self.bytes_at_last_packet - self.bytes_before_packets;
        if self.is_mpeg_stream() && self.packet_bytes * 4 + SLACK < searched {
            return Err(Fault::Malformed(format!(
                "only {} of {searched} bytes are MPEG audio",
                self.packet_bytes
            )));
        }
        Ok(())
    }
}

impl Decode for Container {
    fn header(&self) -> &Header {
        &self.header
    }

    fn next_block(&mut self, block: &mut Block) -> Result<bool, Fault> {
        match self.primed.pop_front() {
            Some(first) => {
                *block = first;
                Ok(true)
            }
            None => self.decode_next(block),
        }
    }

    fn count_frames(&mut self) -> Result<u64, Fault> {
        while let Some(packet) = self.next_packet()? {
            self.duration = self.duration.saturating_add(packet.dur.get());
        }
        let frames = match self.time_base {
            Some(base) => {
                let ticks = u128::from(self.duration) * u128::from(base.numer.get());
                (ticks * u128::from(self.header.rate) / u128::from(base.denom.get())) as u64
            }
            None => self.duration,
        };
        Ok(frames.saturating_sub(match &self.codec {
            Codec::Opus(packets) => packets.pre_skip() as u64,
            Codec::Symphonia(_) => self.start_trim,
        }))
    }

    fn damage(&self) -> Damage {
        self.damage
    }
}

/// The length of the medium as a whole, in frames of its sound; to the millisecond, as Matroska has it.
fn media_frames(reader: &dyn FormatReader, rate: Option<u32>) -> Option<u64> {
    let media = reader.media_info();
    let (base, duration) = (media.time_base?, media.duration?);
    let ticks = u128::from(duration.get()) * u128::from(base.numer.get());
    u64::try_from(ticks * u128::from(rate?) / u128::from(base.denom.get())).ok()
}

fn audio_track(reader: &dyn FormatReader) -> Result<Track, Fault> {
    match reader.default_track(TrackType::Audio) {
        Some(track) => Ok(track.clone()),
        None if reader.tracks().is_empty() => Err(Fault::NoAudio),
        None => Err(Fault::Unsupported(
            "none of its tracks is audio in a known codec".into(),
        )),
    }
}

fn audio_params(track: &Track) -> Result<&AudioCodecParameters, Fault> {
    let Some(CodecParameters::Audio(params)) = &track.codec_params else {
        return Err(Fault::Unsupported("its audio track does not name a codec".into()));
    };
    // Checked again once the first packet tells the truth; here, before anything is allocated by the header's word.
    let channels = params.channels.as_ref().map_or(1, |channels| channels.count());
    check_layout(params.sample_rate.unwrap_or(opus::RATE), channels)?;
    let announced = match (&params.extra_data, params.codec) {
        // The ALAC decoder takes the frame length from its own configuration.
        (Some(config), CODEC_ID_ALAC) => config
            .first_chunk::<4>()
            .map(|bytes| u64::from(u32::from_be_bytes(*bytes))),
        _ => params.max_frames_per_packet,
    };
    match announced {
        Some(frames) if frames > MAX_FRAMES_PER_PACKET => Err(Fault::Malformed(format!(
            "its header announces packets of {frames} frames"
        ))),
        _ => Ok(params),
    }
}

fn make_codec(params: &AudioCodecParameters) -> Result<Codec, Fault> {
    if params.codec == CODEC_ID_OPUS {
        let head = params.extra_data.as_deref().unwrap_or_default();
        return OpusPackets::new(head).map(|packets| Codec::Opus(Box::new(packets)));
    }
    let registry = symphonia::default::get_codecs();
    match guarded(|| registry.make_audio_decoder(params, &AudioDecoderOptions::default()))? {
        Ok(decoder) => Ok(Codec::Symphonia(decoder)),
        Err(SymphoniaError::Unsupported(what)) => Err(Fault::Unsupported(what.into())),
        Err(error) => Err(Fault::Malformed(error.to_string())),
    }
}

fn codec_name(codec: &Codec) -> String {
    match codec {
        Codec::Symphonia(decoder) => decoder.codec_info().short_name.into(),
        Codec::Opus(_) => "opus".into(),
    }
}

/// The number of channels in a wav header, where Symphonia only says that it does not like it.
fn announced_channels(head: &[u8]) -> Option<u16> {
    let is_wav = head.starts_with(b"RIFF") && head.get(12..16) == Some(b"fmt ");
    head.get(22..24)
        .filter(|_| is_wav)
        .map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// The names that people know the formats by.
fn plain_format_name(short_name: &str) -> String {
    match short_name {
        "wave" => "wav",
        "isomp4" => "mp4",
        "matroska" => "mkv",
        "aac" => "adts",
        other => other,
    }
    .into()
}

fn in_header(error: SymphoniaError, meter: &Meter) -> Fault {
    match error {
        SymphoniaError::IoError(_) if meter.is_exhausted() => {
            Fault::Malformed(format!("no audio within {} MiB", OPEN_ALLOWANCE >> 20))
        }
        SymphoniaError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::Malformed(CUT_IN_HEADER.into())
        }
        SymphoniaError::IoError(error) => Fault::Io(error),
        // What the probe says when it has found nothing, as against a reader that knows its format.
        SymphoniaError::Unsupported(what) if what.starts_with("core (probe)") => {
            Fault::Unrecognised("no audio header or frame found in its first bytes".into())
        }
        SymphoniaError::Unsupported(what) => Fault::Unsupported(what.into()),
        SymphoniaError::DecodeError(what) => Fault::Malformed(what.into()),
        other => Fault::Malformed(other.to_string()),
    }
}
