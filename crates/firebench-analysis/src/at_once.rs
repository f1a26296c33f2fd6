//! Several of a contender at once: what each metric comes to over all of them, and what each of them cost. Pure.

use firebench_model::metric::{self, Metric};
use firebench_model::record::{AtOnce, BootRecord, ContenderRecord, DesignRecord, Report};
use firebench_stats::median;

use crate::boots;

/// What several of a contender at once came to, in all of its good boots.
#[derive(Debug, Clone, PartialEq)]
pub struct Crowd {
    /// The contender.
    pub contender: String,
    /// How many of it ran at once.
    pub number: u32,
    /// Median over the boots of the seconds from the first execution to the last one.
    pub spread: f64,
    /// Median over the boots of the bytes of the host's MemAvailable that each of them took; None where that is not known.
    pub memory_of_each: Option<u64>,
    /// Median over all of them of the CPU seconds of the program; None where that is not known.
    pub cpu_of_each: Option<f64>,
    /// Each metric that is shown and that they have.
    pub metrics: Vec<(Metric, Distribution)>,
}

/// The values of a metric over all of a contender that ran, in the order of their size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distribution {
    /// How many values there are.
    pub count: usize,
    /// The least.
    pub min: f64,
    /// Half of them are not above it.
    pub median: f64,
    /// 90 of 100 are not above it.
    pub p90: f64,
    /// The greatest.
    pub max: f64,
}

/// The crowds of a report, one for each contender of which several ran at once and some well.
pub fn crowds(report: &Report) -> Vec<Crowd> {
    report.contenders.iter().filter_map(|contender| crowd(report, contender)).collect()
}

fn crowd(report: &Report, contender: &ContenderRecord) -> Option<Crowd> {
    let design = &report.design;
    let good = boots::good(contender, design);
    let crowds = || good.iter().filter_map(|boot| boot.at_once.as_ref());
    let spread = median(crowds().map(|crowd| crowd.spread))?;
    let all = || crowds().flat_map(|crowd| &crowd.all);
    let of = |metric: &Metric| {
        let values = good.iter().flat_map(|boot| values(boot, design, &metric.name)).collect();
        Some((metric.clone(), distribution(values)?))
    };
    let memory = median(crowds().filter_map(AtOnce::memory_of_each).map(|bytes| bytes as f64));
    Some(Crowd {
        contender: contender.name.clone(),
        number: contender.concurrent,
        spread,
        memory_of_each: memory.map(|bytes| bytes as u64),
        cpu_of_each: median(all().filter_map(|one| one.vmm_cpu).map(|(user, sys)| user + sys)),
        metrics: metric::shown(&report.metrics).filter_map(of).collect(),
    })
}

/// The values of a metric in the iterations of a boot that count, of all that ran in it.
fn values(boot: &BootRecord, design: &DesignRecord, metric: &str) -> Vec<f64> {
    let warm_up = boots::warm_up(boot, design);
    let all = boot.at_once.iter().flat_map(|crowd| &crowd.all);
    let counted = all.flat_map(|one| one.iterations.iter().skip(warm_up));
    counted.filter_map(|metrics| metrics.get(metric).copied()).filter(|value| value.is_finite()).collect()
}

/// The quantiles are values that were measured: the smallest one that so many are not above.
fn distribution(mut values: Vec<f64>) -> Option<Distribution> {
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let at = |share: f64| {
        let rank = (share * count as f64).ceil() as usize;
        values.get(rank.saturating_sub(1)).copied()
    };
    Some(Distribution { count, min: *values.first()?, median: at(0.5)?, p90: at(0.9)?, max: *values.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values = (1..=20).rev().map(f64::from).collect();
        let found = distribution(values).expect("some");
        assert_eq!(found, Distribution { count: 20, min: 1.0, median: 10.0, p90: 18.0, max: 20.0 });
        let one = distribution(vec![7.0]).expect("some");
        assert_eq!((one.min, one.median, one.p90, one.max), (7.0, 7.0, 7.0, 7.0));
        assert_eq!(distribution(Vec::new()), None);
    }
}
