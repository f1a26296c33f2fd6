//! A client of HTTP/1.1 over one connection that stays open. The service is a guest's: nothing that it sends is believed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use firebench_protocol::service::MAX_HEAD;
use firebench_text as text;

use super::shared::{Shared, is_for_now};

/// Bytes that are read at a time.
const READ: usize = 64 << 10;

/// Headers of an answer that are looked at. An answer with more is none.
const HEADERS: usize = 32;

/// How often a client that waits looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);

/// Why there is no answer. Each but the first is a clause after "the service".
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Trouble {
    /// Nobody waits for it any more.
    #[error("nobody waited for the service's answer any more")]
    Stopped,
    /// It ended the connection.
    #[error("the service closed a connection amid an answer")]
    Closed,
    /// The connection broke.
    #[error("a connection to the service broke: {0}")]
    Broken(String),
    /// It took too long.
    #[error("the service did not finish an answer within {0} s")]
    Slow(u64),
    /// It said something else than it should.
    #[error("the service answered, but {0}")]
    Wrong(String),
    /// firebench itself cannot.
    #[error("firebench cannot {0}")]
    System(String),
}

impl Trouble {
    pub(super) fn system(what: &str, error: &std::io::Error) -> Trouble {
        Trouble::System(format!("{what}: {error}"))
    }

    fn broken(error: &std::io::Error) -> Trouble {
        Trouble::Broken(error.to_string())
    }
}

/// A client with one connection.
pub(super) struct Client<'a> {
    stream: &'a TcpStream,
    patience: Duration,
    shared: &'a Shared,
    buffer: Vec<u8>,
}

impl<'a> Client<'a> {
    /// Over a connection that is there.
    pub(super) fn new(stream: &'a TcpStream, patience: Duration, shared: &'a Shared) -> Result<Client<'a>, Trouble> {
        let set = || {
            stream.set_nonblocking(false)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LOOK))?;
            stream.set_write_timeout(Some(LOOK))
        };
        set().map_err(|error| Trouble::system("set up a connection", &error))?;
        Ok(Client { stream, patience, shared, buffer: vec![0; READ] })
    }

    /// Asks for a path, of which the answer must have this body. The body is compared as it comes, and not kept.
    pub(super) fn ask(&mut self, path: &str, expected: &[u8]) -> Result<(), Trouble> {
        let mut rest = expected;
        self.exchange(path, expected.len(), &mut |bytes| match rest.strip_prefix(bytes) {
            Some(left) => {
                rest = left;
                true
            }
            None => false,
        })
    }

    /// The body of the answer for a path, of which the length is known.
    pub(super) fn fetch(&mut self, path: &str, length: usize) -> Result<Vec<u8>, Trouble> {
        let mut body = Vec::new();
        self.exchange(path, length, &mut |bytes| {
            body.extend_from_slice(bytes);
            true
        })?;
        Ok(body)
    }

    /// Asks, and gives what comes of the body to `take`, which says whether it is right.
    fn exchange(&mut self, path: &str, length: usize, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), Trouble> {
        let begun = Instant::now();
        self.send(request(path).as_bytes(), begun)?;
        let mut filled: usize = 0;
        let head = loop {
            match head(self.buffer.get(..filled).unwrap_or_default(), length)? {
                Some(head) => break head,
                None => filled = filled.saturating_add(self.read(filled, MAX_HEAD, begun)?),
            }
        };
        let mut left = length;
        let mut bytes = head..filled;
        loop {
            let part = self.buffer.get(bytes.clone()).unwrap_or_default();
            if part.len() > left {
                return Err(Trouble::Wrong("sent more than one answer to a question".to_owned()));
            }
            if !take(part) {
                return Err(Trouble::Wrong("with other bytes than those of its body".to_owned()));
            }
            left = left.saturating_sub(part.len());
            if left == 0 {
                return Ok(());
            }
            bytes = 0..self.read(0, READ, begun)?;
        }
    }

    fn send(&mut self, mut bytes: &[u8], begun: Instant) -> Result<(), Trouble> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if is_for_now(error.kind()) => {}
                Err(error) => return Err(Trouble::broken(&error)),
            }
            self.look(begun)?;
        }
        Ok(())
    }

    /// Reads something into the buffer, from one place and up to another one; how much.
    fn read(&mut self, from: usize, to: usize, begun: Instant) -> Result<usize, Trouble> {
        loop {
            let room = self.buffer.get_mut(from..to.max(from)).filter(|room| !room.is_empty());
            let room = room.ok_or_else(|| Trouble::Wrong(format!("with a head of more than {MAX_HEAD} bytes")))?;
            match self.stream.read(room) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(count) => {
                    self.look(begun)?;
                    return Ok(count);
                }
                Err(error) if is_for_now(error.kind()) => self.look(begun)?,
                Err(error) => return Err(Trouble::broken(&error)),
            }
        }
    }

    /// Whether to go on.
    fn look(&self, begun: Instant) -> Result<(), Trouble> {
        if self.shared.is_over() {
            return Err(Trouble::Stopped);
        }
        if begun.elapsed() > self.patience { Err(Trouble::Slow(self.patience.as_secs())) } else { Ok(()) }
    }
}

/// A question for a path.
pub(super) fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: firebench\r\n\r\n")
}

/// Where the body of an answer begins, once its head is there; it must be a body of this length, after the status 200.
pub(super) fn head(answer: &[u8], length: usize) -> Result<Option<usize>, Trouble> {
    let wrong = |what: String| Err(Trouble::Wrong(what));
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    let end = match parsed.parse(answer) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return wrong(format!("not in HTTP: {error}")),
    };
    if parsed.code != Some(200) {
        return wrong(format!("with the status {}, not 200", parsed.code.unwrap_or(0)));
    }
    let lengths = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("content-length"));
    let lengths: Vec<&[u8]> = lengths.map(|header| header.value).collect();
    let [told] = lengths.as_slice() else { return wrong(format!("with {} lengths of its body", lengths.len())) };
    let told = String::from_utf8_lossy(told);
    if told.parse() != Ok(length) {
        return wrong(format!("with a body of {} bytes, not {length}", text::excerpt(&told, 40)));
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What comes of a question, to a service that sends these pieces, some milliseconds apart, and closes.
    fn asked(pieces: Vec<Vec<u8>>, expected: &[u8]) -> Result<(), Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 200];
            let length = stream.read(&mut request).expect("a request");
            assert_eq!(&request[..length], b"GET /body HTTP/1.1\r\nHost: firebench\r\n\r\n");
            for piece in pieces {
                if stream.write_all(&piece).is_err() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let (shared, stream) = (Shared::default(), TcpStream::connect(address).expect("connected"));
        let outcome = Client::new(&stream, Duration::from_secs(1), &shared).and_then(|mut c| c.ask("/body", expected));
        drop(stream);
        service.join().expect("the service");
        outcome
    }

    fn answer(length: usize, body: &[u8]) -> Vec<u8> {
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").as_bytes(), body].concat()
    }

    #[test]
    fn an_answer_is_right_however_it_comes() {
        assert_eq!(asked(vec![answer(5, b"hello")], b"hello"), Ok(()));
        let pieces = answer(5, b"hello").chunks(7).map(<[u8]>::to_vec).collect();
        assert_eq!(asked(pieces, b"hello"), Ok(()));
        assert_eq!(asked(vec![answer(0, b"")], b""), Ok(()));
        let long = vec![7; 300 << 10];
        assert_eq!(asked(vec![answer(long.len(), &long)], &long), Ok(()));
    }

    #[test]
    fn what_is_wrong_with_an_answer_is_said() {
        let wrong = |pieces: Vec<Vec<u8>>| asked(pieces, b"hello").expect_err("wrong").to_string();
        for (pieces, expected) in [
            (vec![answer(5, b"hellO")], "other bytes than those of its body"),
            (vec![answer(5, b"hello, you")], "more than one answer"),
            (vec![answer(6, b"hello!")], "a body of 6 bytes, not 5"),
            (vec![answer(usize::MAX, b"hello")], "bytes, not 5"),
            (vec![answer(5, b"hel")], "closed a connection amid an answer"),
            (vec![b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello".to_vec()], "the status 500, not 200"),
            (vec![b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec()], "with 0 lengths"),
            (vec![b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello".to_vec()], "2 lengths"),
            (vec![b"\x00\x01\x02\x03".repeat(9)], "not in HTTP"),
            (
                vec![[b"HTTP/1.1 200 OK\r\nX: ".as_slice(), &vec![b'x'; 8000]].concat()],
                "a head of more than 4096 bytes",
            ),
            (vec![], "closed a connection"),
        ] {
            let said = wrong(pieces);
            assert!(said.contains(expected), "{said}: {expected}");
        }
    }

    #[test]
    fn an_answer_that_drips_does_not_take_for_ever() {
        let drips = answer(200, &[7; 200]).chunks(1).map(<[u8]>::to_vec).collect();
        assert_eq!(asked(drips, &[7; 200]), Err(Trouble::Slow(1)));
    }

    #[test]
    fn whoever_is_not_waited_for_stops() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        let shared = Shared::default();
        shared.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let outcome = Client::new(&stream, Duration::from_secs(600), &shared).and_then(|mut c| c.ask("/", b""));
        assert_eq!(outcome, Err(Trouble::Stopped));
    }
}
