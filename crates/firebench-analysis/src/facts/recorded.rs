//! What a report records of a run and its contenders: how they were set up. Two reports can be held against each other in it before
//! there is a boot.

use firebench_model::record::{ContenderRecord, Report};
use serde::Serialize;
use serde_json::Value;

/// What a report records of a fact.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// Where it is read.
    pub read: RecordedIn,
    /// What it means when two runs that are compared do not share it.
    pub runs: BetweenRuns,
    /// What it means when a stored run and its continuation do not share it.
    pub continued: Continued,
}

/// Where a fact is read.
#[derive(Debug, Clone, Copy)]
pub enum RecordedIn {
    /// From the run; the same for all of its contenders.
    Run(fn(&Report) -> Value),
    /// From the contender.
    Contender(fn(&ContenderRecord) -> Value),
    /// From the files of each role.
    Files,
}

/// What a difference means between two runs that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetweenRuns {
    /// Nothing that another fact does not say.
    Nothing,
    /// It is listed under this name; for files, as this of a role.
    Differ(&'static str),
    /// They took place on different machines: a warning names it like this.
    OtherMachine(&'static str),
    /// They are not compared.
    Refused(Refusal),
}

/// Why two runs are not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Only one of them was measured by firebench.
    Origin,
    /// Verdicts on another metric were declared.
    Primary,
    /// Its values mean something else.
    Meaning,
    /// They did other work.
    Workload,
    /// They read other bytes.
    Payload,
    /// In one of them contenders ran at once.
    Layout,
}

/// What a difference means between a stored run and its continuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// Nothing: the continuation takes it from the stored run, or it changes no result.
    Free,
    /// It would be another run: the error names it like this, after "the".
    Kept(&'static str),
}

/// A value as JSON has it. What has no JSON, such as a path that is not UTF-8, is unknown.
pub(super) fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
