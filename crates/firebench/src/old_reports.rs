//! Reports and stores of an older firebench, in the shape that reports have today.

use std::collections::BTreeMap;

use crate::figures::{Column, Failed, Figures, Sample};
use crate::record::{BootRecord, BootStatus, Report};

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
