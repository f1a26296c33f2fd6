//! What the reader of a comparison must know before its numbers.

use std::collections::HashSet;

use firebench_model::record::{ContenderRecord, Report, RunEnd};
use firebench_text as text;

use super::refuse::ContenderPair;
use super::{Operand, boots};
use crate::facts::{self, BetweenRuns, RecordedIn, shown};

/// In sentences, the weightiest first; `unlike` names the metrics that the two do not mean alike.
pub fn warnings(a: &Operand, b: &Operand, pairs: &[ContenderPair], unlike: &[String]) -> Vec<String> {
    let (run_a, run_b) = (&a.report, &b.report);
    let mut found: Vec<String> = other_machine(run_a, run_b).into_iter().collect();
    found.extend(cold_against_warm(run_a, run_b, pairs));
    found.extend([("A", run_a), ("B", run_b)].into_iter().flat_map(|(name, run)| ended(name, run)));
    if !unlike.is_empty() {
        let names = text::excerpt(&unlike.join(", "), 300);
        found.push(format!(
            "Not compared, because its unit or which values are better is not the same in A and B: {names}."
        ));
    }
    if run_a.imported.is_some() && pairs.len() > 1 {
        found.push(
            "Contenders are compared by name, each with the one of the same name: whether they are the same thing is yours to know."
                .to_owned(),
        );
    }
    for (of_a, of_b) in pairs {
        let left_out = [("A", run_a, of_a), ("B", run_b, of_b)].map(|(name, run, contender)| {
            let failed = contender.figures.as_ref().map(|figures| figures.failed.len());
            let boots = failed.unwrap_or_else(|| boots::left_out(contender, &run.design));
            (boots > 0).then(|| {
                let boots = text::count(boots, "boot");
                format!("{boots} of {name}'s {} did not end well and count for nothing.", contender.name)
            })
        });
        found.extend(left_out.into_iter().flatten());
    }
    let mut paired_a = HashSet::new();
    let mut paired_b = HashSet::new();
    for (a, b) in pairs {
        paired_a.insert(a.name.as_str());
        paired_b.insert(b.name.as_str());
    }
    let alone = |operand: &Operand, other: &str, is_paired: &dyn Fn(&ContenderRecord) -> bool| {
        let all = operand.report.contenders.iter().filter(|_| operand.contender.is_none());
        let names: Vec<&str> = all.filter(|c| !is_paired(c)).map(|c| c.name.as_str()).collect();
        (!names.is_empty()).then(|| {
            format!("Not compared, because {other} does not have it: {}.", text::excerpt(&names.join(", "), 500))
        })
    };
    if b.contender.is_none() {
        found.extend(alone(a, "B", &|c| paired_a.contains(c.name.as_str())));
    }
    if a.contender.is_none() {
        found.extend(alone(b, "A", &|c| paired_b.contains(c.name.as_str())));
    }
    found
}

/// Other hardware or another kernel is compared along with the contenders.
fn other_machine(a: &Report, b: &Report) -> Option<String> {
    let differing: Vec<String> = facts::recorded()
        .filter_map(|recorded| match (recorded.runs, recorded.read) {
            (BetweenRuns::OtherMachine(name), RecordedIn::Run(read)) => Some((name, read(a), read(b))),
            _ => None,
        })
        .filter(|(_, a, b)| a != b)
        .map(|(name, a, b)| format!("{name} {} against {}", shown(&a, "unknown"), shown(&b, "unknown")))
        .collect();
    (!differing.is_empty()).then(|| {
        format!(
            "The runs are of different machines, which are compared along with the contenders: {}.",
            differing.join("; ")
        )
    })
}

/// An iteration that is alone in its boot counts, cold as it is; elsewhere the first one does not.
fn cold_against_warm(run_a: &Report, run_b: &Report, pairs: &[ContenderPair]) -> Option<String> {
    let cold = |run: &Report, contender: &ContenderRecord| {
        if run.imported.is_some() {
            return run.design.warm_up == 0;
        }
        boots::good(contender, &run.design).iter().any(|boot| boots::warm_up(boot, &run.design) == 0)
    };
    let differs = pairs.iter().any(|(a, b)| cold(run_a, a) != cold(run_b, b));
    differs.then(|| "The first iteration of a boot counts in one of the runs, and not in the other.".to_owned())
}

/// A run that ended before its time.
fn ended(name: &str, run: &Report) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(failure) = &run.failure {
        found.push(format!("{name} failed: {failure}."));
    }
    match run.design.end {
        Some(RunEnd::Verdict) => found.push(format!(
            "{name} ended as soon as it had its verdict, so chance has a part in when it ended: what it found is likely less."
        )),
        Some(RunEnd::Interrupted) => found.push(format!("{name} was interrupted.")),
        _ => {}
    }
    found
}
