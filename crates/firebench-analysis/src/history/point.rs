//! What is kept of a run: a value of each contender, and how the two were set up.

use std::collections::BTreeMap;
use std::rc::Rc;

use firebench_model::record::{ContenderRecord, Report};
use serde::Serialize;
use serde_json::Value;

use crate::facts::{BLOCKS, BetweenRuns, Difference, FACTS, LAYOUT, ROOT_DISK, RecordedIn, VMM, between};

/// A run of a contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// Id of the run.
    pub run: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// The contender's typical boot in that run, as its table shows it, in the metric's unit.
    pub value: f64,
    /// How run and contender were set up.
    #[serde(skip)]
    pub(super) setup: Rc<Setup>,
}

impl Point {
    /// In what it was set up otherwise than the point before it. Another layout, and with it another root disk, is what repeated runs
    /// have, and no change.
    pub(super) fn since(&self, before: &Point) -> Vec<Difference> {
        let old: BTreeMap<&str, &Value> = before.setup.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let moved = self.setup.iter().any(|(name, value)| name == LAYOUT && old.get(LAYOUT) != Some(&value));
        let new = self.setup.iter().filter(|(name, _)| !moved || ![LAYOUT, ROOT_DISK].contains(&name.as_str()));
        new.flat_map(|(name, value)| between(name, old.get(name.as_str()).copied().unwrap_or(&Value::Null), value))
            .collect()
    }
}

/// Runs that do not belong, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// In words that fit behind "left out:", such as `emulated` or `another payload`.
    pub reason: String,
    /// How many.
    pub runs: usize,
}

/// Facts by their names.
pub(super) type Setup = Vec<(String, Value)>;

/// What is the same in all runs that belong together, by the names of the facts.
pub type Same = BTreeMap<&'static str, Value>;

/// Facts of a run that all runs of a history share.
const OF_A_RUN: [&str; 5] = ["command", "payload", "accelerator", "host CPU", BLOCKS];

/// Facts of a contender that it has in all runs of a history.
const OF_A_CONTENDER: [&str; 3] = [VMM, "vCPUs", "memory"];

/// Facts that are another in every run.
const ALWAYS_OTHERS: [&str; 2] = ["seed", "host"];

/// What all runs of a history share, as this one has it.
pub(super) fn same(report: &Report) -> Same {
    let of_a_run = FACTS.iter().filter(|fact| OF_A_RUN.contains(&fact.name));
    let read = of_a_run.filter_map(|fact| match fact.recorded?.read {
        RecordedIn::Run(read) => Some((fact.name, read(report))),
        _ => None,
    });
    read.collect()
}

/// What a contender has in all runs of a history, as this run has it.
pub(super) fn same_of(contender: &ContenderRecord) -> Same {
    let of_a_contender = FACTS.iter().filter(|fact| OF_A_CONTENDER.contains(&fact.name));
    let read = of_a_contender.filter_map(|fact| match fact.recorded?.read {
        RecordedIn::Contender(read) => Some((fact.name, read(contender))),
        _ => None,
    });
    read.collect()
}

/// Everything else that may explain why a run and a contender in it came out otherwise.
pub(super) fn setup(report: &Report, contender: &ContenderRecord) -> Setup {
    let listed = FACTS.iter().filter(|fact| !ALWAYS_OTHERS.contains(&fact.name)).filter_map(|fact| {
        let recorded = fact.recorded?;
        match recorded.runs {
            BetweenRuns::Differ(name) => Some((name.to_owned(), recorded.read)),
            BetweenRuns::OtherMachine(name) => Some((format!("host's {name}"), recorded.read)),
            BetweenRuns::Nothing | BetweenRuns::Refused(_) => None,
        }
    });
    let read = listed.flat_map(|(name, read)| match read {
        RecordedIn::Run(read) => vec![(name, read(report))],
        RecordedIn::Contender(read) => vec![(name, read(contender))],
        RecordedIn::Files => files(report, contender),
    });
    read.collect()
}

/// The version of each file that the contender uses, or its digest where none is known.
fn files(report: &Report, contender: &ContenderRecord) -> Setup {
    let used =
        report.artifacts.iter().filter(|file| file.contenders.is_empty() || file.contenders.contains(&contender.name));
    let file = |file: &firebench_model::record::Artifact| {
        let short = file.sha256.chars().take(12).collect::<String>();
        let version = file.version.as_ref().map(|version| format!("{version} ({short})"));
        (file.role.clone(), Value::String(version.unwrap_or(short)))
    };
    used.map(file).collect()
}
