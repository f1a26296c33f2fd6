//! Short helper programs, run to their end, within a time, with their output: those of the system (`curl`, `apt-get`) as they
//! are, with the user's environment and network; those that a user, an experiment or a directory names (`qemu --version`), confined.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use firebench_os::run::{self, Limits, Unfinished};
use firebench_text as text;

use crate::probe::{self, ProbeError};
use crate::{Exit, StartError, program};

/// Of each output stream, no more than this is kept.
const KEPT: u64 = 1 << 20;
/// A program that writes more is ended: it would fill the directory for temporary files.
const MOST: u64 = 64 << 20;
/// The lines of a failed program's output that an error quotes.
const QUOTED_LINES: usize = 5;
/// And the characters of each.
const QUOTED_CHARACTERS: usize = 500;

/// A program that did not do what it should.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunError {
    /// It did not start.
    #[error("cannot run {}", program.display())]
    #[diagnostic(help("{}", start_help(program, source)))]
    Start {
        /// What was run.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It was ended because it took too long.
    #[error("{} did not end within {} s", program.display(), limit.as_secs())]
    #[diagnostic(help("run it by hand to see what it waits for"))]
    TimedOut {
        /// What was run.
        program: PathBuf,
        /// The time it had.
        limit: Duration,
    },
    /// It was ended because it wrote too much.
    #[error("{} wrote more than {} MiB", program.display(), MOST >> 20)]
    #[diagnostic(help("check that it is the right program"))]
    TooMuch {
        /// What was run.
        program: PathBuf,
    },
    /// It was ended because the user wants firebench to end.
    #[error("interrupted")]
    Stopped,
    /// It could not be asked.
    #[error("cannot ask {}", program.display())]
    #[diagnostic(help("{}", hint(source)))]
    Ask {
        /// What was asked.
        program: PathBuf,
        /// Why there was no answer.
        source: Box<ProbeError>,
    },
    /// It ended with a failure.
    #[error("{} failed ({status}): {detail}", program.display())]
    Failed {
        /// What was run.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        detail: String,
    },
}

/// What the user can do about a program that does not start.
fn start_help(path: &Path, error: &io::Error) -> String {
    let otherwise = || "check that the file exists, is executable and is built for this machine".to_owned();
    program::help(path, error).unwrap_or_else(otherwise)
}

/// What to do about it.
fn hint(error: &ProbeError) -> String {
    let help = miette::Diagnostic::help(error).map(|help| help.to_string());
    help.unwrap_or_else(|| "run it by hand to see what it does".to_owned())
}

/// What a program wrote; bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
}

/// Runs `command` to its end, in the C locale and without input.
///
/// # Errors
/// [`RunError`] when it cannot be started, or does not exit with 0. It is killed when it takes longer than `limit`, writes too
/// much, or the user wants firebench to end.
pub fn run(command: &mut Command, limit: Duration) -> Result<Output, RunError> {
    run_gently(command, limit, Duration::ZERO)
}

/// The same; before it is killed, it is asked to end (SIGTERM), and has `grace` to clean up.
///
/// # Errors
/// As for [`run`](fn@run).
pub fn run_gently(command: &mut Command, limit: Duration, grace: Duration) -> Result<Output, RunError> {
    let program = PathBuf::from(command.get_program());
    let limits = Limits { time: limit, written: MOST, kept: KEPT };
    let output = run::run_gently(command.env("LC_ALL", "C"), limits, grace).map_err(|unfinished| match unfinished {
        Unfinished::NoFile { source, .. } | Unfinished::NotRun(source) => {
            RunError::Start { program: program.clone(), source }
        }
        Unfinished::Late => RunError::TimedOut { program: program.clone(), limit },
        Unfinished::Flooding => RunError::TooMuch { program: program.clone() },
        Unfinished::Unwanted => RunError::Stopped,
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    judged(program, output.status, Output { stdout: text(&output.stdout), stderr: text(&output.stderr) })
}

/// Asks the program at `path`, which may be anybody's: confined, without firebench's environment, and with everything that it
/// starts ended as soon as it has answered.
///
/// # Errors
/// [`RunError`], as for [`run`](fn@run).
pub fn ask(path: &Path, arguments: &[&str], limit: Duration) -> Result<Output, RunError> {
    ask_with(path, None, arguments, limit)
}

/// [`ask`], of a program with libraries of its own, as in [`Launch::libraries`](firebench_vmm::Launch::libraries).
///
/// # Errors
/// As for [`ask`].
pub fn ask_with(
    path: &Path,
    libraries: Option<PathBuf>,
    arguments: &[&str],
    limit: Duration,
) -> Result<Output, RunError> {
    let program = path.to_owned();
    let answer = probe::ask(path, libraries, arguments, limit).map_err(|error| match error {
        ProbeError::Start(StartError::Program { source, .. }) => RunError::Start { program: program.clone(), source },
        ProbeError::TooLong(limit) => RunError::TimedOut { program: program.clone(), limit },
        source => RunError::Ask { program: program.clone(), source: Box::new(source) },
    })?;
    let output = Output { stdout: String::from_utf8_lossy(&answer.stdout).into_owned(), stderr: answer.stderr };
    let status = ExitStatus::from_raw(match answer.exit {
        Exit::Code(code) => code.wrapping_shl(8),
        Exit::Signal(signal) => signal,
    });
    judged(program, status, output)
}

/// What a program wrote that ended well.
fn judged(program: PathBuf, status: ExitStatus, output: Output) -> Result<Output, RunError> {
    if status.success() { Ok(output) } else { Err(RunError::Failed { program, status, detail: end_of(&output) }) }
}

/// [`ask`], for the images of guests.
///
/// # Errors
/// The system's, or what went wrong in words.
pub fn ask_for_image(path: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    const LIMIT: Duration = Duration::from_secs(10);
    let answer = ask(path, arguments, LIMIT)
        .map_err(|error| io::Error::other(firebench_text::errors::sentence_and_hint(&error)))?;
    Ok(answer.stdout.into_bytes())
}

/// The last lines of what a failed program said, preferably on standard error.
fn end_of(output: &Output) -> String {
    last_lines(if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr })
}

/// The last lines of what was said.
pub(crate) fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.len().saturating_sub(QUOTED_LINES);
    let quoted = lines.get(first..).unwrap_or_default().iter().map(|line| text::excerpt(line, QUOTED_CHARACTERS));
    let end = quoted.collect::<Vec<_>>().join("; ");
    if end.is_empty() { "it printed nothing".to_owned() } else { end }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use firebench_os::interrupt;

    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Output, RunError> {
        run(Command::new("/bin/sh").args(["-c", script]), limit)
    }

    #[test]
    fn both_streams_are_kept_apart() {
        let output = shell("echo out; echo err >&2; cat", Duration::from_secs(10)).expect("it ends with 0");
        assert_eq!(output, Output { stdout: "out\n".to_owned(), stderr: "err\n".to_owned() });
    }

    #[test]
    fn a_failure_quotes_the_end_of_what_was_said() {
        let error = shell("seq 1 20 >&2; exit 3", Duration::from_secs(10)).expect_err("it ends with 3");
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): 16; 17; 18; 19; 20");
        let error = shell("exit 1", Duration::from_secs(10)).expect_err("it ends with 1");
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 1): it printed nothing");
    }

    #[test]
    fn what_takes_too_long_is_killed() {
        let started = Instant::now();
        let error = shell("exec sleep 60", Duration::from_millis(50)).expect_err("it was killed");
        assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_writes_without_end_is_killed() {
        let error = shell("exec yes", Duration::from_secs(600)).expect_err("it was killed");
        assert_eq!(error.to_string(), "/bin/sh wrote more than 64 MiB");
    }

    #[test]
    fn the_wish_to_end_ends_a_program() {
        std::thread_local! {
            static WANTED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
        }
        // Of this thread alone: the other tests go on.
        interrupt::look_with(|| WANTED.get());
        WANTED.set(true);
        let error = shell("exec sleep 600", Duration::from_secs(600)).expect_err("it was killed");
        assert!(matches!(error, RunError::Stopped), "{error}");
    }

    #[test]
    fn an_answer_is_kept_and_a_failure_is_quoted_when_a_program_is_asked() {
        let ask = |script: &str| super::ask(Path::new("/bin/sh"), &["-c", script], Duration::from_secs(10));
        let output = Output { stdout: "out\n".to_owned(), stderr: "err\n".to_owned() };
        assert_eq!(ask("echo out; echo err >&2").expect("it ends with 0"), output);
        let error = ask("echo no >&2; exit 3").expect_err("it ends with 3");
        assert_eq!(error.to_string(), "/bin/sh failed (exit status: 3): no");
        let error = super::ask(Path::new("/nowhere/program"), &[], Duration::from_secs(1)).expect_err("no such file");
        assert_eq!(error.to_string(), "cannot run /nowhere/program");
    }

    #[test]
    fn what_is_not_there_does_not_start() {
        let error = run(&mut Command::new("/nowhere/program"), Duration::from_secs(1)).expect_err("no such file");
        assert_eq!(error.to_string(), "cannot run /nowhere/program");
    }
}
