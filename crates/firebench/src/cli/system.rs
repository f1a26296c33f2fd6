//! What firebench needs from the system before it does anything.

use std::path::Path;

use firebench_supervise::Interrupt;
use firebench_supervise::signals;
use firebench_text::errors::TOO_FEW_FILES;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

use super::failure::Failure;

/// Descriptors that a run needs at once, with room to spare: the terminal, locks, the store, the pipes of a VM, libraries of
/// the nested host that are being copied.
const FILES: u64 = 64;

/// Too few descriptors.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("this process may open only {may} files at once, but firebench needs {FILES}")]
#[diagnostic(help("{TOO_FEW_FILES}"))]
struct TooFewFiles {
    may: u64,
}

/// procfs is missing.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("procfs is not mounted at {PROC}")]
#[diagnostic(help("mount it: `mount -t proc proc {PROC}`"))]
struct NoProcfs;

const PROC: &str = "/proc";

/// What nobody but the owner of a new file may do.
const OTHERS_WRITE: Mode = Mode::S_IWGRP.union(Mode::S_IWOTH);

/// Lets nobody else write to new files. Raises the limit of open files where it is too low and may be raised; makes a file that becomes larger than it may an
/// error, where the signal would end the process.
pub(super) fn settle() -> Result<(), Failure> {
    signals::survive_large_files().map_err(Failure::system("catch signals"))?;
    if !Path::new(PROC).join("self").exists() {
        return Err(NoProcfs.into());
    }
    // Nobody else shall write to what firebench keeps and later runs. What is stricter stays so.
    let before = umask(OTHERS_WRITE);
    umask(before | OTHERS_WRITE);
    let files = Resource::RLIMIT_NOFILE;
    let Ok((soft, hard)) = getrlimit(files) else { return Ok(()) };
    if soft < FILES && (hard < FILES || setrlimit(files, FILES, hard).is_err()) {
        return Err(TooFewFiles { may: soft.max(hard) }.into());
    }
    Ok(())
}

/// Catches the signals that ask firebench to end; all work with files of others checks for them from here on.
pub(super) fn catch_signals() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::install().map_err(Failure::system("catch signals"))?;
    let signal = interrupt.watch();
    firebench_os::interrupt::look_with(move || signal.received().is_some());
    Ok(interrupt)
}
