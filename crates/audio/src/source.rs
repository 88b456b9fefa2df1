//! Where bytes come from: a file, a pipe or memory, with a meter on how much was read.
//!
//! The meter lets a decoder be stopped that reads on and on without finding anything. Not for understanding the
//! bytes.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::io::MediaSource;

use crate::error::Fault;

/// How many leading bytes are shown to the format detection.
const PEEK: usize = 64;

/// Counts bytes read, and refuses to deliver more than an allowance that the decoding loop renews.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    read: AtomicU64,
    allowed: AtomicU64,
}

impl Meter {
    /// Bytes read so far, those read twice counted twice.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Allows `bytes` more from here.
    pub(crate) fn allow(&self, bytes: u64) {
        self.allowed
            .store(self.bytes_read().saturating_add(bytes), Ordering::Relaxed);
    }

    /// Whether a read was or would be refused.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.bytes_read() >= self.allowed.load(Ordering::Relaxed)
    }
}

enum Inner {
    /// A regular file.
    File(File),
    /// Anything that can only be read forwards, after the bytes that were peeked.
    Forward(io::Chain<Cursor<Vec<u8>>, Box<dyn Read + Send + Sync>>),
    /// Bytes in memory.
    Memory(Cursor<Arc<[u8]>>),
}

/// Bytes to decode, metered.
pub(crate) struct Source {
    inner: Inner,
    len: Option<u64>,
    head: Vec<u8>,
    meter: Arc<Meter>,
    seekable: bool,
}

impl Source {
    /// Opens a path: a regular file, or anything readable such as a FIFO or `/dev/stdin`.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(Fault::Io(io::ErrorKind::IsADirectory.into()));
        }
        let mut file = File::open(path)?;
        if !metadata.is_file() {
            return Self::from_reader(Box::new(file));
        }
        let head = peek(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        Self::new(Inner::File(file), Some(metadata.len()), head)
    }

    /// Takes bytes that can only be read once, forwards.
    pub(crate) fn from_reader(mut reader: Box<dyn Read + Send + Sync>) -> Result<Self, Fault> {
        let head = peek(&mut reader)?;
        Self::new(
            Inner::Forward(Cursor::new(head.clone()).chain(reader)),
            None,
            head,
        )
    }

    /// Takes bytes in memory.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Self, Fault> {
        let head = bytes[..bytes.len().min(PEEK)].to_vec();
        let len = bytes.len() as u64;
        Self::new(Inner::Memory(Cursor::new(bytes.into())), Some(len), head)
    }

    fn new(inner: Inner, len: Option<u64>, head: Vec<u8>) -> Result<Self, Fault> {
        if head.is_empty() {
            return Err(Fault::Empty);
        }
        let meter = Arc::new(Meter::default());
        meter.allow(u64::MAX);
        let seekable = !matches!(inner, Inner::Forward(_));
        Ok(Source {
            inner,
            len,
            head,
            meter,
            seekable,
        })
    }

    /// The first 64 bytes, fewer if there are fewer.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// A second source of the same bytes that claims to go only forwards; `None` where this one does no more.
    ///
    /// Some readers of Symphonia look for chunks behind the sound when they can seek, and fail where a file is cut.
    pub(crate) fn forward_twin(&self) -> Result<Option<Self>, Fault> {
        let inner = match &self.inner {
            Inner::File(file) => Inner::File(file.try_clone()?),
            Inner::Memory(cursor) => Inner::Memory(Cursor::new(Arc::clone(cursor.get_ref()))),
            Inner::Forward(_) => return Ok(None),
        };
        let twin = Self::new(inner, self.len, self.head.clone())?;
        Ok(Some(Source {
            seekable: false,
            ..twin
        }))
    }

    /// The meter that this source reports to.
    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }
}

fn peek(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(PEEK);
    reader.take(PEEK as u64).read_to_end(&mut head)?;
    Ok(head)
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.is_exhausted() {
            return Err(io::Error::other("read allowance used up"));
        }
        let count = match &mut self.inner {
            Inner::File(file) => file.read(buffer),
            Inner::Forward(reader) => reader.read(buffer),
            Inner::Memory(cursor) => cursor.read(buffer),
        }?;
        self.meter.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

impl Seek for Source {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.inner {
            Inner::File(file) => file.seek(position),
            Inner::Memory(cursor) => cursor.seek(position),
            Inner::Forward(_) => Err(io::ErrorKind::NotSeekable.into()),
        }
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_source_gives_back_what_was_peeked() {
        let mut source = Source::from_reader(Box::new(Cursor::new(b"abcdefg".to_vec()))).unwrap();
        assert_eq!(source.head(), b"abcdefg");
        let mut all = String::new();
        source.read_to_string(&mut all).unwrap();
        assert_eq!(all, "abcdefg");
        assert!(!source.is_seekable());
        assert!(source.seek(SeekFrom::Start(0)).is_err());
    }

    #[test]
    fn the_meter_stops_a_reader() {
        let mut source = Source::from_bytes(vec![0; 100]).unwrap();
        source.meter().allow(10);
        let mut buffer = [0; 10];
        assert_eq!(source.read(&mut buffer).unwrap(), 10);
        assert!(source.read(&mut buffer).is_err());
        source.meter().allow(1);
        assert_eq!(source.read(&mut buffer).unwrap(), 10);
    }

    #[test]
    fn nothing_is_empty() {
        assert!(matches!(Source::from_bytes(Vec::new()), Err(Fault::Empty)));
        assert!(matches!(
            Source::from_reader(Box::new(io::empty())),
            Err(Fault::Empty)
        ));
    }
}
