//! What a verdict's reader must be told, looked for in the boots of a run. Pure.

use firebench_model::experiment::Settle;
use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, BootStatus, DesignRecord, Report};
use firebench_stats::boot::Difference;
use firebench_stats::checks::{self, Found, Ran, Trend};
use firebench_stats::modes::{self, Slow};
use firebench_stats::typical::Typical;
use firebench_stats::{Better, Estimand, Judgement, Scale};

use crate::beside::{Beside, SlowBoots, Unsettled};
use crate::boots;

/// What must be said beside a verdict on a metric, from the boots of the baseline and of the contender, one a block, and what the ones
/// are above the others, in ln(t); no differences where there are zeros.
pub fn beside(
    report: &Report,
    [baseline, contender]: [&[&BootRecord]; 2],
    differences: &[Difference],
    metric: &Metric,
    trend: Option<Trend>,
) -> Beside {
    let typical = Typical::of(differences, 1.0).ok().filter(|_| report.design.estimand == Estimand::Typical);
    let slow = [contender, baseline].map(|boots| slow(&report.design, boots, metric));
    Beside {
        trend: trend.map(|Trend { size, iterations }| Unsettled { change: size.exp_m1(), iterations }),
        slow: Some(slow).filter(|slow| slow.iter().any(|slow| slow.boots > 0)),
        apart: typical.map_or(0, |typical| typical.apart()),
        missing: boots::blocks_left_out(report).len(),
        carried: None,
        runs: None,
    }
}

/// Which boots of a contender are in a slow mode.
pub fn slow(design: &DesignRecord, boots: &[&BootRecord], metric: &Metric) -> SlowBoots {
    let sign = if metric.better == Better::Less { 1.0 } else { -1.0 };
    let values = boots::values_on(boots, design, &metric.name, Scale::Ratio).unwrap_or_default();
    let found = modes::slow(&values.iter().map(|value| sign * value).collect::<Vec<f64>>());
    let by = found.map(|Slow { size, .. }| (sign * size).exp_m1());
    SlowBoots { boots: found.map_or(0, |slow| slow.boots), of: boots.len(), by }
}

/// Whether a contender's counted iterations, one list a boot, still change in the course of a boot: by how much, relative, over those of
/// the longest one. So many `runs` are looked at for one verdict, and share the error rate.
pub fn settling(design: &DesignRecord, boots: &[&BootRecord], metric: &str, runs: usize) -> Option<f64> {
    let values = |boot: &&BootRecord| -> Vec<f64> {
        let counted = boots::sample(boot, design);
        counted.map(|iteration| iteration.metrics.get(metric).copied().unwrap_or(f64::NAN)).collect()
    };
    let counted: Vec<Vec<f64>> = boots.iter().map(values).collect();
    let counted: Vec<&[f64]> = counted.iter().map(Vec::as_slice).collect();
    checks::alone(&counted, runs, checks::matters(design.delta, None)).map(|trend| trend.size.exp_m1())
}

/// Whether throw-away boots make a carry-over the same for all contenders of a run.
pub fn spreads_carry_over(report: &Report) -> bool {
    report.experiment.design.settle == Some(Settle::Boot)
}

/// What the boots of two contenders, the baseline first, say against a judgement on a metric: see [`checks`]. So many `runs` are looked at
/// for one verdict, and share the error rate.
pub fn found(report: &Report, pair: [&str; 2], metric: &str, judgement: Option<&Judgement>, runs: usize) -> Found {
    let design = &report.design;
    let place = |name: &str| report.contenders.iter().position(|contender| contender.name == name);
    let [Some(baseline), Some(contender)] = pair.map(place) else { return Found::default() };
    let left_out = boots::blocks_left_out(report);
    let all = report.contenders.iter().enumerate();
    let mut boots: Vec<(usize, &BootRecord)> =
        all.flat_map(|(place, c)| c.discarded.iter().chain(&c.boots).map(move |boot| (place, boot))).collect();
    boots.sort_by_key(|(_, boot)| (boot.block, boot.position, !boot.discarded, boot.attempt));
    let values = |boot: &BootRecord| -> Vec<f64> {
        let counts = boot.status == BootStatus::Ok
            && !boot.discarded
            && boot.block >= design.scout_blocks
            && !left_out.contains(&boot.block);
        let counted = boots::sample(boot, design).filter(|_| counts);
        counted.map(|iteration| iteration.metrics.get(metric).copied().unwrap_or(f64::NAN)).collect()
    };
    let values: Vec<Vec<f64>> = boots.iter().map(|(_, boot)| values(boot)).collect();
    let boots: Vec<Ran> = boots
        .iter()
        .zip(&values)
        .map(|((contender, boot), counted)| Ran { block: boot.block, contender: *contender, counted })
        .collect();
    let comparisons = report.contenders.len().saturating_sub(1).saturating_mul(runs);
    let found = checks::of_pair(&boots, [baseline, contender], comparisons, checks::matters(design.delta, judgement));
    // In a duet nobody boots after anybody.
    Found { carry_over: found.carry_over.filter(|_| !design.duet), ..found }
}
