//! A frame under assembly: it may come in several lines when the kernel wrote into it.
//!
//! Each line but the frame's last one ends with a kernel message, which begins at one of the time stamps in the line.
//! Mostly there is one stamp and thus one way to read the line; the payload or the message may quote others. All
//! readings are followed, the likeliest first and within bounds, until one has the announced length and the right
//! checksum.

use super::header::{self, MAX_HEADER};
use super::{Damage, MAX_PAYLOAD, checksum, head, stamp, tail};

/// Most bytes of a frame with the kernel messages in it.
pub(super) const MAX_RAW: usize = MAX_HEADER + MAX_PAYLOAD + (64 << 10);

/// Readings that are followed at a time.
const MAX_READINGS: usize = 8;
/// Time stamps in a line that are tried, from its end.
const MAX_STAMPS: usize = 4;
/// Bytes that may be copied and summed for each byte that came. The largest frame can take at least this many
/// interruptions, a small one any number.
const MAX_WORK: usize = 64;

/// A frame whose end has not come.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The ways to read what came, the likeliest first.
    readings: Vec<Reading>,
    /// Bytes that came.
    raw: usize,
    /// Bytes copied and summed.
    work: usize,
}

/// One way to read what came.
#[derive(Debug, Default)]
struct Reading {
    /// The frame up to now, without the messages.
    bytes: Vec<u8>,
    /// How unlikely the cuts are; 0 is the likeliest.
    doubt: usize,
}

/// A frame with the right nonce, length and checksum.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub seq: u32,
    pub payload: Vec<u8>,
}

/// What a line did.
#[derive(Debug)]
pub(super) enum Step {
    /// The frame is complete. The line may end with a kernel message, from this offset on.
    Complete(Frame, Option<usize>),
    /// The line ended with a kernel message, probably from this offset on; more of the frame must come.
    Interrupted(Assembly, usize),
    /// There is no way to read it.
    Broken(Damage),
}

impl Assembly {
    /// Before the first line.
    pub(super) fn new() -> Self {
        Assembly { readings: vec![Reading::default()], raw: 0, work: 0 }
    }

    /// Takes the next line, without its end.
    pub(super) fn line(mut self, line: &[u8], nonce: &str) -> Step {
        self.raw = self.raw.saturating_add(line.len());
        if self.raw > MAX_RAW {
            return Step::Broken(Damage::TooLong);
        }
        let stamps = stamp::starts(line, MAX_STAMPS);
        let mut readings = std::mem::take(&mut self.readings);
        let mut damage = None;
        // How unlikely it is, the reading to go on with, where the message begins.
        let mut ways: Vec<(usize, usize, usize)> = Vec::new();
        for (index, reading) in readings.iter_mut().enumerate() {
            let before = reading.bytes.len();
            reading.bytes.extend_from_slice(line);
            match self.check(&reading.bytes, nonce) {
                Ok(Some(frame)) => return Step::Complete(frame, None),
                Ok(None) => _ = damage.get_or_insert_with(|| too_short(&reading.bytes, nonce)),
                Err(reason) => _ = damage.get_or_insert(reason),
            }
            for (rank, &at) in stamps.iter().enumerate() {
                reading.bytes.truncate(before);
                reading.bytes.extend_from_slice(head(line, at));
                match self.check(&reading.bytes, nonce) {
                    Ok(Some(frame)) => return Step::Complete(frame, Some(at)),
                    Ok(None) => ways.push((reading.doubt.saturating_add(doubt(&stamps, rank)), index, at)),
                    Err(_) => {}
                }
            }
            reading.bytes.truncate(before);
        }
        ways.sort();
        ways.truncate(MAX_READINGS);
        for (doubt, index, at) in ways {
            let before = readings.get(index).map_or(&[][..], |reading| &reading.bytes);
            let bytes = [before, head(line, at)].concat();
            self.work = self.work.saturating_add(bytes.len());
            self.readings.push(Reading { bytes, doubt });
        }
        match stamps.first() {
            _ if self.work > MAX_WORK.saturating_mul(self.raw) => Step::Broken(Damage::Tangled),
            Some(&at) if !self.readings.is_empty() => Step::Interrupted(self, at),
            _ => Step::Broken(damage.unwrap_or(Damage::BadHeader)),
        }
    }

    /// The frame, if `reading` is all of it; `None` if more must come; the damage if it can never become a good one.
    fn check(&mut self, reading: &[u8], nonce: &str) -> Result<Option<Frame>, Damage> {
        let Some(header) = header::parse(reading, nonce)? else { return Ok(None) };
        let payload = tail(reading, header.size);
        if payload.len() < header.len {
            return Ok(None);
        }
        if payload.len() > header.len {
            return Err(Damage::BadLength { announced: header.len, got: payload.len() });
        }
        self.work = self.work.saturating_add(payload.len());
        if checksum(nonce, header.seq, payload) != header.crc {
            return Err(Damage::BadCrc);
        }
        Ok(Some(Frame { seq: header.seq, payload: payload.to_vec() }))
    }
}

/// How unlikely it is that the message begins at the stamp of this rank. A line that begins with a stamp is a message
/// as a whole, unless the frame happens to quote a stamp right where it was interrupted before.
fn doubt(stamps: &[usize], rank: usize) -> usize {
    if rank > 0 && stamps.first() == Some(&0) { rank.saturating_add(MAX_STAMPS) } else { rank }
}

/// What to say of a reading that has no more to come.
fn too_short(reading: &[u8], nonce: &str) -> Damage {
    match header::parse(reading, nonce) {
        Ok(Some(header)) => Damage::BadLength { announced: header.len, got: tail(reading, header.size).len() },
        _ => Damage::BadHeader,
    }
}
