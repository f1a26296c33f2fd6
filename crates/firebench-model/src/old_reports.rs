//! Reports and stores of an older firebench, in the shape that reports have today.

use std::collections::{BTreeMap, BTreeSet};

use firebench_stats::Better;

use crate::figures::{Column, Failed, Figures, Sample};
use crate::metric::names::{self, Known};
use crate::metric::{self, Metric};
use crate::record::{BootRecord, BootStatus, Report, SCHEMA, SCHEMA_1};

/// Brings a report that was read into the shape that it has today: figures of others were boots once, and what firebench
/// measured has no figures of others.
pub fn settle(report: &mut Report) {
    let imported = report.imported.is_some();
    for contender in &mut report.contenders {
        if !imported {
            contender.figures = None;
            continue;
        }
        let boots = std::mem::take(&mut contender.boots);
        if contender.figures.is_none() {
            contender.figures = Some(from_boots(&boots));
        }
    }
    if report.schema == SCHEMA_1 {
        report.metrics = declared(report);
        report.schema = SCHEMA.to_owned();
    }
}

/// The metrics of a report that does not declare them. All that it knew were times, of which less is better: what was compared
/// under another name was said to be like that.
fn declared(report: &Report) -> Vec<Metric> {
    if report.imported.is_none() {
        return metric::OF_A_COMMAND.to_vec();
    }
    let figures = report.contenders.iter().filter_map(|contender| contender.figures.as_ref());
    let names: BTreeSet<&str> = figures.flat_map(|figures| figures.metrics.keys().map(String::as_str)).collect();
    let primary = report.design.primary.as_str();
    let less = Known { better: Some(Better::Less), unit: None };
    let metrics = names.into_iter().filter_map(|name| {
        let known = metric::find(&metric::OF_A_COMMAND, name).is_some();
        (known || name == primary).then(|| names::of_others(name, &less, None)).flatten()
    });
    metric::in_order(metrics.collect(), primary)
}

/// The figures in boots, each of which is the only good one of its number.
fn from_boots(boots: &[BootRecord]) -> Figures {
    let mut samples: BTreeMap<&String, BTreeMap<(u32, u32), f64>> = BTreeMap::new();
    let mut failed: BTreeMap<u32, Failed> = BTreeMap::new();
    for boot in boots {
        if boot.status != BootStatus::Ok {
            let code = boot.message.as_deref().and_then(|message| message.strip_prefix("exit code ")?.parse().ok());
            failed.insert(boot.block, Failed { boot: boot.block, exit_code: code });
        }
        for iteration in &boot.iterations {
            for (metric, &value) in iteration.metrics.iter().filter(|(_, v)| v.is_finite() && **v >= 0.0) {
                samples.entry(metric).or_default().insert((boot.block, iteration.index), value);
            }
        }
    }
    let column = |samples: BTreeMap<(u32, u32), f64>| {
        let sample = |((boot, iteration), value)| Sample { boot, iteration, value };
        Column(samples.into_iter().map(sample).collect())
    };
    Figures {
        metrics: samples.into_iter().map(|(metric, samples)| (metric.clone(), column(samples))).collect(),
        blocks: Vec::new(),
        failed: failed.into_values().collect(),
    }
}
