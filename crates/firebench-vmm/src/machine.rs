//! The words: a machine, what it boots, and the launch that comes of both.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::requests::Requests;

/// What executes guest instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The kernel's virtual machine, through `/dev/kvm`.
    Kvm,
    /// QEMU's Tiny Code Generator: emulation.
    Tcg,
    /// The CPU itself: there is no virtual machine.
    Native,
}

impl Accel {
    /// The name in command lines, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
            Accel::Native => "native",
        }
    }
}

impl std::fmt::Display for Accel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A tap device of the host that becomes the guest's network card. It lives in a network namespace of the VMM
/// process alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tap {
    /// Name in the namespace, such as `tap0`.
    pub name: String,
    /// The guest's MAC address; the VMM's default when absent.
    pub mac: Option<String>,
}

/// A pair of cards, joined by a wire: what is sent through one comes out of the other. One is a container's network card, in a network
/// namespace of its process alone; the other, the host's end, lies in a second namespace, in which there is no process. Both are up,
/// with addresses of a network of 24 bits.
///
/// Source: `veth(4)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veth {
    /// The name of the container's card, such as `eth0`.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// The name of the host's end.
    pub host_name: String,
    /// Its address.
    pub host_address: Ipv4Addr,
}

impl Veth {
    /// The bits of the addresses that name the network.
    pub const PREFIX: u8 = 24;
    /// The file in [`Launch::directory`] on which the namespace of the host's end is mounted, where the process alone and whoever
    /// enters its mounts (`/proc/PID/root`) sees it.
    pub const HOST_NAMESPACE: &'static str = "host-network";
}

/// firebench's own place at the other end of a network card, from which it asks the service in there; of the bare host, at its `lo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its own address, in a network of [`Veth::PREFIX`] bits; that of `lo` where there is no card.
    pub address: Ipv4Addr,
    /// The address of the service.
    pub service: Ipv4Addr,
    /// TCP connections that it may have at once, at most [`Peer::MOST`].
    pub connections: u32,
}

impl Peer {
    /// Connections that a peer can have at once: the sockets of one message (`unix(7)`, `SCM_RIGHTS`), but for a few.
    pub const MOST: u32 = 200;
}

/// The virtual machine: what contenders must have alike for a fair comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Number of vCPUs, at least 1.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// What executes guest instructions.
    pub accel: Accel,
    /// The network card of a VM, if any.
    pub tap: Option<Tap>,
    /// The network card of a container, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veth: Option<Veth>,
    /// CPUs of the host on which it runs, all of the VMM from its first moment; any when absent. When they are named, vCPU
    /// threads have names, so that each can be bound to one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Vec<u32>>,
}

/// A virtio block device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drive {
    /// Raw image or block device of the host.
    pub path: PathBuf,
    /// Whether the guest may only read.
    pub read_only: bool,
}

/// The state of the host's page cache of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostCache {
    /// Nothing of it is in memory.
    Cold,
    /// All of it is in memory.
    Warm,
}

/// What the guest boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// ELF `vmlinux`, which nearly every VMM loads, or the boot image that it came in.
    pub kernel: PathBuf,
    /// Kernel command line.
    pub cmdline: String,
    /// Initramfs with the agent and this boot's job.
    pub initramfs: PathBuf,
    /// The root disk, `/dev/vda` in the guest.
    pub disk: Drive,
}

/// The root that the processes of a container see: these files, and a `/tmp` of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The directory of the host that it is, but for the files; none where there is nothing else. It can only be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// Whether the processes may write to it all the same: what they write goes to memory, and vanishes with them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
    /// Its files, which can only be read.
    pub files: Vec<RootFile>,
    /// The command of the first process.
    pub argv: Vec<String>,
}

/// A file of the host that a container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where it appears, from `/` on.
    pub seen: String,
}

/// Where a launch finds and puts its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The VMM's executable.
    pub binary: PathBuf,
    /// An empty directory of this boot, for [`Launch::files`] and the VMM's own files.
    pub work_dir: PathBuf,
}

/// A directory of the host that can be written to where it is seen: what is written goes to memory, and vanishes with the process.
///
/// Source: the kernel's `Documentation/filesystems/overlayfs.rst`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The directory, which stays as it is.
    pub lower: PathBuf,
    /// A directory in [`Launch::directory`], for that memory.
    pub memory: PathBuf,
    /// A directory there, where it is seen.
    pub seen: PathBuf,
    /// Most bytes that are written.
    pub bytes: u64,
}

/// A file to write before the VMM starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchFile {
    /// In the work directory.
    pub path: PathBuf,
    /// Its whole text.
    pub contents: String,
}

/// A directory of the boot that becomes the VMM's whole file system, as whose user it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jail {
    /// What the VMM sees as `/`, in [`Launch::directory`].
    pub root: PathBuf,
    /// The id of the user and of the group that it becomes.
    pub id: u32,
    /// Files of the host that it sees, too.
    pub files: Vec<JailedFile>,
}

/// A file of the host in a jail, to be read alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JailedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Where it appears, directly in [`Jail::root`].
    pub seen: PathBuf,
}

/// The name of the loader of dynamic programs.
pub const LOADER: &str = "ld-linux-x86-64.so.2";
/// Where every dynamic program looks for it: the x86-64 ABI, "Program Interpreter".
pub const LOADER_PATH: &str = "/lib64/ld-linux-x86-64.so.2";

/// How a VM is started. The guest's serial console is the process's standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The command, without a shell in between.
    pub argv: Vec<String>,
    /// Directories to make first, before the files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub directories: Vec<PathBuf>,
    /// Files to write first.
    pub files: Vec<LaunchFile>,
    /// A log that the VMM writes, read when a boot fails.
    pub log: Option<PathBuf>,
    /// The tap that must exist in the process's own network namespace before it starts.
    pub tap: Option<Tap>,
    /// The pair of cards that must exist before it starts. It takes [`Launch::directory`] and mounts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub veth: Option<Veth>,
    /// firebench's place at the other end of its card, or in its network. It takes a network of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// A directory that it may write to without changing it. It takes [`Launch::directory`] and mounts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// Directories below `/proc` that are empty to it. It takes [`Launch::own_processes`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emptied: Vec<PathBuf>,
    /// Bytes of memory that the process and what it starts may use, page cache included, where a control group can be had
    /// that limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// The only CPUs that the process and what it starts may use; those of firebench when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Vec<u32>>,
    /// The only directory that the process may write to, and its TMPDIR, where it can have mounts of its own; all that its
    /// user may write to when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// What the process may use at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// Whether it has its processes to itself: whatever it starts ends with it, and it may believe to be root. It cannot do
    /// without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_processes: bool,
    /// Bytes of a `/dev/shm` of its own, where it can have mounts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_memory: Option<u64>,
    /// A directory with a C library and the rest of what it needs, in place of the system's: among them its loader,
    /// [`LOADER`]. It takes mounts of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libraries: Option<PathBuf>,
    /// Whether it is a question to a program, which ends with its answer and leaves nothing behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// The jail that the command makes its own. It takes root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jail: Option<Jail>,
    /// What the process is told after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Requests>,
}

impl Launch {
    /// Whether there is a network card.
    pub fn has_card(&self) -> bool {
        self.tap.is_some() || self.veth.is_some()
    }

    /// The confinement of a VMM: it writes nothing but what is in the directory of its boot, and stays within the limits
    /// that its machine calls for. With a disk that it writes to, its directory and its files have no bounds.
    pub(crate) fn confined(machine: &Machine, image: &Image, paths: &Paths) -> Launch {
        if !image.disk.read_only {
            return Launch::default();
        }
        let limits = Limits::of_guest(machine.memory_mib, vec![image.disk.path.clone()]);
        Launch { directory: Some(paths.work_dir.clone()), limits: Some(limits), ..Launch::default() }
    }
}

/// A machine that a VMM cannot build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum LaunchError {
    /// The VMM has no such accelerator.
    #[error("{vmm} cannot run guests with {accel}")]
    #[diagnostic(help(
        "a VMM that supports only kvm needs a usable /dev/kvm; --accel nested offers one inside an emulated machine. Only a \
         contender that does not boot a guest runs native"
    ))]
    Accelerator {
        /// Who.
        vmm: &'static str,
        /// With what.
        accel: Accel,
    },
    /// Outside what the VMM accepts.
    #[error("{vmm} accepts 1 to {max} vCPUs, not {vcpus}")]
    #[diagnostic(help("choose another --vcpus"))]
    Vcpus {
        /// Who.
        vmm: &'static str,
        /// The VMM's limit.
        max: u32,
        /// What was asked for.
        vcpus: u32,
    },
    /// Settings that the VMM does not take together.
    #[error("{vmm} does not take {settings}")]
    #[diagnostic(help("{help}"))]
    Settings {
        /// Who.
        vmm: &'static str,
        /// Which.
        settings: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// A socket of the boot whose path is too long.
    #[error("{vmm} cannot listen on {path:?}: the path of a socket has at most {max} bytes", max = Requests::MAX_PATH_BYTES)]
    #[diagnostic(help("set TMPDIR to a directory with a shorter path, such as /tmp"))]
    Socket {
        /// Who.
        vmm: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A path that cannot be given to the VMM.
    #[error("{vmm} cannot be given the path {path:?}: {reason}")]
    #[diagnostic(help(
        "move or rename the file, or choose another --cache directory or, with TMPDIR, another one for temporary files"
    ))]
    Path {
        /// Who.
        vmm: &'static str,
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
}

/// `path` as text that goes into an argument vector or a JSON file.
pub(crate) fn text(vmm: &'static str, path: &std::path::Path) -> Result<String, LaunchError> {
    path.to_str().map(str::to_owned).ok_or_else(|| LaunchError::Path {
        vmm,
        path: path.to_owned(),
        reason: "it is not valid UTF-8",
    })
}
