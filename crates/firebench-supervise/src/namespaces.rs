//! Namespaces of a VMM's own, made by the child itself between fork and exec: async-signal-safe calls only.
//!
//! The network is empty but for `lo` (which is down, unless there is a veth) and the card that was asked for; mounts, host name and System V objects
//! are the VMM's own copies; and the whole file system can only be read, but for one directory. Where an ordinary user may
//! not do this, a user namespace around it gives the right, in which they keep their user and group, and so their access to
//! files and to /dev/kvm.
//!
//! Source: `namespaces(7)`, `user_namespaces(7)`, `mount_setattr(2)` (Linux 5.12).

use std::ffi::{CStr, CString};
use std::io;
use std::path::PathBuf;

use firebench_vmm::{LOADER, Launch};

use crate::child::step::{Failed, Step, c_path, check, mount, mount_new, open, write};
use crate::network::Furniture;
use crate::overlay::Overlay;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Namespaces, and a read-only file system.
    ReadOnly,
    /// Namespaces.
    Mounts,
    /// Namespaces but that of mounts.
    Network,
    /// Nothing.
    None,
}

impl Level {
    /// What is left to try after `step` failed, and what is gone without; `None` if that step is not a part of this.
    pub(crate) fn without(self, step: Step) -> Option<(Level, &'static str)> {
        match (self, step) {
            (Level::None, _) => None,
            (_, Step::Namespaces | Step::UserMap) => Some((Level::None, "namespaces of its own")),
            (Level::ReadOnly, Step::ReadOnly) => Some((Level::Mounts, "a read-only file system")),
            (Level::ReadOnly | Level::Mounts, Step::Mounts) => Some((Level::Network, "a mount namespace of its own")),
            _ => None,
        }
    }

    fn flags(self) -> libc::c_int {
        let network = libc::CLONE_NEWNET | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
        match self {
            Level::ReadOnly | Level::Mounts => network | libc::CLONE_NEWNS,
            Level::Network => network,
            Level::None => 0,
        }
    }

    /// Whether the network is its own.
    pub(crate) fn network(self) -> bool {
        self != Level::None
    }

    /// Whether the mounts are its own.
    pub(crate) fn mounts(self) -> bool {
        matches!(self, Level::ReadOnly | Level::Mounts)
    }
}

/// The namespaces of one child, prepared before the fork.
#[derive(Debug)]
pub(crate) struct Namespaces {
    level: Level,
    /// Whether it is a question to a program: it has its processes to itself, too, and its directory vanishes with it.
    probe: bool,
    /// Whether it has its processes to itself and may believe to be root.
    own_processes: bool,
    /// The loader that it has in place of the system's.
    loader: Option<CString>,
    /// The options of its own `/dev/shm`.
    shared_memory: Option<CString>,
    /// The directory that stays writable.
    directory: Option<CString>,
    /// Files that appear at other places, below `directory`.
    binds: Vec<(CString, CString)>,
    network: Furniture,
    /// Directories of its own `/proc` that are empty.
    emptied: Vec<CString>,
    overlay: Option<Overlay>,
    /// The lines of `uid_map` and `gid_map`, for those who need a user namespace.
    uid_map: String,
    gid_map: String,
}

impl Namespaces {
    /// Those of `launch`, of this `level`: its directory stays writable, and each of `binds` is seen at its second path.
    pub(crate) fn new(
        level: Level,
        launch: &Launch,
        binds: &[(PathBuf, PathBuf)],
        network: Furniture,
    ) -> io::Result<Namespaces> {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        let map = |id: u32| format!("{} {id} 1\n", if launch.own_processes { 0 } else { id });
        let shared_memory = launch.shared_memory.map(|bytes| CString::new(format!("size={bytes},mode=700")));
        let binds = binds.iter().map(|(from, to)| Ok((c_path(from)?, c_path(to)?)));
        Ok(Namespaces {
            level,
            probe: launch.probe,
            own_processes: launch.own_processes,
            loader: launch.libraries.as_ref().map(|libraries| c_path(&libraries.join(LOADER))).transpose()?,
            shared_memory: shared_memory.transpose()?,
            directory: launch.directory.as_deref().map(c_path).transpose()?,
            binds: binds.collect::<io::Result<_>>()?,
            network,
            overlay: launch.overlay.as_ref().map(Overlay::new).transpose()?,
            emptied: launch.emptied.iter().map(|path| c_path(path)).collect::<io::Result<_>>()?,
            uid_map: map(uid.as_raw()),
            gid_map: map(gid.as_raw()),
        })
    }

    fn flags(&self) -> libc::c_int {
        self.level.flags() | if self.processes() { libc::CLONE_NEWPID } else { 0 }
    }

    /// Whether its processes are its own.
    pub(crate) fn processes(&self) -> bool {
        (self.probe || self.own_processes) && self.level != Level::None
    }

    /// Mounts the `/proc` of its own processes, as the first of them.
    pub(crate) fn own_proc(&self) -> io::Result<()> {
        if !self.own_processes {
            return Ok(());
        }
        let inert = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        mount_new(c"proc", c"/proc", inert, None)?;
        self.emptied.iter().try_for_each(|path| mount_new(c"tmpfs", path, inert | libc::MS_RDONLY, None))
    }

    /// Makes them, in the child; says whether a user namespace was needed for it.
    pub(crate) fn make(&self) -> Result<bool, Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        if self.level == Level::None {
            return Ok(false);
        }
        // SAFETY: integers only; a child just forked has one thread.
        let made = check(unsafe { libc::unshare(self.flags()) });
        let user = match made {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                self.with_user_namespace()?;
                true
            }
            result => result.map(|()| false).map_err(at(Step::Namespaces))?,
        };
        if self.level.mounts() {
            self.own_mounts()?;
        }
        self.network.make(user && self.own_processes)?;
        Ok(user)
    }

    fn with_user_namespace(&self) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        // SAFETY: integers only; a child just forked has one thread.
        check(unsafe { libc::unshare(libc::CLONE_NEWUSER | self.flags()) }).map_err(at(Step::Namespaces))?;
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

    /// Nothing of what is mounted from now on is seen outside, and what is there can only be read.
    fn own_mounts(&self) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE).map_err(at(Step::Mounts))?;
        if let Some(directory) = &self.directory {
            // A mount of its own, which can be written where all others cannot.
            if self.probe {
                scratch(directory).map_err(at(Step::Mounts))?;
            } else {
                mount(Some(directory), directory, libc::MS_BIND).map_err(at(Step::Mounts))?;
            }
        }
        for (from, to) in &self.binds {
            mount(Some(from), to, libc::MS_BIND).map_err(at(Step::Binds))?;
        }
        if let Some(loader) = &self.loader {
            mount(Some(loader), SYSTEM_LOADER, libc::MS_BIND).map_err(at(Step::Binds))?;
        }
        let Some(directory) = &self.directory else { return Ok(()) };
        if self.level == Level::ReadOnly {
            let mut sealed = libc::MOUNT_ATTR_RDONLY;
            if self.probe {
                mount(Some(NULL), NULL, libc::MS_BIND).map_err(at(Step::ReadOnly))?;
                sealed |= libc::MOUNT_ATTR_NODEV;
            }
            set_attributes(c"/", true, sealed, 0).map_err(at(Step::ReadOnly))?;
            set_attributes(directory, false, 0, libc::MOUNT_ATTR_RDONLY).map_err(at(Step::ReadOnly))?;
            if self.probe {
                set_attributes(NULL, false, 0, sealed).map_err(at(Step::ReadOnly))?;
            }
        }
        if let Some(overlay) = &self.overlay {
            overlay.make().map_err(at(Step::Overlay))?;
        }
        if let Some(options) = &self.shared_memory {
            let flags = libc::MS_NOSUID | libc::MS_NODEV;
            mount_new(c"tmpfs", SHARED_MEMORY, flags, Some(options)).map_err(at(Step::Mounts))?;
        }
        if !self.binds.is_empty() {
            // A jail holds a program and devices, which many a /tmp does not let work.
            let inert = libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
            set_attributes(directory, false, 0, inert).map_err(at(Step::Binds))?;
        }
        Ok(())
    }
}

/// The only device of a probe.
const NULL: &CStr = c"/dev/null";

/// [`firebench_vmm::LOADER_PATH`].
const SYSTEM_LOADER: &CStr = c"/lib64/ld-linux-x86-64.so.2";

/// Where a launch has [`Launch::shared_memory`].
pub(crate) const SHARED_MEMORY: &CStr = c"/dev/shm";

/// A small file system at `path` that vanishes with the namespace.
fn scratch(path: &CStr) -> io::Result<()> {
    let options = c"size=16m,nr_inodes=1k,mode=700";
    mount_new(c"tmpfs", path, libc::MS_NOSUID | libc::MS_NODEV, Some(options))
}

/// Sets and clears attributes of the mount at `path`, and of all below it where `all`.
fn set_attributes(path: &CStr, all: bool, set: u64, clear: u64) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    let flags = if all { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<libc::mount_attr>();
    // SAFETY: a string ended by NUL, and a structure of the size that is told. (glibc has had no wrapper until 2.36.)
    let result =
        unsafe { libc::syscall(libc::SYS_mount_setattr, libc::AT_FDCWD, path.as_ptr(), flags, &attributes, size) };
    check(result as libc::c_int)
}
