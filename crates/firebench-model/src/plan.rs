//! The plan: an experiment made concrete. Every path, deadline and command line is decided; the runner only carries it
//! out, on this machine or (sent as JSON, with other paths) inside a nested host.

use std::path::PathBuf;
use std::time::Duration;

use firebench_protocol::Task;
use firebench_stats::design;
use firebench_text::units::Size;
use firebench_vmm::HostCache;
use firebench_vmm::{Machine, Peer, RootFile, Settings, VmmKind};
use serde::{Deserialize, Serialize};

use crate::experiment::{HashLoop, WorkloadName};
use crate::record::{Extension, PayloadRecord};
use crate::service::Drive;

/// A run, ready to be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Who is compared; the first one is the baseline.
    pub contenders: Vec<PlannedContender>,
    /// In which order they boot, and when it is enough.
    pub design: design::Settings,
    /// The metric on which that is decided.
    pub primary: String,
    /// Boots of this run that are there already, in the order in which they ran: it goes on after them.
    pub done: Vec<design::Boot>,
    /// The times that it was given since, each after so many boots.
    #[serde(default)]
    pub extended: Vec<Extension>,
    /// The workload, which says what the output of an iteration must be.
    pub workload: WorkloadName,
    /// What it is given.
    pub inputs: Inputs,
    /// Drop the guest's caches before each iteration.
    pub cold: bool,
    /// State of the host's page cache of each contender's disk before each boot.
    pub host_cache: HostCache,
    /// How long what may take.
    pub deadlines: Deadlines,
    /// How long to wait before each boot but the first.
    pub settle: Duration,
    /// How often a boot that never started is tried, at least 1.
    pub attempts: u32,
    /// How many boots may fail for good before the run ends, of contenders that have had a good one.
    pub max_failures: u32,
    /// Whether guest instructions are emulated: then no estimate is shown, and clocks may be further apart.
    pub emulated: bool,
    /// CPUs of the host, or of the nested host.
    pub host_cpus: u32,
    /// The CPU sets of a duet: whoever has a place in a block boots on the set of that number. Empty where boots come one after the
    /// other.
    #[serde(default)]
    pub cpu_sets: Vec<Vec<u32>>,
}

impl Plan {
    /// Gives a schedule the time that the run was given when so many boots were done.
    ///
    /// # Errors
    /// A time that is no positive number.
    pub fn extend(&self, schedule: &mut design::Schedule, boots: usize) -> firebench_stats::Result<()> {
        let now = self.extended.iter().filter(|extension| extension.after_boots == boots);
        now.map(|extension| extension.max_seconds).try_for_each(|seconds| schedule.extend(seconds))
    }
}

/// What a workload is given, known before the first boot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The file that every iteration reads; None where none does.
    pub payload: Option<PayloadRecord>,
    /// How much of it is read at a time, where the experiment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<Size>,
    /// What is hashed, and how often, where the workload does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_loop: Option<HashLoop>,
    /// What every iteration must answer, of a workload whose answer can be computed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The exit codes of a command that did its work; 0 alone when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit_codes: Vec<i32>,
    /// What firebench asks of the service that the command is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drive: Option<Drive>,
    /// SHA-256 of what a command of the user's must print, where they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_sha256: Option<String>,
}

impl Inputs {
    /// Whether a command that ended so did its work.
    pub fn is_good(&self, status: i32) -> bool {
        if self.exit_codes.is_empty() { status == 0 } else { self.exit_codes.contains(&status) }
    }

    /// Bytes that every iteration reads.
    pub fn bytes(&self) -> u64 {
        self.payload.as_ref().map_or(0, |payload| payload.bytes)
    }

    /// Reads that every iteration makes, where the experiment says how much is read at a time; not that of the file's end.
    pub fn reads(&self) -> Option<u64> {
        let block = self.block?.0;
        (block > 0).then(|| self.bytes().div_ceil(block))
    }
}

/// A contender of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedContender {
    /// Unique in the run.
    pub name: String,
    /// The virtual machine; of the host, what the workload may use of it.
    pub machine: Machine,
    /// What runs the workload.
    pub system: System,
    /// How many of it run at once.
    #[serde(default = "one")]
    pub concurrent: u32,
    /// The executable of its kind; for the host, the agent.
    pub binary: PathBuf,
    /// Libraries that the executable has in place of the system's.
    #[serde(default)]
    pub libraries: Option<PathBuf>,
    /// firebench's place in its network, where it asks something in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Peer>,
    /// What an iteration does.
    pub task: Task,
    /// The file that is read and whose state in the page cache is set before each boot: the root disk; without a guest, the
    /// payload, or the program where there is none.
    pub disk: PathBuf,
    /// Whether its root is writable: what is written goes to memory, and vanishes with the boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
}

fn one() -> u32 {
    1
}

/// What runs a contender's workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "system", rename_all = "snake_case", deny_unknown_fields)]
pub enum System {
    /// A VMM.
    Vm {
        /// What only this VMM has.
        settings: Settings,
        /// ELF vmlinux.
        kernel: PathBuf,
        /// Initramfs without a job.
        initramfs: PathBuf,
        /// Kernel command line.
        cmdline: String,
    },
    /// A container.
    Container {
        /// Its kind.
        vmm: VmmKind,
        /// The files that it sees, but for the job.
        files: Vec<RootFile>,
        /// The directory that its root is, where that is the user's; none where it has the files alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root: Option<PathBuf>,
    },
    /// Processes of the host, without a guest.
    Process {
        /// Its kind.
        vmm: VmmKind,
    },
}

impl PlannedContender {
    /// The same, confined to a CPU set: a VM to all of it, its vCPUs each to one of them; what the CPU itself runs to as many as a VM
    /// has vCPUs.
    pub fn on(&self, set: &[u32]) -> PlannedContender {
        let most = match self.system.vmm().is_native() {
            false => set.len(),
            true => usize::try_from(self.machine.vcpus).unwrap_or(usize::MAX),
        };
        let cpus = Some(set.iter().copied().take(most).collect());
        PlannedContender { machine: Machine { cpus, ..self.machine.clone() }, ..self.clone() }
    }
}

impl System {
    /// The kind.
    pub fn vmm(&self) -> VmmKind {
        match self {
            System::Vm { settings, .. } => settings.vmm,
            System::Container { vmm, .. } | System::Process { vmm } => *vmm,
        }
    }

    /// What only its VMM has; none without a guest.
    pub fn settings(&self) -> Option<&Settings> {
        match self {
            System::Vm { settings, .. } => Some(settings),
            System::Container { .. } | System::Process { .. } => None,
        }
    }

    /// Kernel command line; empty without a guest.
    pub fn cmdline(&self) -> &str {
        match self {
            System::Vm { cmdline, .. } => cmdline,
            System::Container { .. } | System::Process { .. } => "",
        }
    }
}

/// Deadlines in seconds, each counted from the end of what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// From the VMM's start to the agent's first frame, and again to the first iteration.
    pub boot: u64,
    /// For each iteration.
    pub iteration: u64,
    /// From the last iteration until the VMM is gone.
    pub power_off: u64,
}

impl Deadlines {
    /// Those of so many at once, of which each may have to wait for all others.
    pub fn of(self, concurrent: u32) -> Deadlines {
        let times = |seconds: u64| seconds.saturating_mul(concurrent.into());
        Deadlines { boot: times(self.boot), iteration: times(self.iteration), power_off: times(self.power_off) }
    }
}
