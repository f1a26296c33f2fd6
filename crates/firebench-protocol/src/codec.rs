//! The frames that carry [`Event`]s over a serial console.
//!
//! A frame is one line of text, without raw control characters:
//!
//! ```text
//! @firebench1 NONCE SEQ LENGTH CRC JSON
//! ```
//!
//! - `NONCE`: the boot's [`Nonce`](crate::Nonce);
//! - `SEQ`: number of the frame in decimal, from 0, without a gap;
//! - `LENGTH`: bytes of `JSON` in decimal, at most [`MAX_PAYLOAD`];
//! - `CRC`: CRC-32 (the one of Ethernet and zlib) over the nonce's bytes, `SEQ` as a little-endian u32, and `JSON`, in
//!   8 lower-case hexadecimal digits;
//! - `JSON`: the event, compact, hence without a raw newline; where it quotes the first word of a frame, `@` is written
//!   as `\u0040`, so that nothing but a frame's start looks like one.
//!
//! A newline goes before the frame too, so that it begins on a line of its own after half a line of something else.
//!
//! The kernel shares the console and may print whole lines of its own at any byte of a frame. Since a frame holds
//! no newline, a newline before its announced end shows where such a line ends; its time stamp (`[   58.875005]`)
//! shows where it began. The [`Decoder`] cuts it out, and the CRC shows whether the cut was right.

mod assembly;
mod decoder;
mod header;
mod stamp;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;

use crate::Event;
use thiserror::Error;

/// Most bytes of JSON in one frame.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Most bytes of a console line that are kept; the rest of a longer one is dropped.
pub const MAX_CONSOLE_LINE: usize = 4096;

/// Most bytes of a nonce. (Those of firebench have 16.)
pub const MAX_NONCE: usize = 64;

/// What a frame begins with.
const SENTINEL: &[u8] = FIRST_WORD.as_bytes();
const FIRST_WORD: &str = "@firebench1 ";

/// What the decoder found on the console.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A good frame.
    Event {
        /// Its number, from 0.
        seq: u32,
        /// What it says.
        event: Event,
    },
    /// A line that is not a frame: without its end, invalid UTF-8 replaced, at most [`MAX_CONSOLE_LINE`] bytes before
    /// that. It comes from the guest and may hold any control character. Empty lines are left out.
    Console(String),
    /// Something that looked like a frame but is damaged, or a gap before a good frame.
    Damaged(Damage),
}

/// What is wrong with a frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Damage {
    /// Nonce, number, length or checksum cannot be read.
    #[error("unreadable header")]
    BadHeader,
    /// The frame belongs to another boot, or somebody in the guest made it up.
    #[error("nonce of another boot")]
    WrongNonce,
    /// More than [`MAX_PAYLOAD`] bytes are announced, or the line is longer than any frame may be.
    #[error("longer than the limit of {MAX_PAYLOAD} bytes")]
    TooLong,
    /// The frame ended early or late.
    #[error("{got} bytes instead of the announced {announced}")]
    BadLength {
        /// Bytes of payload that the header announces.
        announced: usize,
        /// Bytes of payload that came.
        got: usize,
    },
    /// The checksum is not that of the payload.
    #[error("wrong checksum")]
    BadCrc,
    /// Another frame, or the end of the console, came before the end of this one.
    #[error("cut off before its end")]
    Interrupted,
    /// Kernel messages cut the frame up so often that it cannot be put together with bounded work.
    #[error("interrupted too often by kernel messages")]
    Tangled,
    /// The checksum is right, but the payload is not an event.
    #[error("frame {seq} is not an event: {reason}")]
    BadJson {
        /// The frame's number.
        seq: u32,
        /// The parser's message.
        reason: String,
    },
    /// Frames are missing. The frame that showed it follows as an event of its own.
    #[error("missing frames: expected number {expected}, got {got}")]
    Gap {
        /// The number that should have come.
        expected: u32,
        /// The number that came.
        got: u32,
    },
    /// A frame whose number was there before.
    #[error("repeated frame: expected number {expected}, got {got}")]
    Replay {
        /// The lowest number that would have been right. (2^32 after the last possible one.)
        expected: u64,
        /// The number that came.
        got: u32,
    },
}

/// Why an event cannot be put in a frame.
#[derive(Debug, Error)]
pub enum EncodeError {
    /// The nonce is empty, longer than [`MAX_NONCE`], or has a character other than ASCII letters and digits.
    #[error("invalid nonce: it must have 1 to {MAX_NONCE} ASCII letters and digits")]
    BadNonce,
    /// The event is larger than [`MAX_PAYLOAD`].
    #[error("the event has {len} bytes, but a frame can hold only {MAX_PAYLOAD}")]
    TooLong {
        /// Its bytes as JSON.
        len: usize,
    },
    /// The event has no JSON form.
    #[error("cannot write the event as JSON")]
    Json(#[from] serde_json::Error),
}

/// One frame, with the newline before it and the one that ends it.
pub fn encode(nonce: &str, seq: u32, event: &Event) -> Result<Vec<u8>, EncodeError> {
    if nonce.is_empty() || nonce.len() > MAX_NONCE || !nonce.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(EncodeError::BadNonce);
    }
    let payload = serde_json::to_string(event)?.replace(FIRST_WORD, &FIRST_WORD.replace('@', "\\u0040")).into_bytes();
    if payload.len() > MAX_PAYLOAD {
        return Err(EncodeError::TooLong { len: payload.len() });
    }
    let header = format!("{nonce} {seq} {} {:08x} ", payload.len(), checksum(nonce, seq, &payload));
    Ok([b"\n", SENTINEL, header.as_bytes(), &payload, b"\n"].concat())
}

/// The first `count` of `bytes`, or all of them if they are fewer.
fn head(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(..count).unwrap_or(bytes)
}

/// What comes after the first `count` of `bytes`.
fn tail(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

/// The checksum of a frame.
fn checksum(nonce: &str, seq: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(nonce.as_bytes());
    hasher.update(&seq.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}
