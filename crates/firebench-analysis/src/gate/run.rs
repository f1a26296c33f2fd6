//! What a gate is held against within one run: every contender after the first one against the first one.

use firebench_model::metric;
use firebench_model::record::Report;

use super::{Limit, comparisons, is_asked};
use crate::audit;
use crate::boots::Paired;
use crate::judged::Judged;

/// The judgements of a run on its primary metric and on those that a limit asks for. All of them share the error rate.
pub fn of_run(report: &Report, limits: &[Limit]) -> Vec<Judged> {
    let Some((baseline, others)) = report.contenders.split_first() else { return Vec::new() };
    let primary = report.design.primary.as_str();
    let comparisons = comparisons(limits, primary, others.iter().map(|other| other.name.as_str()));
    let mut judged = Vec::new();
    let unlike = audit::unlike(report);
    for (other, unlike) in others.iter().zip(unlike) {
        let paired = Paired::of(report, baseline, other);
        let asked = |name: &str| name == primary || is_asked(limits, &other.name, name);
        for metric in metric::shown(&report.metrics).filter(|metric| asked(&metric.name)) {
            judged.push(Judged {
                contender: other.name.clone(),
                baseline: baseline.name.clone(),
                metric: metric.clone(),
                unlike: unlike.clone(),
                judgement: paired.judge(report, metric, comparisons),
            });
        }
    }
    judged
}
