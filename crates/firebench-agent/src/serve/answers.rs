//! What the server answers to what it is sent.

use firebench_protocol::service::{BODY_PATH, GREETING, GREETING_PATH, MAX_BODY, SHUTDOWN_PATH, body};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};

/// Headers of a request that are looked at. One with more is refused.
const HEADERS: usize = 32;

/// What a read around the page cache must begin at and be a multiple of, in memory and in the file: no disk has larger blocks.
const BLOCK: usize = 4096;

/// The body of the answer that is asked for.
pub(super) enum Body {
    Memory(Vec<u8>),
    Disk { file: File, bytes: usize },
}

impl Body {
    pub(super) fn in_memory(bytes: usize) -> Body {
        Body::Memory(body(bytes))
    }

    /// A file of at least one byte, which is read again for every answer.
    pub(super) fn on_disk(path: &str) -> io::Result<Body> {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"));
        let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path).map_err(named)?;
        let bytes = usize::try_from(file.metadata().map_err(named)?.len()).ok();
        let bytes = bytes.filter(|bytes| (1..=MAX_BODY).contains(bytes));
        let bytes = bytes.ok_or_else(|| named(io::Error::new(ErrorKind::InvalidData, "empty or too large")))?;
        Ok(Body::Disk { file, bytes })
    }
}

/// All answers, made ready.
pub(super) struct Answers {
    greeting: Vec<u8>,
    /// With the body of memory, else without.
    body: Vec<u8>,
    disk: Option<(File, usize)>,
}

/// What to do after what has come so far.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Read more.
    More,
    /// A request of so many bytes is there: this is its answer, and the server's last one if it `ends`.
    Answer { length: usize, answer: Answer, ends: bool },
    /// It is no request that is answered: say this and close the connection.
    Refuse(&'static [u8]),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    Greeting,
    Body,
}

impl Answers {
    pub(super) fn new(body: Body) -> Answers {
        let greeting = [head(GREETING.len()).as_bytes(), GREETING].concat();
        match body {
            Body::Memory(bytes) => {
                Answers { greeting, body: [head(bytes.len()).as_bytes(), &bytes].concat(), disk: None }
            }
            Body::Disk { file, bytes } => {
                Answers { greeting, body: head(bytes).into_bytes(), disk: Some((file, bytes)) }
            }
        }
    }

    /// Room for what is read from the disk.
    pub(super) fn scratch(&self) -> Scratch {
        Scratch::new(self.body.len(), self.disk.as_ref().map_or(0, |(_, bytes)| *bytes))
    }

    /// What a request means, if it is whole.
    pub(super) fn next(&self, request: &[u8]) -> Next {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(request) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Next::More,
            Err(_) => return Next::Refuse(BAD),
        };
        // Nothing that is asked here has a body.
        let bodied = |name: &str| ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str());
        if parsed.method != Some("GET") || parsed.headers.iter().any(|header| bodied(header.name)) {
            return Next::Refuse(BAD);
        }
        let (answer, ends) = match parsed.path {
            Some(GREETING_PATH) => (Answer::Greeting, false),
            Some(BODY_PATH) => (Answer::Body, false),
            Some(SHUTDOWN_PATH) => (Answer::Greeting, true),
            _ => return Next::Refuse(ABSENT),
        };
        Next::Answer { length, answer, ends }
    }

    /// The bytes of an answer.
    pub(super) fn bytes<'a>(&'a self, answer: Answer, scratch: &'a mut Scratch) -> io::Result<&'a [u8]> {
        match (answer, &self.disk) {
            (Answer::Greeting, _) => Ok(&self.greeting),
            (Answer::Body, None) => Ok(&self.body),
            (Answer::Body, Some((file, bytes))) => scratch.fill(&self.body, file, *bytes),
        }
    }
}

const BAD: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const ABSENT: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn head(bytes: usize) -> String {
    // Clients of HTTP/1.0, such as ab, want to be told that the connection stays open.
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nConnection: keep-alive\r\nContent-Length: {bytes}\r\n\r\n"
    )
}

/// Memory for an answer from the disk: the body begins at a multiple of [`BLOCK`], as reads around the page cache must, and the head
/// stands right before it.
pub(super) struct Scratch {
    memory: Vec<u8>,
    /// Where the body begins.
    body: usize,
}

impl Scratch {
    fn new(head: usize, bytes: usize) -> Scratch {
        if bytes == 0 {
            return Scratch { memory: Vec::new(), body: 0 };
        }
        let before = head.next_multiple_of(BLOCK);
        let room = before.saturating_add(bytes.next_multiple_of(BLOCK)).saturating_add(BLOCK);
        let memory = vec![0; room];
        let start = memory.as_ptr().align_offset(BLOCK);
        Scratch { memory, body: before.saturating_add(start) }
    }

    fn fill(&mut self, head: &[u8], file: &File, bytes: usize) -> io::Result<&[u8]> {
        let mut read: usize = 0;
        while read < bytes {
            let from = self.body.saturating_add(read);
            let to = self.body.saturating_add(bytes.next_multiple_of(BLOCK));
            let room = self.memory.get_mut(from..to).ok_or(ErrorKind::OutOfMemory)?;
            let count = file.read_at(room, u64::try_from(read).unwrap_or(u64::MAX))?;
            read = read.saturating_add(count);
            // Only the end of a file is no multiple.
            if count == 0 || (read < bytes && read % BLOCK != 0) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let start = self.body.saturating_sub(head.len());
        self.memory.get_mut(start..self.body).ok_or(ErrorKind::OutOfMemory)?.copy_from_slice(head);
        self.memory.get(start..self.body.saturating_add(bytes)).ok_or_else(|| ErrorKind::OutOfMemory.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_refused_or_awaited() {
        let answers = Answers::new(Body::in_memory(3));
        let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        let whole = request("/body");
        for cut in 0..whole.len() {
            assert_eq!(answers.next(&whole.as_bytes()[..cut]), Next::More, "{cut}");
        }
        let two = [whole.clone(), request("/")].concat();
        let first = Next::Answer { length: whole.len(), answer: Answer::Body, ends: false };
        assert_eq!(answers.next(two.as_bytes()), first);
        let last = Next::Answer { length: request("/shutdown").len(), answer: Answer::Greeting, ends: true };
        assert_eq!(answers.next(request("/shutdown").as_bytes()), last);
        for (odd, answer) in [
            ("GET /other HTTP/1.1\r\n\r\n".to_owned(), ABSENT),
            ("PUT / HTTP/1.1\r\n\r\n".to_owned(), BAD),
            ("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc".to_owned(), BAD),
            ("GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), BAD),
            ("\u{1}\u{2}\r\n\r\n".to_owned(), BAD),
            (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1)), BAD),
        ] {
            assert_eq!(answers.next(odd.as_bytes()), Next::Refuse(answer), "{odd}");
        }
    }

    #[test]
    fn a_body_comes_from_memory_or_from_the_disk() {
        let mut none = Answers::new(Body::in_memory(1)).scratch();
        let memory = Answers::new(Body::in_memory(5000));
        let expected = [head(5000).as_bytes(), &body(5000)].concat();
        assert_eq!(memory.bytes(Answer::Body, &mut none).unwrap(), expected);
        // Not in /tmp, which may be a file system without such reads.
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let path = directory.path().join("body");
        for bytes in [1, 4096, 5000, 80 << 10] {
            std::fs::write(&path, body(bytes)).unwrap();
            let disk = Answers::new(Body::on_disk(path.to_str().unwrap()).unwrap());
            let mut scratch = disk.scratch();
            let expected = [head(bytes).as_bytes(), &body(bytes)].concat();
            for _ in 0..2 {
                assert!(disk.bytes(Answer::Body, &mut scratch).unwrap() == expected, "{bytes}");
            }
            assert_eq!(disk.bytes(Answer::Greeting, &mut scratch).unwrap(), [head(10).as_bytes(), GREETING].concat());
        }
        std::fs::write(&path, "").unwrap();
        assert!(Body::on_disk(path.to_str().unwrap()).is_err());
        assert!(Body::on_disk("/nonexistent").is_err());
    }
}
