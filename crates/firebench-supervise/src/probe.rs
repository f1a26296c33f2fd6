//! A question to a program, such as `--version`: asked in a confinement that is narrower than a VM's, and ended as a whole.
//!
//! Whoever names the program, it is not trusted: it has nothing of firebench's environment, no network, no devices but
//! `/dev/null`, and no right but to read; it writes to a small directory of its own alone, which vanishes with it; and with it
//! ends whatever it has started. As for VMs, what of that this machine does not give is gone without.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firebench_vmm::{Launch, Limits};

use crate::exit::Exit;
use crate::rundir::{RunDir, RunDirError};
use crate::start::error::StartError;
use crate::supervise::{Isolation, Output, Vm};

/// Bytes of each of its outputs: QEMU's list of devices has 50 KB.
const OUTPUT: u64 = 1 << 20;
/// What it may use. It asks for little, but QEMU is large.
const MEMORY: u64 = 2 << 30;
const FILE: u64 = 16 << 20;
const PROCESSES: u32 = 64;

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to standard error.
    pub stderr: String,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ProbeError {
    /// A temporary file for its output cannot be created.
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
    #[error("it did not end within {} s", .0.as_secs())]
    #[diagnostic(help("run it by hand to see what it waits for"))]
    TooLong(Duration),
    /// It wrote more than any answer has, and was killed.
    #[error("it wrote more than {} KiB", OUTPUT >> 10)]
    #[diagnostic(help("check that it is the right program"))]
    TooMuch,
}

/// Runs `program` with `arguments` to its end, which must come within `limit`; with `libraries` as in [`Launch::libraries`].
///
/// # Errors
/// [`ProbeError`]; nothing of it is left then.
pub fn ask(
    program: &Path,
    libraries: Option<PathBuf>,
    arguments: &[&str],
    limit: Duration,
) -> Result<Answer, ProbeError> {
    let run_dir = RunDir::create(&std::env::temp_dir())?;
    let directory = run_dir.boot_dir(0).map_err(ProbeError::Watch)?;
    let text = program.to_str().ok_or_else(|| StartError::Program {
        program: program.display().to_string(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "its path is not valid UTF-8"),
        help: Some("rename it".to_owned()),
    })?;
    let argv = std::iter::once(text).chain(arguments.iter().copied()).map(str::to_owned).collect();
    let limits = Limits { memory: MEMORY, cached: Vec::new(), file: FILE, processes: PROCESSES };
    let launch =
        Launch { argv, directory: Some(directory), limits: Some(limits), probe: true, libraries, ..Launch::default() };
    let deadline = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
    let isolation = Isolation { run_dir: Some(&run_dir), output_limit: OUTPUT, ..Isolation::default() };
    let mut vm = Vm::start(&launch, &isolation)?;
    let mut stdout = Vec::new();
    let exit = loop {
        match vm.next(deadline).map_err(ProbeError::Watch)? {
            Output::Console { bytes, .. } if Instant::now() < deadline => stdout.extend(bytes),
            Output::Exited(exit) => break exit,
            Output::Stalled(_) => {}
            Output::Flooded => return Err(ProbeError::TooMuch),
            Output::Console { .. } | Output::Deadline | Output::Interrupted | Output::Refused(_) => {
                return Err(ProbeError::TooLong(limit));
            }
        }
    };
    vm.kill().map_err(ProbeError::Watch)?;
    Ok(Answer { exit, stdout, stderr: vm.stderr_tail() })
}
