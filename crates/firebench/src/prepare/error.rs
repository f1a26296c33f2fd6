//! Why a run cannot start.

use std::path::PathBuf;

use firebench_host::fetch::FetchError;
use firebench_host::tools::ToolError;
use firebench_model::experiment::ExperimentError;
use firebench_run::executor::nested::NestedError;
use firebench_vmm::setting::Since;
use firebench_vmm::{Accel, VmmKind};

/// Why a run cannot start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrepareError {
    /// A program is missing or unusable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Tool(#[from] ToolError),
    /// busybox cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// The image cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
    /// The nested host cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nested(#[from] NestedError),
    /// Nothing to boot.
    #[error("there is no kernel for the guests")]
    #[diagnostic(help("`firebench fetch kernel` gets Debian's cloud kernel; --kernel PATH takes one of yours"))]
    NoKernel,
    /// Nothing for the nested host to boot.
    #[error("there is no kernel for the nested host")]
    #[diagnostic(help(
        "`firebench fetch kernel` gets one; --kernel names that of the guests, and the nested host keeps a kernel of its own that is known to work"
    ))]
    NoNestedKernel,
    /// Modules without their kernel.
    #[error("there are modules ({}) and no kernel that they belong to", path.display())]
    #[diagnostic(help("name the kernel, too: --kernel PATH, or kernel=PATH beside modules=PATH of a contender"))]
    ModulesAlone {
        /// The modules.
        path: PathBuf,
    },
    /// Nothing to run in the image.
    #[error("there is no static busybox for the image")]
    #[diagnostic(help("`firebench fetch busybox` gets Debian's; FIREBENCH_BUSYBOX names one of yours"))]
    NoBusybox,
    /// No contender has such an accelerator.
    #[error("no VMM is left: with {accel} only {} can run, and --vmm does not name it", able.join(", "))]
    #[diagnostic(help("--accel nested runs every VMM on any machine"))]
    NoContender {
        /// The accelerator.
        accel: Accel,
        /// Who has it.
        able: Vec<&'static str>,
    },
    /// A VMM that is too old for a setting.
    #[error("contender {name}: {} is {} {version}, and {setting} needs {}.{} or newer", path.display(), vmm.title, since.version.0, since.version.1)]
    #[diagnostic(help("leave it out, name a newer {} with binary=, or {}", vmm.title, since.instead))]
    TooOldFor {
        /// The contender.
        name: String,
        /// Its kind.
        vmm: VmmKind,
        /// The setting.
        setting: &'static str,
        /// Its executable.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The first version that has it, and what else helps.
        since: &'static Since,
    },
    /// A kernel that a VMM cannot start.
    #[error("{} has no PVH entry, through which {} starts a vmlinux", path.display(), vmm.title)]
    #[diagnostic(help("build it with CONFIG_PVH=y, or leave {vmm} out: --vmm names who takes part"))]
    NoPvh {
        /// Who starts it.
        vmm: VmmKind,
        /// The kernel.
        path: PathBuf,
    },
    /// An addition to the image that cannot be understood.
    #[error("--add {0:?} does not name a place in the image")]
    #[diagnostic(help("write it like --add ./tool=/bin/tool"))]
    Add(String),
    /// A file of the run could not be written.
    #[error("cannot write {}", path.display())]
    #[diagnostic(help("check free space and permissions there; TMPDIR chooses another directory for temporary files"))]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A disk of the user's.
    #[error("cannot read the image {}", path.display())]
    #[diagnostic(help("an image for a contender is a raw ext4 file system with /bin/sha256sum and /random.txt"))]
    OwnImage {
        /// The image.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A path that cannot be a word of a command.
    #[error("{} is not valid UTF-8", path.display())]
    #[diagnostic(help("move or rename the file, or choose another --cache directory"))]
    NoText {
        /// The path.
        path: PathBuf,
    },
    /// An experiment that cannot be carried out.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Experiment(#[from] ExperimentError),
    /// A machine that its VMM cannot build.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Launch(#[from] firebench_vmm::LaunchError),
    /// More CPUs for the bare host than there are.
    #[error("contender {name} cannot have {wanted} CPUs: firebench may use {available} here")]
    #[diagnostic(help("choose fewer --vcpus; a VM may have more vCPUs than there are CPUs, the bare host may not"))]
    HostCpus {
        /// The contender.
        name: String,
        /// What was asked for.
        wanted: u32,
        /// What there is.
        available: u32,
    },
    /// A file that the user names.
    #[error("cannot use {role} {}", path.display())]
    #[diagnostic(help("check the path: it is taken from the directory in which firebench is started"))]
    Given {
        /// What it is for.
        role: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// What the user names is not what it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unusable(Box<PrepareError>),
    /// A verdict is asked for where there can be none.
    #[error("--{0} needs a real accelerator: {1}")]
    #[diagnostic(help("timings of emulated machines get no verdict; --boots N runs a number of boots of your choice"))]
    Emulated(&'static str, String),
    /// A jail that only root can make.
    #[error("--jail needs root: {why} ({name})")]
    #[diagnostic(help(
        "run firebench with sudo, or leave --jail out; in a nested host (--accel nested) it needs no root here"
    ))]
    JailNeedsRoot {
        /// The contender.
        name: String,
        /// What takes root.
        why: &'static str,
    },
    /// Nothing to jail.
    #[error("--jail: there is no jail for {name}: {}", no_jail(*vmm))]
    #[diagnostic(help(
        "leave {vmm} out; or leave --jail out and give it to single contenders: --contender a=firecracker,jail"
    ))]
    NoJail {
        /// The contender.
        name: String,
        /// Its kind.
        vmm: VmmKind,
    },
    /// A build of a VMM that cannot be jailed.
    #[error("--jail: {} has no {option}", path.display())]
    #[diagnostic(help("{remedy}, or leave --jail out"))]
    NoFilter {
        /// The VMM.
        path: PathBuf,
        /// Its option.
        option: &'static str,
        /// Where to get a build that has it.
        remedy: &'static str,
    },
    /// Too few CPUs for what is to be bound to them.
    #[error("--pin needs {needed} CPUs, one of them for firebench; there are {available}")]
    #[diagnostic(help("take fewer --vcpus, or leave --pin out"))]
    Pin {
        /// CPUs wanted.
        needed: usize,
        /// CPUs that this process may use.
        available: usize,
    },
    /// The system does not tell which CPUs there are, or does not let itself be bound to one.
    #[error("cannot bind to CPUs")]
    #[diagnostic(help("leave --pin out"))]
    Affinity(#[source] std::io::Error),
    /// No random numbers for a seed, or a design that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] firebench_run::runner::RunError),
}

/// Why a kind has no jail.
fn no_jail(vmm: VmmKind) -> &'static str {
    if vmm.boots_a_guest() { "it has no filter and no jailer" } else { "the bare host runs no VMM" }
}

impl PrepareError {
    /// Marks what went wrong with something that the user named.
    pub(super) fn of_user<T>(named: bool, result: Result<T, impl Into<PrepareError>>) -> Result<T, PrepareError> {
        result.map_err(|error| match error.into() {
            error if named => PrepareError::Unusable(Box::new(error)),
            error => error,
        })
    }
}
