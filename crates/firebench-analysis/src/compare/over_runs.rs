//! Contenders that took turns in each of several runs: each run has an estimate of how they compare, and what differs between runs is in
//! the spread of these. What moves both contenders of a run alike, such as its layout or the day, is in no estimate. Kalibera and Jones,
//! Rigorous benchmarking in reasonable time, ISMM 2013: the interval's spread is that of the highest level that was repeated.

use firebench_model::metric::Metric;
use firebench_model::record::{ContenderRecord, Report};
use firebench_stats::checks::Found;
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
    /// Whether throw-away boots spread what a boot leaves behind.
    spreads: bool,
}

impl OneRun {
    /// What a boot leaves behind for the next one, relative, where that is spread over all alike, or is not.
    fn carry_over(&self, spread: bool) -> Option<f64> {
        self.found.carry_over.filter(|_| self.spreads == spread).map(|found| found.size.exp_m1())
    }
}

/// Compares two contenders of the same runs, the baseline first.
pub fn compare(side: &Operand, (a, b): ContenderPair, metric: &Metric, family: &Family) -> Within {
    let all = side.runs().count();
    let look = |run: &Report| {
        let pair = (named(run, &a.name)?, named(run, &b.name)?);
        let within = within::compare(run, pair, metric, family.comparisons);
        let found = doubts::found(run, [&a.name, &b.name], &metric.name, within.judgement.as_ref().ok(), all);
        Some(OneRun { within, found, spreads: doubts::spreads_carry_over(run) })
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
    if let Some(carried) = of_runs(runs, |run| run.carry_over(false)) {
        return Err(Unjudged::CarryOver(carried.by));
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
    let slow =
        |of: usize| of_runs(runs, |run| run.within.beside.slow.and_then(|slow| slow.get(of).and_then(|slow| slow.by)));
    let found = OfRuns {
        unsettled: of_runs(runs, |run| run.found.trend.map(|trend| trend.size.exp_m1())),
        carried: of_runs(runs, |run| run.carry_over(true)),
        slow: [slow(0), slow(1)],
        ..OfRuns::default()
    };
    found.if_any()
}

fn of_runs(runs: &[OneRun], by: impl Fn(&OneRun) -> Option<f64>) -> Option<InRuns> {
    InRuns::of(&runs.iter().map(by).collect::<Vec<_>>())
}
