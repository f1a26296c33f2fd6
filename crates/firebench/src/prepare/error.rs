//! Why a run cannot start.

use std::path::PathBuf;

use firebench_host::fetch::{BuildError, FetchError};
use firebench_host::tools::ToolError;
use firebench_model::experiment::ExperimentError;
use firebench_run::executor::nested::NestedError;
use firebench_run::libraries::LibrariesError;
use firebench_text::units::Size;
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
    /// No kernel for the guests.
    #[error("cannot find a kernel for the guests")]
    #[diagnostic(help(
        "run `firebench fetch kernel` to get Debian's cloud kernel, or give your own with --kernel \
    PATH"
    ))]
    NoKernel,
    /// No small kernel for the guests.
    #[error("cannot find the small kernel: it was not built here, or by a firebench with another configuration")]
    #[diagnostic(help("build it once, in some minutes: `firebench kernel build`"))]
    NoSmallKernel,
    /// The small kernel is not what was built.
    #[error(transparent)]
    #[diagnostic(transparent)]
    SmallKernel(#[from] BuildError),
    /// No kernel for the nested host.
    #[error("cannot find a kernel for the nested host")]
    #[diagnostic(help(
        "run `firebench fetch kernel` to get one; --kernel is for the guests only, and the nested host keeps a kernel \
        of its own that is known to work"
    ))]
    NoNestedKernel,
    /// A script as a program to add to the user's root.
    #[error("cannot add {} to a root of yours: it is a script, whose interpreter must be one of that root", program.display())]
    #[diagnostic(help("give it with --add, which adds the file alone"))]
    AddedScript {
        /// The program.
        program: PathBuf,
    },
    /// A program to add where the user's root has something.
    #[error("cannot add the program {}: the root has something there already", program.display())]
    #[diagnostic(help(
        "leave it out, and the root's own is run; or call it by another name, through a link on this machine"
    ))]
    AddedInRoot {
        /// Where it would be.
        program: PathBuf,
    },
    /// A program that is not in the user's root.
    #[error("cannot find the program {program} in the root {}", root.display())]
    #[diagnostic(help("give its path in that root; {looked}"))]
    NotInRoot {
        /// The program.
        program: String,
        /// The root.
        root: PathBuf,
        /// Where it was looked for.
        looked: String,
    },
    /// A directory of the command that is not in the user's root.
    #[error("there is no directory {directory} in the root {}", root.display())]
    #[diagnostic(help("give one that is there, or leave it out"))]
    NoDirectoryInRoot {
        /// The directory.
        directory: String,
        /// The root.
        root: PathBuf,
    },
    /// A root without a command.
    #[error("the root {} says no command to run", root.display())]
    #[diagnostic(help("write it at the end: `firebench run --root PATH -- COMMAND...`"))]
    NoCommandInRoot {
        /// The root.
        root: PathBuf,
    },
    /// A kernel that is a program, and cannot lay memory over a root.
    #[error("contender {name}: the kernel {version} does not have the file system overlay, which --overlay needs")]
    #[diagnostic(help("fetch it anew, with that module (firebench fetch {name_of_kind}), or leave out --overlay", name_of_kind = vmm.0.name))]
    NoOverlay {
        /// The contender.
        name: String,
        /// Its kind.
        vmm: VmmKind,
        /// The kernel's version.
        version: String,
    },
    /// A container with a root of the user's, in an emulated machine.
    #[error("contender {name} is a container, and cannot see a root of yours in the nested host")]
    #[diagnostic(help("run containers by themselves, at real speed: --vmm bubblewrap,runc,gvisor,uml"))]
    RootInNested {
        /// The contender.
        name: String,
    },
    /// Modules without their kernel.
    #[error("the modules {} were given without their kernel", path.display())]
    #[diagnostic(help("give the kernel, too: --kernel PATH, or for a contender kernel=PATH beside modules=PATH"))]
    ModulesAlone {
        /// The modules.
        path: PathBuf,
    },
    /// No busybox for the image.
    #[error("cannot find a static busybox for the image")]
    #[diagnostic(help("run `firebench fetch busybox` to get Debian's, or set FIREBENCH_BUSYBOX to your own"))]
    NoBusybox,
    /// No contender is left that supports the accelerator.
    #[error("no VMM is left to run: with {accel} only {} can run, and --vmm does not include it", able.join(", "))]
    #[diagnostic(help("use --accel nested, which runs every VMM on any machine"))]
    NoContender {
        /// The accelerator.
        accel: Accel,
        /// Who has it.
        able: Vec<&'static str>,
    },
    /// A VMM that is too old for a setting.
    #[error("contender {name}: {} is {} {version}, but {setting} needs {}.{} or newer", path.display(), vmm.title, since.version.0, since.version.1)]
    #[diagnostic(help("leave out {setting}, give a newer {} with binary=, or {}", vmm.title, since.instead))]
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
    /// A kernel that is nothing for a contender.
    #[error("contender {name}: {error}")]
    #[diagnostic(forward(error))]
    Kernel {
        /// The contender.
        name: String,
        /// What is wrong with it.
        error: Box<PrepareError>,
    },
    /// A kernel that a VMM cannot start.
    #[error("{} cannot start {}: it has no PVH entry", vmm.title, path.display())]
    #[diagnostic(help("build the kernel with CONFIG_PVH=y, or leave out {vmm}: --vmm chooses the VMMs"))]
    NoPvh {
        /// Who starts it.
        vmm: VmmKind,
        /// The kernel.
        path: PathBuf,
    },
    /// A kernel in a form that a VMM does not start.
    #[error("{} cannot start {}: it takes a boot image (bzImage), and this is an ELF file", vmm.title, path.display())]
    #[diagnostic(help(
        "give the kernel as its bzImage or its package, as with --kernel /boot/vmlinuz-RELEASE, or leave out {vmm}"
    ))]
    NoBootImage {
        /// Who starts it.
        vmm: VmmKind,
        /// The kernel.
        path: PathBuf,
    },
    /// An addition to the image that cannot be understood.
    #[error("invalid --add {0:?}: it does not name a path in the image")]
    #[diagnostic(help("write it like --add ./tool=/bin/tool"))]
    Add(String),
    /// A file of the run could not be written.
    #[error("cannot write {}", path.display())]
    #[diagnostic(help("check free space and permissions there; TMPDIR sets another directory for temporary files"))]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A disk of the user that cannot be read.
    #[error("cannot read the image {}", path.display())]
    #[diagnostic(help("give a raw ext4 file system with /bin/sha256sum and /random.txt"))]
    OwnImage {
        /// The image.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A path that is not UTF-8, so it cannot be a word of a command.
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
    #[diagnostic(help(
        "choose fewer --vcpus: a VM may have more vCPUs than the machine has CPUs, but the bare host \
    may not"
    ))]
    HostCpus {
        /// The contender.
        name: String,
        /// What was asked for.
        wanted: u32,
        /// What there is.
        available: u32,
    },
    /// A buffer that does not fit into a contender's memory.
    #[error("contender {name} has {memory} of memory: too little for the buffer of {option} {block}")]
    #[diagnostic(help("choose at most {option} {most}, half of its memory, or give more with --memory"))]
    BlockMemory {
        /// The contender.
        name: String,
        /// The option that asks for it.
        option: &'static str,
        /// The block.
        block: Size,
        /// Its memory.
        memory: Size,
        /// The largest block for that.
        most: Size,
    },
    /// A file that the user names.
    #[error("cannot use {role} {}", path.display())]
    #[diagnostic(help("check the path: it is relative to the directory in which firebench was started"))]
    Given {
        /// What it is for.
        role: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program of the user's that cannot be run.
    #[error("cannot run {program}: {why}")]
    #[diagnostic(help(
        "give the path of a program that this machine can run, or --shell to have busybox's shell read the command"
    ))]
    NoProgram {
        /// What it is called.
        program: String,
        /// Why not.
        why: &'static str,
    },
    /// The libraries of a program of the user's are not known.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Libraries(#[from] LibrariesError),
    /// A file that the host has at another path than the others.
    #[error("the host sees {} where it is, not at {}", host.display(), guest.display())]
    #[diagnostic(help("give --add {} alone, and every contender sees it at that path; or leave out the contender host", host.display()))]
    AddedForTheHost {
        /// The file.
        host: PathBuf,
        /// Where the others would see it.
        guest: PathBuf,
    },
    /// Something that the user named is not what it should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unusable(Box<PrepareError>),
    /// A verdict was requested on an accelerator that cannot give one.
    #[error("--{0} needs a real accelerator: {1}")]
    #[diagnostic(help("use --boots N to run a fixed number of boots: firebench gives no verdict on emulated timings"))]
    Emulated(&'static str, String),
    /// A jail that only root can make.
    #[error("--jail needs root: {why} ({name})")]
    #[diagnostic(help(
        "run firebench with sudo, leave out --jail, or use a nested host (--accel nested), in which a jail does not \
        need root here"
    ))]
    JailNeedsRoot {
        /// The contender.
        name: String,
        /// What takes root.
        why: &'static str,
    },
    /// A contender that cannot be jailed.
    #[error("cannot use --jail for {name}: {}", no_jail(*vmm))]
    #[diagnostic(help(
        "leave out {vmm}, or leave out --jail and jail single contenders: --contender a=firecracker,jail"
    ))]
    NoJail {
        /// The contender.
        name: String,
        /// Its kind.
        vmm: VmmKind,
    },
    /// A build of a VMM that cannot be jailed.
    #[error("cannot use --jail: {} does not have {option}", path.display())]
    #[diagnostic(help("{remedy}, or leave out --jail"))]
    NoFilter {
        /// The VMM.
        path: PathBuf,
        /// Its option.
        option: &'static str,
        /// Where to get a build that has it.
        remedy: &'static str,
    },
    /// Too few CPUs to bind everything.
    #[error("--pin needs {needed} CPUs, one of them for firebench, but there are only {available}")]
    #[diagnostic(help("choose fewer --vcpus, or leave out --pin"))]
    Pin {
        /// CPUs wanted.
        needed: usize,
        /// CPUs that this process may use.
        available: usize,
    },
    /// Contenders of a duet that run in another machine than this one.
    #[error("--duet needs the CPUs of this machine, and this run is in a {0}")]
    #[diagnostic(help(
        "run it where /dev/kvm is usable (see `firebench doctor`) or with --accel tcg, or leave out --duet"
    ))]
    DuetElsewhere(&'static str),
    /// Too few CPUs for all contenders at once.
    #[error("--duet needs a CPU for each of the {contenders} contenders{}, but there are only {available}", harness(*.pin))]
    #[diagnostic(help("compare fewer contenders, or leave out --duet"))]
    DuetCpus {
        /// Contenders.
        contenders: usize,
        /// Whether one is wanted for firebench, too.
        pin: bool,
        /// CPUs that this process may use.
        available: usize,
    },
    /// Too few CPUs in a set.
    #[error("contender {name} cannot have {wanted} CPUs in a duet: each of the {contenders} contenders gets {each}")]
    #[diagnostic(help("choose fewer --vcpus or fewer contenders, or leave out --duet"))]
    DuetVcpus {
        /// The contender.
        name: String,
        /// vCPUs that it was to have.
        wanted: u32,
        /// Contenders.
        contenders: usize,
        /// CPUs of each.
        each: u32,
    },
    /// The system does not report its CPUs, or does not allow binding to one.
    #[error("cannot bind to CPUs")]
    #[diagnostic(help("leave out --pin and --duet"))]
    Affinity(#[source] std::io::Error),
    /// No random numbers for a seed, or a design that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] firebench_run::runner::RunError),
}

/// What --pin adds to the CPUs of a duet.
fn harness(pin: bool) -> &'static str {
    if pin { " and one for firebench (--pin)" } else { "" }
}

/// Why a kind has no jail.
fn no_jail(vmm: VmmKind) -> &'static str {
    if vmm.boots_a_guest() { "it has neither a filter nor a jailer" } else { "the bare host does not run a VMM" }
}

impl PrepareError {
    /// Names the contender for which a kernel is nothing: a run may have several kernels.
    pub(super) fn of_contender(name: &str, error: impl Into<PrepareError>) -> PrepareError {
        PrepareError::Kernel { name: name.to_owned(), error: Box::new(error.into()) }
    }

    /// Marks what went wrong with something that the user named.
    pub(super) fn of_user<T>(named: bool, result: Result<T, impl Into<PrepareError>>) -> Result<T, PrepareError> {
        result.map_err(|error| match error.into() {
            error if named => PrepareError::Unusable(Box::new(error)),
            error => error,
        })
    }
}
