//! On what a comparison stands: how its two sides came about decides what can be said of them.

use firebench_model::record::Report;
use serde::Serialize;

use super::operand::Operand;

/// How the two sides came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Footing {
    /// They are contenders of one run: what changes on the machine, its blocks cancel. Judged as the run itself judges them.
    WithinRun,
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
            (false, false) => Footing::SeveralRuns,
            _ => Footing::OneRunAgainstSeveral,
        }
    }

    /// Whether there are verdicts on it.
    pub fn is_judged(self) -> bool {
        matches!(self, Footing::WithinRun | Footing::SeveralRuns)
    }
}

/// Whether two reports are of one run. Nothing is measured twice to the last bit; but what measured nothing is alike.
pub fn is_same(a: &Report, b: &Report) -> bool {
    let measured = a.contenders.iter().any(|contender| !contender.boots.is_empty() || contender.figures.is_some());
    let alike = || a.contenders == b.contenders && a.metrics == b.metrics;
    measured && alike() || a.id.is_some() && a.id == b.id
}
