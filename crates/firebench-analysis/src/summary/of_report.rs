//! The summary of a report.

use firebench_model::metric::{self, Metric};
use firebench_model::record::Report;
use firebench_stats::Scale;

use super::{Summary, contender_summary, figures, pair, shown_scale};
use crate::audit::{self, ContenderClock};
use crate::boots;

/// The metrics that are shown: all that the report declares so, or, of figures of others, those that some contender has, and the primary
/// one in any case.
pub fn metrics(report: &Report) -> Vec<Metric> {
    if report.imported.is_some() {
        return figures::metrics(report);
    }
    metric::shown(&report.metrics).cloned().collect()
}

/// Computes the summary of a report.
pub fn summarize(report: &Report) -> Summary {
    with_clocks(report, &audit::clocks(report))
}

/// [`summarize`], where the clocks of the contenders were looked at already.
pub fn with_clocks(report: &Report, clocks: &[ContenderClock]) -> Summary {
    if report.imported.is_some() {
        return figures::summarize(report);
    }
    let design = &report.design;
    let shown = metric::shown(&report.metrics).map(|metric| (metric, shown_scale(report, metric)));
    let shown: Vec<(&Metric, Scale)> = shown.collect();
    let mut boots = report.contenders.iter().flat_map(|contender| boots::good(contender, design)).peekable();
    Summary {
        single_iteration: boots.peek().is_some() && boots.all(|boot| boot.iterations.len() == 1),
        contenders: report
            .contenders
            .iter()
            .zip(clocks)
            .map(|(contender, clock)| contender_summary(report, contender, clock, &shown))
            .collect(),
        pairs: match report.contenders.split_first() {
            Some((baseline, others)) => {
                others.iter().map(|other| pair(report, baseline, other, others.len())).collect()
            }
            None => Vec::new(),
        },
    }
}
