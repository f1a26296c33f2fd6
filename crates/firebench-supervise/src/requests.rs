//! What a VMM is told after its start: requests over the socket that it makes. Nothing here waits: whoever watches the VM calls
//! [`Conversation::go_on`] whenever something may have happened, so its console, its end, deadlines and the user's interrupt
//! are looked after as before.
//!
//! The VMM is not trusted. Its socket is opened without following a link that it may have put there; an answer has a bound, and
//! whatever is not the expected one ends the conversation.

mod answer;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use firebench_text as text;
use firebench_vmm::{Request, Requests};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::poll::PollFlags;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send, socket};
use nix::sys::stat::{Mode, SFlag, fstat};

use answer::{Garbled, MAX_BYTES};

/// Why a VMM did not take what it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum Refusal {
    /// It answered that it does not want it.
    #[error("the VMM refused {request} with status {status}: {words}")]
    #[diagnostic(help("change what these words name among the settings of the contender or the machine"))]
    Refused {
        /// What it was told.
        request: String,
        /// Its answer's status code.
        status: u16,
        /// Its own words, made safe to print.
        words: String,
    },
    /// It answered something that is not an answer.
    #[error("the VMM's answer to {request} cannot be read: {reason}")]
    #[diagnostic(help("check that the program is the VMM that it is said to be"))]
    Garbled {
        /// What it was told.
        request: String,
        /// Why.
        reason: String,
    },
    /// It closed the connection, and lived on.
    #[error("the VMM closed its API socket and did not answer {request}")]
    #[diagnostic(help("read the VMM's last words"))]
    Closed {
        /// What it was told.
        request: String,
    },
    /// Something is wrong with its socket.
    #[error("cannot use the VMM's API socket: {reason}")]
    #[diagnostic(help("check that the program is the VMM that it is said to be"))]
    Socket {
        /// What.
        reason: String,
    },
}

/// Requests on their way.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Where the socket appears.
    directory: OwnedFd,
    name: OsString,
    /// The first one is under way.
    left: VecDeque<Request>,
    begun: Instant,
    state: State,
}

#[derive(Debug)]
enum State {
    /// There is no socket yet, or nobody listens.
    Waiting,
    /// Connected.
    Talking(Exchange),
    /// The connection ended early. Most likely the VMM does, too, and how it ends says more.
    Closed(Instant),
}

/// One request, and what has come of its answer.
#[derive(Debug)]
struct Exchange {
    stream: File,
    /// What is left to send of the request.
    unsent: VecDeque<u8>,
    answer: Vec<u8>,
}

/// How long the end of a connection may come before that of its VMM.
const GRACE: Duration = Duration::from_secs(1);

/// How often the socket is looked for: every millisecond, and less often when it has not come after some time.
fn pause(waited: Duration) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(50);
    waited.checked_div(100).unwrap_or_default().clamp(SHORTEST, LONGEST)
}

impl Conversation {
    /// With a VMM that was just started.
    pub(crate) fn new(requests: &Requests) -> io::Result<Conversation> {
        let (directory, name) =
            requests.socket.parent().zip(requests.socket.file_name()).ok_or(ErrorKind::InvalidInput)?;
        let directory = open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
        let left = requests.list.iter().cloned().collect();
        Ok(Conversation { directory, name: name.to_owned(), left, begun: Instant::now(), state: State::Waiting })
    }

    /// What to watch, and for what.
    pub(crate) fn watched(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let State::Talking(exchange) = &self.state else { return None };
        let writes = if exchange.unsent.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        Some((exchange.stream.as_fd(), PollFlags::POLLIN | writes))
    }

    /// After how long it must go on although there is nothing to watch.
    pub(crate) fn patience(&self) -> Option<Duration> {
        match self.state {
            State::Waiting => Some(pause(self.begun.elapsed())),
            State::Talking(_) => None,
            State::Closed(at) => Some(GRACE.saturating_sub(at.elapsed())),
        }
    }

    /// What the VMM has not done yet, after "the VMM".
    pub(crate) fn awaited(&self) -> Option<String> {
        let request = self.left.front()?;
        Some(match self.state {
            State::Waiting => "has not opened its API socket".to_owned(),
            State::Talking(_) | State::Closed(_) => format!("has not answered {request}"),
        })
    }

    /// Does what can be done without waiting. True when all requests are carried out.
    ///
    /// # Errors
    /// [`Refusal`]: nothing more is to come of it.
    pub(crate) fn go_on(&mut self) -> Result<bool, Refusal> {
        loop {
            let Some(request) = self.left.front() else { return Ok(true) };
            let named = || request.to_string();
            match &mut self.state {
                State::Waiting => match reach(&self.directory, &self.name)? {
                    None => return Ok(false),
                    Some(stream) => self.state = State::Talking(Exchange::new(stream, request)),
                },
                State::Closed(at) if at.elapsed() < GRACE => return Ok(false),
                State::Closed(_) => return Err(Refusal::Closed { request: named() }),
                State::Talking(exchange) => {
                    let garbled = |garbled: Garbled| Refusal::Garbled { request: named(), reason: garbled.to_string() };
                    let open = exchange.advance().map_err(|error| Refusal::Socket { reason: error.to_string() })?;
                    match answer::read(&exchange.answer).map_err(garbled)? {
                        Some(answer) if answer.status != Requests::DONE => {
                            let words = words(&answer.body);
                            return Err(Refusal::Refused { request: named(), status: answer.status, words });
                        }
                        // More than one answer, or one to what was not even read yet.
                        Some(answer) if answer.length < exchange.answer.len() || !exchange.unsent.is_empty() => {
                            return Err(garbled(Garbled::Surplus));
                        }
                        Some(_) => {
                            self.left.pop_front();
                            if let Some(next) = self.left.front() {
                                exchange.follow(next);
                            }
                        }
                        None if open => return Ok(false),
                        None => self.state = State::Closed(Instant::now()),
                    }
                }
            }
        }
    }
}

impl Exchange {
    fn new(stream: OwnedFd, request: &Request) -> Exchange {
        Exchange { stream: stream.into(), unsent: written(request).into(), answer: Vec::new() }
    }

    /// The next request over the same connection.
    fn follow(&mut self, request: &Request) {
        self.unsent = written(request).into();
        self.answer.clear();
    }

    /// Sends and receives what can be without waiting. False when the VMM has closed the connection.
    fn advance(&mut self) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            let (bytes, _) = self.unsent.as_slices();
            match send(self.stream.as_raw_fd(), bytes, MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => drop(self.unsent.drain(..sent.min(bytes.len()))),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                // It reads no more; what it said before may still be there.
                Err(Errno::EPIPE | Errno::ECONNRESET) => self.unsent.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        let mut buffer = [0; 4096];
        // One byte too many is enough to see that it is too many.
        while self.answer.len() <= MAX_BYTES {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(false),
                Ok(count) => self.answer.extend(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// A request, as it is sent.
fn written(request: &Request) -> Vec<u8> {
    let Request { method, path, body } = request;
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection to the socket `name` in `directory`; none where there is none yet, or nobody accepts one.
fn reach(directory: &OwnedFd, name: &OsString) -> Result<Option<OwnedFd>, Refusal> {
    let wrong = |error: Errno| Refusal::Socket { reason: io::Error::from(error).to_string() };
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let place = match openat(directory, name.as_os_str(), flags, Mode::empty()) {
        Ok(place) => place,
        Err(Errno::ENOENT) => return Ok(None),
        Err(error) => return Err(wrong(error)),
    };
    let kind = SFlag::from_bits_truncate(fstat(&place).map_err(wrong)?.st_mode) & SFlag::S_IFMT;
    if kind != SFlag::S_IFSOCK {
        return Err(Refusal::Socket { reason: "in its place there is something else".to_owned() });
    }
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(wrong)?;
    // This very socket, whatever its path is by now, and however long.
    let address = UnixAddr::new(format!("/proc/self/fd/{}", place.as_raw_fd()).as_str()).map_err(wrong)?;
    match connect(stream.as_raw_fd(), &address) {
        Ok(()) => Ok(Some(stream)),
        // It does not listen yet, has no room for more, or has gone.
        Err(Errno::ECONNREFUSED | Errno::EAGAIN | Errno::EINTR | Errno::ENOENT) => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

/// The words of a refusal: those of Firecracker's errors, else all of them.
fn words(body: &[u8]) -> String {
    /// Characters of it that are told.
    const WIDTH: usize = 300;
    #[derive(serde::Deserialize)]
    struct Fault {
        fault_message: String,
    }
    let words = match serde_json::from_slice::<Fault>(body) {
        Ok(fault) => fault.fault_message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let words = text::excerpt(words.trim().trim_end_matches('.'), WIDTH);
    if words.is_empty() { "it does not say why".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_refusal_are_safe_to_print() {
        for (body, expected) in [
            (&br#"{"fault_message":"no such\nfile"}"#[..], "no such file"),
            (br#"{"fault_message":"\u001b[2J"}"#, "\u{fffd}[2J"),
            (br#"{"fault_message":""}"#, "it does not say why"),
            (b"<html>\x1b]0;x\x07", "<html>\u{fffd}]0;x\u{fffd}"),
            (b"\xff", "\u{fffd}"),
            (b"", "it does not say why"),
        ] {
            assert_eq!(words(body), expected);
        }
        assert_eq!(words(&[b'x'; MAX_BYTES]).chars().count(), 300);
    }

    #[test]
    fn it_looks_for_the_socket_less_often_when_it_does_not_come() {
        assert_eq!(pause(Duration::ZERO), Duration::from_millis(1));
        assert_eq!(pause(Duration::from_secs(1)), Duration::from_millis(10));
        assert_eq!(pause(Duration::from_secs(60)), Duration::from_millis(50));
    }
}
