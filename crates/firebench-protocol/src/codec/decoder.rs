//! The decoder: bytes of the console in, [`Item`]s out.

use super::assembly::{Assembly, Frame, MAX_RAW, Step};
use super::{Damage, Item, MAX_CONSOLE_LINE, SENTINEL, head, stamp, tail};

/// Takes the bytes of one boot's console, in whatever pieces they come, and separates events from other text.
///
/// The guest is not trusted: memory is bounded to some twenty times [`MAX_PAYLOAD`](super::MAX_PAYLOAD) and work to a
/// constant times the bytes that come, whatever these are.
#[derive(Debug)]
pub struct Decoder {
    nonce: String,
    /// The number that the next frame should have. Not a u32: 2^32 follows after the last one.
    expected: u64,
    /// The line under way.
    line: Vec<u8>,
    /// The frame under way, of which the lines before are a part.
    frame: Option<Assembly>,
}

impl Decoder {
    /// For the boot that was given this nonce.
    pub fn new(nonce: impl Into<String>) -> Self {
        Decoder { nonce: nonce.into(), expected: 0, line: Vec::new(), frame: None }
    }

    /// Takes the next bytes; `sink` gets what they complete, in order.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Item)) {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(end) => {
                    self.append(end);
                    self.end_line(sink);
                }
                None => self.append(piece),
            }
        }
    }

    /// The console ended: what is unfinished becomes an item, too. The decoder can be used on after it.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Item)) {
        if !self.line.is_empty() {
            self.end_line(sink);
        }
        if self.frame.take().is_some() {
            sink(Item::Damaged(Damage::Interrupted));
        }
    }

    /// Adds to the line what there is room for. A line that cannot belong to a frame needs no more than what is shown
    /// of it.
    fn append(&mut self, piece: &[u8]) {
        let room = MAX_CONSOLE_LINE.saturating_sub(self.line.len());
        let (shown, rest) = piece.split_at(piece.len().min(room));
        self.line.extend_from_slice(shown);
        if self.frame.is_some() || self.line.starts_with(SENTINEL) {
            // One byte more than allowed shows that it is too long.
            let room = (MAX_RAW + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(head(rest, room));
        }
    }

    fn end_line(&mut self, sink: &mut dyn FnMut(Item)) {
        let line = std::mem::take(&mut self.line);
        let returns = line.iter().rev().take_while(|&&b| b == b'\r').count();
        let line = head(&line, line.len().saturating_sub(returns));
        if line.starts_with(SENTINEL) {
            if self.frame.replace(Assembly::new()).is_some() {
                sink(Item::Damaged(Damage::Interrupted));
            }
        } else if self.frame.is_none() {
            if !begins_interrupted(line) {
                return console(line, sink);
            }
            self.frame = Some(Assembly::new());
        }
        let Some(frame) = self.frame.take() else { return };
        match frame.line(line, &self.nonce) {
            Step::Complete(frame, message) => {
                console(message.map_or(&[], |at| tail(line, at)), sink);
                self.deliver(frame, sink);
            }
            Step::Interrupted(frame, message) => {
                console(tail(line, message), sink);
                self.frame = Some(frame);
            }
            Step::Broken(damage) => {
                sink(Item::Damaged(damage));
                if !line.starts_with(SENTINEL) {
                    console(line, sink);
                }
            }
        }
    }

    /// A good frame: judges its number and reads its event.
    fn deliver(&mut self, Frame { seq, payload }: Frame, sink: &mut dyn FnMut(Item)) {
        let expected = self.expected;
        if u64::from(seq) < expected {
            return sink(Item::Damaged(Damage::Replay { expected, got: seq }));
        }
        self.expected = u64::from(seq) + 1;
        if let Some(expected) = u32::try_from(expected).ok().filter(|&expected| expected < seq) {
            sink(Item::Damaged(Damage::Gap { expected, got: seq }));
        }
        sink(match serde_json::from_slice(&payload) {
            Ok(event) => Item::Event { seq, event },
            Err(error) => Item::Damaged(Damage::BadJson { seq, reason: error.to_string() }),
        });
    }
}

/// Whether `line` is the first bytes of the sentinel and then a kernel message.
fn begins_interrupted(line: &[u8]) -> bool {
    line.first() == SENTINEL.first()
        && stamp::starts(line, usize::MAX).iter().any(|&at| at < SENTINEL.len() && SENTINEL.starts_with(head(line, at)))
}

fn console(line: &[u8], sink: &mut dyn FnMut(Item)) {
    if !line.is_empty() {
        sink(Item::Console(String::from_utf8_lossy(head(line, MAX_CONSOLE_LINE)).into_owned()));
    }
}
