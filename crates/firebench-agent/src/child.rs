//! Children: how a command is started and how it ended.

use crate::error::Error;
use crate::sys;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// A child that ended.
pub struct Ended {
    /// Exit code; 128 + N after signal N.
    pub status: i32,
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub sys: Duration,
    /// The kernel's whole account.
    pub usage: libc::rusage,
}

/// A command with an empty environment, of `argv`, without a shell.
pub fn command(argv: &[String]) -> Result<Command, Error> {
    let (program, arguments) = argv.split_first().ok_or(Error::NoCommand)?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    Ok(command)
}

/// Waits until the child ended.
pub fn wait(pid: u32) -> std::io::Result<Ended> {
    let waited = sys::wait4(pid_t(pid)?, 0)?;
    waited.map(ended).ok_or_else(|| std::io::ErrorKind::WouldBlock.into())
}

/// The child, if it ended. PID 1 also buries the orphans that it was given, up to then.
pub fn try_wait(pid: u32) -> std::io::Result<Option<Ended>> {
    let pid = pid_t(pid)?;
    let whom = if std::process::id() == 1 { -1 } else { pid };
    while let Some(waited) = sys::wait4(whom, libc::WNOHANG)? {
        if waited.0 == pid {
            return Ok(Some(ended(waited)));
        }
    }
    Ok(None)
}

/// Buries all dead children. For PID 1, between commands.
pub fn bury_orphans() {
    while let Ok(Some(_)) = sys::wait4(-1, libc::WNOHANG) {}
}

/// A descriptor that is readable once the child ended; `None` before Linux 5.3.
pub fn end_descriptor(pid: u32) -> Option<OwnedFd> {
    pid_t(pid).and_then(sys::pidfd_open).ok()
}

fn pid_t(pid: u32) -> std::io::Result<libc::pid_t> {
    libc::pid_t::try_from(pid).map_err(std::io::Error::other)
}

fn ended((_, status, usage): sys::Waited) -> Ended {
    let exit = ExitStatus::from_raw(status);
    let status = exit.code().or_else(|| exit.signal().map(|signal| signal.saturating_add(128))).unwrap_or(-1);
    Ended { status, user: duration(usage.ru_utime), sys: duration(usage.ru_stime), usage }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros))
}
