//! Children: how a command is started and how it ended.

use crate::error::Error;
use crate::ready::Interest;
use crate::sys;
use firebench_protocol::AGENT_COMMAND;
use nix::poll::PollTimeout;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

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

/// What executes the agent again, in the child as well: the kernel follows it to the file itself, also where no path leads any more, as
/// in a guest that left its initramfs.
const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// A command with an empty environment, of `argv`, without a shell.
pub fn command(argv: &[String]) -> Result<Command, Error> {
    let (program, arguments) = argv.split_first().ok_or(Error::NoCommand)?;
    let mut command = if program == AGENT_COMMAND { Command::new(OWN_EXECUTABLE) } else { Command::new(program) };
    command.arg0(program);
    command.args(arguments).env_clear();
    Ok(command)
}

/// How long "text file busy" is waited out: a program that was just written cannot be executed while a process that was forked
/// meanwhile has it open for writing, which passes.
const BUSY_LIMIT: Duration = Duration::from_secs(2);

/// Starts it, and says when: just before the try that worked.
pub fn start(command: &mut Command) -> std::io::Result<(Child, Instant)> {
    let begun = Instant::now();
    loop {
        let now = Instant::now();
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && begun.elapsed() < BUSY_LIMIT => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome.map(|child| (child, now)),
        }
    }
}

/// Waits until the child ended.
pub fn wait(pid: u32) -> std::io::Result<Ended> {
    let waited = sys::wait4(pid_t(pid)?, 0)?;
    waited.map(ended).ok_or_else(|| ErrorKind::WouldBlock.into())
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

/// What tells of the end of a child, whatever it leaves running.
pub enum End {
    /// Readable once it ended.
    Descriptor(OwnedFd),
    /// The kernel has no such descriptor (Linux before 5.3, gVisor): one looks again and again, the last time then.
    Looks(Instant),
}

/// How often one looks. Rarely, for each look takes a thousandth of the CPU in gVisor; and it is only what a command leaves running that
/// keeps the end of its output from telling.
const LOOK: Duration = Duration::from_millis(20);

impl End {
    /// Of a child.
    pub fn of(pid: u32) -> End {
        pid_t(pid).and_then(sys::pidfd_open).map_or_else(|_| End::Looks(Instant::now()), End::Descriptor)
    }

    /// What to wait for.
    pub fn interest(&self) -> Interest<'_> {
        match self {
            End::Descriptor(descriptor) => Interest::Read(descriptor.as_fd()),
            End::Looks(_) => Interest::Closed,
        }
    }

    /// How long to wait for it and for others at once.
    pub fn patience(&self) -> PollTimeout {
        match self {
            End::Descriptor(_) => PollTimeout::NONE,
            End::Looks(_) => PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO),
        }
    }

    /// How the child ended, if it did; `ready` says whether what was waited for is there.
    pub fn seen(&mut self, pid: u32, ready: bool) -> std::io::Result<Option<Ended>> {
        match self {
            End::Descriptor(_) if ready => wait(pid).map(Some),
            End::Descriptor(_) => Ok(None),
            // Also while much is printed, which ends each wait at once.
            End::Looks(last) if last.elapsed() < LOOK => Ok(None),
            End::Looks(last) => {
                *last = Instant::now();
                try_wait(pid)
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_somebody_still_writes_is_started_when_it_is_free() {
        let path = std::env::temp_dir().join(format!("firebench-agent-busy-{}", std::process::id()));
        std::fs::copy("/bin/true", &path).unwrap();
        let writer = std::fs::File::options().append(true).open(&path).unwrap();
        let free = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(writer);
        });
        let begun = Instant::now();
        let started = start(&mut Command::new(&path));
        free.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        let (child, at) = started.unwrap();
        assert_eq!(wait(child.id()).unwrap().status, 0);
        assert!(at > begun, "the wait is no part of what is measured");
    }
}
