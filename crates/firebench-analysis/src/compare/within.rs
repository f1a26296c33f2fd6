//! Contenders of one run, compared as the run itself compares them: what changes on the machine, its blocks cancel.

use firebench_model::metric::Metric;
use firebench_model::record::Report;
use firebench_stats::Judgement;

use super::estimate::Estimate;
use super::refuse::ContenderPair;
use crate::beside::Beside;
use crate::boots;
use crate::judged::Unjudged;
use crate::paired::Paired;
use crate::summary::figures;

/// Two contenders of a run in one metric.
pub struct Within {
    /// How they compare.
    pub estimate: Estimate,
    /// Boots of each that count.
    pub boots: [usize; 2],
    /// What comes of it.
    pub judgement: Result<Judgement, Unjudged>,
    /// What must be said beside it.
    pub beside: Beside,
}

/// Compares two contenders of a run, as one of `comparisons` that share the error rate.
pub fn compare(run: &Report, (a, b): ContenderPair, metric: &Metric, comparisons: usize) -> Within {
    if run.imported.is_some() {
        let figures::Beside { scale, baseline, above, boots, judgement } =
            figures::beside(run, [a, b], metric, comparisons);
        let estimate = Estimate::of(scale, baseline, above);
        return Within { estimate, boots, judgement, beside: Beside::default() };
    }
    let design = &run.design;
    let paired = Paired::of(run, a, b);
    let compared = paired.compare(design, metric);
    let scale = compared.map_or(metric.scale, |(scale, _)| scale);
    let values = boots::values_on(&paired.baseline, design, &metric.name, scale).unwrap_or_default();
    let baseline = boots::middle(design.estimand, &values, scale);
    let (judgement, beside) = paired.judge(run, metric, comparisons);
    Within {
        estimate: Estimate::of(scale, baseline, compared.map(|(_, above)| above)),
        boots: [paired.baseline.len(), paired.contender.len()],
        judgement,
        beside,
    }
}

/// How many intervals of a run share the error rate when one pair of its contenders is looked at in so many metrics: those of the run
/// itself, or, where it is no pair of the run's, those of all pairs, for whoever chooses one has all to choose from.
pub fn comparisons(run: &Report, (a, b): ContenderPair, metrics: usize) -> usize {
    let contenders = run.contenders.len();
    let others = contenders.saturating_sub(1);
    let of_the_run = run.contenders.first().is_some_and(|first| first.name == a.name || first.name == b.name);
    let pairs = if of_the_run { others } else { contenders.saturating_mul(others) / 2 };
    pairs.max(1).saturating_mul(metrics)
}
