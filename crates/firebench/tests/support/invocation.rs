//! One run of a command in a lab: within a time, with its output, and with a look at what it left.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use firebench_model::record::Report;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::unistd::Pid;

use crate::support::common::{LIMIT, Lab};

/// A command, not yet running.
pub struct Invocation<'a> {
    lab: &'a Lab,
    command: Command,
    limit: Duration,
}

impl<'a> Invocation<'a> {
    pub fn new(lab: &'a Lab, command: Command) -> Self {
        Invocation { lab, command, limit: LIMIT }
    }

    /// More arguments.
    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// One more argument.
    pub fn arg(self, arg: impl AsRef<std::ffi::OsStr>) -> Self {
        self.args([arg])
    }

    /// A variable.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// In another directory.
    pub fn at(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Fails the test if it takes longer.
    pub fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// The command itself, for what needs other descriptors.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Starts it.
    pub fn start(mut self) -> Running<'a> {
        let output = || tempfile::tempfile_in(self.lab.path("")).expect("a file for the output");
        let (stdout, stderr) = (output(), output());
        let copy = |file: &File| file.try_clone().expect("a descriptor");
        self.command.stdin(Stdio::null()).stdout(copy(&stdout)).stderr(copy(&stderr));
        // A shell starts its background jobs with these two ignored, and firebench leaves it so: not in these tests.
        // SAFETY: signal(2) is async-signal-safe, and SIG_DFL no handler of ours.
        unsafe {
            self.command.pre_exec(|| {
                signal(Signal::SIGINT, SigHandler::SigDfl)?;
                signal(Signal::SIGQUIT, SigHandler::SigDfl)?;
                Ok(())
            })
        };
        let child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        Running { lab: self.lab, child, stdout, stderr, begun: Instant::now(), limit: self.limit, peak_kib: 0 }
    }

    /// Runs it to its end beside others in its lab, which have files there.
    pub fn run_beside(self) -> Outcome {
        self.start().finish_and_leave()
    }

    /// Runs it to its end, and looks at what it left.
    pub fn run(self) -> Outcome {
        self.start().finish()
    }
}

/// A running command. Dropping it kills it.
pub struct Running<'a> {
    lab: &'a Lab,
    child: Child,
    stdout: File,
    stderr: File,
    begun: Instant,
    limit: Duration,
    /// The most memory that it had so far.
    peak_kib: u64,
}

impl Running<'_> {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is our child");
    }

    /// Waits for its end and looks at what it left: nothing, or the test fails.
    pub fn finish(self) -> Outcome {
        let (lab, pid) = (self.lab, self.pid());
        let outcome = self.finish_and_leave();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lab.assert_nothing_left(pid)));
        assert!(checked.is_ok(), "{outcome}");
        outcome
    }

    /// Waits for its end. What it leaves is for the test to see.
    pub fn finish_and_leave(mut self) -> Outcome {
        let status = loop {
            self.peak_kib = self.peak_kib.max(peak_kib(self.pid()));
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            if self.begun.elapsed() > self.limit {
                let _ = self.child.kill();
                let status = self.child.wait().expect("a child");
                panic!("it took longer than {} s\n{}", self.limit.as_secs(), self.outcome(status));
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.outcome(status)
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Fails the test if it takes longer than so many seconds from now.
    pub fn within(mut self, seconds: u64) -> Self {
        self.limit = self.begun.elapsed() + Duration::from_secs(seconds);
        self
    }

    fn outcome(&self, status: ExitStatus) -> Outcome {
        let (stdout, stderr) = (read(&self.stdout), read(&self.stderr));
        Outcome { status, stdout, stderr, took: self.begun.elapsed(), peak_kib: self.peak_kib }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The most memory that process `pid` had resident so far, in KiB; 0 where it is gone.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// The whole file, without moving the place at which its writer goes on.
fn read(file: &File) -> String {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; file.metadata().map_or(0, |data| data.len() as usize)];
    let length = file.read_at(&mut bytes, 0).expect("our own file");
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// How a command ended, and what it said.
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The most memory that it had resident, looked at every 10 ms.
    pub peak_kib: u64,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Outcome { status, stdout, stderr, took, .. } = self;
        write!(f, "{status} after {:.1} s\n== stdout\n{stdout}\n== stderr\n{stderr}", took.as_secs_f64())
    }
}

impl Outcome {
    /// The standard output as one line, for sentences that are broken over several.
    pub fn prose(&self) -> String {
        self.stdout.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// It must have ended well.
    #[track_caller]
    pub fn ok(self) -> Outcome {
        assert!(self.status.success(), "{self}");
        self
    }

    /// It must have failed with `code`, in one clear error that says all of `words`, and with a hint.
    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Outcome {
        self.fails_with_one_of(&[code], words)
    }

    /// The same, where it may have one of several codes.
    #[track_caller]
    pub fn fails_with_one_of(self, codes: &[i32], words: &[&str]) -> Outcome {
        assert!(self.status.code().is_some_and(|code| codes.contains(&code)), "{self}");
        let errors: Vec<_> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "one error\n{self}");
        for word in words {
            assert!(self.error().contains(word), "{word:?} is not in the error\n{self}");
        }
        // clap gives a hint of its own.
        let hint = ["hint: ", "For more information, try '--help'."];
        assert!(self.stderr.lines().any(|line| hint.iter().any(|start| line.starts_with(start))), "no hint\n{self}");
        assert!(!self.stderr.contains("panicked at"), "{self}");
        self
    }

    /// A signal must have stopped it, which the exit code tells, and the one error.
    #[track_caller]
    pub fn stops(self, code: i32, word: &str) -> Outcome {
        assert_eq!(self.status.code(), Some(code), "{self}");
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{self}");
        assert!(self.error().contains(word), "{self}");
        self
    }

    /// From `error:` on.
    pub fn error(&self) -> &str {
        self.stderr.find("error: ").and_then(|at| self.stderr.get(at..)).unwrap_or_default()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// The report in a directory given as `--out`. Both files are there, and nothing else.
#[track_caller]
pub fn report(dir: &Path) -> Report {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap_or_else(|error| panic!("{}: {error}", dir.display()))
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["report.json", "report.md"]);
    let json = std::fs::read_to_string(dir.join("report.json")).expect("report.json");
    let report: Report = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(report.schema, firebench_model::record::SCHEMA);
    report
}
