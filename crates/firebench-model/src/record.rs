//! What a run saw: the types behind every report, and the schema of `report.json`.
//!
//! [`Report`] is what `report.json` holds, field for field. Times are in seconds, sizes in bytes, digests in
//! lower-case hexadecimal SHA-256 unless a name says otherwise. Readers must ignore fields that they do not know.

mod at_once;
mod design;
mod footprint;
mod moments;
mod status;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use firebench_protocol::{Counters, GuestFacts};
use firebench_text as text;
use firebench_vmm::{Accel, Launch, Missing, Settings, VmmKind};
use serde::{Deserialize, Serialize};

use crate::counts::BootCounts;
use crate::experiment::Experiment;
use crate::figures::Figures;
use crate::host::HostFacts;
use crate::metric::{self, Metric};

pub use at_once::{AtOnce, OneOfMany};
pub use design::{DesignRecord, Extension, RunEnd};
pub use footprint::{Footprint, MemoryUse, Parts};
pub use moments::Moments;
pub use status::BootStatus;

/// The value of [`Report::schema`].
pub const SCHEMA: &str = "firebench.report/2";

/// The schema before it, which is still read: a report did not declare its metrics, and all of them were times.
pub const SCHEMA_1: &str = "firebench.report/1";

/// A run: everything that it saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The run's id in the store; absent where it was not stored.
    #[serde(default)]
    pub id: Option<String>,
    /// Where the figures come from, if firebench did not measure them. Then it knows nothing but them and the contenders' names:
    /// every other field is empty or has no meaning.
    #[serde(default)]
    pub imported: Option<Imported>,
    /// Version of firebench.
    pub firebench: String,
    /// When the run began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took, from the first VM to the last.
    pub duration: f64,
    /// What firebench itself took.
    pub overhead: Overhead,
    /// What was asked for, complete enough to be run again.
    pub experiment: Experiment,
    /// How the run was laid out, and how far it came.
    #[serde(default)]
    pub design: DesignRecord,
    /// What executed guest instructions.
    pub accelerator: Accel,
    /// Whether guest instructions were emulated at any level (TCG, or a nested host): then no timing in this report is a
    /// statement about speed.
    pub emulated: bool,
    /// How the accelerator was chosen, in a sentence with its figures.
    pub accelerator_reason: String,
    /// The emulated machine that the run took place in.
    pub nested_host: Option<NestedHost>,
    /// The machine that firebench ran on.
    pub host: HostFacts,
    /// What the workload reads, if it reads a file.
    pub payload: PayloadRecord,
    /// The command of an iteration, as a guest sees it.
    pub command: Vec<String>,
    /// What is measured, in the order in which it is shown. A metric of others of which nobody said which values are the better ones is
    /// not among them.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// The files whose bytes matter: kernel, initramfs, root disk, agent, busybox.
    pub artifacts: Vec<Artifact>,
    /// The contenders, in the order in which they were given.
    pub contenders: Vec<ContenderRecord>,
    /// What the reader must know: changes to a preset, choices made, boots that were retried.
    pub notices: Vec<String>,
    /// Why the run ended early, if it did.
    pub failure: Option<String>,
}

impl Report {
    /// The metric on which verdicts are given.
    pub fn primary(&self) -> Cow<'_, Metric> {
        metric::named(&self.metrics, &self.design.primary)
    }

    /// Whether each boot was measured as a whole: then the times of its iteration's command are aside.
    pub fn measures_boots(&self) -> bool {
        metric::find(&self.metrics, "real").is_some_and(|real| !real.shown)
    }

    /// What is wrong with the names of its contenders or metrics, in a sentence without its end: each stands for one of them.
    pub fn unfit_name(&self) -> Option<String> {
        let contenders = self.contenders.iter().map(|contender| ("contender", contender.name.as_str()));
        let metrics = self.metrics.iter().map(|metric| ("metric", metric.name.as_ref()));
        let mut seen = HashSet::new();
        contenders.chain(metrics).find_map(|(what, name)| match (name.trim(), seen.insert((what, name))) {
            ("", _) => Some(format!("a {what} has no name")),
            (_, false) => Some(format!("two {what}s have the name {:?}", text::excerpt(name, 100))),
            (_, true) => None,
        })
    }
}

/// Where figures come from that firebench did not measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Who wrote them, in which format.
    pub format: ImportFormat,
    /// Name of the file.
    pub name: String,
}

/// The formats of others that firebench reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportFormat {
    /// The JSON of `hyperfine --export-json`.
    Hyperfine,
    /// A CSV with a row for each sample.
    Csv,
    /// Lists of numbers, one file a contender.
    List,
}

impl ImportFormat {
    /// The name in output.
    pub fn name(self) -> &'static str {
        match self {
            ImportFormat::Hyperfine => "hyperfine",
            ImportFormat::Csv => "CSV",
            ImportFormat::List => "lists",
        }
    }
}

/// What firebench itself took, beside the VMs.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Overhead {
    /// Seconds from the start of the command to the start of the first VM of a contender; absent if none was started.
    pub first_vm_seconds: Option<f64>,
    /// CPU seconds that firebench used (in a nested host: the firebench outside of it) during [`Report::duration`].
    pub own_cpu_seconds: f64,
}

/// The emulated machine with a KVM of its own that a run took place in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NestedHost {
    /// Version of the QEMU that emulates it.
    pub qemu: String,
    /// Version of its own kernel, which is not the guests'. Reports of older versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Its command line.
    pub argv: Vec<String>,
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
}

/// The payload, known before the first boot; empty where the workload reads none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayloadRecord {
    /// Size.
    pub bytes: u64,
    /// Its digest.
    pub sha256: String,
    /// Where it comes from, such as `ChaCha12 stream, seed 1`.
    pub source: String,
}

impl PayloadRecord {
    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        *self != PayloadRecord::default()
    }
}

/// A file whose bytes matter to the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is: `kernel`, `initramfs`, `root disk`, `agent`, `busybox`.
    pub role: String,
    /// The contenders that use it; empty where all do.
    #[serde(default)]
    pub contenders: Vec<String>,
    /// File name or package, never a whole path.
    pub name: String,
    /// Version, where one is known.
    pub version: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Digest.
    pub sha256: String,
}

/// One contender and its boots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContenderRecord {
    /// Unique name.
    pub name: String,
    /// Its VMM.
    pub vmm: VmmKind,
    /// What `--version` of the VMM says.
    pub version: String,
    /// The executable.
    pub binary: PathBuf,
    /// Digest of the executable.
    pub sha256: String,
    /// vCPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// What executes its instructions.
    #[serde(default = "kvm")]
    pub accel: Accel,
    /// What only its VMM has; absent for the host.
    #[serde(default)]
    pub settings: Option<Settings>,
    /// How many of it ran at once in each boot.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub concurrent: u32,
    /// Kernel command line as it was given; empty for the host.
    pub cmdline: String,
    /// The command of its iterations, where that is not the run's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// How its VMs were started (the first one; later ones differ in the work directory).
    pub launch: Launch,
    /// Its boots in the order in which they ran.
    pub boots: Vec<BootRecord>,
    /// Its throw-away boots, each at the beginning of a block: they count for nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discarded: Vec<BootRecord>,
    /// Its figures, if firebench did not measure them; then there are no boots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
}

impl Report {
    /// The command of a contender's iterations.
    pub fn command_of<'a>(&'a self, contender: &'a ContenderRecord) -> &'a [String] {
        if contender.command.is_empty() { &self.command } else { &contender.command }
    }
}

fn one() -> u32 {
    1
}

fn is_one(concurrent: &u32) -> bool {
    *concurrent == 1
}

fn kvm() -> Accel {
    Accel::Kvm
}

/// One life of one VM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootRecord {
    /// Block, from 0, scout included: blocks below [`DesignRecord::scout_blocks`] count for nothing.
    pub block: u32,
    /// Place in the order of the block, from 0; in a duet, where all boot at once, the number of the CPU set.
    pub position: u32,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Whether it is a throw-away boot, which ran right before the boot of the same contender at this place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
    /// How it ended.
    pub status: BootStatus,
    /// What went wrong, in a sentence; absent when nothing did.
    pub message: Option<String>,
    /// From the VMM's start until the agent's first frame, by the host's clock.
    pub boot_seconds: Option<f64>,
    /// From the VMM's start until it was gone, by the host's clock.
    pub life_seconds: f64,
    /// When what happened in it; absent where the agent never reported, and in reports of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<Moments>,
    /// The part of the root disk that the host's page cache held before the boot, 0 to 1.
    pub host_cache_resident: Option<f64>,
    /// The guest from inside; what it says that cannot be printed is replaced, here and in the next two.
    pub facts: Option<GuestFacts>,
    /// The whole `/proc/meminfo` before the first iteration.
    pub meminfo_before: Option<String>,
    /// The whole `/proc/meminfo` after the last iteration.
    pub meminfo_after: Option<String>,
    /// The iterations, in order.
    pub iterations: Vec<IterationRecord>,
    /// What its first iteration printed on its standard output, where the workload is a command of the user's: the first 4096 bytes,
    /// printable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// The same of its standard error; absent where that is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complained: Option<String>,
    /// CPU seconds (user, system) that the VMM process used.
    pub vmm_cpu: Option<(f64, f64)>,
    /// All that ran at once in it, where that were several. Then what else is here is the first one's, but for times and metrics: these
    /// are medians of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<AtOnce>,
    /// What its processes had of the host's memory; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
    /// What KVM counted of it; absent where there is no KVM, or nobody may read what it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<BootCounts>,
    /// The CPU of the host that each vCPU's thread was bound to, by vCPU; empty where none was.
    #[serde(default)]
    pub pinned: Vec<u32>,
    /// In a duet, the CPUs of the host that everything of this boot was confined to; else empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u32>,
    /// Seconds, summed over CPUs, for which quotas of control groups kept processes from running during this boot; absent where
    /// the kernel does not say.
    #[serde(default)]
    pub throttled_seconds: Option<f64>,
    /// What the VM had to go without, such as a limit of memory, and why.
    #[serde(default)]
    pub without: Vec<Missing>,
    /// Bytes that the guest wrote to its console.
    pub console_bytes: u64,
    /// The last lines of the console, of the VMM's standard error and of its log, printable and cut; only when the boot failed.
    pub last_words: Vec<String>,
}

impl BootRecord {
    /// A good boot of which nothing is known yet.
    pub fn new(block: u32, position: u32, attempt: u32) -> Self {
        BootRecord {
            block,
            position,
            attempt,
            discarded: false,
            status: BootStatus::Ok,
            message: None,
            boot_seconds: None,
            life_seconds: 0.0,
            moments: None,
            host_cache_resident: None,
            facts: None,
            meminfo_before: None,
            meminfo_after: None,
            iterations: Vec::new(),
            printed: None,
            complained: None,
            vmm_cpu: None,
            at_once: None,
            footprint: None,
            counts: None,
            pinned: Vec::new(),
            cpus: Vec::new(),
            throttled_seconds: None,
            without: Vec::new(),
            console_bytes: 0,
            last_words: Vec::new(),
        }
    }
}

/// One run of the workload inside a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IterationRecord {
    /// From 0; the first one is always shown apart.
    pub index: u32,
    /// `real`, `user`, `sys` in seconds by the guest's clock; by the host's `host_real`, `host_report` (how long the guest's report
    /// took to arrive) and `host_gap` (from the frame before the iteration to its start); and what the workload reads from its output.
    pub metrics: BTreeMap<String, f64>,
    /// What happened meanwhile.
    pub counters: Counters,
    /// The digest that the guest computed; empty where the workload computes none.
    pub digest: String,
    /// In a duet: whether a tenth of it or more ran while another contender of its block had not begun its iterations or was done with
    /// them. Then it counts for nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}
