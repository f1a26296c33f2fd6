//! What can be wrong with an experiment, in sentences with hints.

use firebench_text::units::{Share, Size};
use firebench_vmm::VmmKind;

use super::{CommandError, ContenderError, HashLoop, HttpError, LEAST_BLOCK, WorkloadName};

/// An experiment that cannot be carried out as it is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ExperimentError {
    /// A count that must be 1 at least.
    #[error("{0} must be at least 1")]
    #[diagnostic(help("leave it out for the default"))]
    Zero(&'static str),
    /// The published machines are fixed.
    #[error("cannot use {0} with --preset published: its machines are those of the published document")]
    #[diagnostic(help("use --preset matched"))]
    Published(&'static str),
    /// A kind that took no part there.
    #[error("--preset published does not have a machine for {0}: the published document has none")]
    #[diagnostic(help("leave out {0}, or use --preset matched"))]
    NotPublished(VmmKind),
    /// Memory is counted in MiB.
    #[error("--memory {0} is not a whole number of MiB")]
    #[diagnostic(help("give whole MiB, for example --memory 512MiB"))]
    Memory(Size),
    /// A contender that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Contender(#[from] ContenderError),
    /// All iterations would be warm-up.
    #[error("--warm-up {warm_up} leaves none of {iterations} iterations to count")]
    #[diagnostic(help("choose more --iterations, or a smaller --warm-up"))]
    AllWarmUp {
        /// Iterations that do not count.
        warm_up: u32,
        /// All iterations.
        iterations: u32,
    },
    /// No verdict can be given on it.
    #[error("cannot give a verdict on '{metric}': {workload} does not measure it, or it can be zero")]
    #[diagnostic(help("choose the primary metric among {known}"))]
    Primary {
        /// What was asked for.
        metric: String,
        /// Of which workload.
        workload: WorkloadName,
        /// What it has.
        known: String,
    },
    /// A workload that there is not.
    #[error("there is no workload '{name}'")]
    #[diagnostic(help("the workloads are {known}"))]
    Workload {
        /// What was asked for.
        name: WorkloadName,
        /// Those that there are.
        known: String,
    },
    /// More work of a kind that the workload does not have.
    #[error("contender {contender}: a handicap is more to read, and {workload} reads no payload")]
    #[diagnostic(help("leave handicap out"))]
    Handicap {
        /// The contender.
        contender: String,
        /// The workload.
        workload: WorkloadName,
    },
    /// A workload that is a command, without one.
    #[error("contender {0} does not have a command to run")]
    #[diagnostic(help(
        "write it at the end, such as `firebench run -- ./my-program --option`, or give each contender its own"
    ))]
    NoCommand(String),
    /// A command for a workload that has its own.
    #[error("the workload {0} does not run a command of yours")]
    #[diagnostic(help("leave out the command, or the workload: `firebench run -- COMMAND...`"))]
    CommandOfWorkload(WorkloadName),
    /// A command that cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Command(#[from] CommandError),
    /// Two ways to say when it is enough.
    #[error("cannot combine a number of boots with a precision")]
    #[diagnostic(help("give either boots, or precision and max_time"))]
    BothSizes,
    /// What cannot be watched, to be judged by watching.
    #[error("{option} needs the typical boot: for the estimand `{estimand}` there is no interval that may be watched")]
    #[diagnostic(help("leave out one of the two; --boots N gives the run an end of its own"))]
    NoBand {
        /// The option.
        option: &'static str,
        /// What verdicts were to be about.
        estimand: &'static str,
    },
    /// Nobody to boot beside.
    #[error("--duet needs two contenders at least: it boots all of a block at once")]
    #[diagnostic(help("add a contender, or leave out --duet"))]
    LoneDuet,
    /// Hosts that read one file, whose caches are dropped.
    #[error(
        "cannot combine --cold with --duet for the bare host: its iterations would drop what another contender is reading"
    )]
    #[diagnostic(help("leave out one of the two, or compare VMs alone, which have caches of their own"))]
    ColdDuet,
    /// Several of a contender at once in a duet.
    #[error("cannot use --duet with a contender of which several run at once: each would take the CPUs of the others")]
    #[diagnostic(help("leave out --duet or concurrent"))]
    CrowdedDuet,
    /// A throw-away boot beside nobody.
    #[error("cannot combine --duet with --settle boot: in a duet nobody boots after anybody")]
    #[diagnostic(help("leave out one of the two; --settle TIME waits before each block"))]
    DuetAfterBoot,
    /// What only older reports are about.
    #[error(
        "verdicts cannot be about the estimand `mean` any more: few boots say nothing of slow ones that did not come"
    )]
    #[diagnostic(help("choose `typical`, or `cost`, which is a mean that makes room for them"))]
    OldMean,
    /// An empty file.
    #[error("the payload must not be empty")]
    #[diagnostic(help("choose a larger size, for example --size 16MiB"))]
    Empty,
    /// Blocks so small that an iteration would take hours.
    #[error("--block {0} is too small: it must be at least {least}", least = LEAST_BLOCK.0)]
    #[diagnostic(help("give --block 4KiB for the price of a system call: smaller blocks only make more of them"))]
    SmallBlock(Size),
    /// Blocks larger than all that there is to read.
    #[error("--block {block} is larger than the payload, which has {payload}")]
    #[diagnostic(help("choose at most --block {payload}, or a larger --size"))]
    LargeBlock {
        /// The block.
        block: Size,
        /// The payload.
        payload: Size,
    },
    /// Iterations, or what is done before them, of a workload that has one in each boot.
    #[error("cannot use {flag} with the workload {workload}: it measures each boot as a whole")]
    #[diagnostic(help("leave it out; --boots sets how many boots there are"))]
    WholeBoots {
        /// The option.
        flag: &'static str,
        /// The workload.
        workload: WorkloadName,
    },
    /// Blocks for a workload that does not read any.
    #[error("cannot use --block with the workload {0}: it does not read a payload in blocks")]
    #[diagnostic(help("leave it out"))]
    NoBlocks(WorkloadName),
    /// A writable root, without a root.
    #[error("--overlay makes a root of yours writable, and there is none")]
    #[diagnostic(help("give one with --root; without, /tmp and /run are writable"))]
    OverlayOfNothing,
    /// More to hash than firebench would compute the answer of.
    #[error("an iteration would hash {0}: at most {most} are possible", most = HashLoop::MOST)]
    #[diagnostic(help("choose fewer --rounds, or a smaller --buffer; more --iterations measure for longer"))]
    LongLoop(Size),
    /// What the workload hash-loop has, for another one.
    #[error("cannot use hash_loop with the workload {0}")]
    #[diagnostic(help("leave it out, or choose the workload hash-loop"))]
    NoLoop(WorkloadName),
    /// A root for the bare host.
    #[error("contender {0} is the bare host, which does not run in a root of yours")]
    #[diagnostic(help("leave it out, for example with --vmm bubblewrap,runc,gvisor,uml, or leave out --root"))]
    HostInRoot(String),
    /// A root for a workload that has its own.
    #[error("cannot use --root with the workload {0}: it has a root of its own")]
    #[diagnostic(help("give a command to run in your root: `firebench run --root PATH -- COMMAND...`"))]
    RootOfWorkload(WorkloadName),
    /// A program of a contender's own that would not run.
    #[error("contender {0}: busybox has no effect with --block, with which firebench's agent reads the payload")]
    #[diagnostic(help("leave out one of the two"))]
    BlockWithBusybox(String),
    /// A share with which every run would agree.
    #[error("{option} {share} is too wide: it must be below 100%")]
    #[diagnostic(help("choose a smaller one: 1% is the default precision, and {option} 5% is a coarse one"))]
    TooWide {
        /// The option.
        option: &'static str,
        /// Its value.
        share: Share,
    },
    /// What none of the kinds that take part can have.
    #[error("{option} has no effect: no contender has a use for it ({kinds})")]
    #[diagnostic(help("leave it out, or add a contender that is a VMM: --vmm qemu,host"))]
    ForNobody {
        /// The option.
        option: &'static str,
        /// Those that take part.
        kinds: String,
    },
    /// A load that there cannot be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Http(#[from] HttpError),
    /// A load for a workload that has none.
    #[error("[http] has no effect with the workload {0}")]
    #[diagnostic(help("leave out rate, connections, duration, body and body_from, or choose the workload http"))]
    HttpOfWorkload(WorkloadName),
    /// A contender that a workload's service cannot be reached in.
    #[error("contender {contender}: {vmm} has no network card, which the workload {workload} needs")]
    #[diagnostic(help("leave it out"))]
    NoCard {
        /// The contender.
        contender: String,
        /// Its kind.
        vmm: VmmKind,
        /// The workload.
        workload: WorkloadName,
    },
    /// A cold start of each iteration that a contender cannot give.
    #[error("cannot use --cold with {0}: what its processes drop from the page cache stays in the host's")]
    #[diagnostic(help("leave out --cold, or {0}"))]
    NotCold(VmmKind),
    /// The same of the program of a VMM.
    #[error("--{0} has no effect: every contender is the bare host, which does not run a VMM")]
    #[diagnostic(help("leave it out, or add a contender that is a VMM: --vmm {0},host"))]
    ProgramOfNobody(VmmKind),
    /// A character that would be obeyed, or hide something, where the text is shown or pasted.
    #[error("{field} contains the character {}, which is invisible", unicode(*.character))]
    #[diagnostic(help("remove it: an experiment must not contain control characters or invisible ones"))]
    Hidden {
        /// The field of the experiment.
        field: String,
        /// The character.
        character: char,
    },
    /// A text that says nothing: a path of no file, an option without its value.
    #[error("{0} is empty")]
    #[diagnostic(help("give it a value, or leave it out"))]
    EmptyText(String),
    /// A list of contenders without one.
    #[error("no contender takes part: vmm is empty")]
    #[diagnostic(help("name one at least, such as vmm = [\"qemu\"], or leave it out"))]
    Nobody,
    /// A path that is not text.
    #[error("a path in the experiment is not valid UTF-8")]
    #[diagnostic(help("rename the file: reports and the store keep the experiment as text"))]
    NotText,
}

/// `U+001B`.
fn unicode(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}
