//! What a child does to itself between fork and exec, so that the VMM never runs a moment outside of its confinement.
//!
//! Only async-signal-safe system calls on memory prepared beforehand: after a fork, the locks of other threads (such
//! as the allocator's) may be held for good.

pub(crate) mod step;

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::affinity::Mask;
use crate::init;
use crate::keeper;
use crate::namespaces::Namespaces;
use crate::rlimits::Rlimits;
use step::{Failed, Step, check, write};

/// Everything that the child needs, prepared before the fork.
#[derive(Debug)]
pub(crate) struct ChildSetup {
    /// firebench's process id.
    pub(crate) parent: libc::pid_t,
    /// Where the child writes the step that failed.
    pub(crate) report: OwnedFd,
    /// `cgroup.procs` of the child's control groups.
    pub(crate) cgroups: Vec<File>,
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

impl ChildSetup {
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
        for cgroup in &self.cgroups {
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
        if self.namespaces.processes() {
            init::enter().map_err(at(Step::Processes))?;
            self.namespaces.own_proc().map_err(at(Step::Proc))?;
        }
        if self.probe {
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
