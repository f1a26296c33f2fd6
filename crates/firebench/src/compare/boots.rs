//! The boots of a contender that count, and what each of them comes to.

use firebench_stats::{Scale, boot, raw};

use crate::record::{BootRecord, BootStatus, ContenderRecord, DesignRecord};
use crate::summary::CAN_BE_ZERO;

/// How a metric is compared.
pub fn scale(metric: &str) -> Scale {
    if metric == CAN_BE_ZERO { Scale::Raw } else { Scale::Ratio }
}

/// The good boots after the scout.
pub fn good<'a>(contender: &'a ContenderRecord, design: &DesignRecord) -> Vec<&'a BootRecord> {
    after_scout(contender, design).filter(|boot| boot.status == BootStatus::Ok).collect()
}

/// How many boots after the scout, attempts included, did not end well.
pub fn left_out(contender: &ContenderRecord, design: &DesignRecord) -> usize {
    after_scout(contender, design).filter(|boot| boot.status != BootStatus::Ok).count()
}

fn after_scout<'a>(contender: &'a ContenderRecord, design: &DesignRecord) -> impl Iterator<Item = &'a BootRecord> {
    let scout = design.scout_blocks;
    contender.boots.iter().filter(move |boot| boot.block >= scout)
}

/// How many iterations at the beginning of a boot do not count. A boot that had no more than these counts as it is: cold.
pub fn warm_up(boot: &BootRecord, design: &DesignRecord) -> usize {
    usize::try_from(design.warm_up).ok().filter(|&warm_up| warm_up < boot.iterations.len()).unwrap_or(0)
}

/// What each boot comes to, on the scale of the metric: the mean of its logarithms, or of its plain values. None where
/// one of them has no value that can be compared.
pub fn values(boots: &[&BootRecord], design: &DesignRecord, metric: &str) -> Option<Vec<f64>> {
    let value = |boot: &&BootRecord| {
        let iterations: Vec<f64> =
            boot.iterations.iter().map(|iteration| iteration.metrics.get(metric).copied()).collect::<Option<_>>()?;
        match scale(metric) {
            Scale::Ratio => boot::log_mean(&iterations, warm_up(boot, design)).ok(),
            Scale::Raw => raw::mean(&iterations, warm_up(boot, design)).ok(),
        }
    };
    boots.iter().map(value).collect()
}

/// The mean of what boots come to; None of no boot.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
