//! A part of a file: an archive in an archive, or the contents of a file in one.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use firebench_os::interrupt;
use firebench_os::outside::{Counted, Refused, most_unpacked};
use sha2::{Digest as _, Sha256};

use super::wrong::{Wrong, wrong};
use crate::digest::hex;
use crate::kernel::Compression;

/// Most that one layer may unpack to, in bytes; it may also not unpack to more than 16 MiB and 100 times its size.
const MOST_UNPACKED: u64 = 64 << 30;
const BUFFER: usize = 1 << 18;
/// Steps of a [`Pace`]: as many headers of an archive are 64 KiB.
const STEPS: u32 = 128;

/// A part of a file.
#[derive(Debug, Clone)]
pub(super) struct Section {
    file: Rc<File>,
    start: u64,
    bytes: u64,
}

impl Section {
    /// All of a file, as long as it is now.
    pub(super) fn whole(file: File) -> io::Result<Section> {
        let bytes = file.metadata()?.len();
        Ok(Section { file: Rc::new(file), start: 0, bytes })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A part of it; None where it does not have that part.
    pub(super) fn part(&self, at: u64, bytes: u64) -> Option<Section> {
        let end = at.checked_add(bytes).filter(|end| *end <= self.bytes)?;
        let start = self.start.checked_add(at)?;
        start.checked_add(end)?;
        Some(Section { file: Rc::clone(&self.file), start, bytes })
    }

    /// Fills `buffer` from a byte on.
    pub(super) fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        match self.part(at, buffer.len() as u64) {
            Some(part) => part.file.read_exact_at(buffer, part.start),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// All of it, where it is small.
    pub(super) fn read(&self, most: u64) -> Result<Vec<u8>, Wrong> {
        if self.bytes > most {
            return wrong(format!("it is larger than {} KiB", most >> 10));
        }
        let mut bytes = vec![0; usize::try_from(self.bytes).unwrap_or_default()];
        self.read_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// A reader of it.
    pub(super) fn reader(&self) -> Reading {
        Reading { section: self.clone(), at: 0 }
    }

    /// Its SHA-256.
    pub(super) fn sha256(&self) -> Result<String, Wrong> {
        let mut hasher = Sha256::new();
        each_piece(self.reader(), |piece| {
            hasher.update(piece);
            Ok(())
        })?;
        Ok(hex(&hasher.finalize()))
    }

    /// The same without compression: itself, or a file without a name in `dir` that holds what comes out of it.
    pub(super) fn unpacked(self, dir: &Path) -> Result<Section, Wrong> {
        let mut head = [0; 6];
        let length = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(head.len());
        self.read_at(head.get_mut(..length).unwrap_or_default(), 0)?;
        let unpacked: Box<dyn Read> = match Compression::detect(&head) {
            Ok(Compression::Gzip) => Box::new(flate2::read::MultiGzDecoder::new(Counted::all(self.reader()))),
            Ok(Compression::Zstd) => Box::new(Frames { packed: self.reader(), frame: None }),
            Ok(Compression::Xz) => crate::kernel::decompressor(Compression::Xz, self.reader())?,
            Ok(other) => return wrong(format!("it is compressed with {other}, which is not supported for layers")),
            Err(_) if head.starts_with(b"BZh") => return wrong("it is compressed with bzip2: decompress it first"),
            Err(_) if is_skippable(head.get(..4).unwrap_or_default()) => {
                Box::new(Frames { packed: self.reader(), frame: None })
            }
            Err(_) => return Ok(self),
        };
        let most = most_unpacked(self.bytes, MOST_UNPACKED);
        let mut spilled = tempfile::tempfile_in(dir)?;
        each_piece(Counted::new(unpacked, most, Refused::Bomb { most }), |piece| Ok(spilled.write_all(piece)?))?;
        spilled.seek(SeekFrom::Start(0))?;
        Ok(Section::whole(spilled)?)
    }
}

/// Looks for an interrupt after so many steps that are short.
#[derive(Debug, Default)]
pub(super) struct Pace(u32);

impl Pace {
    /// One step more.
    pub(super) fn step(&mut self) -> Result<(), Wrong> {
        self.0 = self.0.wrapping_add(1);
        if self.0 % STEPS == 0 { Ok(interrupt::check()?) } else { Ok(()) }
    }
}

/// Hands everything that a reader brings to `take`, piece by piece.
pub(super) fn each_piece(mut from: impl Read, mut take: impl FnMut(&[u8]) -> Result<(), Wrong>) -> Result<(), Wrong> {
    let mut buffer = vec![0; BUFFER];
    let mut unseen = 0_usize;
    loop {
        if unseen >= interrupt::INTERVAL {
            unseen = 0;
            interrupt::check()?;
        }
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                unseen = unseen.saturating_add(count);
                take(buffer.get(..count).unwrap_or_default())?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// See [`Section::reader`].
#[derive(Debug)]
pub(super) struct Reading {
    section: Section,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.section.bytes.saturating_sub(self.at);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let count = self.section.file.read_at(buffer, self.section.start.saturating_add(self.at))?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

/// What is in frames of zstd that follow each other. Between them may be frames that hold nothing (RFC 8878, 3.1.2).
struct Frames {
    packed: Reading,
    frame: Option<ruzstd::decoding::StreamingDecoder<Reading, ruzstd::decoding::FrameDecoder>>,
}

/// Whether a frame with this magic number is to be skipped.
fn is_skippable(magic: &[u8]) -> bool {
    matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
            }
            // What is left of the packed bytes is where the frame's decoder stopped.
            if let Some(frame) = self.frame.take() {
                self.packed = frame.into_inner();
            }
            if self.packed.at >= self.packed.section.bytes {
                return Ok(0);
            }
            if interrupt::is_wanted() {
                return Err(Refused::Stopped.into());
            }
            let mut head = [0; 8];
            let at = self.packed.at;
            let is_whole = self.packed.section.read_at(&mut head, at).is_ok();
            let [a, b, c, d, size @ ..] = head;
            if is_whole && is_skippable(&[a, b, c, d]) {
                self.packed.at = at.saturating_add(8).saturating_add(u64::from(u32::from_le_bytes(size)));
                continue;
            }
            let packed = Reading { section: self.packed.section.clone(), at };
            let frame = ruzstd::decoding::StreamingDecoder::new(packed).map_err(io::Error::other)?;
            self.frame = Some(frame);
        }
    }
}
