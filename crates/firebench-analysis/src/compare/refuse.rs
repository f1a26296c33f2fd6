//! Runs that did not measure the same are not compared.

use std::collections::HashMap;

use firebench_model::record::{ContenderRecord, Report};
use firebench_text as text;

use super::Operand;
use crate::facts::{self, BetweenRuns, RecordedIn, Refusal, shown};
use crate::gate::{UnknownContender, WrongMetric};

/// Why two runs are not compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum CompareError {
    /// Other verdicts were declared before the runs.
    #[error("the primary metric of A is {a}, that of B {b}")]
    #[diagnostic(help(
        "a verdict is given on the metric that was declared before the run: run one of them again with the other's"
    ))]
    Primary {
        /// A's.
        a: String,
        /// B's.
        b: String,
    },
    /// Values that are no match.
    #[error("{metric} is not the same in both: in A {a}, in B {b}")]
    #[diagnostic(help(
        "compare runs of the same workload; of imported figures, --unit and --better say what the metric is"
    ))]
    Meaning {
        /// The metric.
        metric: String,
        /// What it is in A.
        a: String,
        /// In B.
        b: String,
    },
    /// Other work.
    #[error("the runs did not do the same work: A {a}, B {b}")]
    #[diagnostic(help("run one of them again from the other's report: `firebench run --from report.md`"))]
    Workload {
        /// A's workload and command.
        a: String,
        /// B's.
        b: String,
    },
    /// Other bytes.
    #[error("the workload did not read the same bytes: in A {a}, in B {b}")]
    #[diagnostic(help("give both runs the same payload, for example with the same --size and --payload"))]
    Payload {
        /// A's size and digest.
        a: String,
        /// B's.
        b: String,
    },
    /// No contender of one is in the other.
    #[error("the runs share no contender: A has {a}, B has {b}")]
    #[diagnostic(help("name one of each, as RUN:CONTENDER"))]
    NoPair {
        /// A's, or the one that was named.
        a: String,
        /// B's.
        b: String,
    },
    /// One was measured by firebench, and one was not.
    #[error("one of the two was measured by firebench, the other was imported: they did not do the same work")]
    #[diagnostic(help("compare two runs of firebench, or two files of others"))]
    Origin,
    /// The same on both sides.
    #[error("A and B are the same run: there is nothing to compare")]
    #[diagnostic(help("give two runs, or two contenders of one: RUN:CONTENDER RUN:CONTENDER"))]
    Same,
    /// A limit does not go with the metrics that are compared.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] WrongMetric),
    /// A limit names a contender that is not compared.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Limit(#[from] UnknownContender),
}

/// Refuses runs that did not measure the same, for the first of all reasons.
pub fn unlike(run_a: &Report, run_b: &Report) -> Result<(), CompareError> {
    for recorded in facts::recorded() {
        let (BetweenRuns::Refused(refusal), RecordedIn::Run(read)) = (recorded.runs, recorded.read) else { continue };
        let [a, b] = [run_a, run_b].map(|run| text::line(&shown(&read(run), "none")));
        if a != b {
            return Err(refused(refusal, (run_a, a), (run_b, b)));
        }
    }
    Ok(())
}

/// The error of a refusal, from what the fact is in both runs.
fn refused(refusal: Refusal, (run_a, a): (&Report, String), (run_b, b): (&Report, String)) -> CompareError {
    match refusal {
        Refusal::Origin => CompareError::Origin,
        Refusal::Primary => CompareError::Primary { a, b },
        Refusal::Workload => CompareError::Workload { a, b },
        Refusal::Payload => CompareError::Payload { a, b },
        Refusal::Meaning => {
            let [a, b] = [run_a, run_b].map(|run| text::excerpt(&run.primary().meaning(), 100));
            CompareError::Meaning { metric: text::excerpt(&run_a.primary().name, 100), a, b }
        }
    }
}

/// Refuses a run that is held against itself; contenders of one run may be held against each other.
///
/// # Errors
/// [`CompareError::Same`].
pub fn same(a: &Operand, b: &Operand) -> Result<(), CompareError> {
    // Nothing is measured twice to the last bit.
    let is_one = a.report.contenders == b.report.contenders || a.report.id.is_some() && a.report.id == b.report.id;
    let Ok(pairs) = pairs(a, b) else { return Ok(()) };
    if is_one && pairs.iter().any(|(a, b)| a.name == b.name) { Err(CompareError::Same) } else { Ok(()) }
}

/// A contender of A, and the one of B that is held against it.
pub type ContenderPair<'a> = (&'a ContenderRecord, &'a ContenderRecord);

/// The contenders of both by name; one against one, whatever their names.
pub fn pairs<'a>(a: &'a Operand, b: &'a Operand) -> Result<Vec<ContenderPair<'a>>, CompareError> {
    let (of_a, of_b) = (chosen(a), chosen(b));
    let pairs: Vec<ContenderPair> = match (of_a.as_slice(), of_b.as_slice()) {
        ([a], [b]) => vec![(a, b)],
        _ => {
            let by_name: HashMap<&str, &ContenderRecord> = of_b.iter().rev().map(|b| (b.name.as_str(), *b)).collect();
            of_a.iter().filter_map(|a| Some((*a, *by_name.get(a.name.as_str())?))).collect()
        }
    };
    if pairs.is_empty() {
        return Err(CompareError::NoPair { a: names(&of_a), b: names(&of_b) });
    }
    Ok(pairs)
}

/// The contender that was named, or all.
fn chosen(operand: &Operand) -> Vec<&ContenderRecord> {
    let is_chosen =
        |contender: &&ContenderRecord| operand.contender.as_ref().is_none_or(|name| contender.name == *name);
    operand.report.contenders.iter().filter(is_chosen).collect()
}

/// So many characters of all names are in an error.
const NAMES: usize = 300;

fn names(contenders: &[&ContenderRecord]) -> String {
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { text::excerpt(&names.join(", "), NAMES) }
}
