//! What can be wrong with an experiment, whatever the machine: the same checks for flags, files, reports and stored runs. Pure.

use std::collections::BTreeSet;

use firebench_stats::Estimand;
use firebench_text as text;
use firebench_text::units::{Share, Size};
use firebench_vmm::VmmKind;
use serde_json::Value;

use super::{
    CommandError, ContenderError, ContenderSpec, Experiment, HashLoop, HttpError, LEAST_BLOCK, Preset, Settle,
    WorkloadName, check_all,
};

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

impl Experiment {
    /// Checks everything that depends neither on the machine nor on the workload.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn check(&self) -> Result<(), ExperimentError> {
        let whole = serde_json::to_value(self).map_err(|_| ExperimentError::NotText)?;
        check_texts("", &whole)?;
        self.check_machine()?;
        self.check_design()?;
        if self.specs().is_empty() {
            return Err(ExperimentError::Nobody);
        }
        check_all(&self.specs())?;
        self.check_commands()?;
        let host = |spec: &ContenderSpec| spec.vmm.is_host();
        if self.files.overlay && self.files.root.is_none() {
            return Err(ExperimentError::OverlayOfNothing);
        }
        if let Some(spec) = self.specs().into_iter().find(|spec| self.files.root.is_some() && host(spec)) {
            return Err(ExperimentError::HostInRoot(spec.name));
        }
        self.check_duet()?;
        self.check_useless()?;
        self.check_cold()?;
        self.http.check()?;
        self.check_published()?;
        if self.payload.size() == Some(Size(0)) {
            return Err(ExperimentError::Empty);
        }
        self.hash_loop.as_ref().map_or(Ok(()), check_loop)?;
        self.payload.block().map_or(Ok(()), |block| self.check_block(block))
    }

    fn check_block(&self, block: Size) -> Result<(), ExperimentError> {
        if block < LEAST_BLOCK {
            return Err(ExperimentError::SmallBlock(block));
        }
        if let Some(payload) = self.payload.size().filter(|&payload| block > payload) {
            return Err(ExperimentError::LargeBlock { block, payload });
        }
        match self.specs().into_iter().find(|spec| spec.busybox.is_some()) {
            Some(spec) => Err(ExperimentError::BlockWithBusybox(spec.name)),
            None => Ok(()),
        }
    }

    fn check_machine(&self) -> Result<(), ExperimentError> {
        let machine = &self.machine;
        let zero = [("--vcpus", machine.vcpus == Some(0)), ("--memory", machine.memory == Some(Size(0)))];
        if let Some((flag, _)) = zero.into_iter().find(|(_, zero)| *zero) {
            return Err(ExperimentError::Zero(flag));
        }
        let given = [("--vcpus", machine.vcpus.is_some()), ("--memory", machine.memory.is_some())];
        match given.into_iter().find(|(_, given)| *given && self.preset == Preset::Published) {
            Some((flag, _)) => Err(ExperimentError::Published(flag)),
            None => match machine.memory.filter(|memory| memory.mib().is_none()) {
                Some(memory) => Err(ExperimentError::Memory(memory)),
                None => Ok(()),
            },
        }
    }

    fn check_design(&self) -> Result<(), ExperimentError> {
        let design = &self.design;
        let counts = [("--boots", design.boots), ("--iterations", design.iterations)];
        let counts = counts.map(|(name, count)| (name, count.map(u64::from)));
        let deadlines =
            [("--boot-deadline", design.boot_deadline), ("--iteration-deadline", design.iteration_deadline)];
        if let Some((name, _)) = counts.into_iter().chain(deadlines).find(|(_, count)| *count == Some(0)) {
            return Err(ExperimentError::Zero(name));
        }
        if let (Some(warm_up), Some(iterations)) =
            (design.warm_up, design.iterations.or(design.boots.map(|_| unchosen(design))))
        {
            if warm_up >= iterations {
                return Err(ExperimentError::AllWarmUp { warm_up, iterations });
            }
        }
        let estimand = design.estimand.unwrap_or(Estimand::Typical);
        if estimand == Estimand::Mean {
            return Err(ExperimentError::OldMean);
        }
        let watched = [("--strict", design.strict), ("--stop-on-verdict", design.stop_on_verdict)];
        if let Some((option, _)) = watched.into_iter().find(|(_, asked)| *asked && !estimand.has_band()) {
            return Err(ExperimentError::NoBand { option, estimand: estimand.name() });
        }
        if design.boots.is_some() && (design.precision.is_some() || design.max_time.is_some()) {
            return Err(ExperimentError::BothSizes);
        }
        let shares = [("--precision", design.precision), ("--delta", design.delta)];
        let wide = shares.into_iter().find_map(|(option, share)| Some((option, share.filter(|s| s.part() >= 1.0)?)));
        wide.map_or(Ok(()), |(option, share)| Err(ExperimentError::TooWide { option, share }))
    }

    fn check_duet(&self) -> Result<(), ExperimentError> {
        let specs = self.specs();
        let has_host = specs.iter().any(|spec| !spec.vmm.boots_a_guest());
        match self.design.duet {
            true if specs.len() < 2 => Err(ExperimentError::LoneDuet),
            true if self.design.settle == Some(Settle::Boot) => Err(ExperimentError::DuetAfterBoot),
            true if self.design.cold && has_host => Err(ExperimentError::ColdDuet),
            true if specs.iter().any(|spec| spec.concurrent.is_some_and(|many| many > 1)) => {
                Err(ExperimentError::CrowdedDuet)
            }
            _ => Ok(()),
        }
    }

    /// Whether every contender is the bare host.
    pub fn only_hosts(&self) -> bool {
        self.all(|vmm| vmm.is_host())
    }

    /// Whether nothing is virtualised at all: everything runs at real speed, whatever accelerator there is.
    pub fn all_native(&self) -> bool {
        self.all(|vmm| vmm.is_native())
    }

    fn all(&self, holds: impl Fn(VmmKind) -> bool) -> bool {
        let specs = self.specs();
        !specs.is_empty() && specs.iter().all(|spec| holds(spec.vmm))
    }

    fn check_published(&self) -> Result<(), ExperimentError> {
        let unknown = |spec: &ContenderSpec| spec.vmm.guest().is_some_and(|guest| guest.published.is_none());
        match self.specs().iter().find(|spec| self.preset == Preset::Published && unknown(spec)) {
            Some(spec) => Err(ExperimentError::NotPublished(spec.vmm)),
            None => Ok(()),
        }
    }

    fn check_useless(&self) -> Result<(), ExperimentError> {
        let guestless = self.all(|vmm| !vmm.boots_a_guest());
        let given = [
            ("--tap", self.machine.tap, self.all(|vmm| vmm.card.is_none())),
            ("--append", !self.machine.append.is_empty(), guestless),
            ("--kernel", self.files.kernel.is_some(), self.all(|vmm| !vmm.takes_a_kernel())),
            ("--add", !self.files.add.is_empty() && !self.has_own_commands(), self.only_hosts()),
            ("--preset published", self.preset == Preset::Published, guestless),
        ];
        match given.into_iter().find(|(_, given, useless)| *given && *useless) {
            Some((option, ..)) => {
                let kinds: BTreeSet<VmmKind> = self.specs().iter().map(|spec| spec.vmm).collect();
                let kinds = kinds.iter().map(|kind| kind.0.name).collect::<Vec<_>>().join(", ");
                Err(ExperimentError::ForNobody { option, kinds })
            }
            None => Ok(()),
        }
    }

    fn check_cold(&self) -> Result<(), ExperimentError> {
        let keeps = |vmm: VmmKind| !vmm.sees_disks();
        match self.specs().iter().find(|spec| self.design.cold && keeps(spec.vmm)) {
            Some(spec) => Err(ExperimentError::NotCold(spec.vmm)),
            None => Ok(()),
        }
    }
}

fn check_loop(asked: &HashLoop) -> Result<(), ExperimentError> {
    let zero = [("--rounds", asked.rounds == Some(0)), ("--buffer", asked.buffer == Some(Size(0)))];
    if let Some((flag, _)) = zero.into_iter().find(|(_, zero)| *zero) {
        return Err(ExperimentError::Zero(flag));
    }
    let buffer = asked.buffer.unwrap_or(HashLoop::BUFFER).0;
    let bytes = buffer.saturating_mul(u64::from(asked.rounds.unwrap_or(1)));
    if bytes > HashLoop::MOST.0 { Err(ExperimentError::LongLoop(Size(bytes))) } else { Ok(()) }
}

/// Iterations of a boot where nobody chose them, but for the warm-up that was given: see `firebench_stats::design`.
fn unchosen(design: &super::Design) -> u32 {
    if design.duet { 5 } else { 3 }
}

/// Whether a character that is not seen is a part of what users write there: commands have lines.
fn may_be_in(field: &str, character: char) -> bool {
    const LINES: [&str; 5] =
        ["command.argv", "command.prepare", "command.conclude", "command.env", "contender.command"];
    matches!(character, '\n' | '\t') && LINES.contains(&field)
}

/// Looks at every text of an experiment: none is empty, none has an invisible character.
fn check_texts(field: &str, value: &Value) -> Result<(), ExperimentError> {
    match value {
        Value::String(text) if text.trim().is_empty() && field != "command.argv" => {
            Err(ExperimentError::EmptyText(field.to_owned()))
        }
        Value::String(text) => match text.chars().find(|&c| text::is_hidden(c) && !may_be_in(field, c)) {
            Some(character) => Err(ExperimentError::Hidden { field: field.to_owned(), character }),
            None => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(|item| check_texts(field, item)),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            let field = if field.is_empty() { key.clone() } else { format!("{field}.{key}") };
            check_texts(&field, value)
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
