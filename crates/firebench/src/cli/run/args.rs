//! The flags of `firebench run`, and the experiment that they describe.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use firebench_model::experiment::{
    self, AccelChoice, ContenderSpec, Experiment, ExperimentError, HostCacheChoice, Settle, WorkloadName,
};
use firebench_report::progress::Verbosity;
use firebench_stats::Estimand;
use firebench_text::units::{Share, Size, Span};
use firebench_vmm::{VmmKind, kinds};

use super::super::gate::GateArgs;
use super::super::programs::ProgramArgs;
use super::args_error::ArgsError;
use super::choices;
use super::command::CommandArgs;
use super::concurrent::ConcurrentArgs;
use super::flags::FlagArgs;
use super::of_an_experiment::{DESIGN, of_an_experiment};
use super::root::RootArgs;
use super::selection::{self, Group, Selected};
use crate::init::{self, EXPERIMENT_FILE, hosts, jails};

/// What a kernel for --kernel must have.
const KERNEL_HELP: &str = "\
--kernel takes an x86_64 bzImage (LZ4, gzip, xz, zstd or LZMA), an ELF vmlinux, a unified kernel image, or a Debian \
kernel package (.deb). The kernel needs these drivers, built in or as modules in its package or its directory of \
modules: a serial console on ttyS0, virtio-mmio, virtio-blk, ext4. These must be built in: initramfs, devtmpfs; ACPI \
(which needs CONFIG_PCI) or, without it, CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES; and the PVH entry, through which QEMU's \
microvm starts a vmlinux. libkrun needs CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES and CONFIG_X86_MPPARSE, which the small kernel \
has (`firebench kernel build`).";

#[derive(Debug, Args)]
#[command(after_help = KERNEL_HELP)]
pub(crate) struct RunArgs {
    /// The workload to run in the guests; without it, firebench runs ./firebench.toml
    #[arg(value_parser = choices::workload())]
    pub(super) workload: Option<WorkloadName>,
    #[command(flatten)]
    pub(super) command: CommandArgs,
    /// Run the experiment of a TOML file, or repeat the one of a report.md or report.json; other flags override it
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// Run an experiment that somebody else could have written, including all programs in it
    #[arg(long)]
    pub(super) trust_experiment: bool,
    /// How to build the machines: matched (as alike as the VMMs allow), published (those of the published benchmark), or origin: a
    /// series of runs of all that the experiment measured that it belongs to, and a page with its figures beside ours
    #[arg(long, value_parser = choices::preset())]
    pub(super) preset: Option<choices::Presets>,
    #[arg(long, value_delimiter = ',', value_parser = selection::parse, value_name = "VMM,...", help = vmm_help())]
    pub(super) vmm: Option<Vec<Selected>>,
    /// A contender with settings of its own, such as old=firecracker,binary=./firecracker; may be given several times,
    /// and the first one is the baseline; `firebench init` writes a file with all keys
    #[arg(long, value_name = "NAME=VMM[,KEY=VALUE...]", conflicts_with = "vmm", long_help = contender_help())]
    pub(super) contender: Vec<String>,
    /// What executes guest instructions: auto (kvm if /dev/kvm is usable, else nested), kvm, tcg, nested
    #[arg(long, value_parser = choices::accel())]
    pub(super) accel: Option<AccelChoice>,
    #[command(flatten)]
    flags: FlagArgs,
    /// Memory of each VM [default: 1GiB with kvm, 512MiB emulated]
    #[arg(long)]
    memory: Option<Size>,
    /// vCPUs of each VM [default: 2, or 1 on a computer with one]
    #[arg(long)]
    vcpus: Option<u32>,
    /// Give each contender but the bare host a network card, in a network namespace of its own: a VM a tap, a container a veth
    #[arg(long)]
    tap: bool,
    /// Bind each vCPU to a CPU of its own, and firebench to another one
    #[arg(long)]
    pin: bool,
    #[arg(long, help = jails())]
    jail: bool,
    /// Number of boots of each contender, instead of a precision [default when emulated: 3]
    #[arg(long, visible_alias = "blocks", value_name = "N", help_heading = DESIGN, conflicts_with_all = ["precision", "max_time"])]
    boots: Option<u32>,
    /// Run until the interval is this narrow [default on a real accelerator: 1%]
    #[arg(long, value_name = "SHARE", help_heading = DESIGN)]
    precision: Option<Share>,
    /// Time limit for reaching the precision; at least 3 blocks run; with --resume, the new limit of the whole run
    /// [default: 5m]
    #[arg(long, value_name = "TIME", help_heading = DESIGN)]
    pub(super) max_time: Option<Span>,
    /// Treat differences up to this size as none [default: twice the precision]
    #[arg(long, value_name = "SHARE", help_heading = DESIGN)]
    delta: Option<Share>,
    /// What verdicts are about: the typical boot, the mean cost of a boot, or what 95 or 99 of 100 boots do not exceed
    /// [default: typical]
    #[arg(long, value_name = "WHAT", value_parser = choices::estimand(), help_heading = DESIGN)]
    estimand: Option<Estimand>,
    /// End as soon as every contender has its verdict [default without --precision, --boots and --fail-if]
    #[arg(long, help_heading = DESIGN)]
    stop_on_verdict: bool,
    /// Judge by the anytime-valid confidence band only, which holds whenever one looks at it
    #[arg(long, help_heading = DESIGN)]
    strict: bool,
    /// Boot all contenders of a block at once, each on its own set of CPUs, and swap the sets at random: what disturbs the machine hits
    /// all of them alike, and contention between them is part of what is measured
    #[arg(long, help_heading = DESIGN)]
    duet: bool,
    #[command(flatten)]
    pub(super) concurrent: ConcurrentArgs,
    #[arg(long, value_name = "METRIC", value_parser = primaries(), help = primary_help(), help_heading = DESIGN)]
    primary: Option<String>,
    /// Iterations in each boot, warm-up included [default: what the first blocks find best, else 3]
    #[arg(long, value_name = "N", help_heading = DESIGN)]
    iterations: Option<u32>,
    /// Iterations at the start of each boot that do not count [default: what the first blocks find best, else 1]
    #[arg(long, visible_alias = "warmup", value_name = "N", help_heading = DESIGN)]
    warm_up: Option<u32>,
    /// Seed of the order in which the contenders boot [default: a random one, which the report contains]
    #[arg(long, help_heading = DESIGN)]
    seed: Option<u32>,
    /// Build the root disk with its files in other places, which every number chooses anew; 0 is where they always are [default: 0]
    #[arg(long, value_name = "N", help_heading = DESIGN)]
    layout: Option<u32>,
    /// Against boots that feel the one before: begin each block with a throw-away boot (boot), so that all feel it alike; wait so
    /// long before each boot (for example 5s); or nothing (none) [default: boot where a verdict is given]
    #[arg(long, value_name = "boot|TIME|none", help_heading = DESIGN)]
    settle: Option<Settle>,
    /// Drop the guest's caches before each iteration
    #[arg(long)]
    cold: bool,
    /// The host's page cache of the root disk before each boot: auto (warm if it fits), warm, cold
    #[arg(long, value_parser = choices::host_cache())]
    host_cache: Option<HostCacheChoice>,
    /// A kernel for the guests instead of the fetched one: small (built by `firebench kernel build`) or a file; see below
    #[arg(long, value_name = "PATH")]
    kernel: Option<PathBuf>,
    /// The modules of the kernel given with --kernel: a directory or a Debian package [default: /lib/modules/RELEASE if the
    /// kernel needs it and it is there]
    #[arg(long, value_name = "PATH")]
    modules: Option<PathBuf>,
    /// Words to append to the kernel command line
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    append: Option<String>,
    #[command(flatten)]
    pub(super) root: RootArgs,
    /// Add a file or directory to the image; may be given several times
    #[arg(long, value_name = "HOST[=GUEST]")]
    add: Vec<String>,
    #[command(flatten)]
    programs: ProgramArgs,
    /// Seconds within which a guest must send its first frame [default: 30 with kvm, 60 with tcg, 180 nested]
    #[arg(long, value_name = "SECONDS")]
    boot_deadline: Option<u64>,
    /// Seconds that an iteration may take [default: by size and accelerator]
    #[arg(long, value_name = "SECONDS")]
    iteration_deadline: Option<u64>,
    /// Number of failed boots to tolerate (their blocks are left out); the run ends at once if a contender fails
    /// before its first good boot [default: 3]
    #[arg(long, value_name = "N")]
    pub(super) max_failures: Option<u32>,
    /// Resume a stored run that was killed, stopped or failed, or, with --max-time, one whose time was over; the plan
    /// and the order stay the same; see `firebench runs`
    #[arg(long, value_name = "ID", conflicts_with_all = of_an_experiment())]
    pub(super) resume: Option<String>,
    /// Carry out the experiment as so many runs, each with a seed and a layout of its own (the first one's, plus 1, plus 2, ...); with
    /// --out, into DIR/1, DIR/2, ...; what `firebench compare` takes for them is printed at the end
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(2..), help_heading = DESIGN,
        conflicts_with_all = ["resume", "dry_run", "junit"])]
    pub(super) repeat_run: Option<u32>,
    /// Do not store the run
    #[arg(long, conflicts_with = "resume")]
    pub(super) no_store: bool,
    /// Print the launch of each VMM, ready to paste, and what is missing; start nothing and build no disk
    #[arg(long, conflicts_with = "out")]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) gate: GateArgs,
    /// Write report.md and report.json into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Do not show progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

/// `--vmm` in the help.
fn vmm_help() -> String {
    let default = kinds::by_default().map(|kind| kind.0.name).collect::<Vec<_>>().join(",");
    format!(
        "The kinds of contenders to compare, of {}{}; or groups of those whose programs are here: {} [default: {default}]",
        kinds::names(""),
        hosts(),
        selection::words()
    )
}

/// `--contender` in the long help.
fn contender_help() -> String {
    let mut text = "A contender with settings of its own, such as old=firecracker,binary=./firecracker; may be given \
    several times, and the first one is the baseline; `firebench init` writes a file with all keys and what they mean"
        .to_owned();
    for kind in kinds::all() {
        text += &format!("\n\n{kind}: {}", experiment::keys(kind).collect::<Vec<_>>().join(", "));
    }
    text
}

impl RunArgs {
    /// The file that the experiment is in, if it is in one.
    ///
    /// # Errors
    /// [`ArgsError::NoWorkload`] when there is nothing to run.
    pub(super) fn file(&self) -> Result<Option<PathBuf>, ArgsError> {
        let own = Path::new(EXPERIMENT_FILE);
        match (&self.from, self.has_workload()) {
            (Some(from), _) => Ok(Some(from.clone())),
            (None, true) => Ok(None),
            (None, false) if own.is_file() => Ok(Some(own.to_owned())),
            (None, false) => Err(ArgsError::NoWorkload),
        }
    }

    /// Whether the flags say what to run.
    fn has_workload(&self) -> bool {
        let own = |contender: &String| contender.contains(",command=");
        let named = self.workload.is_some() || self.command.is_given() || self.root.is_given();
        named || self.contender.iter().any(own)
    }

    /// How much of its progress the run shows.
    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.command.shows_output()) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Output,
            (false, false) => Verbosity::Normal,
        }
    }

    /// Whether runs that are repeated leave something to compare.
    ///
    /// # Errors
    /// [`ArgsError::NothingKept`].
    pub(super) fn check_repeated(&self) -> Result<(), ArgsError> {
        if self.no_store && self.out.is_none() { Err(ArgsError::NothingKept) } else { Ok(()) }
    }

    /// Whether what is asked for could be two groups of contenders: nothing of it is without effect on some of them, names one contender, or
    /// is a run that there is already.
    pub(super) fn can_be_grouped(&self, experiment: &Experiment) -> bool {
        let not_for_all = experiment.machine.tap || experiment.machine.jail || experiment.files.kernel.is_some();
        let appended = !experiment.machine.append.is_empty();
        let programs = self.programs.by_option().is_some();
        let all = [Selected::Group(Group::All)];
        let named = self.vmm.as_ref().is_some_and(|vmm| *vmm != all) || !self.contender.is_empty();
        let other =
            named || self.dry_run || self.resume.is_some() || self.from.is_some() || !self.gate.fail_if.is_empty();
        self.has_workload()
            && !self.concurrent.is_given()
            && self.command.several().is_none()
            && !(not_for_all || appended || programs || other || experiment.machine.pin || experiment.design.duet)
    }

    /// The experiment: `base` (of `--from`) or the defaults, and over them what the flags say; of groups of kinds, those that are `here`.
    ///
    /// # Errors
    /// [`ArgsError`] for flags that do not go together.
    pub(super) fn experiment(
        &self,
        base: Option<Experiment>,
        here: impl Fn(VmmKind) -> bool,
    ) -> Result<Experiment, ArgsError> {
        let mut experiment = base.unwrap_or_default();
        set(&mut experiment.workload, self.workload.clone());
        set(&mut experiment.preset, self.preset.and_then(choices::Presets::one));
        set(&mut experiment.accel, self.accel);
        if let Some(vmm) = &self.vmm {
            let named = self.kernel.is_some() || experiment.files.kernel.is_some();
            // Of a group, those take part that can: with the fetched kernel, not all of them.
            // The bare host does not run in a root of the user's.
            let rooted = self.root.is_given() || experiment.files.root.is_some();
            let can = |kind: VmmKind| (named || !kind.needs_the_small_kernel()) && !(rooted && kind.is_host());
            let here = |kind: VmmKind| can(kind) && here(kind);
            let (kinds, missing) = selection::expand(vmm, here);
            experiment.vmm = kinds;
            if experiment.vmm.is_empty() {
                return Err(ArgsError::NobodyHere(missing));
            }
            experiment.contenders.clear();
        }
        if !self.contender.is_empty() {
            experiment.contenders = self
                .contender
                .iter()
                .map(|text| text.parse())
                .collect::<Result<Vec<ContenderSpec>, _>>()
                .map_err(ExperimentError::from)?;
        }
        let named = self.vmm.is_some() || !self.contender.is_empty();
        self.command.ask(&mut experiment, self.workload.is_some(), named)?;
        self.root.ask(&mut experiment, &self.command, self.workload.is_some());
        self.concurrent.replace_in(&mut experiment);
        set(&mut experiment.design.host_cache, self.host_cache);
        set(&mut experiment.machine.append, self.append.clone());
        experiment.design.cold |= self.cold;
        experiment.machine.tap |= self.tap;
        experiment.machine.pin |= self.pin;
        experiment.machine.jail |= self.jail;
        self.design(&mut experiment.design);
        replace(&mut experiment.design.boot_deadline, self.boot_deadline);
        replace(&mut experiment.design.iteration_deadline, self.iteration_deadline);
        replace(&mut experiment.machine.vcpus, self.vcpus);
        replace(&mut experiment.machine.memory, self.memory);
        if self.kernel.is_some() {
            // The modules of another kernel do not go with it.
            experiment.files.modules = None;
        }
        replace(&mut experiment.files.kernel, self.kernel.clone());
        replace(&mut experiment.files.modules, self.modules.clone());
        self.programs.replace_in(&mut experiment.files.programs);
        if !self.add.is_empty() {
            experiment.files.add.clone_from(&self.add);
        }
        let workload = firebench_workload::of(&experiment.workload)?;
        if self.preset == Some(choices::Presets::Origin) && workload.measures_boots() {
            (experiment.design.iterations, experiment.design.warm_up) = (None, None); // those of the other runs
        }
        firebench_workload::ask(workload, &self.flags.given, &mut experiment)?;
        firebench_workload::check(&experiment)?;
        let given = self.programs.by_option();
        match given.filter(|_| experiment.only_hosts() && experiment.accel != AccelChoice::Nested) {
            Some(vmm) => Err(ExperimentError::ProgramOfNobody(vmm).into()),
            None => Ok(experiment),
        }
    }
}

impl RunArgs {
    /// The experiment of a run that is resumed: how many failed boots it tolerates, and how long a boot may take, may change, for what
    /// failed may have failed by them.
    pub(super) fn with_limits(&self, mut experiment: Experiment) -> Experiment {
        let design = &mut experiment.design;
        replace(&mut design.max_failures, self.max_failures);
        replace(&mut design.boot_deadline, self.boot_deadline);
        replace(&mut design.iteration_deadline, self.iteration_deadline);
        experiment
    }

    /// What the flags say about the design.
    fn design(&self, design: &mut experiment::Design) {
        // Of a number of boots and a precision, the last word takes the other's place.
        if self.boots.is_some() {
            design.precision = None;
            design.max_time = None;
        }
        if self.precision.is_some() || self.max_time.is_some() {
            design.boots = None;
        }
        replace(&mut design.boots, self.boots);
        replace(&mut design.precision, self.precision);
        replace(&mut design.max_time, self.max_time);
        replace(&mut design.delta, self.delta);
        replace(&mut design.estimand, self.estimand);
        replace(&mut design.iterations, self.iterations);
        replace(&mut design.warm_up, self.warm_up);
        replace(&mut design.settle, self.settle);
        replace(&mut design.max_failures, self.max_failures);
        replace(&mut design.seed, self.seed.map(u64::from));
        replace(&mut design.primary, self.primary.clone());
        set(&mut design.layout, self.layout);
        design.strict |= self.strict;
        design.duet |= self.duet;
        design.stop_on_verdict |= self.stop_on_verdict;
        design.to_the_end = !self.gate.fail_if.is_empty();
    }
}

/// The metrics on which verdicts can be given, as the workloads declare them.
fn primaries() -> PossibleValuesParser {
    let all = firebench_workload::all_primaries().into_iter();
    PossibleValuesParser::new(all.map(|metric| PossibleValue::new(metric.name.as_ref()).help(metric.title.as_ref())))
}

fn primary_help() -> String {
    format!("The metric on which to give verdicts: {}", init::primaries())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn replace<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}
