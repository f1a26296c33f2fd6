//! What all that runs between fork and exec shares: the steps by which a failure is told, and the system calls of which one is
//! made of, async-signal-safe as everything there.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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
    /// Lay memory over the directory that it may write to.
    Overlay,
    /// Open `/dev/net/tun`.
    OpenTun,
    /// Make the tap.
    MakeTap,
    /// Bring the tap up.
    TapUp,
    /// Keep the network namespace of the card's other end.
    KeepNetwork,
    /// Make the pair of cards.
    MakeVeth,
    /// Bring the pair up, with its addresses.
    VethUp,
    /// Make sockets of the card's other end.
    Sockets,
    /// Die with firebench, should it be killed.
    ParentDeath,
    /// Leave a process behind that sees to that, where the VMM becomes another user.
    Keeper,
    /// Become the first process of a process namespace.
    Processes,
    /// Mount the `/proc` of that namespace.
    Proc,
    /// Give up the rights of root.
    Rights,
    /// Run the program.
    Exec,
}

impl Step {
    const ALL: [Step; 25] = [
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
        Step::Overlay,
        Step::OpenTun,
        Step::MakeTap,
        Step::TapUp,
        Step::KeepNetwork,
        Step::MakeVeth,
        Step::VethUp,
        Step::Sockets,
        Step::ParentDeath,
        Step::Keeper,
        Step::Processes,
        Step::Proc,
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
            Step::Session => "start a session of its own",
            Step::Cgroup => "enter its control group",
            Step::Affinity => "bind itself to its CPUs",
            Step::Descriptors => "close firebench's descriptors",
            Step::Signals => "reset its signals",
            Step::Limits => "set its limits",
            Step::Namespaces => "make namespaces of its own",
            Step::UserMap => "map its user into the user namespace",
            Step::Mounts => "make its mounts private",
            Step::Binds => "bring its files into the jail",
            Step::ReadOnly => "make the file system read-only",
            Step::Overlay => "lay memory over its root",
            Step::OpenTun => "open /dev/net/tun",
            Step::MakeTap => "make the tap device",
            Step::TapUp => "bring the tap device up",
            Step::KeepNetwork => "keep the network namespace of its card's other end",
            Step::MakeVeth => "make the veth devices",
            Step::VethUp => "bring the veth devices up",
            Step::Sockets => "make sockets in its network",
            Step::ParentDeath => "arrange to die with firebench",
            Step::Keeper => "start its keeper process",
            Step::Processes => "enter a process namespace of its own",
            Step::Proc => "mount the /proc of that namespace",
            Step::Rights => "give up the rights of root",
            Step::Exec => "run the program",
        })
    }
}

/// A step that failed, and why.
pub(crate) type Failed = (Step, io::Error);

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

/// A path that the kernel can be given.
pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Mounts a new file system of this `kind` at `path`.
pub(crate) fn mount_new(kind: &CStr, path: &CStr, flags: libc::c_ulong, options: Option<&CStr>) -> io::Result<()> {
    let options = options.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: strings ended by NUL, or null for no options.
    check(unsafe { libc::mount(kind.as_ptr(), path.as_ptr(), kind.as_ptr(), flags, options.cast()) })
}

/// Mounts what is at `from`, or sets the flags of the mount at `to`.
pub(crate) fn mount(from: Option<&CStr>, to: &CStr, flags: libc::c_ulong) -> io::Result<()> {
    let from = from.map_or(std::ptr::null(), CStr::as_ptr);
    // SAFETY: strings ended by NUL, or null where the kernel looks at neither source, type nor data.
    check(unsafe { libc::mount(from, to.as_ptr(), std::ptr::null(), flags, std::ptr::null()) })
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
