//! What a gate is held against within one run: every contender after the first one against the first one.

use crate::findings::Findings;
use firebench_model::metric;

use super::{Limit, comparisons, is_asked};
use crate::beside::Beside;
use crate::counted;
use crate::judged::Judged;
use crate::paired::Paired;

/// The judgements of a run on its primary metric, and on those and on the counts that a limit asks for. All of them share the error rate.
pub fn of_run(findings: &Findings, limits: &[Limit]) -> Vec<Judged> {
    let report = findings.report;
    let Some((baseline, others)) = report.contenders.split_first() else { return Vec::new() };
    let primary = report.design.primary.as_str();
    let comparisons = comparisons(limits, primary, others.iter().map(|other| other.name.as_str()));
    if comparisons == findings.judgements.len() {
        // Of nothing else is asked: these are the run's own.
        return findings.judgements.clone();
    }
    let mut judged = Vec::new();
    for (other, known) in others.iter().zip(&findings.judgements) {
        let paired = Paired::of(report, baseline, other);
        let asked = |name: &str| name == primary || is_asked(limits, &other.name, name);
        for metric in metric::shown(&report.metrics).filter(|metric| asked(&metric.name)) {
            let (judgement, beside) = paired.judge(report, metric, comparisons);
            judged.push(Judged {
                contender: other.name.clone(),
                baseline: baseline.name.clone(),
                metric: metric.clone(),
                unlike: known.unlike.clone(),
                beside,
                judgement,
            });
        }
        for (part, counter, metric) in counted::metrics().filter(|(_, _, metric)| asked(&metric.name)) {
            judged.push(Judged {
                contender: other.name.clone(),
                baseline: baseline.name.clone(),
                judgement: counted::judge_one(report, &paired, (part, counter), comparisons),
                unlike: known.unlike.clone(),
                beside: Beside::default(),
                metric,
            });
        }
    }
    judged
}
