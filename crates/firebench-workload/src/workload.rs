//! What a workload is.

use std::collections::BTreeMap;
use std::time::Duration;

use firebench_model::experiment::{Experiment, HashLoop};
use firebench_model::metric::Metric;
use firebench_model::plan::Inputs;
use firebench_model::record::{BootRecord, BootStatus, Report};
use firebench_model::service::Load;
use firebench_protocol::IterationReport;
use firebench_text::units::Size;

use crate::reading::{Fault, Reading};

/// Something to run in every contender: the same work for all of them.
pub trait Workload: Sync {
    /// Its name in command lines, experiment files and reports: lower-case letters, digits and hyphens.
    fn name(&self) -> &'static str;

    /// What it is, for the list of workloads in help and experiment files.
    fn about(&self) -> &'static str;

    /// What its figures do not say, in a sentence without its end.
    fn says_nothing_of(&self) -> &'static str;

    /// Flags of the command line that are its own. Two workloads that have the same one mean the same by it.
    fn flags(&self) -> &'static [Flag] {
        &[]
    }

    /// Puts what a user gave with its flags into the experiment.
    ///
    /// # Errors
    /// [`FlagError`] for values that do not go together, or that say nothing.
    fn ask(&self, _given: &Given, _experiment: &mut Experiment) -> Result<(), FlagError> {
        Ok(())
    }

    /// What it reads from its own output, in the order in which it is shown; before the times, which every command has. Verdicts
    /// are given on the first one that can be primary.
    fn metrics(&self) -> &'static [Metric] {
        &[]
    }

    /// Whether it measures each boot as a whole. Then a boot has one iteration, which has what [`Workload::of_boot`] finds for its metrics,
    /// and the times of its command are not shown.
    fn measures_boots(&self) -> bool {
        false
    }

    /// What a good boot comes to as a whole, by metric; `guest` says whether it booted one. What is not known of it is not among them.
    ///
    /// # Errors
    /// Why the boot was not whole, in a sentence, and what it is then.
    fn of_boot(&self, _boot: &BootRecord, _guest: bool) -> Result<BTreeMap<&'static str, f64>, (BootStatus, String)> {
        Ok(BTreeMap::new())
    }

    /// For how long its command holds still before its work, and after it, so that the host can look at what the contender has of its
    /// memory ([`BootRecord::footprint`]), where instructions are emulated or not; None where nobody needs to look.
    fn holds_still(&self, _emulated: bool) -> Option<Duration> {
        None
    }

    /// Whether what it runs is a command of the user's.
    fn is_the_users(&self) -> bool {
        false
    }

    /// What has to be there for the experiment.
    fn needs(&self, experiment: &Experiment, speed: Speed) -> Needs;

    /// What firebench asks of the service that its command is; None where it is none. Then each contender has a network card for that,
    /// the bare host its `lo`, and the values of its metrics by the host's clock come from there.
    fn service(&self, _experiment: &Experiment, _speed: Speed) -> Option<Service> {
        None
    }

    /// Writes into the experiment what the workload chooses itself where that says nothing, as far as the experiment holds it.
    fn choose(&self, _experiment: &mut Experiment, _speed: Speed) {}

    /// What every iteration must answer, of a workload whose answer can be computed before: of an experiment after [`Self::choose`].
    fn answer(&self, _experiment: &Experiment) -> Option<String> {
        None
    }

    /// The command of an iteration, without a shell in between.
    fn command(&self, side: &Side) -> Vec<String>;

    /// How long an iteration may take: far longer than any that is in order.
    fn deadline(&self, inputs: &Inputs, speed: Speed) -> Duration;

    /// What the output of an iteration means, whose command ended as it should. Everything in it is a guest's word.
    ///
    /// # Errors
    /// [`Fault`] where it is not the output of a command that did its work: then the boot has failed.
    fn read(&self, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault>;

    /// What its own instructions do, in a word or two: it is bound by this where they take most of its time.
    fn computing(&self) -> &'static str {
        "its own computing"
    }

    /// What the reader of a run at real speed should know of it as a measure, in whole sentences.
    fn remarks(&self, _run: &Run<'_>) -> Vec<String> {
        Vec::new()
    }
}

impl std::fmt::Debug for dyn Workload + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A flag of a workload.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Its name, without hyphens before it.
    pub name: &'static str,
    /// What stands for its value in help.
    pub value: &'static str,
    /// What it is, in help.
    pub help: &'static str,
    /// What is wrong with a value, as far as it alone can tell.
    pub check: fn(&str) -> Result<(), String>,
}

/// The flag of workloads that read their payload in blocks of the size that the user likes.
pub const BLOCK_FLAG: &str = "block";

/// The flag of workloads that hash a buffer so many times.
pub const ROUNDS_FLAG: &str = "rounds";

/// What a user gave, by the names of flags.
pub type Given = BTreeMap<&'static str, String>;

/// Flags that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{wrong}")]
#[diagnostic(help("{help}"))]
pub struct FlagError {
    /// What is wrong, in a sentence.
    pub wrong: String,
    /// What the user can do.
    pub help: String,
}

impl FlagError {
    /// What makes an error of what is wrong with a value, for which this helps.
    pub fn helped_by(help: &str) -> impl Fn(String) -> FlagError {
        move |wrong| FlagError { wrong, help: help.to_owned() }
    }
}

/// How fast instructions are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// By the CPU.
    Real,
    /// By QEMU alone.
    Emulated,
    /// By the KVM of an emulated machine.
    Nested,
}

impl Speed {
    /// How many times as long as at real speed work may take, to be on the safe side.
    pub fn slowness(self) -> u32 {
        match self {
            Speed::Real => 1,
            Speed::Emulated => 20,
            Speed::Nested => 40,
        }
    }
}

/// What has to be there for a workload, beside busybox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// The experiment's payload: its size where the experiment does not give one. None: it reads no file.
    pub payload: Option<Size>,
}

/// What firebench asks of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Bytes of an answer.
    pub body: Size,
    /// Whether an answer is the payload, which is read from the disk.
    pub from_disk: bool,
    /// What is asked once it answers; nothing where that is all.
    pub load: Option<Load>,
}

/// Where an iteration runs, and what is where there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// The busybox of the host; None in a guest, where each of its applets is a program in `/bin`.
    pub busybox: Option<String>,
    /// The payload.
    pub payload: Option<String>,
    /// One more file to read: the handicap of a contender that has one.
    pub handicap: Option<String>,
    /// Bytes of either file to read at a time, where the experiment says so.
    pub block: Option<Size>,
    /// Bytes of an answer, where the workload is a service and its answers are not the payload.
    pub body: Option<Size>,
    /// The address and the bits of its network that a service has to give the network card, where nobody else does.
    pub card: Option<String>,
    /// What to hash, and how often, where the experiment says so.
    pub hash_loop: Option<HashLoop>,
    /// The words to execute, where the workload is a command of the user's.
    pub own: Vec<String>,
    /// Whether instructions are emulated.
    pub emulated: bool,
}

impl Side {
    /// The words that start an applet of busybox.
    pub fn applet(&self, name: &str) -> Vec<String> {
        match &self.busybox {
            Some(busybox) => vec![busybox.clone(), name.to_owned()],
            None => vec![format!("/bin/{name}")],
        }
    }
}

/// A run to be remarked upon.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// All of it.
    pub report: &'a Report,
    /// Bytes of the payload a second, of the fastest contender; None where there is no payload or no good boot.
    pub fastest: Option<f64>,
    /// Those that an iteration verifiably takes another time in than in the baseline, which did the same work.
    pub differences: &'a [Difference],
}

/// How much longer an iteration takes in a contender than in the baseline, as far as a verdict says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The contender.
    pub contender: String,
    /// What it is compared with.
    pub baseline: String,
    /// Seconds, from the lower end of the verdict's interval to its upper end; both negative where it takes less.
    pub seconds: [f64; 2],
    /// Page faults an iteration that needed no disk, as the contender's own kernel counted them: the median.
    pub faults: f64,
}
