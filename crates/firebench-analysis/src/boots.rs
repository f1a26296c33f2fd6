//! The boots of a contender that count, and what each of them comes to. Pure.
//!
//! The boot is the replicate. What counts in it are its iterations after the warm-up; a boot that ran no more than those
//! counts as it is, cold. Of a duet, those that ran while another contender did not count for nothing. Boots of the scout do not
//! count.

use std::collections::{BTreeSet, HashSet};

use firebench_model::figures::{self, Figures};
use firebench_model::metric::{Metric, Unit};
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, DesignRecord, IterationRecord, Report};
use firebench_stats::{Error, Estimand, Scale, boot, median, raw, tail};

use crate::judged::Unjudged;

/// The good boots after the scout in which something counts.
pub fn good<'a>(contender: &'a ContenderRecord, design: &DesignRecord) -> Vec<&'a BootRecord> {
    let counts = |boot: &&BootRecord| boot.status == BootStatus::Ok && sample(boot, design).next().is_some();
    after_scout(contender, design).filter(counts).collect()
}

/// How many boots after the scout, attempts included, did not end well.
pub fn left_out(contender: &ContenderRecord, design: &DesignRecord) -> usize {
    after_scout(contender, design).filter(|boot| boot.status != BootStatus::Ok).count()
}

/// The blocks after the scout in which a contender's boot is void or failed, or ran alone, and no later attempt was good. They are left
/// out for all contenders, as in the schedule of the run.
pub fn blocks_left_out(report: &Report) -> BTreeSet<u32> {
    let of_contender = |contender| {
        let good: HashSet<u32> = good(contender, &report.design).into_iter().map(|boot| boot.block).collect();
        let is_bad = |boot: &&BootRecord| boot.status.leaves_block_out() || boot.iterations.iter().any(|i| i.alone);
        let bad = after_scout(contender, &report.design).filter(is_bad);
        bad.map(|boot| boot.block).filter(move |block| !good.contains(block))
    };
    report.contenders.iter().flat_map(of_contender).collect()
}

fn after_scout<'a>(
    contender: &'a ContenderRecord,
    design: &DesignRecord,
) -> impl Iterator<Item = &'a BootRecord> + use<'a> {
    let scout = design.scout_blocks;
    contender.boots.iter().filter(move |boot| boot.block >= scout)
}

/// How many iterations at the beginning of a boot do not count.
pub fn warm_up(boot: &BootRecord, design: &DesignRecord) -> usize {
    usize::try_from(design.warm_up).ok().filter(|&warm_up| warm_up < boot.iterations.len()).unwrap_or(0)
}

/// The iterations of a boot that count.
pub fn sample<'a>(boot: &'a BootRecord, design: &DesignRecord) -> impl Iterator<Item = &'a IterationRecord> + use<'a> {
    boot.iterations.iter().skip(warm_up(boot, design)).filter(|iteration| !iteration.alone)
}

/// What each boot comes to, on a scale.
///
/// # Errors
/// [`Unjudged::Zero`] and [`Unjudged::NoValue`].
pub fn values_on(
    boots: &[&BootRecord],
    design: &DesignRecord,
    metric: &str,
    scale: Scale,
) -> Result<Vec<f64>, Unjudged> {
    let value = |boot: &&BootRecord| {
        let metric_of = |iteration: &IterationRecord| iteration.metrics.get(metric).copied();
        let iterations: Option<Vec<f64>> = sample(boot, design).map(metric_of).collect();
        of_iterations(&iterations.ok_or(Unjudged::NoValue)?, scale)
    };
    boots.iter().map(value).collect()
}

/// What each good boot of figures of others comes to, on a scale.
///
/// # Errors
/// [`Unjudged::Zero`] and [`Unjudged::NoValue`].
pub fn values_of_figures(figures: &Figures, metric: &str, warm_up: u32, scale: Scale) -> Result<Vec<f64>, Unjudged> {
    let mut values = Vec::new();
    let value = |boot: figures::Boot| {
        values.clear();
        values.extend(boot.counted.iter().map(|sample| sample.value));
        of_iterations(&values, scale)
    };
    figures.boots(metric, warm_up).map(value).collect()
}

/// What the iterations of a boot come to, on a scale: the mean of their logarithms, or of their plain values.
///
/// # Errors
/// [`Unjudged::Zero`] where a logarithm would be that of zero, [`Unjudged::NoValue`] where something was not measured.
pub fn of_iterations(values: &[f64], scale: Scale) -> Result<f64, Unjudged> {
    if values.iter().any(|value| *value < 0.0) {
        return Err(Unjudged::NoValue);
    }
    let mean = match scale {
        Scale::Ratio => boot::log_mean(values, 0),
        Scale::Raw => raw::mean(values, 0),
    };
    mean.map_err(|error| match error {
        Error::NotPositive { .. } => Unjudged::Zero,
        _ => Unjudged::NoValue,
    })
}

/// The difference up to which two that are compared by difference count as equal: a share of the size of either, the first one that
/// is above zero.
///
/// # Errors
/// [`Unjudged::Zero`] where both are zero: nothing is a share of that.
pub fn difference_that_counts(share: f64, sizes: [Option<f64>; 2]) -> Result<f64, Unjudged> {
    let size = sizes.into_iter().flatten().find(|size| *size > 0.0);
    size.map(|size| share * size).ok_or(Unjudged::Zero)
}

/// Of which metric a difference in `metric` is a share, and how many of its unit one of that one's unit is: of the primary one, where
/// the units allow it; of seconds no share is a number of MB/s, so else of the metric itself.
pub fn measured_by<'m>(metric: &'m Metric, primary: &'m Metric) -> (&'m Metric, f64) {
    let [own, other] = [metric, primary].map(|metric| metric.unit.as_ref());
    if metric.name == primary.name || own.is_some() && own == other {
        return (primary, 1.0);
    }
    match [own, other].map(|unit| unit.and_then(Unit::seconds)) {
        [Some(own), Some(other)] => (primary, other / own),
        _ => (metric, 1.0),
    }
}

/// Does `work` on the scale of the metric, or by difference where a ratio would be one to zero.
///
/// # Errors
/// Those of `work`.
pub fn on_a_scale<T>(metric: &Metric, work: impl Fn(Scale) -> Result<T, Unjudged>) -> Result<T, Unjudged> {
    match work(metric.scale) {
        Err(Unjudged::Zero) => work(Scale::Raw),
        done => done,
    }
}

/// The mean of what boots come to; None of no boot.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What stands for all of a contender's boots, on the scale of their `values`.
pub fn middle(estimand: Estimand, values: &[f64], scale: Scale) -> Option<f64> {
    if let Some(share) = estimand.tail() {
        return tail::quantile(values, share).ok();
    }
    match (estimand, scale) {
        (Estimand::Typical, _) => median(values.iter().copied()),
        (Estimand::Cost, Scale::Ratio) => {
            mean(&values.iter().map(|value| value.exp()).collect::<Vec<f64>>()).map(f64::ln)
        }
        _ => mean(values),
    }
}

/// What a run estimates on a scale: the mean cost of what can be zero is a plain mean.
pub fn estimand_on(estimand: Estimand, scale: Scale) -> Estimand {
    if estimand == Estimand::Cost && scale == Scale::Raw { Estimand::Mean } else { estimand }
}

/// The figures of a side, as far as their coarseness goes.
#[derive(Debug, Clone, Copy)]
pub struct Coarse {
    /// The step between them; none where nothing tells.
    pub step: Option<f64>,
    /// What they are in size.
    pub size: f64,
}

/// What the coarseness of the figures of two sides alone may make of their difference, on its scale: half of the step between them, of
/// what each is in size. Both were taken in the same way, so the finer step is that of both.
pub fn grain(sides: [Coarse; 2], scale: Scale) -> f64 {
    let half = sides.iter().filter_map(|side| side.step).reduce(f64::min).unwrap_or_default() / 2.0;
    let of = |side: Coarse| if scale == Scale::Ratio { half / side.size } else { half };
    let grain: f64 = sides.map(of).into_iter().sum();
    if grain.is_finite() { grain } else { 0.0 }
}

/// The size of boots in a metric: the geometric mean, or the plain one where there are zeros.
pub fn size(boots: &[&BootRecord], design: &DesignRecord, metric: &str) -> Option<f64> {
    match values_on(boots, design, metric, Scale::Ratio) {
        Ok(values) => mean(&values).map(f64::exp),
        Err(_) => mean(&values_on(boots, design, metric, Scale::Raw).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use firebench_model::metric::named;
    use firebench_stats::Better;

    use super::*;

    #[test]
    fn a_difference_is_a_share_of_what_has_its_unit() {
        let metric = |name: &'static str, sign: &'static str| Metric {
            shown: true,
            ..Metric::of_output(name, name, Unit::of(sign), Better::Less)
        };
        let (sys, ms, rate) = (metric("sys", "s"), metric("lat", "ms"), metric("triad", "MB/s"));
        let by = |of: &Metric, primary: &Metric| {
            let (measure, one) = measured_by(of, primary);
            (measure.name.to_string(), one)
        };
        assert_eq!(by(&sys, &metric("real", "s")), ("real".to_owned(), 1.0));
        assert_eq!(by(&sys, &ms), ("lat".to_owned(), 1e-3));
        assert_eq!(by(&ms, &sys), ("sys".to_owned(), 1e3));
        assert_eq!(by(&sys, &rate), ("sys".to_owned(), 1.0), "no share of MB/s is a time");
        let [one, other] = [named(&[], "one"), named(&[], "other")];
        assert_eq!(by(&one, &other), ("one".to_owned(), 1.0), "nothing is known of either unit");
        assert_eq!(by(&one, &one), ("one".to_owned(), 1.0));
    }
}
