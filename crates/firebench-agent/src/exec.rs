//! Runs one program to its end and passes on what it prints, line by line.

use crate::child;
use crate::error::Error;
use crate::ready::{Interest, ready};
use firebench_protocol::{ExecJob, HEARTBEAT};
use nix::poll::PollTimeout;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::time::Instant;

/// Most bytes of a line; a longer one is cut.
const MAX_LINE: usize = 512 << 10;
/// What a cut line ends with.
pub const CUT: &str = " [cut by firebench-agent]";
/// Written at once. A pipe that poll calls writable takes as much without making us wait (PIPE_BUF, pipe(7)).
const CHUNK: usize = 4096;
/// How often the end of the program is looked for while it prints nothing, in milliseconds.
const LOOK: u16 = 50;
/// Reads after the program's end: no pipe holds more than 1 MiB. What outlives the program may print for ever.
const LAST_READS: usize = 64;

/// A line that the program printed, without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// On its standard output.
    Out(String),
    /// On its standard error.
    Err(String),
}

/// Runs the program; `sink` gets its lines as they come, and `alive` is called every [`HEARTBEAT`] until it ends. The
/// answer is its exit code, or 128 + N after signal N.
pub fn run(
    job: &ExecJob,
    sink: &mut dyn FnMut(Line) -> Result<(), Error>,
    alive: &mut dyn FnMut() -> Result<(), Error>,
) -> Result<i32, Error> {
    let name = job.argv.join(" ");
    let mut command = child::command(&job.argv)?;
    command.envs(job.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, _) = child::start(&mut command).map_err(|cause| Error::Spawn { command: name.clone(), cause })?;
    let failed = |cause| Error::Wait { command: name.clone(), cause };

    let mut input =
        Input { pipe: child.stdin.take().map(|pipe| File::from(OwnedFd::from(pipe))), rest: job.stdin.as_bytes() };
    let mut stdout = Output::new(child.stdout.take().map(OwnedFd::from), Line::Out);
    let mut stderr = Output::new(child.stderr.take().map(OwnedFd::from), Line::Err);
    input.close_if_done();
    let mut last_beat = Instant::now();
    let ended = loop {
        if last_beat.elapsed() >= HEARTBEAT {
            alive()?;
            last_beat = Instant::now();
        }
        let interests = [input.interest(), stdout.interest(), stderr.interest()];
        let [can_write, has_stdout, has_stderr] = ready(interests, PollTimeout::from(LOOK)).map_err(failed)?;
        if can_write {
            input.write();
        }
        if has_stdout {
            stdout.read(sink)?;
        }
        if has_stderr {
            stderr.read(sink)?;
        }
        if let Some(ended) = child::try_wait(child.id()).map_err(failed)? {
            break ended;
        }
    };
    stdout.rest(sink)?;
    stderr.rest(sink)?;
    Ok(ended.status)
}

/// What goes to the standard input.
struct Input<'a> {
    pipe: Option<File>,
    rest: &'a [u8],
}

impl Input<'_> {
    fn interest(&self) -> Interest<'_> {
        self.pipe.as_ref().map_or(Interest::Closed, |pipe| Interest::Write(pipe.as_fd()))
    }

    fn write(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.write(self.rest.get(..CHUNK).unwrap_or(self.rest)) {
            Ok(count) => self.rest = self.rest.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It does not want to read on.
            Err(_) => self.rest = &[],
        }
        self.close_if_done();
    }

    fn close_if_done(&mut self) {
        if self.rest.is_empty() {
            self.pipe = None;
        }
    }
}

/// One output, cut into lines.
struct Output {
    pipe: Option<File>,
    kind: fn(String) -> Line,
    line: Vec<u8>,
    cut: bool,
}

impl Output {
    fn new(pipe: Option<OwnedFd>, kind: fn(String) -> Line) -> Self {
        Output { pipe: pipe.map(File::from), kind, line: Vec::new(), cut: false }
    }

    fn interest(&self) -> Interest<'_> {
        self.pipe.as_ref().map_or(Interest::Closed, |pipe| Interest::Read(pipe.as_fd()))
    }

    /// Takes what is there; waits if nothing is.
    fn read(&mut self, sink: &mut dyn FnMut(Line) -> Result<(), Error>) -> Result<(), Error> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let mut buffer = [0; 16 << 10];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.take(buffer.get(..count).unwrap_or_default(), sink)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Line) -> Result<(), Error>) -> Result<(), Error> {
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend(text.iter().take(room));
            self.cut |= text.len() > room;
            if text.len() < piece.len() {
                self.end_line(sink)?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self, sink: &mut dyn FnMut(Line) -> Result<(), Error>) -> Result<(), Error> {
        let mut line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if std::mem::take(&mut self.cut) {
            line.push_str(CUT);
        }
        sink((self.kind)(line))
    }

    /// What is still in the pipe after the program's end, and a last line without an end.
    fn rest(&mut self, sink: &mut dyn FnMut(Line) -> Result<(), Error>) -> Result<(), Error> {
        for _ in 0..LAST_READS {
            if !matches!(ready([self.interest()], PollTimeout::ZERO), Ok([true])) {
                break;
            }
            self.read(sink)?;
        }
        if self.line.is_empty() { Ok(()) } else { self.end_line(sink) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn keep(lines: &mut Vec<Line>) -> impl FnMut(Line) -> Result<(), Error> {
        |line| {
            lines.push(line);
            Ok(())
        }
    }

    fn sh(script: &str, stdin: &str) -> (i32, Vec<Line>) {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        let mut lines = Vec::new();
        let job = ExecJob { argv, stdin: stdin.to_owned(), env: vec![path] };
        let status = run(&job, &mut keep(&mut lines), &mut || Ok(())).unwrap();
        (status, lines)
    }

    fn out(line: &str) -> Line {
        Line::Out(line.into())
    }

    #[test]
    fn passes_lines_on() {
        let (status, mut lines) = sh("read a; echo \"got $a\"; echo oops >&2; echo; printf 'half'; exit 5", "word\n");
        lines.sort_by_key(|line| matches!(line, Line::Err(_)));
        assert_eq!(status, 5);
        assert_eq!(lines, [out("got word"), out(""), out("half"), Line::Err("oops".into())]);
    }

    #[test]
    fn much_in_and_out_at_once() {
        let text = "0123456789abcde\n".repeat(20_000);
        let (status, lines) = sh("tee /dev/stderr", &text);
        assert_eq!((status, lines.len()), (0, 40_000));
        assert!(
            lines.iter().all(|line| matches!(line, Line::Out(text) | Line::Err(text) if text == "0123456789abcde"))
        );
    }

    #[test]
    fn its_heart_beats_while_the_program_is_silent_and_while_it_talks() {
        for script in ["sleep 5", "for i in 1 2 3 4 5; do sleep 1; echo $i; done"] {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
            let job = ExecJob { argv, stdin: String::new(), env: vec![path] };
            let mut beats = 0;
            let mut alive = || {
                beats += 1;
                Ok(())
            };
            assert_eq!(run(&job, &mut |_| Ok(()), &mut alive).unwrap(), 0);
            assert!(beats >= 1, "{script}");
        }
    }

    #[test]
    fn cuts_a_long_line() {
        let (_, lines) = sh("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo next", "");
        assert_eq!(lines, [out(&("x".repeat(MAX_LINE) + CUT)), out("next")]);
    }

    #[test]
    fn neither_unread_input_nor_a_leftover_stops_it() {
        let start = Instant::now();
        assert_eq!(sh("exec <&-; sleep 20 & echo done", &"x".repeat(1 << 20)), (0, vec![out("done")]));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_prints_nothing() {
        assert_eq!(sh("exec >&- 2>&-; kill -15 $$", ""), (128 + 15, vec![]));
    }

    #[test]
    fn only_the_given_environment() {
        let job =
            ExecJob { argv: vec!["/usr/bin/env".into()], stdin: String::new(), env: vec![("A".into(), "b c".into())] };
        let mut lines = Vec::new();
        assert_eq!(run(&job, &mut keep(&mut lines), &mut || Ok(())).unwrap(), 0);
        assert_eq!(lines, [out("A=b c")]);
    }
}
