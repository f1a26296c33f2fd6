//! What a run showed of a contender: how a fact is read, and what it means when two contenders do not share it.

use std::collections::BTreeMap;

use firebench_model::kernel_text::marked;
use firebench_model::record::Report;
use firebench_protocol::GuestFacts;
use firebench_vmm::DescribedSettings;

use super::classes;
use super::rank::Rank::{self, Harmless};
use super::subject::AuditedContender;

/// A fact of a contender as its run showed it.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What a difference means between two VMs.
    pub rank: Rank,
    /// What it means where one of the two alone is a VM; none where it comes with being no VM.
    pub beside_host: Option<Rank>,
    /// Why, in a sentence without its end.
    pub why: &'static str,
    /// Why it may be the reason where whole boots are measured, if it does nothing for the time of an iteration.
    pub in_boots: Option<&'static str>,
    /// Facts, or [`VMM`], from which a difference in this one may follow.
    pub follows: &'static [&'static str],
    /// How it is read.
    pub read: Read,
}

/// The name of what is compared, where facts follow from it.
pub const VMM: &str = "VMM";

/// The name of where the files lie in the root disk.
pub const LAYOUT: &str = "layout of the files";

/// The name of the file that another layout makes another one, with the same in it.
pub const ROOT_DISK: &str = "root disk";

/// How a fact is read.
#[derive(Debug, Clone, Copy)]
pub enum Read {
    /// From all that is known of the contender.
    Text(fn(&AuditedContender) -> Option<String>),
    /// From what its guest told.
    Guest(fn(&GuestFacts) -> String),
    /// From what its guest told of the queue of its disk.
    Block(&'static str),
    /// From its VMM's settings.
    Set(fn(DescribedSettings) -> Option<String>),
    /// From the files of this role.
    File(&'static str),
    /// A set of words, of which those matter that one side alone has.
    Words(fn(&AuditedContender) -> Option<Vec<String>>),
    /// The same of the whole run.
    Run(fn(&Report) -> Vec<String>),
    /// What one of two contenders has that the other one lacks.
    Pair(fn(&AuditedContender, &AuditedContender) -> Option<Values>),
    /// A number, how to write it, and what a small difference means.
    Number(fn(&GuestFacts) -> f64, fn(f64) -> String, Within),
}

/// A small difference between two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Within {
    /// Up to this share of the larger one.
    pub share: f64,
    /// Its rank; none where it is not worth a word.
    pub rank: Option<Rank>,
}

/// A fact of one contender.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// As it is.
    Text(String),
    /// A set.
    Words(Vec<String>),
    /// A number above 0.
    Number(f64),
}

impl Seen {
    /// Why a difference in it matters, or does not, to what a report measured.
    pub fn why(&self, report: &Report) -> &'static str {
        self.in_boots.filter(|_| report.measures_boots()).unwrap_or(self.why)
    }

    /// Reads it; none where it is not known.
    pub fn of(&self, subject: &AuditedContender) -> Option<Value> {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty()).map(Value::Text);
        match &self.read {
            Read::Text(read) => text(read(subject)),
            Read::Guest(read) => text(subject.guest.map(read)),
            Read::Block(name) => {
                text(subject.guest.and_then(|guest| guest.block.get(*name)).map(|value| chosen(value)))
            }
            Read::Set(read) => text(subject.set().and_then(read)),
            Read::File(role) => text(subject.file(role)),
            Read::Words(read) => read(subject).map(Value::Words),
            Read::Pair(_) => None,
            Read::Run(read) => Some(Value::Words(read(subject.report))),
            Read::Number(read, ..) => subject.guest.map(read).filter(|&number| number > 0.0).map(Value::Number),
        }
    }

    /// Writes a value of it.
    pub fn write(&self, value: &Value) -> String {
        match (value, &self.read) {
            (Value::Text(text), _) => text.clone(),
            (Value::Words(words), _) => words.join(" "),
            (Value::Number(number), Read::Number(_, write, _)) => write(*number),
            (Value::Number(number), _) => number.to_string(),
        }
    }
}

/// Which CPU the contender shows: the host as it is.
pub(super) fn cpu(subject: &AuditedContender) -> Option<String> {
    let set = subject.set().map(|set| set.cpu);
    if subject.is_guestless() { Some(DescribedSettings::PASSED_THROUGH.to_owned()) } else { set }
}

/// The CPU flags of a class.
pub(super) fn flags(subject: &AuditedContender, class: Rank) -> Option<Vec<String>> {
    let flags = subject.guest?.cpu.flags.iter();
    Some(flags.filter(|flag| classes::flag(flag) == class).cloned().collect())
}

/// The words of a class of the command line that the kernel had; where it did not tell, of the one that it was given.
pub(super) fn words(subject: &AuditedContender, class: Rank) -> Option<Vec<String>> {
    let line = subject.guest.map_or(&subject.contender.cmdline, |guest| &guest.cmdline);
    Some(line.split_ascii_whitespace().filter(|word| classes::word(word) == class).map(str::to_owned).collect())
}

/// The word in brackets of a list in which the kernel marks its choice; everything where none is marked.
pub(super) fn chosen(list: &str) -> String {
    marked(list).unwrap_or(list).to_owned()
}

/// What the kernel does about each vulnerability. Its guess whether hyper-threads are in use ("SMT Host state unknown")
/// goes with the number of vCPUs and does nothing.
pub(super) fn mitigations(states: &BTreeMap<String, String>) -> Vec<String> {
    let state = |state: &str| {
        let known = state.split_once("SMT ").map_or(state, |(known, _)| known);
        known.trim_end_matches([' ', ',', ';']).to_owned()
    };
    states.iter().map(|(name, text)| format!("{name}: {}", state(text))).collect()
}

/// What of the host changes times.
pub(super) fn host(report: &Report) -> Vec<String> {
    let host = &report.host;
    let on = |name: &str, known: Option<bool>| known.map(|on| format!("{name} {}", if on { "on" } else { "off" }));
    let text = |name: &str, known: &Option<String>| known.as_ref().map(|value| format!("{name} {value}"));
    let cpus = match (host.cpus, host.usable_cpus()) {
        (Some(cpus), Some(usable)) if usable < cpus => {
            host.allowed_cpus.as_ref().map(|list| format!("allowed CPUs {list}"))
        }
        _ => None,
    };
    let facts = [
        cpus,
        host.quota_in_words().map(|quota| format!("a quota of {quota}")),
        text("kernel", &host.kernel),
        text("clocksource", &host.clocksource),
        text("transparent huge pages", &host.transparent_huge_pages),
        on("KSM", host.ksm),
        on("DAMON's paging out", host.damon),
        on("SMT", host.smt),
        on("turbo", host.turbo),
        (!host.governors.is_empty()).then(|| format!("governor {}", host.governors.join(", "))),
    ];
    facts.into_iter().flatten().chain(mitigations(&host.mitigations)).collect()
}

/// Guests given the same memory see MemTotals that differ by what the VMM's tables and the kernel's memory for each
/// vCPU take: with 2 vCPUs and 1, in the published benchmark, 172 kB of 1 GiB. A page cache that is larger by a
/// hundredth part can save no more than a hundredth part of the reads.
pub(super) const MEMORY: Within = Within { share: 0.01, rank: Some(Harmless) };

/// The kernel measures a frequency anew in each boot.
pub(super) const FREQUENCY: Within = Within { share: 0.01, rank: None };

/// What a fact is on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// The values.
    Texts([String; 2]),
    /// Words that only one side has.
    Only([Vec<String>; 2]),
}

#[cfg(test)]
mod tests {
    use super::{chosen, mitigations};

    #[test]
    fn what_the_kernel_chose() {
        for (list, choice) in
            [("always [madvise] never", "madvise"), ("[none] mq-deadline", "none"), ("128", "128"), ("]a[", "]a[")]
        {
            assert_eq!(chosen(list), choice);
        }
    }

    #[test]
    fn the_guess_about_hyper_threads_is_no_mitigation() {
        let states = [
            ("mds", "Mitigation: Clear CPU buffers; SMT Host state unknown"),
            ("l1tf", "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable"),
            ("meltdown", "Not affected"),
        ];
        let states = states.map(|(name, state)| (name.to_owned(), state.to_owned())).into_iter().collect();
        let plain = [
            "l1tf: Mitigation: PTE Inversion; VMX: conditional cache flushes",
            "mds: Mitigation: Clear CPU buffers",
            "meltdown: Not affected",
        ];
        assert_eq!(mitigations(&states), plain);
    }
}
