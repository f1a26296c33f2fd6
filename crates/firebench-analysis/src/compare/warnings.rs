//! What the reader of a comparison must know before its numbers.

use std::collections::{BTreeSet, HashSet};

use firebench_model::record::{ContenderRecord, Report, RunEnd};
use firebench_stats::Estimand;
use firebench_text as text;

use super::differences;
use super::footing::Footing;
use super::operand::{Operand, Run};
use super::refuse::ContenderPair;
use crate::boots;
use crate::facts::{self, BetweenRuns, RecordedIn, shown};

/// In sentences, the weightiest first; `unlike` names the metrics that the two do not mean alike.
pub fn warnings(a: &Operand, b: &Operand, pairs: &[ContenderPair], unlike: &[String]) -> Vec<String> {
    if Footing::of(a, b) == Footing::WithinRun {
        return ended("The run", a.report()).into_iter().chain(left_out(a, b, pairs)).collect();
    }
    let sides = [("A", a), ("B", b)];
    // The same runs are looked at once, for both contenders.
    let of_runs = if Footing::of(a, b).is_within() { &sides[..1] } else { &sides };
    let runs: Vec<&Run> = of_runs.iter().flat_map(|(_, side)| side.runs()).collect();
    let mut found: Vec<String> = other_machine(&runs).into_iter().collect();
    for (name, side) in sides {
        found.extend(other_contenders(name, side, pairs));
    }
    found.extend(cold_against_warm(&runs, pairs));
    found.extend(other_estimand(&runs));
    for (name, side) in of_runs {
        found.extend(side.runs().flat_map(|run| match side.further.is_empty() {
            true => ended(name, &run.report),
            false => ended(&format!("{} (of {name})", run.given), &run.report),
        }));
    }
    if !unlike.is_empty() {
        let names = text::excerpt(&unlike.join(", "), 300);
        found.push(format!(
            "Not compared, because its unit or which values are better is not the same in A and B: {names}."
        ));
    }
    if a.report().imported.is_some() && pairs.len() > 1 {
        found.push(
            "Contenders are compared by name, each with the one of the same name: whether they are the same thing is yours to know."
                .to_owned(),
        );
    }
    found.extend(left_out(a, b, pairs));
    found.extend(not_compared(a, b, pairs));
    found
}

/// Boots that did not end well, in all runs of a side.
fn left_out(a: &Operand, b: &Operand, pairs: &[ContenderPair]) -> Vec<String> {
    let in_run = |run: &Run, name: &str| {
        let contender = run.report.contenders.iter().find(|contender| contender.name == name);
        contender.map_or(0, |contender| match &contender.figures {
            Some(figures) => figures.failed.len(),
            None => boots::left_out(contender, &run.report.design),
        })
    };
    let sides = pairs.iter().flat_map(|(of_a, of_b)| [("A", a, &of_a.name), ("B", b, &of_b.name)]);
    let sentence = |(side, operand, name): (&str, &Operand, &String)| {
        let boots: usize = operand.runs().map(|run| in_run(run, name)).sum();
        (boots > 0).then(|| {
            let boots = text::count(boots, "boot");
            format!("{boots} of {side}'s {name} did not end well and count for nothing.")
        })
    };
    sides.filter_map(sentence).collect()
}

/// Contenders of one side that the other does not have.
fn not_compared(a: &Operand, b: &Operand, pairs: &[ContenderPair]) -> Vec<String> {
    let mut found = Vec::new();
    let mut paired_a = HashSet::new();
    let mut paired_b = HashSet::new();
    for (a, b) in pairs {
        paired_a.insert(a.name.as_str());
        paired_b.insert(b.name.as_str());
    }
    let alone = |operand: &Operand, other: &str, is_paired: &dyn Fn(&ContenderRecord) -> bool| {
        let all = operand.report().contenders.iter().filter(|_| operand.contender.is_none());
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
fn other_machine(runs: &[&Run]) -> Option<String> {
    let (first, others) = runs.split_first()?;
    let differing: Vec<String> = facts::recorded()
        .filter_map(|recorded| match (recorded.runs, recorded.read) {
            (BetweenRuns::OtherMachine(name), RecordedIn::Run(read)) => Some((name, read)),
            _ => None,
        })
        .filter_map(|(name, read)| {
            let said = |run: &Run| shown(&read(&run.report), "unknown");
            let first = said(first);
            let others: BTreeSet<String> = others.iter().map(|run| said(run)).filter(|other| *other != first).collect();
            let others: Vec<String> = others.into_iter().collect();
            (!others.is_empty()).then(|| format!("{name} {first} against {}", text::list(&others)))
        })
        .collect();
    (!differing.is_empty()).then(|| {
        format!(
            "The runs are of different machines, which are compared along with the contenders: {}.",
            differing.join("; ")
        )
    })
}

/// Runs of a side that are to repeat one another, with contenders that are not the same.
fn other_contenders(name: &str, side: &Operand, pairs: &[ContenderPair]) -> Option<String> {
    let first = side.report();
    let names: HashSet<&str> = pairs.iter().map(|(a, b)| if name == "A" { a.name.as_str() } else { &b.name }).collect();
    let compared = first.contenders.iter().filter(|contender| names.contains(contender.name.as_str()));
    let mut differing = BTreeSet::new();
    for contender in compared {
        for Run { report, .. } in &side.further {
            let other = report.contenders.iter().find(|other| other.name == contender.name);
            let found = other.map(|other| differences::of_contenders((first, contender), (report, other)));
            let said = found.into_iter().flatten();
            differing.extend(said.map(|difference| format!("{}'s {}", contender.name, difference.what)));
        }
    }
    let differing: Vec<String> = differing.into_iter().collect();
    (!differing.is_empty()).then(|| {
        let what = text::excerpt(&text::list(&differing), 500);
        format!("The runs of {name} do not repeat one another: they differ in {what}.")
    })
}

/// An iteration that is alone in its boot counts, cold as it is; elsewhere the first one does not.
fn cold_against_warm(runs: &[&Run], pairs: &[ContenderPair]) -> Option<String> {
    let names: HashSet<&str> = pairs.iter().flat_map(|(a, b)| [a.name.as_str(), b.name.as_str()]).collect();
    let cold = |run: &Report, contender: &ContenderRecord| {
        if run.imported.is_some() {
            return run.design.warm_up == 0;
        }
        boots::good(contender, &run.design).iter().any(|boot| boots::warm_up(boot, &run.design) == 0)
    };
    let compared =
        runs.iter().flat_map(|Run { report, .. }| report.contenders.iter().map(move |of_it| (report, of_it)));
    let compared = compared.filter(|(_, contender)| names.contains(contender.name.as_str()));
    let kinds: BTreeSet<bool> = compared.map(|(run, contender)| cold(run, contender)).collect();
    let which = if runs.len() > 2 {
        "some of the runs, and not in the others"
    } else {
        "one of the runs, and not in the other"
    };
    (kinds.len() > 1).then(|| format!("The first iteration of a boot counts in {which}."))
}

/// Reports of older versions are about the mean of their boots.
fn other_estimand(runs: &[&Run]) -> Option<String> {
    let is_mean = |run: &&Run| run.report.imported.is_none() && run.report.design.estimand == Estimand::Mean;
    let differs = runs.iter().any(is_mean) && !runs.iter().all(is_mean);
    differs.then(|| {
        "What stands for the boots of a run is their mean in one of the runs (a report of an older firebench), and the middle one in another."
            .to_owned()
    })
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
