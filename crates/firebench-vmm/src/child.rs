//! What a child does to itself between fork and exec, so that the VMM never runs a moment outside of its confinement.
//!
//! Only async-signal-safe system calls on memory prepared beforehand: after a fork, the locks of other threads (such
//! as the allocator's) may be held for good.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use crate::affinity::Mask;

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
    /// Write no core files: a guest's memory is large.
    CoreLimit,
    /// Make a network namespace (and, for ordinary users, a user namespace around it).
    Namespace,
    /// Become oneself in the user namespace.
    UserMap,
    /// Open `/dev/net/tun`.
    OpenTun,
    /// Make the tap.
    MakeTap,
    /// Bring the tap up.
    TapUp,
    /// Die with firebench, should it be killed.
    ParentDeath,
    /// Run the program.
    Exec,
}

impl Step {
    const ALL: [Step; 13] = [
        Step::Session,
        Step::Cgroup,
        Step::Affinity,
        Step::Descriptors,
        Step::Signals,
        Step::CoreLimit,
        Step::Namespace,
        Step::UserMap,
        Step::OpenTun,
        Step::MakeTap,
        Step::TapUp,
        Step::ParentDeath,
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
            Step::CoreLimit => "switch off core files",
            Step::Namespace => "make a network namespace",
            Step::UserMap => "map its user into the user namespace",
            Step::OpenTun => "open /dev/net/tun",
            Step::MakeTap => "make the tap device",
            Step::TapUp => "bring the tap device up",
            Step::ParentDeath => "arrange to die with firebench",
            Step::Exec => "run the program",
        })
    }
}

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
    /// The network namespace and its tap.
    pub(crate) network: Option<Network>,
}

/// A network namespace with one tap in it.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// The tap's name, ended by NUL.
    name: [libc::c_char; libc::IFNAMSIZ],
    owner: libc::uid_t,
    /// The lines of `uid_map` and `gid_map`, for those who need a user namespace.
    uid_map: String,
    gid_map: String,
}

impl Network {
    /// A namespace with a tap called `name`; `None` where the kernel would not take the name.
    pub(crate) fn new(name: &str) -> Option<Network> {
        let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
        // The kernel also refuses slashes, colons and white space, and takes `%` for a pattern.
        if !fits || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return None;
        }
        let mut padded = [0; libc::IFNAMSIZ];
        for (to, from) in padded.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        let map = |id| format!("{id} {id} 1\n");
        Some(Network { name: padded, owner: uid, uid_map: map(uid), gid_map: map(gid) })
    }

    fn request(&self, flags: libc::c_int) -> libc::ifreq {
        libc::ifreq {
            ifr_name: self.name,
            // The interface flags and those of a tap fit 16 bits: the kernel's own type for them.
            ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags as libc::c_short },
        }
    }
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

    fn steps(&self) -> Result<(), (Step, io::Error)> {
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
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: reads a structure on the stack.
        check(unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) }).map_err(at(Step::CoreLimit))?;
        if let Some(network) = &self.network {
            network.make()?;
        }
        // After the namespaces: a change of credentials clears it.
        // SAFETY: integers only.
        check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map_err(at(Step::ParentDeath))?;
        // SAFETY: takes nothing, never fails.
        if unsafe { libc::getppid() } != self.parent {
            // firebench died before the signal was arranged: nobody is left to read this; the child goes no further.
            return Err((Step::ParentDeath, io::Error::from_raw_os_error(libc::ESRCH)));
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

impl Network {
    fn make(&self) -> Result<(), (Step, io::Error)> {
        let at = |step: Step| move |error: io::Error| (step, error);
        // SAFETY: integers only; a child just forked has one thread.
        let alone = check(unsafe { libc::unshare(libc::CLONE_NEWNET) });
        match alone {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => self.with_user_namespace()?,
            result => result.map_err(at(Step::Namespace))?,
        }
        let tun = open(c"/dev/net/tun", libc::O_RDWR | libc::O_CLOEXEC).map_err(at(Step::OpenTun))?;
        // The flags with which QEMU (one queue) and Firecracker open it: only the number of queues must agree.
        let request = self.request(libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR);
        // SAFETY: the kernel reads and writes an ifreq, which `request` is.
        check(unsafe { libc::ioctl(tun, libc::TUNSETIFF as _, &request) }).map_err(at(Step::MakeTap))?;
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETOWNER as _, libc::c_ulong::from(self.owner)) })
            .map_err(at(Step::MakeTap))?;
        // It outlives this descriptor, and goes with the namespace.
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETPERSIST as _, 1 as libc::c_ulong) }).map_err(at(Step::MakeTap))?;
        // SAFETY: integers only.
        let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        check(socket).map_err(at(Step::TapUp))?;
        let request = self.request(libc::IFF_UP);
        // SAFETY: the kernel reads an ifreq, which `request` is.
        check(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request) }).map_err(at(Step::TapUp))?;
        for descriptor in [tun, socket] {
            // SAFETY: opened above, used nowhere else. The VMM opens the tap itself, and finds it free.
            unsafe { libc::close(descriptor) };
        }
        Ok(())
    }

    /// For those who may not make a network namespace as they are: one inside a user namespace, in which they keep
    /// their user and group, and so their access to files.
    fn with_user_namespace(&self) -> Result<(), (Step, io::Error)> {
        let at = |step: Step| move |error: io::Error| (step, error);
        // SAFETY: integers only; a child just forked has one thread.
        check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) }).map_err(at(Step::Namespace))?;
        let maps = [
            (c"/proc/self/setgroups", "deny"),
            (c"/proc/self/uid_map", self.uid_map.as_str()),
            (c"/proc/self/gid_map", self.gid_map.as_str()),
        ];
        for (path, text) in maps {
            let file = open(path, libc::O_WRONLY | libc::O_CLOEXEC).map_err(at(Step::UserMap))?;
            let written = write(file, text.as_bytes());
            // SAFETY: opened above, used nowhere else.
            unsafe { libc::close(file) };
            written.map_err(at(Step::UserMap))?;
        }
        Ok(())
    }
}

fn open(path: &CStr, flags: libc::c_int) -> io::Result<RawFd> {
    // SAFETY: a string ended by NUL; no mode is needed, as nothing is created.
    let file = unsafe { libc::open(path.as_ptr(), flags) };
    check(file).map(|()| file)
}

fn write(file: RawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: reads `bytes`. The files written here take all of it at once or fail.
    let written = unsafe { libc::write(file, bytes.as_ptr().cast(), bytes.len()) };
    check(written as libc::c_int)
}

/// The result of a system call. Making an error of errno allocates nothing.
fn check(result: libc::c_int) -> io::Result<()> {
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

    #[test]
    fn only_names_that_the_kernel_takes() {
        for name in ["tap0", "fb-0.1_x", "fifteen-letters"] {
            assert!(Network::new(name).is_some(), "{name}");
        }
        for name in ["", ".", "..", "sixteen-letters-", "tap/0", "tap 0", "tap%d", "tap:0", "täp"] {
            assert!(Network::new(name).is_none(), "{name}");
        }
    }
}
