//! What a child does to itself between fork and exec, so that the VMM never runs a moment outside of its confinement.
//!
//! Only async-signal-safe system calls on memory prepared beforehand: after a fork, the locks of other threads (such
//! as the allocator's) may be held for good.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::affinity::Mask;
use crate::init;
use crate::keeper;
use crate::namespaces::Namespaces;
use crate::rlimits::Rlimits;

/// The steps, in their order. A child that fails reports the one at which it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Leave firebench's session and process group.
    Session = 1,
    /// Move into the control group.
    Cgroup,
    /// Bind itself to its CPUs.
    Affinity,
    /// Let no descriptor of firebench through.
    Descriptors,
    /// Give every signal its default disposition and unblock it.
    Signals,
    /// Write no core files (a guest's memory is large), and use no more than it may.
    Limits,
    /// Make namespaces (and, for ordinary users, a user namespace around them).
    Namespaces,
    /// Become oneself in the user namespace.
    UserMap,
    /// Keep its mounts to itself.
    Mounts,
    /// Bring the files that it needs into its jail.
    Binds,
    /// Let it only read the file system.
    ReadOnly,
    /// Open `/dev/net/tun`.
    OpenTun,
    /// Make the tap.
    MakeTap,
    /// Bring the tap up.
    TapUp,
    /// Die with firebench, should it be killed.
    ParentDeath,
    /// Leave a process behind that sees to that, where the VMM becomes another user.
    Keeper,
    /// Become the first process of a process namespace.
    Processes,
    /// Give up the rights of root.
    Rights,
    /// Run the program.
    Exec,
}

impl Step {
    const ALL: [Step; 19] = [
        Step::Session,
        Step::Cgroup,
        Step::Affinity,
        Step::Descriptors,
        Step::Signals,
        Step::Limits,
        Step::Namespaces,
        Step::UserMap,
        Step::Mounts,
        Step::Binds,
        Step::ReadOnly,
        Step::OpenTun,
        Step::MakeTap,
        Step::TapUp,
        Step::ParentDeath,
        Step::Keeper,
        Step::Processes,
        Step::Rights,
        Step::Exec,
    ];

    /// The step that a report names.
    pub(crate) fn from_report(byte: u8) -> Option<Step> {
        Step::ALL.into_iter().find(|&step| step as u8 == byte)
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::Session => "make a session of its own",
            Step::Cgroup => "enter its control group",
            Step::Affinity => "bind itself to its CPUs",
            Step::Descriptors => "close firebench's descriptors",
            Step::Signals => "reset its signals",
            Step::Limits => "set its limits",
            Step::Namespaces => "make namespaces of its own",
            Step::UserMap => "map its user into the user namespace",
            Step::Mounts => "keep its mounts to itself",
            Step::Binds => "bring its files into the jail",
            Step::ReadOnly => "make the file system read-only",
            Step::OpenTun => "open /dev/net/tun",
            Step::MakeTap => "make the tap device",
            Step::TapUp => "bring the tap device up",
            Step::ParentDeath => "arrange to die with firebench",
            Step::Keeper => "leave a keeper behind",
            Step::Processes => "have its processes to itself",
            Step::Rights => "give up the rights of root",
            Step::Exec => "run the program",
        })
    }
}

/// A step that failed, and why.
pub(crate) type Failed = (Step, io::Error);

/// Everything that the child needs, prepared before the fork.
#[derive(Debug)]
pub(crate) struct Plan {
    /// firebench's process id.
    pub(crate) parent: libc::pid_t,
    /// Where the child writes the step that failed.
    pub(crate) report: OwnedFd,
    /// `cgroup.procs` of the child's control group.
    pub(crate) cgroup: Option<File>,
    /// The only CPUs that it may use.
    pub(crate) cpus: Option<Mask>,
    /// What it may use at most.
    pub(crate) limits: Rlimits,
    /// Its own namespaces.
    pub(crate) namespaces: Namespaces,
    /// Whether it is a question to a program, which needs no rights.
    pub(crate) probe: bool,
    /// Ends when firebench does: what the keeper waits for, where one is needed.
    pub(crate) firebench_lives: Option<OwnedFd>,
}

impl Plan {
    /// Carries the plan out, in the child. An error is both returned and, as its step, written to the report.
    pub(crate) fn carry_out(&self) -> io::Result<()> {
        let (step, result) = match self.steps() {
            Ok(()) => (Step::Exec, Ok(())),
            Err((step, error)) => (step, Err(error)),
        };
        // SAFETY: writes one byte from the stack to an open descriptor. The pipe is empty and never full.
        unsafe { libc::write(self.report.as_raw_fd(), [step as u8].as_ptr().cast(), 1) };
        result
    }

    fn steps(&self) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        // SAFETY: takes nothing. A child just forked is no group leader, so it may.
        check(unsafe { libc::setsid() }).map_err(at(Step::Session))?;
        if let Some(cgroup) = &self.cgroup {
            write(cgroup.as_raw_fd(), b"0").map_err(at(Step::Cgroup))?;
        }
        // After the control group, which may be bound to CPUs itself.
        if let Some(cpus) = &self.cpus {
            cpus.bind(0).map_err(at(Step::Affinity))?;
        }
        // They close at the exec, not now: the reports of errors must get through until then.
        let flags = libc::CLOSE_RANGE_CLOEXEC;
        // SAFETY: integers only. (Through syscall, as glibc has had the wrapper since 2.34 only.)
        let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) };
        check(closed as libc::c_int).map_err(at(Step::Descriptors))?;
        reset_signals().map_err(at(Step::Signals))?;
        let user_namespace = self.namespaces.make()?;
        self.limits.set(user_namespace).map_err(at(Step::Limits))?;
        // After the namespaces: a change of credentials clears it.
        // SAFETY: integers only.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map_err(at(Step::ParentDeath))?;
        // SAFETY: takes nothing, never fails.
        if unsafe { libc::getppid() } != self.parent {
            // firebench died before the signal was arranged: nobody is left to read this; the child goes no further.
            return Err((Step::ParentDeath, io::Error::from_raw_os_error(libc::ESRCH)));
        }
        if let Some(pipe) = &self.firebench_lives {
            keeper::leave_behind(pipe.as_raw_fd()).map_err(at(Step::Keeper))?;
        }
        if self.probe {
            if self.namespaces.processes() {
                init::enter().map_err(at(Step::Processes))?;
            }
            init::renounce().map_err(at(Step::Rights))?;
        }
        Ok(())
    }
}

/// Default dispositions (Rust programs ignore SIGPIPE, `nohup` SIGHUP) and an empty mask.
fn reset_signals() -> io::Result<()> {
    /// `struct sigaction` of the kernel, which is not that of the C library: handler, flags, restorer, mask.
    const DEFAULT: [u64; 4] = [0; 4];
    const NULL: *const u64 = std::ptr::null();
    const MASK_BYTES: libc::size_t = 8;
    for signal in 1..=64 {
        // SIGKILL and SIGSTOP cannot be set, and need not. Not through the C library: it keeps two signals to itself.
        // SAFETY: reads a structure of the kernel's layout, and the old action is not asked for.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), NULL, MASK_BYTES) };
    }
    let none = 0u64;
    // SAFETY: reads a mask of the size that is told, and the old one is not asked for.
    let result =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const none, NULL, MASK_BYTES) };
    check(result as libc::c_int)
}

pub(crate) fn open(path: &CStr, flags: libc::c_int) -> io::Result<RawFd> {
    // SAFETY: a string ended by NUL; no mode is needed, as nothing is created.
    let file = unsafe { libc::open(path.as_ptr(), flags) };
    check(file).map(|()| file)
}

pub(crate) fn write(file: RawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: reads `bytes`. The files written here take all of it at once or fail.
    let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
    check(written as libc::c_int)
}

/// The result of a system call. Making an error of errno allocates nothing.
pub(crate) fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_names_its_step() {
        for step in Step::ALL {
            assert_eq!(Step::from_report(step as u8), Some(step));
        }
        assert_eq!(Step::from_report(0), None);
        assert_eq!(Step::from_report(200), None);
    }
}
