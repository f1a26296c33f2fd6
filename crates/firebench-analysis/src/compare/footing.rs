//! On what a comparison stands: how its two sides came about decides what can be said of them.

use firebench_model::record::Report;
use serde::Serialize;

use super::operand::{Operand, Run};

/// How the two sides came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Footing {
    /// They are contenders of one run: what changes on the machine, its blocks cancel. Judged as the run itself judges them.
    WithinRun,
    /// They are contenders of the same runs, three at least: each run has an estimate of its own, and the run is the replicate.
    WithinRuns,
    /// They are contenders of the same two runs: described, and not judged.
    WithinTwoRuns,
    /// One run each: what else differs between two runs cannot be told from the contenders. Described, and not judged.
    OneRunEach,
    /// Two runs on each side at least: the run is the replicate, and its spread is in the interval.
    SeveralRuns,
    /// Several runs on one side alone: described, and not judged.
    OneRunAgainstSeveral,
}

impl Footing {
    /// That of two sides.
    pub fn of(a: &Operand, b: &Operand) -> Self {
        match (a.further.is_empty(), b.further.is_empty()) {
            (true, true) if is_same(a.report(), b.report()) => Footing::WithinRun,
            (true, true) => Footing::OneRunEach,
            (false, false) if are_same(a, b) => match a.further.len() {
                0 | 1 => Footing::WithinTwoRuns,
                _ => Footing::WithinRuns,
            },
            (false, false) => Footing::SeveralRuns,
            _ => Footing::OneRunAgainstSeveral,
        }
    }

    /// Whether there are verdicts on it.
    pub fn is_judged(self) -> bool {
        matches!(self, Footing::WithinRun | Footing::WithinRuns | Footing::SeveralRuns)
    }

    /// Whether both sides are the same run or runs, in which the contenders took turns.
    pub fn is_within(self) -> bool {
        matches!(self, Footing::WithinRun | Footing::WithinRuns | Footing::WithinTwoRuns)
    }
}

/// Whether both sides are the same runs, in whatever order.
fn are_same(a: &Operand, b: &Operand) -> bool {
    let has = |one: &Operand, run: &Run| one.runs().any(|other| is_same(&other.report, &run.report));
    a.runs().count() == b.runs().count() && a.runs().all(|run| has(b, run)) && b.runs().all(|run| has(a, run))
}

/// Whether two reports are of one run. Nothing is measured twice to the last bit; but what measured nothing is alike.
pub fn is_same(a: &Report, b: &Report) -> bool {
    let measured = a.contenders.iter().any(|contender| !contender.boots.is_empty() || contender.figures.is_some());
    let alike = || a.contenders == b.contenders && a.metrics == b.metrics;
    measured && alike() || a.id.is_some() && a.id == b.id
}
