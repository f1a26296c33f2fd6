//! Contenders that took turns in each of several runs: each run has an estimate of how they compare, and what differs between runs is in
//! the spread of these. What moves both contenders of a run alike, such as its layout or the day, is in no estimate. Kalibera and Jones,
//! Rigorous benchmarking in reasonable time, ISMM 2013: the interval's spread is that of the highest level that was repeated.

use firebench_model::metric::Metric;
use firebench_model::record::{ContenderRecord, Report};
use firebench_stats::checks::{CarryOver, Found};
use firebench_stats::rule::ALPHA;
use firebench_stats::{Judgement, Scale, interval, verdict};

use super::apart::{self, Family, Samples};
use super::estimate::Estimate;
use super::footing::Footing;
use super::operand::Operand;
use super::refuse::ContenderPair;
use super::within::{self, Within};
use crate::beside::{Beside, InRuns, OfRuns};
use crate::judged::Unjudged;
use crate::{boots, doubts};

/// What a run says of the two.
struct OneRun {
    within: Within,
    found: Found,
}

/// Compares two contenders of the same runs, the baseline first.
pub fn compare(side: &Operand, (a, b): ContenderPair, metric: &Metric, family: &Family) -> Within {
    let all = side.runs().count();
    let look = |run: &Report| {
        let pair = (named(run, &a.name)?, named(run, &b.name)?);
        let found = doubts::found(run, [&a.name, &b.name], &metric.name, all);
        Some(OneRun { within: within::compare(run, pair, metric, family.comparisons), found })
    };
    let runs: Vec<OneRun> = side.runs().filter_map(|run| look(&run.report)).collect();
    let differences = differences(&runs);
    let scale = differences.as_ref().map_or(metric.scale, |(scale, _)| *scale);
    let baselines: Option<Vec<f64>> = runs.iter().map(|run| Some(on_scale(run.within.estimate.a?, scale))).collect();
    let above = differences.as_ref().ok().and_then(|(_, differences)| boots::mean(differences));
    Within {
        estimate: Estimate::of(scale, baselines.as_deref().and_then(boots::mean), above),
        boots: runs.iter().fold([0, 0], |[a, b], OneRun { within, .. }| {
            let [more_a, more_b] = within.boots;
            [a.saturating_add(more_a), b.saturating_add(more_b)]
        }),
        judgement: judge(side, (a, b), metric, family, &runs, differences),
        beside: Beside { runs: beside(&runs), ..Beside::default() },
    }
}

fn named<'a>(run: &'a Report, name: &str) -> Option<&'a ContenderRecord> {
    run.contenders.iter().find(|contender| contender.name == name)
}

fn on_scale(value: f64, scale: Scale) -> f64 {
    if scale == Scale::Ratio { value.ln() } else { value }
}

/// What the contender is above the baseline, one value a run, and their scale, which must be the same for all.
fn differences(runs: &[OneRun]) -> Result<(Scale, Vec<f64>), Unjudged> {
    let scale = runs.first().map(|run| run.within.estimate.scale).ok_or(Unjudged::NoValue)?;
    if runs.iter().any(|run| run.within.estimate.scale != scale) {
        return Err(Unjudged::Zero);
    }
    let effect = |run: &OneRun| run.within.estimate.effect.map(|effect| on_scale(effect, scale));
    let all: Option<Vec<f64>> = runs.iter().map(effect).collect();
    Ok((scale, all.ok_or(Unjudged::RunWithoutBoot)?))
}

/// The judgement: Student's interval over the runs' estimates.
fn judge(
    side: &Operand,
    (a, b): ContenderPair,
    metric: &Metric,
    family: &Family,
    runs: &[OneRun],
    differences: Result<(Scale, Vec<f64>), Unjudged>,
) -> Result<Judgement, Unjudged> {
    if family.emulated {
        return Err(Unjudged::Emulated);
    }
    if family.footing == Footing::WithinTwoRuns {
        return Err(Unjudged::WithinTwoRuns);
    }
    // It moves the estimates of all runs alike, so their spread says nothing of it.
    let carried = runs.iter().filter_map(|run| run.found.carry_over);
    if let Some(CarryOver { size, .. }) = carried.max_by(|one, other| one.size.abs().total_cmp(&other.size.abs())) {
        return Err(Unjudged::CarryOver(size.exp_m1()));
    }
    if runs.iter().any(|run| run.within.judgement == Err(Unjudged::Apart)) {
        return Err(Unjudged::Apart);
    }
    let (scale, differences) = differences?;
    let interval = interval::student(&differences, ALPHA, family.comparisons).map_err(|_| Unjudged::NoValue)?.of_runs();
    let samples = [a, b].map(|contender| Samples::of(side, &contender.name));
    let [of_a, of_b] = &samples;
    let (interval, delta) = apart::bounds(interval, scale, [of_a, of_b], metric, family)?;
    let estimand = boots::estimand_on(side.report().design.estimand, scale);
    verdict::judge_of(estimand, interval, scale, delta).map_err(|_| Unjudged::NoValue)
}

/// What the runs say beside it.
fn beside(runs: &[OneRun]) -> Option<OfRuns> {
    let trend = |run: &OneRun| run.found.trend.map(|trend| trend.size.exp_m1());
    let slow = |of: usize| {
        let by = |run: &OneRun| run.within.beside.slow.and_then(|slow| slow.get(of).and_then(|slow| slow.by));
        InRuns::of(&runs.iter().map(by).collect::<Vec<_>>())
    };
    OfRuns {
        unsettled: InRuns::of(&runs.iter().map(trend).collect::<Vec<_>>()),
        slow: [slow(0), slow(1)],
        ..OfRuns::default()
    }
    .if_any()
}
