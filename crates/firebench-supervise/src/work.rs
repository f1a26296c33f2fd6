//! Work that a program does in a directory, such as a compiler's: confined as a VM is, and ended as a whole.
//!
//! It writes to its directory alone, and has neither firebench's environment nor a network. Whatever it starts ends with it, also when
//! firebench is killed, where this machine lets it have its processes to itself.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use firebench_os::interrupt;
use firebench_vmm::{Launch, Limits};

use crate::exit::Exit;
use crate::rundir::{RunDir, RunDirError};
use crate::start::error::StartError;
use crate::subprocess::last_lines;
use crate::supervise::{Isolation, Output, Vm};
use crate::sweep::sweep;

/// Bytes of each of its outputs.
const OUTPUT: u64 = 64 << 20;
/// What it may use: a linker takes most.
const MEMORY: u64 = 8 << 30;
const FILE: u64 = 4 << 30;
const PROCESSES: u32 = 4096;
/// Between two looks for the user's wish to end.
const LOOK: Duration = Duration::from_millis(200);

/// Why work was not done. Nothing runs any more then.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WorkError {
    /// A temporary directory for it cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Place(#[from] RunDirError),
    /// It did not start.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Start(#[from] StartError),
    /// It cannot be watched.
    #[error("cannot watch a program")]
    #[diagnostic(help("check whether the system is out of processes, file descriptors or memory"))]
    Watch(#[source] io::Error),
    /// It did not end in time, and was killed.
    #[error("it did not end within {} minutes", .0.as_secs().div_euclid(60))]
    #[diagnostic(help("try again when the machine is less busy"))]
    TooLong(Duration),
    /// It wrote more to its outputs than any such program does, and was killed.
    #[error("it wrote more than {} MiB to its outputs", OUTPUT >> 20)]
    TooMuch,
    /// It was killed because the user wants firebench to end.
    #[error("interrupted")]
    Stopped,
    /// It ended with a failure.
    #[error("it ended with {exit}: {said}")]
    #[diagnostic(help("{}", failure_help(said)))]
    Failed {
        /// How it ended.
        exit: Exit,
        /// The end of what it said.
        said: String,
    },
}

fn failure_help(said: &str) -> &'static str {
    if said.contains("No space left on device") {
        "free some space there; FIREBENCH_DATA sets another directory"
    } else {
        "the end of its output above says why"
    }
}

/// Runs the command `argv` to its end, which must come within `limit`. It can write to `directory` and to nothing else.
///
/// # Errors
/// [`WorkError`] when it does not start, does not exit with 0, or the user wants firebench to end; nothing of it runs then.
pub fn work(argv: &[&str], directory: &Path, limit: Duration) -> Result<(), WorkError> {
    let temporary = std::env::temp_dir();
    // What a firebench that was killed at such work left behind; what cannot be removed is in nobody's way.
    let _ = sweep(&temporary);
    let run_dir = RunDir::create(&temporary)?;
    let limits = Limits { memory: MEMORY, cached: Vec::new(), file: FILE, processes: PROCESSES };
    let launch = Launch {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        directory: Some(directory.to_owned()),
        limits: Some(limits),
        own_processes: true,
        ..Launch::default()
    };
    let isolation = Isolation { run_dir: Some(&run_dir), output_limit: OUTPUT, ..Isolation::default() };
    let mut vm = match Vm::start(&launch, &isolation) {
        // What this machine does not give is gone without: its control group catches what it starts.
        Err(StartError::Confine { .. }) => Vm::start(&Launch { own_processes: false, ..launch }, &isolation)?,
        started => started?,
    };
    let end = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
    let exit = loop {
        let now = Instant::now();
        if interrupt::is_wanted() {
            return Err(WorkError::Stopped);
        }
        if now >= end {
            return Err(WorkError::TooLong(limit));
        }
        match vm.next(now.checked_add(LOOK).unwrap_or(end).min(end)).map_err(WorkError::Watch)? {
            Output::Exited(exit) => break exit,
            Output::Flooded => return Err(WorkError::TooMuch),
            Output::Interrupted => return Err(WorkError::Stopped),
            // It makes no requests.
            Output::Console { .. } | Output::Deadline | Output::Stalled(_) | Output::Refused(_) => {}
        }
    };
    vm.kill().map_err(WorkError::Watch)?;
    if exit.success() { Ok(()) } else { Err(WorkError::Failed { exit, said: last_lines(&vm.stderr_tail()) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn shell(script: &str, directory: &Path, limit: Duration) -> Result<(), WorkError> {
        work(&["/bin/sh", "-c", script], directory, limit)
    }

    #[test]
    fn work_is_done_in_its_directory_alone() {
        let (own, other) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let script =
            format!("echo one >'{}/file'; echo two >'{}/file'; true", own.path().display(), other.path().display());
        shell(&script, own.path(), LIMIT).expect("it ends with 0");
        assert_eq!(std::fs::read_to_string(own.path().join("file")).expect("there"), "one\n");
        assert!(!other.path().join("file").exists());
    }

    #[test]
    fn a_failure_quotes_the_end_of_what_was_said() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = shell("seq 1 20 >&2; exit 3", dir.path(), LIMIT).expect_err("it ends with 3");
        assert_eq!(error.to_string(), "it ended with exit code 3: 16; 17; 18; 19; 20");
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().expect("a directory");
        let started = Instant::now();
        let script = format!("setsid sh -c 'sleep 3; echo late >{}/late' & wait", dir.path().display());
        let error = shell(&script, dir.path(), Duration::from_millis(500)).expect_err("it was killed");
        assert!(matches!(error, WorkError::TooLong(_)), "{error}");
        std::thread::sleep(Duration::from_secs(4).saturating_sub(started.elapsed()));
        assert!(!dir.path().join("late").exists(), "what it started went on");
    }
}
