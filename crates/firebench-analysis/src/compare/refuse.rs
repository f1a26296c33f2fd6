//! Runs that did not measure the same are not compared.

use std::collections::HashMap;

use firebench_model::record::{ContenderRecord, Report};
use firebench_text as text;

use super::footing::{Footing, is_same};
use super::operand::{Operand, Run};
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
    /// Contention is part of what one of them measured.
    #[error(
        "the boots of a block ran {a} in A and {b} in B: contention between contenders is part of what only one measured"
    )]
    #[diagnostic(help("run one of them again like the other, with --duet or without it"))]
    Layout {
        /// How they ran in A.
        a: String,
        /// How in B.
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
    /// A run that would count twice.
    #[error("{one} and {other} are the same run, which cannot count twice")]
    #[diagnostic(help(
        "give different runs; of the same runs, two contenders can be compared: RUNS:CONTENDER RUNS:CONTENDER"
    ))]
    Twice {
        /// What was given for it.
        one: String,
        /// And once more.
        other: String,
    },
    /// Runs of one side that did not do the same.
    #[error("the runs of {side} are not alike in {difference}: {}", values.join(", "))]
    #[diagnostic(help(
        "the runs of a side must carry out the same experiment, as those of `firebench run --repeat-run K` do"
    ))]
    Unlike {
        /// A or B.
        side: &'static str,
        /// In what they differ.
        difference: &'static str,
        /// What it is in the first run, and in the one that is not like it.
        values: Box<[String; 2]>,
    },
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
        Refusal::Layout => CompareError::Layout { a, b },
        Refusal::Meaning => {
            let [a, b] = [run_a, run_b].map(|run| text::excerpt(&run.primary().meaning(), 100));
            CompareError::Meaning { metric: text::excerpt(&run_a.primary().name, 100), a, b }
        }
    }
}

/// Refuses runs of one side that did not do the same, for the first of all reasons.
pub fn unlike_runs(side: &'static str, operand: &Operand) -> Result<(), CompareError> {
    let first = &operand.first;
    for other in &operand.further {
        if let Some((difference, [of_one, of_other])) = first_difference(&first.report, &other.report) {
            let told = |value: &str, run: &Run| format!("{value} in {}", text::excerpt(&run.given, NAMES));
            let values = Box::new([told(&of_one, first), told(&of_other, other)]);
            return Err(CompareError::Unlike { side, difference, values });
        }
    }
    Ok(())
}

/// In what two runs that should be alike are not, and what it is in each.
fn first_difference(one: &Report, other: &Report) -> Option<(&'static str, [String; 2])> {
    let of_run = facts::recorded().find_map(|recorded| {
        let (BetweenRuns::Refused(refusal), RecordedIn::Run(read)) = (recorded.runs, recorded.read) else {
            return None;
        };
        let values = [one, other].map(|run| text::line(&shown(&read(run), "none")));
        let [a, b] = &values;
        (a != b).then(|| (noun(refusal), values.map(|value| text::excerpt(&value, NAMES))))
    });
    let names = [one, other].map(|run| names(&run.contenders.iter().collect::<Vec<_>>()));
    let of_names = || {
        let sorted = |run: &Report| {
            let mut names: Vec<String> = run.contenders.iter().map(|contender| contender.name.clone()).collect();
            names.sort_unstable();
            names
        };
        (sorted(one) != sorted(other)).then_some(("their contenders", names))
    };
    of_run.or_else(of_names)
}

/// What a refusal is about.
fn noun(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Origin => "whether it was imported",
        Refusal::Primary => "their primary metric",
        Refusal::Meaning => "the meaning of their primary metric",
        Refusal::Workload => "their work",
        Refusal::Payload => "their payload",
        Refusal::Layout => "how the boots of a block ran",
    }
}

/// Refuses a run that is held against itself, or that would count twice; contenders of the same runs may be held against each other.
pub fn same(a: &Operand, b: &Operand, pairs: &[ContenderPair]) -> Result<(), CompareError> {
    if Footing::of(a, b) == Footing::WithinRun {
        let itself = pairs.iter().any(|(a, b)| a.name == b.name);
        return if itself { Err(CompareError::Same) } else { Ok(()) };
    }
    // In runs that hold both, each counts once for each of two contenders.
    let both = Footing::of(a, b).is_within() && pairs.iter().all(|(a, b)| a.name != b.name);
    let all: Vec<&Run> = a.runs().chain(b.runs().filter(|_| !both)).collect();
    let twice = all.iter().enumerate().find_map(|(place, one)| {
        let before = all.iter().take(place).find(|other| is_same(&other.report, &one.report))?;
        Some([before, one].map(|run| text::excerpt(&run.given, NAMES)))
    });
    twice.map_or(Ok(()), |[one, other]| Err(CompareError::Twice { one, other }))
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
    operand.report().contenders.iter().filter(is_chosen).collect()
}

/// So many characters of all names are in an error.
const NAMES: usize = 300;

fn names(contenders: &[&ContenderRecord]) -> String {
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { text::excerpt(&names.join(", "), NAMES) }
}
