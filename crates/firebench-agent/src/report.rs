//! The way of events to the host.

use crate::error::Error;
use crate::exec::CUT;
use crate::sys;
use firebench_protocol::codec::{EncodeError, encode};
use firebench_protocol::{Event, Nonce};
use nix::sys::termios::tcdrain;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Writes frames, and text between them. Clones write to the same console, one after the other.
pub struct Reporter<C = File>(Arc<Mutex<Writer<C>>>);

struct Writer<C> {
    console: C,
    nonce: Nonce,
    /// The number of the next frame.
    seq: u32,
}

impl<C> Clone for Reporter<C> {
    fn clone(&self) -> Self {
        Reporter(Arc::clone(&self.0))
    }
}

impl<C: Write> Reporter<C> {
    /// The first frame will have the number 0.
    pub fn new(console: C, nonce: Nonce) -> Self {
        Reporter(Arc::new(Mutex::new(Writer { console, nonce, seq: 0 })))
    }

    /// Sends an event.
    pub fn send(&self, event: &Event) -> Result<(), Error> {
        self.writer().send(event)
    }

    /// Sends a line of output, cut if it is too long for a frame.
    pub fn output(&self, mut line: String) -> Result<(), Error> {
        loop {
            let event = Event::Output { line };
            match self.send(&event) {
                Err(Error::Encode(EncodeError::TooLong { .. })) => line = halve(event),
                other => return other,
            }
        }
    }

    /// Writes a line of plain text.
    pub fn text(&self, line: &str) -> Result<(), Error> {
        self.writer().write(format!("{line}\n").as_bytes())
    }

    /// The last report: why the agent cannot go on. Never waits, so that a panic during another report can be
    /// reported, too.
    pub fn fail(&self, message: String) -> Result<(), Error> {
        let mut writer = match self.0.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(writer)) => writer.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(Error::Report(io::ErrorKind::WouldBlock.into())),
        };
        writer.send(&Event::Failed { message })
    }

    fn writer(&self) -> MutexGuard<'_, Writer<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often the agent looks whether the host has read all that it wrote into a pipe, and for how long at most.
const LOOK: Duration = Duration::from_micros(200);
const LOOKS: u32 = 5000;

/// How long it then waits besides: whoever read a pipe may be a relay, as runc and gVisor are, which passes on what it read.
const RELAY: Duration = Duration::from_millis(2);

impl<C: Write + AsFd> Reporter<C> {
    /// Waits until all that was written has left the machine, so that sending it takes no time of what comes next. What was
    /// written into a pipe must have been read by the host: whatever comes next then begins, for the host, before it does.
    pub fn drain(&self) {
        let writer = self.writer();
        let console = writer.console.as_fd();
        if tcdrain(console).is_ok() {
            return;
        }
        for _ in 0..LOOKS {
            match sys::unread(console) {
                Ok(1..) => std::thread::sleep(LOOK),
                Ok(0) => return std::thread::sleep(RELAY),
                // Nobody can tell.
                _ => return,
            }
        }
    }
}

impl<C: Write> Writer<C> {
    fn send(&mut self, event: &Event) -> Result<(), Error> {
        let frame = encode(&self.nonce, self.seq, event)?;
        // A number is not used again even if its frame went out in part only.
        self.seq = self.seq.checked_add(1).ok_or_else(|| Error::Report(io::Error::other("too many frames")))?;
        self.write(&frame)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.console.write_all(bytes).and_then(|()| self.console.flush()).map_err(Error::Report)
    }
}

/// The first half of a line of output, marked as cut.
fn halve(event: Event) -> String {
    let Event::Output { mut line } = event else { return String::new() };
    let half = (0..=line.len() / 2).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    line.truncate(half);
    line + CUT
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebench_protocol::codec::{Decoder, Item};

    fn items(reporter: &Reporter<Vec<u8>>) -> Vec<Item> {
        let mut items = Vec::new();
        let mut decoder = Decoder::new("abc");
        decoder.push(&reporter.writer().console, &mut |item| items.push(item));
        items
    }

    #[test]
    fn numbers_frames_and_mixes_in_text() {
        let reporter = Reporter::new(Vec::new(), "abc".into());
        reporter.send(&Event::Done).unwrap();
        reporter.clone().text("hello").unwrap();
        reporter.fail("broken".into()).unwrap();
        let failed = Event::Failed { message: "broken".into() };
        let expected = [
            Item::Event { seq: 0, event: Event::Done },
            Item::Console("hello".into()),
            Item::Event { seq: 1, event: failed },
        ];
        assert_eq!(items(&reporter), expected);
    }

    #[test]
    fn cuts_a_line_that_no_frame_can_hold() {
        let reporter = Reporter::new(Vec::new(), "abc".into());
        // A byte each, six in JSON.
        reporter.output("\u{1}".repeat(512 << 10)).unwrap();
        let line = match items(&reporter).as_slice() {
            [Item::Event { seq: 0, event: Event::Output { line } }] => line.clone(),
            other => panic!("{other:?}"),
        };
        assert!(line.len() > 100_000 && line.ends_with(CUT));
    }

    #[test]
    fn a_pipe_is_drained_when_it_was_read() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let reporter = Reporter::new(File::from(std::os::fd::OwnedFd::from(pipe)), "abc".into());
        reporter.send(&Event::Done).unwrap();
        let drained = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (waits, tells) = (reporter.clone(), Arc::clone(&drained));
        let waiting = std::thread::spawn(move || {
            waits.drain();
            tells.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(50));
        assert!(!drained.load(std::sync::atomic::Ordering::SeqCst), "nobody has read it");
        let mut buffer = [0; 256];
        assert!(io::Read::read(&mut reader, &mut buffer).unwrap() > 0);
        waiting.join().unwrap();
        assert!(drained.load(std::sync::atomic::Ordering::SeqCst));
    }

    #[test]
    fn a_failure_amid_a_report_does_not_wait_for_it() {
        let reporter = Reporter::new(Vec::new(), "abc".into());
        let under_way = reporter.writer();
        assert!(reporter.fail("broken".into()).is_err());
        drop(under_way);
        assert_eq!(items(&reporter), []);
    }
}
