//! What can go wrong, with a hint for the user.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;

use firebench_os::interrupt::Interrupted;
use firebench_os::outside::Refused;
use firebench_text::{choice, list};

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while an image is made.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("{}", if Refused::of(source).is_some() { REGULAR } else { READABLE }))]
    Io {
        /// What was tried: "read", "write", ...
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// The disk is full, or is known to be too small before the work starts.
    #[error("no space left for {}{}", path.display(), Space { needed: *needed, available: *available })]
    #[diagnostic(help(
        "free some space, remove old images with `firebench image gc`, choose another directory with FIREBENCH_CACHE, \
        or use a smaller payload"
    ))]
    NoSpace {
        /// The file that does not fit.
        path: PathBuf,
        /// Bytes needed, if known.
        needed: Option<u64>,
        /// Bytes available, if known.
        available: Option<u64>,
    },

    /// A program of e2fsprogs is not installed.
    #[error("`{tool}` was not found, neither on PATH nor in /sbin and /usr/sbin")]
    #[diagnostic(help("install e2fsprogs (Debian, Ubuntu: `apt-get install e2fsprogs`)"))]
    ToolMissing {
        /// The program.
        tool: &'static str,
    },

    /// A program of e2fsprogs failed.
    #[error("`{tool}` failed while {action} {}: {output}", image.display())]
    #[diagnostic(help("firebench needs e2fsprogs 1.46 or newer; `{tool} -V` prints the version"))]
    ToolFailed {
        /// The program.
        tool: &'static str,
        /// What it was to do: "made the file system of", ...
        action: &'static str,
        /// The image it worked on.
        image: PathBuf,
        /// What it printed.
        output: String,
    },

    /// An invalid path in the guest.
    #[error("invalid path {path:?} in the image: {reason}")]
    #[diagnostic(help(
        "give an absolute path without `.`, `..`, control characters or double slashes, and each path \
    only once"
    ))]
    GuestPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A file of the host cannot be put into an image.
    #[error("cannot use {}: {reason}", path.display())]
    #[diagnostic(help("give a regular file or a directory of regular files, directories and symbolic links"))]
    HostFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },

    /// busybox or the agent is linked dynamically: it would not run in a guest that has no libc.
    #[error("{} is not a static x86_64 executable: {reason}", path.display())]
    #[diagnostic(help("{hint}"))]
    NotStatic {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// How to get a static one.
        hint: &'static str,
    },

    /// busybox did not list its applets.
    #[error("{} --list failed: {reason}", path.display())]
    #[diagnostic(help("install a static busybox for x86_64 (Debian, Ubuntu: package busybox-static)"))]
    Busybox {
        /// The busybox.
        path: PathBuf,
        /// What it did.
        reason: String,
    },

    /// The payload's file changed while it was read.
    #[error("{} changed while firebench was reading it", path.display())]
    #[diagnostic(help("use a file that no program is writing to"))]
    PayloadChanged {
        /// The file.
        path: PathBuf,
    },

    /// An invalid name of a cache entry.
    #[error("invalid name of a cache entry: {name:?}")]
    #[diagnostic(help("use at most 100 lower-case letters, digits and `-`"))]
    EntryName {
        /// The name.
        name: String,
    },

    /// An entry of the cache is not what its metadata says.
    #[error("the cache entry {kind}/{key} is damaged: {reason}")]
    #[diagnostic(help("remove it with `firebench image gc`; the next run builds it again"))]
    Damaged {
        /// Kind of the entry.
        kind: String,
        /// Key of the entry.
        key: String,
        /// What is wrong.
        reason: String,
    },

    /// No variable of the environment gives a directory for the cache.
    #[error(
        "cannot find a directory for the cache: none of FIREBENCH_CACHE, XDG_CACHE_HOME and HOME is set to an \
    absolute path"
    )]
    #[diagnostic(help("set FIREBENCH_CACHE to a directory"))]
    NoCacheDir,

    /// Data that is not an x86_64 Linux kernel.
    #[error("not an x86_64 Linux kernel: {reason}")]
    #[diagnostic(help(
        "give a bzImage (/boot/vmlinuz-...) or an uncompressed ELF vmlinux for x86_64, or run `firebench fetch \
        kernel` to get one"
    ))]
    NotAKernel {
        /// What it is instead, or what is broken.
        reason: String,
    },

    /// A file that is not a kernel.
    #[error("{}: {reason}", path.display())]
    #[diagnostic(help(
        "give a bzImage (/boot/vmlinuz-...) or an uncompressed ELF vmlinux for x86_64, or run `firebench fetch \
        kernel` to get one"
    ))]
    Kernel {
        /// The file.
        path: PathBuf,
        /// Why, mostly [`Error::NotAKernel`].
        reason: Box<Error>,
    },

    /// A compressed stream cannot be decompressed.
    #[error("{what}: the {format} data is damaged: {reason}")]
    #[diagnostic(help("the file is truncated or damaged: download or copy it again"))]
    Decompress {
        /// What was decompressed.
        what: String,
        /// Its format.
        format: &'static str,
        /// The decoder's reason.
        reason: String,
    },

    /// A file that is not a Debian package, or not one with a kernel.
    #[error("cannot use {} as a Debian kernel package: {reason}", path.display())]
    #[diagnostic(help(
        "give a package that contains a kernel, such as linux-image-6.1.0-NN-cloud-amd64; linux-image-cloud-amd64 \
        itself contains only a dependency"
    ))]
    Package {
        /// The package.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// A kernel module is neither in the package nor built in.
    #[error("kernel {release} does not have `{name}`, neither as a module nor built in{}", by(needed_by))]
    #[diagnostic(help("use a kernel that has it; Debian's cloud kernels have everything that firebench needs"))]
    ModuleMissing {
        /// Name of the module.
        name: String,
        /// Release of the kernel.
        release: String,
        /// The module that needs it, if it was not asked for directly.
        needed_by: Option<String>,
    },

    /// A file that is not a kernel module, or one of another kernel.
    #[error("cannot use the kernel module `{name}`: {reason}")]
    #[diagnostic(help("give the package or the module directory of exactly this kernel, complete and undamaged"))]
    ModuleInvalid {
        /// Name of the module.
        name: String,
        /// What is wrong.
        reason: String,
    },

    /// A kernel without modules that does not have everything built in that its guest needs.
    #[error("kernel {release} does not have {} built in, and firebench did not find its modules", list(names))]
    #[diagnostic(help(
        "give the kernel's Debian package instead of the kernel alone, or give the directory of its modules: \
        --modules /lib/modules/{release} (for a contender: modules=PATH)"
    ))]
    ModulesNeeded {
        /// Release of the kernel.
        release: String,
        /// The modules.
        names: Vec<String>,
    },

    /// A kernel that has something that its guest needs neither built in nor as a module.
    #[error("cannot use kernel {release}: it has no {}", choice(names))]
    #[diagnostic(help("{}", another_kernel(*without_acpi)))]
    KernelLacks {
        /// Release of the kernel.
        release: String,
        /// What it lacks, such as `virtio_blk (CONFIG_VIRTIO_BLK)`.
        names: Vec<String>,
        /// Whether some of that is what only a machine without ACPI needs.
        without_acpi: bool,
    },

    /// A file or directory without kernel modules, where some are needed.
    #[error("{} does not contain kernel modules: {reason}", path.display())]
    #[diagnostic(help(
        "give a directory such as /lib/modules/6.1.0-56-amd64, or the Debian package that contains the modules"
    ))]
    NoModules {
        /// What was given.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },

    /// A root disk of the user that guests cannot mount.
    #[error("cannot use the image {} as a root disk: {what}", path.display())]
    #[diagnostic(help("{remedy}"))]
    OwnImage {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
        /// How to make a root disk of it.
        remedy: String,
    },

    /// A root of the user's that cannot be one.
    #[error("cannot use {} as a root: {reason}", path.display())]
    #[diagnostic(help(
        "give a directory, a tar archive of one, or a container image as an OCI layout, an OCI archive or an archive of `docker save`"
    ))]
    Root {
        /// The directory or archive.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },

    /// An archive for the initramfs cannot be made or read.
    #[error("invalid cpio archive: {reason}")]
    Cpio {
        /// What is wrong.
        reason: String,
    },

    /// The user interrupted the work, or the receiver of [`Progress`](crate::Progress) asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl From<Interrupted> for Error {
    fn from(_: Interrupted) -> Error {
        Error::Cancelled
    }
}

const READABLE: &str =
    "check that it exists and that you may read and write it; FIREBENCH_CACHE chooses another cache directory";
const REGULAR: &str = "give a regular file";

impl Error {
    /// For `map_err`: an I/O error of `action` on `path`. A full disk becomes [`Error::NoSpace`].
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| match source.kind() {
            _ if Refused::of(&source) == Some(Refused::Stopped) => Error::Cancelled,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Error::NoSpace { path, needed: None, available: None }
            }
            _ => Error::Io { action, path, source },
        }
    }

    /// The error for data that is not a kernel, with the reason.
    pub(crate) fn no_kernel(reason: impl Into<String>) -> Error {
        Error::NotAKernel { reason: reason.into() }
    }
}

/// What to boot in place of a kernel that lacks something.
fn another_kernel(without_acpi: bool) -> &'static str {
    if without_acpi {
        "a machine without ACPI, such as libkrun's, needs a kernel that was built with them, as distributions build none: build one with \
         `firebench kernel build`, and boot it with `--kernel small`"
    } else {
        "use a kernel that was built with them; Debian's kernels have everything that an ordinary machine needs, and `firebench fetch \
         kernel` gets one"
    }
}

/// ", needed by NAME", or nothing.
fn by(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(", needed by `{name}`")).unwrap_or_default()
}

/// ": N bytes needed, M available", as far as known.
struct Space {
    needed: Option<u64>,
    available: Option<u64>,
}

impl std::fmt::Display for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.needed, self.available) {
            (Some(needed), Some(available)) => write!(f, ": {needed} bytes needed, {available} available"),
            (Some(needed), None) => write!(f, ": {needed} bytes needed"),
            _ => Ok(()),
        }
    }
}
