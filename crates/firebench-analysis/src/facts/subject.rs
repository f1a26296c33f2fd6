//! A contender as an audit sees it, and how its facts are read.

use std::collections::BTreeSet;

use firebench_model::huge_pages::pages;
use firebench_model::record::{Artifact, BootRecord, BootStatus, ContenderRecord, Report};
use firebench_protocol::{End, GuestFacts};
use firebench_text as text;
use firebench_vmm::{DescribedSettings, Missing};

/// Length of a digest's beginning that tells files apart.
const DIGEST: usize = 12;

/// A contender of a run, in some of its boots.
#[derive(Debug, Clone)]
pub struct AuditedContender<'a> {
    /// The run.
    pub report: &'a Report,
    /// The contender.
    pub contender: &'a ContenderRecord,
    /// The boots that speak for it.
    boots: Vec<&'a BootRecord>,
    /// What its guest told in the first of them in which it told anything.
    pub guest: Option<&'a GuestFacts>,
    /// Whether it was seen at work: a boot of it was good.
    pub seen: bool,
}

impl<'a> AuditedContender<'a> {
    /// A text that all of its boots have, in a line; None where they differ, as those of a command that prints times, or none has it.
    pub(super) fn always(&self, of: impl Fn(&BootRecord) -> Option<&str>) -> Option<String> {
        let (first, rest) = self.boots.split_first()?;
        let text = of(first)?;
        let same = rest.iter().all(|boot| of(boot) == Some(text));
        same.then(|| if text.is_empty() { "nothing".to_owned() } else { firebench_text::line(text) })
    }

    /// A contender in its good boots; in all of them where none is good.
    pub fn new(report: &'a Report, contender: &'a ContenderRecord) -> Self {
        let good: Vec<_> = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok).collect();
        let boots = if good.is_empty() { contender.boots.iter().collect() } else { good };
        Self::in_boots(report, contender, boots)
    }

    /// A contender in one boot.
    pub fn of_boot(report: &'a Report, contender: &'a ContenderRecord, boot: &'a BootRecord) -> Self {
        Self::in_boots(report, contender, vec![boot])
    }

    fn in_boots(report: &'a Report, contender: &'a ContenderRecord, boots: Vec<&'a BootRecord>) -> Self {
        let guest = boots.iter().find_map(|boot| boot.facts.as_ref());
        let seen = boots.iter().any(|boot| boot.status == BootStatus::Ok);
        AuditedContender { report, contender, boots, guest, seen }
    }

    /// The boots that speak for it.
    pub(super) fn boots(&self) -> &[&'a BootRecord] {
        &self.boots
    }

    /// Whether it runs without a guest, on the host's kernel and files: the bare host, or a container.
    pub fn is_guestless(&self) -> bool {
        !self.contender.vmm.boots_a_guest()
    }

    /// What its files lie on.
    pub(super) fn file_system(&self) -> &'static str {
        if self.is_guestless() { "files of the host" } else { "ext4 on a disk of its own" }
    }

    /// How its guest ends its machine.
    pub(super) fn way_of_ending(&self) -> Option<&'static str> {
        let guest = self.contender.settings.as_ref().filter(|_| !self.is_guestless())?;
        Some(match guest.end() {
            End::Restart => "a restart",
            End::PowerOff => "switching off",
        })
    }

    /// Whose files it sees, where the root is the user's own.
    pub(super) fn owners(&self) -> Option<&'static str> {
        self.report.experiment.files.root.as_ref()?;
        Some(if self.is_guestless() { "all whoever runs firebench" } else { "those of the root" })
    }

    /// Who counts the CPU time of its workload.
    pub(super) fn cpu_account(&self) -> String {
        let own = self.contender.vmm.own_cpu_account;
        own.map_or_else(|| "what the CPUs gave".to_owned(), |why| format!("its own ({why})"))
    }

    /// What executes instructions, and whether that is emulated in turn.
    pub(super) fn accelerator(&self) -> String {
        let beneath = if self.report.nested_host.is_some() { " in an emulated machine" } else { "" };
        format!("{}{beneath}", self.contender.accel)
    }

    /// CPUs: those that the guest sees, which should be those that were given.
    pub(super) fn vcpus(&self) -> String {
        self.guest.map_or(self.contender.vcpus, |guest| guest.cpu.online).to_string()
    }

    /// Whether it has a network card of its own. None can be had by the bare host.
    pub(super) fn card(&self) -> Option<bool> {
        self.contender.vmm.card.map(|_| self.contender.launch.has_card())
    }

    /// What is between its workload and that card.
    pub(super) fn way_to_card(&self) -> Option<String> {
        self.contender.vmm.card.filter(|_| self.contender.launch.has_card()).map(str::to_owned)
    }

    /// Memory as given; the host's needs a control group that limits it.
    pub(super) fn memory(&self) -> String {
        if self.boots.iter().any(|boot| lacks_memory_limit(boot)) {
            return "not limited".to_owned();
        }
        format!("{} MiB", self.contender.memory_mib)
    }

    /// What it had to go without, but for [`AuditedContender::memory`].
    pub(super) fn without(&self) -> String {
        let notes = self.boots.iter().flat_map(|boot| &boot.without);
        let notes: BTreeSet<String> =
            notes.filter(|missing| !matches!(missing, Missing::MemoryLimit(_))).map(Missing::to_string).collect();
        if notes.is_empty() { "nothing".to_owned() } else { notes.into_iter().collect::<Vec<_>>().join("; ") }
    }

    /// The digests that its iterations gave; that of the run's payload where none ran.
    pub(super) fn payload(&self) -> String {
        let digests = self.boots.iter().flat_map(|boot| &boot.iterations).map(|iteration| iteration.digest.as_str());
        let digests: BTreeSet<&str> = digests.map(short).collect();
        if digests.is_empty() { short(&self.report.payload.sha256).to_owned() } else { join(digests) }
    }

    /// The work that it has more than the others, where that was asked for.
    pub(super) fn handicap(&self) -> String {
        let mut specs = self.report.experiment.contenders.iter();
        let spec = specs.find(|spec| spec.name == self.contender.name);
        let handicap = spec.and_then(|spec| spec.handicap);
        handicap.map_or("none".to_owned(), |share| share.to_string())
    }

    /// The files of a role that it uses; none where the report names none. The bare host boots nothing.
    pub(super) fn file(&self, role: &str) -> Option<String> {
        if self.is_guestless() && !["agent", "busybox"].contains(&role) {
            return None;
        }
        let uses = |artifact: &&Artifact| {
            artifact.role == role
                && (artifact.contenders.is_empty() || artifact.contenders.contains(&self.contender.name))
        };
        let files = self.report.artifacts.iter().filter(uses);
        let files: BTreeSet<String> = files.map(|file| format!("{} ({})", file.name, short(&file.sha256))).collect();
        (!files.is_empty()).then(|| files.into_iter().collect::<Vec<_>>().join(", "))
    }

    /// The CPUs of the host that it is bound to.
    pub(super) fn pinned(&self) -> String {
        if let Some(boot) = self.boots.first().filter(|_| self.report.design.duet) {
            return format!("{} of its own in each block, drawn by chance", text::count(boot.cpus.len(), "CPU"));
        }
        let bound = self.boots.first().map(|boot| boot.pinned.as_slice()).unwrap_or_default();
        let bound = if bound.is_empty() { self.contender.launch.cpus.as_deref().unwrap_or_default() } else { bound };
        let cpus: BTreeSet<u32> = bound.iter().copied().collect();
        if cpus.is_empty() {
            return "any CPU".to_owned();
        }
        format!("CPU {}", cpus.iter().map(u32::to_string).collect::<Vec<_>>().join(", "))
    }

    /// Whether the host's page cache held what is read before its boots.
    pub(super) fn host_cache(&self) -> Option<String> {
        // Pages of other uses come and go: a twentieth is neither here nor there.
        const FEW: f64 = 0.05;
        let known: Vec<f64> = self.boots.iter().filter_map(|boot| boot.host_cache_resident).collect();
        let all = |is: fn(f64) -> bool| known.iter().all(|&share| is(share));
        let state = match known.is_empty() {
            true => return None,
            false if all(|share| share >= 1.0 - FEW) => "warm",
            false if all(|share| share <= FEW) => "cold",
            false => "between warm and cold",
        };
        Some(state.to_owned())
    }

    /// What its VMM was set to.
    pub(super) fn set(&self) -> Option<DescribedSettings> {
        self.contender.settings.as_ref()?.describe()
    }

    /// The size of the pages that hold its guest's memory.
    pub(super) fn pages(&self) -> Option<String> {
        // The nested host has a setting of its own, which nobody has looked at.
        let host = self.report.host.transparent_huge_pages.as_deref().filter(|_| self.report.nested_host.is_none());
        self.set().map(|set| pages(&set, host).to_owned())
    }
}

fn lacks_memory_limit(boot: &BootRecord) -> bool {
    boot.without.iter().any(|missing| matches!(missing, Missing::MemoryLimit(_)))
}

/// Whether the limit of a contender's memory was in force in all of its boots.
pub fn is_memory_limited(contender: &ContenderRecord) -> bool {
    !contender.boots.iter().any(lacks_memory_limit)
}

/// The beginning of a digest.
fn short(digest: &str) -> &str {
    digest.char_indices().nth(DIGEST).map_or(digest, |(end, _)| digest.get(..end).unwrap_or(digest))
}

fn join(words: BTreeSet<&str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
