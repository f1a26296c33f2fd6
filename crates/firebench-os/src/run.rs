//! Programs run to their end, with what they wrote: within a time, up to a size, and not longer than the user wants.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::interrupt;
use crate::leash::leash;
use crate::program::start_unless_busy;

/// Longest pause between two looks at a program.
const PAUSE: Duration = Duration::from_millis(5);

/// What a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The time until its end.
    pub time: Duration,
    /// Bytes that it may write to each of its output streams. They go to files for as long as it runs.
    pub written: u64,
    /// Bytes of each stream that are given back, from its beginning.
    pub kept: u64,
}

/// Why a program did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// A temporary file for its output cannot be created.
    #[error("cannot create a file in {}", dir.display())]
    NoFile {
        /// The directory for temporary files.
        dir: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It did not start, or could not be watched.
    #[error("cannot run it")]
    NotRun(#[source] io::Error),
    /// It was killed, as it took too long.
    #[error("it took too long")]
    Late,
    /// It was killed, as it wrote too much.
    #[error("it wrote too much")]
    Flooding,
    /// It was killed, as the user wants firebench to end.
    #[error("interrupted")]
    Unwanted,
}

/// Runs `command` to its end without input, as a child that does not outlive this process. It is for the caller to judge how it
/// ended.
///
/// # Errors
/// [`Unfinished`]: then it is not running any more.
pub fn run(command: &mut Command, limits: Limits) -> Result<Output, Unfinished> {
    run_gently(command, limits, Duration::ZERO)
}

/// The same; before it is killed, the program is asked to end (SIGTERM), and has `grace` to clean up.
///
/// # Errors
/// [`Unfinished`]: then it is not running any more.
pub fn run_gently(command: &mut Command, limits: Limits, grace: Duration) -> Result<Output, Unfinished> {
    let dir = std::env::temp_dir();
    // Files, not pipes: a grandchild that outlives the program cannot keep a reader waiting, and who reads no pipe has time to look
    // for the user's wish.
    let file = || tempfile::tempfile_in(&dir).map_err(|source| Unfinished::NoFile { dir: dir.clone(), source });
    let (mut stdout, mut stderr) = (file()?, file()?);
    let mut run = || {
        command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        leash(command);
        start_unless_busy(|| command.spawn())
    };
    let mut child = run().map_err(Unfinished::NotRun)?;
    let status = wait(&mut child, limits, grace, [&stdout, &stderr])?;
    let kept = |file: &mut File| contents(file, limits.kept).map_err(Unfinished::NotRun);
    Ok(Output { status, stdout: kept(&mut stdout)?, stderr: kept(&mut stderr)? })
}

/// Waits for the end of a program that writes into `files`, or brings it about.
fn wait(child: &mut Child, limits: Limits, grace: Duration, files: [&File; 2]) -> Result<ExitStatus, Unfinished> {
    let started = Instant::now();
    let is_too_large = |file: &&File| file.metadata().is_ok_and(|metadata| metadata.len() > limits.written);
    // Some programs take less than a millisecond.
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait().map_err(Unfinished::NotRun)? {
            return Ok(status);
        }
        let why = match () {
            () if interrupt::is_wanted() => Some(Unfinished::Unwanted),
            () if started.elapsed() >= limits.time => Some(Unfinished::Late),
            () if files.iter().any(is_too_large) => Some(Unfinished::Flooding),
            () => None,
        };
        if let Some(why) = why {
            end(child, grace).map_err(Unfinished::NotRun)?;
            return Err(why);
        }
        std::thread::sleep(pause);
        pause = pause.saturating_mul(2).min(PAUSE);
    }
}

/// Ends a program: at once, or after the time that it has to clean up.
fn end(child: &mut Child, grace: Duration) -> io::Result<()> {
    if !grace.is_zero() {
        let asked = Instant::now();
        // What is not waited for yet is still this program's id.
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX)), Signal::SIGTERM)?;
        while asked.elapsed() < grace {
            if child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }
    child.kill().and_then(|()| child.wait()).map(drop)
}

fn contents(file: &mut File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(60), written: 1 << 20, kept: 10 };

    fn shell(script: &str, limits: Limits) -> Result<Output, Unfinished> {
        run(Command::new("/bin/sh").args(["-c", script]), limits)
    }

    #[test]
    fn how_it_ended_and_the_beginning_of_what_it_wrote_come_back() {
        let output = shell("echo out of its stream; echo err >&2; cat; exit 3", LIMITS).expect("it ends");
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out of its"[..], &b"err\n"[..]));
    }

    #[test]
    fn what_takes_too_long_or_writes_too_much_is_killed() {
        let started = Instant::now();
        let late = shell("exec sleep 600", Limits { time: Duration::from_millis(50), ..LIMITS });
        assert!(matches!(late, Err(Unfinished::Late)), "{late:?}");
        for script in ["exec yes", "exec yes >&2"] {
            let flooding = shell(script, Limits { time: Duration::from_secs(600), ..LIMITS });
            assert!(matches!(flooding, Err(Unfinished::Flooding)), "{flooding:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn what_is_to_end_may_clean_up_first() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("cleaned");
        let script = format!("trap 'touch {}; exit' TERM; while :; do sleep 0.05; done", path.display());
        let limits = Limits { time: Duration::from_millis(500), ..LIMITS };
        let late = run_gently(Command::new("/bin/sh").args(["-c", &script]), limits, Duration::from_secs(60));
        assert!(matches!(late, Err(Unfinished::Late)) && path.exists(), "{late:?}");
        let deaf = ["-c", "trap '' TERM; while :; do sleep 0.05; done"];
        let started = Instant::now();
        let late = run_gently(Command::new("/bin/sh").args(deaf), limits, Duration::from_millis(100));
        assert!(matches!(late, Err(Unfinished::Late)) && started.elapsed() < Duration::from_secs(60), "{late:?}");
    }

    #[test]
    fn a_grandchild_that_stays_is_not_waited_for() {
        let started = Instant::now();
        let output = shell("sleep 20 & echo done", LIMITS).expect("it ends");
        assert_eq!(output.stdout, b"done\n");
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn what_is_not_there_does_not_start() {
        let error = run(&mut Command::new("/nowhere/program"), LIMITS).expect_err("no such file");
        assert!(matches!(&error, Unfinished::NotRun(source) if source.kind() == io::ErrorKind::NotFound), "{error:?}");
    }
}
