//! Which process is carrying out a run.
//!
//! A process that carries out a run holds a lock on one byte of the file beside the store, the byte with the run's number. The
//! kernel drops the lock when the process ends, however it ends, so a run that is `running` in the table without a lock was
//! cut off. Neither a process id that came into use again nor another PID namespace can deceive it. The locks belong to the open
//! file and not to the process (fcntl(2), "Open file description locks"): SQLite's own locks are not touched, and two
//! stores in one process see each other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// The byte of whoever makes the store; runs have numbers from 1.
pub(super) const CREATION: i64 = 0;

/// Holds a run for as long as it lives.
#[derive(Debug)]
pub(super) struct Lease {
    _locked: File,
}

/// Takes the run with this number; None while somebody else has it.
pub(super) fn take(path: &Path, run: i64) -> io::Result<Option<Lease>> {
    let file = options().write(true).create(true).truncate(false).open(path)?;
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&byte(run))) {
        Ok(_) => Ok(Some(Lease { _locked: file })),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether anybody has the run with this number.
pub(super) fn is_taken(path: &Path, run: i64) -> io::Result<bool> {
    let file = match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    let mut lock = byte(run);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(lock.l_type != libc::F_UNLCK as libc::c_short)
}

/// For reading. Nothing is waited for, should a pipe lie there.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

fn byte(run: i64) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: run,
        l_len: 1,
        l_pid: 0,
    }
}
