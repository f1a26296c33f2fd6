//! What the guests saw of their machines, side by side: a comparison is fair only as far as these are equal. Pure.

use std::collections::{BTreeMap, BTreeSet};

use firebench_protocol::GuestFacts;

use crate::record::{BootStatus, ContenderRecord};

/// Length of a value that fits into a list.
const SHORT: usize = 16;

/// One fact about every contender's guest, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The contenders' values, in their order; none where no boot told.
    pub values: Vec<Option<String>>,
}

impl Fact {
    /// Whether two contenders that told anything told different things.
    pub fn differs(&self) -> bool {
        self.values.iter().flatten().collect::<BTreeSet<_>>().len() > 1
    }

    /// `vCPUs online (2, 1)`; only the name where a value is long.
    fn phrase(&self) -> String {
        let values: Vec<&str> = self.values.iter().map(|value| value.as_deref().unwrap_or("?")).collect();
        if values.iter().all(|value| value.len() <= SHORT) {
            format!("{} ({})", self.name, values.join(", "))
        } else {
            self.name.clone()
        }
    }
}

/// CPU flags that the baseline and another contender do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagDifference {
    /// The contender that is compared with the first one.
    pub contender: usize,
    /// Flags that only the first contender has, in its order.
    pub only_baseline: Vec<String>,
    /// Flags that only the other one has, in its order.
    pub only_contender: Vec<String>,
}

/// Guests compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guests {
    /// The contenders' names.
    pub contenders: Vec<String>,
    /// CPU, clock, memory, kernel and its command line, modules.
    pub machine: Vec<Fact>,
    /// Settings of the root device's queue.
    pub block: Vec<Fact>,
    /// `/sys/devices/system/cpu/vulnerabilities/*`.
    pub mitigations: Vec<Fact>,
    /// One entry for each contender after the first, if both told.
    pub flags: Vec<FlagDifference>,
}

impl Guests {
    /// The facts that differ, each with its values where they are short.
    pub fn differing(&self) -> Vec<String> {
        let facts = self.machine.iter().chain(&self.block).chain(&self.mitigations);
        let mut names: Vec<String> = facts.filter(|fact| fact.differs()).map(Fact::phrase).collect();
        for difference in &self.flags {
            let (first, other) = (difference.only_baseline.len(), difference.only_contender.len());
            if let (true, [baseline, ..], Some(contender)) =
                (first + other > 0, self.contenders.as_slice(), self.contenders.get(difference.contender))
            {
                names.push(format!("CPU flags ({first} only in {baseline}, {other} only in {contender})"));
            }
        }
        names
    }
}

/// What a contender's guest told: in its first good boot, else in the first boot in which it told anything.
pub fn first_facts(contender: &ContenderRecord) -> Option<&GuestFacts> {
    let good = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok);
    good.chain(&contender.boots).find_map(|boot| boot.facts.as_ref())
}

/// Compares the contenders' guests.
pub fn compare(contenders: &[ContenderRecord]) -> Guests {
    let facts: Vec<Option<&GuestFacts>> = contenders.iter().map(first_facts).collect();
    let machine = MACHINE
        .iter()
        .map(|(name, value)| Fact { name: (*name).to_owned(), values: facts.iter().map(|f| f.map(value)).collect() })
        .collect();
    Guests {
        contenders: contenders.iter().map(|contender| contender.name.clone()).collect(),
        machine,
        block: by_key("root disk", &facts, |f| &f.block),
        mitigations: by_key("mitigation", &facts, |f| &f.mitigations),
        flags: flag_differences(&facts),
    }
}

/// A fact's name, and how to read it.
type Reader = (&'static str, fn(&GuestFacts) -> String);

const MACHINE: [Reader; 11] = [
    ("vCPUs online", |f| f.cpu.online.to_string()),
    ("CPU vendor", |f| f.cpu.vendor.clone()),
    ("CPU model", |f| f.cpu.model.clone()),
    ("MemTotal", |f| format!("{} kB", f.mem_total_bytes / 1024)),
    ("clocksource", |f| f.clocksource.clone()),
    ("available clocksources", |f| f.clocksources.join(" ")),
    ("kernel release", |f| f.kernel_release.clone()),
    ("kernel version", |f| f.kernel_version.clone()),
    ("kernel command line", |f| f.cmdline.clone()),
    ("modules", |f| f.modules.join(" ")),
    ("transparent huge pages", |f| f.transparent_hugepage.clone()),
];

fn by_key(kind: &str, facts: &[Option<&GuestFacts>], map: fn(&GuestFacts) -> &BTreeMap<String, String>) -> Vec<Fact> {
    let names: BTreeSet<&String> = facts.iter().flatten().flat_map(|&f| map(f).keys()).collect();
    let value = |f: &GuestFacts, name: &String| map(f).get(name).cloned().unwrap_or_else(|| "absent".to_owned());
    names
        .into_iter()
        .map(|name| Fact {
            name: format!("{kind}: {name}"),
            values: facts.iter().map(|f| f.map(|f| value(f, name))).collect(),
        })
        .collect()
}

fn flag_differences(facts: &[Option<&GuestFacts>]) -> Vec<FlagDifference> {
    let Some(Some(baseline)) = facts.first() else { return Vec::new() };
    let others = facts.iter().enumerate().skip(1);
    others
        .filter_map(|(contender, other)| {
            let (a, b) = (&baseline.cpu.flags, &(*other)?.cpu.flags);
            Some(FlagDifference { contender, only_baseline: without(a, b), only_contender: without(b, a) })
        })
        .collect()
}

fn without(flags: &[String], others: &[String]) -> Vec<String> {
    let others: BTreeSet<&String> = others.iter().collect();
    flags.iter().filter(|flag| !others.contains(flag)).cloned().collect()
}
