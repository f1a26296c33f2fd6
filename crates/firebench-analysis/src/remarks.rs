//! What the workload of a run says of it as a measure, from the figures and from the verdicts. Pure.

use firebench_model::metric::{Clock, Metric};
use firebench_stats::{Scale, Verdict};
use firebench_workload::{Difference, Run};

use crate::findings::Findings;
use crate::judged::Judged;
use crate::summary::Pair;

/// The sentences.
pub fn remarks(findings: &Findings) -> Vec<String> {
    let (report, exercises) = (findings.report, &findings.exercises);
    let fastest = exercises.iter().filter_map(|exercise| exercise.rate).max_by(f64::total_cmp);
    let workload = firebench_workload::find(&report.experiment.workload);
    let differences = differences(findings);
    let run = Run { report, fastest, differences: &differences };
    workload.map(|workload| workload.remarks(&run)).unwrap_or_default()
}

/// The differences in time on the clock that the run shows. Those of contenders that were not alike, or that had other work, are put
/// down to nothing.
fn differences(findings: &Findings) -> Vec<Difference> {
    let metric = findings.report.primary();
    let Some(unit) = seconds(&metric) else { return Vec::new() };
    let specs = findings.report.experiment.specs();
    let handicapped = |name: &str| specs.iter().any(|spec| spec.name == name && spec.handicap.is_some());
    let pairs =
        findings.pairs().filter(|(pair, _)| ![&pair.baseline, &pair.contender].into_iter().any(|n| handicapped(n)));
    pairs.filter_map(|(pair, judged)| difference(findings, pair, judged, unit)).collect()
}

/// Seconds in the unit of a metric that is the time on the clock.
fn seconds(metric: &Metric) -> Option<f64> {
    metric.unit.as_ref()?.seconds().filter(|_| matches!(metric.clock, Some(Clock::Guest | Clock::Host)))
}

fn difference(findings: &Findings, pair: &Pair, judged: &Judged, unit: f64) -> Option<Difference> {
    let judgement = judged.judgement.ok().filter(|_| judged.unlike.is_empty())?;
    if !matches!(judgement.verdict, Verdict::Higher | Verdict::Lower) {
        return None;
    }
    let effect = judgement.effect();
    let of_baseline = match judgement.scale {
        Scale::Ratio => estimate(findings, &pair.baseline, &judged.metric)?,
        Scale::Raw => 1.0,
    };
    let seconds = [effect.low, effect.high].map(|effect| effect * of_baseline * unit);
    let exercise = findings.exercises.iter().find(|exercise| exercise.contender == pair.contender)?;
    Some(Difference {
        contender: pair.contender.clone(),
        baseline: pair.baseline.clone(),
        seconds,
        faults: exercise.faults[0],
    })
}

/// What stands for the boots of a contender in a metric.
fn estimate(findings: &Findings, contender: &str, metric: &Metric) -> Option<f64> {
    let summary = findings.summary.contenders.iter().find(|summary| summary.name == contender)?;
    summary.metrics.iter().find(|of| of.metric.name == metric.name)?.estimate
}
