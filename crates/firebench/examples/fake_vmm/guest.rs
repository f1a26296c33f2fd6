//! The guest: what its agent says, and what it should not.

use std::io::Write;
use std::time::Duration;

use firebench_protocol::Event;
use serde_json::Value;

use crate::Outcome;
use crate::script::{Crooked, Deed, Misdeed};

/// Bytes of a frame that is begun: its newline, and some of its first word.
const HEAD: usize = 6;

/// The guest's end of the console.
pub struct Guest<'a> {
    nonce: String,
    misdeeds: &'a [Misdeed],
    seq: u32,
    /// What is kept for the end, if it is.
    held: Vec<u8>,
}

impl<'a> Guest<'a> {
    pub fn new(nonce: String, misdeeds: &'a [Misdeed]) -> Self {
        Guest { nonce, misdeeds, seq: 0, held: Vec::new() }
    }

    /// Sends an event, or what is made of it.
    pub fn tell(&mut self, event: &Event) -> Outcome {
        let mut event = serde_json::to_value(event)?;
        let name = event.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut payload = None;
        let (mut count, mut hold, mut pause) = (1, false, None);
        for misdeed in self.misdeeds {
            match &misdeed.deed {
                Deed::Alter { event: altered, with } if *altered == name => merge(&mut event, with),
                Deed::Replace { event: replaced, payload: other } if *replaced == name => payload = Some(other.clone()),
                Deed::Omit { event: omitted } if *omitted == name => count = 0,
                Deed::Repeat { event: repeated, times } if *repeated == name => count = *times,
                Deed::AtOnce => hold = name != "done",
                Deed::Stretch { event: stretched, ms } if *stretched == name => {
                    pause = Some(Duration::from_millis(*ms))
                }
                _ => {}
            }
        }
        let payload = payload.unwrap_or_else(|| event.to_string());
        let frame = Crooked { payload, nonce: None, seq: None, length: None, wrong_crc: false, cut: None };
        for _ in 0..count {
            let bytes = self.made(&frame);
            self.held.extend(bytes);
            if !hold {
                let held = std::mem::take(&mut self.held);
                let (head, rest) = held.split_at(pause.map_or(0, |_| held.len().min(HEAD)));
                say(head)?;
                if let Some(pause) = pause {
                    std::thread::sleep(pause);
                }
                say(rest)?;
            }
        }
        Ok(())
    }

    /// Sends a frame.
    pub fn frame(&mut self, frame: &Crooked) -> Outcome {
        let bytes = self.made(frame);
        say(&bytes)
    }

    /// Makes a frame.
    fn made(&mut self, frame: &Crooked) -> Vec<u8> {
        let nonce = frame.nonce.as_deref().unwrap_or(&self.nonce);
        let seq = frame.seq.unwrap_or(self.seq);
        // The format of `firebench_protocol::codec`, which makes no frame that is wrong.
        let mut crc = crc32fast::Hasher::new();
        for part in [nonce.as_bytes(), &seq.to_le_bytes(), frame.payload.as_bytes()] {
            crc.update(part);
        }
        let crc = crc.finalize() ^ u32::from(frame.wrong_crc);
        let length = frame.length.unwrap_or(frame.payload.len());
        let text = format!("\n@firebench1 {nonce} {seq} {length} {crc:08x} {}\n", frame.payload);
        let bytes = text.as_bytes();
        if frame.nonce.is_none() && frame.seq.is_none() {
            self.seq += 1;
        }
        bytes.get(..frame.cut.unwrap_or(bytes.len())).unwrap_or(bytes).to_vec()
    }
}

/// Writes to the console.
pub fn say(bytes: &[u8]) -> Outcome {
    let mut console = std::io::stdout().lock();
    console.write_all(bytes)?;
    Ok(console.flush()?)
}

/// Waits until all that was said was read, as the agent on the bare host does: what is timed begins after it.
pub fn drain() -> Outcome {
    for _ in 0..10_000 {
        let mut unread: libc::c_int = 0;
        // SAFETY: this request writes one int to the address that it is given.
        let asked = unsafe { libc::ioctl(1, libc::FIONREAD, &raw mut unread) };
        if asked != 0 || unread == 0 {
            break;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    Ok(())
}

/// Objects field by field, everything else as a whole.
fn merge(into: &mut Value, with: &Value) {
    match (into, with) {
        (Value::Object(into), Value::Object(with)) => {
            for (name, value) in with {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, with) => *into = with.clone(),
    }
}
