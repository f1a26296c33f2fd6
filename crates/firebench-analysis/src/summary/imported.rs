//! The summary of figures that firebench did not measure. What was not measured side by side is never paired: then the
//! interval is Welch's, on all boots. Pure; linear in the number of samples, also of many contenders.

use std::collections::{BTreeSet, HashMap};

use firebench_model::figures::Figures;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{DesignRecord, Report};
use firebench_stats::rule::ALPHA;
use firebench_stats::unpaired::{self, Side};
use firebench_stats::{Judgement, Scale, boot, median, verdict};

use super::{Comparison, ContenderSummary, MetricSummary, Pair, Spread, Summary, spread};
use crate::boots;
use crate::judged::Unjudged;

/// The metrics that are shown: those that some contender has, and the primary one in any case.
pub(super) fn metrics(report: &Report) -> Vec<Metric> {
    let mut figures = report.contenders.iter().filter_map(|contender| contender.figures.as_ref());
    let primary = report.primary();
    let is_there = |metric: &&Metric| {
        **metric == *primary || figures.any(|figures| figures.metrics.contains_key(metric.name.as_ref()))
    };
    let mut shown: Vec<Metric> = metric::shown(&report.metrics).filter(is_there).cloned().collect();
    if !shown.contains(&primary) {
        shown.insert(0, primary.into_owned());
    }
    shown
}

pub(super) fn summarize(report: &Report) -> Summary {
    let design = &report.design;
    let metrics = metrics(report);
    let empty = Figures::default();
    let figures: Vec<&Figures> =
        report.contenders.iter().map(|contender| contender.figures.as_ref().unwrap_or(&empty)).collect();
    let names = || report.contenders.iter().map(|contender| &contender.name);
    let mut pairs: Vec<Pair> = Vec::new();
    if let (Some((baseline, others)), Some(name)) = (figures.split_first(), names().next()) {
        let blank = |contender: &String| Pair {
            baseline: name.clone(),
            contender: contender.clone(),
            blocks: 0,
            blocks_left_out: 0,
            apart: Some([0, 0]),
            metrics: Vec::new(),
            judgement: None,
            unjudged: Some(Unjudged::TooFew),
        };
        pairs = names().skip(1).map(blank).collect();
        for metric in &metrics {
            let sides = Sides::of(baseline, metric, design, others.len());
            for (pair, other) in pairs.iter_mut().zip(others) {
                sides.compare(pair, other);
            }
        }
    }
    Summary {
        single_iteration: design.iterations <= 1,
        contenders: names().zip(&figures).map(|(name, figures)| contender(name, figures, &metrics, design)).collect(),
        pairs,
    }
}

fn contender(name: &str, figures: &Figures, metrics: &[Metric], design: &DesignRecord) -> ContenderSummary {
    let metric = |metric: &Metric| {
        let boots = || figures.boots(&metric.name, design.warm_up);
        let sample: Option<Spread> = spread(boots().flat_map(|boot| boot.counted).map(|sample| sample.value).collect());
        let first = (design.iterations > 1).then(|| median(boots().map(|boot| boot.first))).flatten();
        MetricSummary { metric: metric.clone(), first, sample }
    };
    ContenderSummary {
        name: name.to_owned(),
        boots_ok: figures.boots(&design.primary, 0).count(),
        boots_not_ok: figures.failed.len(),
        metrics: metrics.iter().map(metric).collect(),
        boot_seconds: None,
        throughput: None,
        disk_reads: None,
        to_host: None,
        clock: None,
        steal: None,
    }
}

/// What the good boots of one contender come to in a metric, on one scale.
struct Values<'a> {
    /// On the scale, in the order of the boots.
    values: Vec<f64>,
    figures: &'a Figures,
}

/// The baseline in one metric, which every other contender is compared with.
struct Sides<'a> {
    metric: &'a Metric,
    design: &'a DesignRecord,
    comparisons: usize,
    /// On the metric's own scale, and by difference where that is another.
    own: Result<Baseline<'a>, Unjudged>,
    raw: Result<Baseline<'a>, Unjudged>,
    median: Option<f64>,
}

/// The baseline on a scale.
struct Baseline<'a> {
    values: Values<'a>,
    side: Option<Side>,
    /// Its values by block; empty where there are none.
    by_block: HashMap<u32, f64>,
    /// The block of each of its boots is known.
    in_blocks: bool,
}

impl<'a> Sides<'a> {
    fn of(figures: &'a Figures, metric: &'a Metric, design: &'a DesignRecord, comparisons: usize) -> Self {
        let baseline = |scale| {
            let values = values(figures, &metric.name, design, scale)?;
            let in_blocks = !figures.blocks.is_empty();
            let by_block = if in_blocks { values.by_block(&metric.name, design).collect() } else { HashMap::new() };
            Ok(Baseline { side: Side::of(&values.values).ok(), by_block, in_blocks, values })
        };
        let median = middle(figures, &metric.name, design);
        Sides { metric, design, comparisons, own: baseline(metric.scale), raw: baseline(Scale::Raw), median }
    }

    /// Adds the metric to a pair, and the verdict if it is the primary one.
    fn compare(&self, pair: &mut Pair, other: &Figures) {
        let compared = boots::on_a_scale(self.metric, |scale| {
            let own = scale == self.metric.scale;
            let baseline = if own { &self.own } else { &self.raw }.as_ref().map_err(|unjudged| *unjudged)?;
            let contender = values(other, &self.metric.name, self.design, scale)?;
            Ok(self.on_scale(scale, baseline, &contender))
        });
        let comparison = match &compared {
            Ok(Compared { scale: Scale::Ratio, centre: Some(centre), .. }) => Comparison::Ratio(centre.exp()),
            // No block has both.
            Ok(Compared { apart: None, blocks: 0, .. }) => Comparison::Unknown,
            _ => match self.median.zip(middle(other, &self.metric.name, self.design)) {
                Some((baseline, contender)) => Comparison::Difference(contender - baseline),
                None => Comparison::Unknown,
            },
        };
        pair.metrics.push((self.metric.clone(), comparison));
        if self.metric.name == self.design.primary {
            match compared {
                Ok(compared) => {
                    pair.blocks = compared.blocks;
                    pair.blocks_left_out = compared.blocks_left_out;
                    pair.apart = compared.apart;
                    pair.judgement = compared.judgement.ok();
                    pair.unjudged = compared.judgement.err();
                }
                Err(unjudged) => pair.unjudged = Some(unjudged),
            }
        }
    }

    fn on_scale(&self, scale: Scale, baseline: &Baseline, contender: &Values) -> Compared {
        let Values { values, figures } = contender;
        if baseline.in_blocks && !figures.blocks.is_empty() {
            return self.paired(scale, baseline, contender);
        }
        let centre = boots::mean(values).zip(boots::mean(&baseline.values.values)).map(|(one, other)| one - other);
        let judgement = match (Side::of(values).ok(), baseline.side) {
            (Some(side), Some(baseline)) => unpaired::welch_of(side, baseline, ALPHA, self.comparisons)
                .map_err(|_| Unjudged::NoValue)
                .and_then(|interval| self.judge(interval, scale, contender)),
            _ => Err(Unjudged::TooFew),
        };
        let apart = Some([values.len(), baseline.values.values.len()]);
        Compared { scale, centre, blocks: 0, blocks_left_out: 0, apart, judgement }
    }

    /// The file says which boots were measured side by side.
    fn paired(&self, scale: Scale, baseline: &Baseline, contender: &Values) -> Compared {
        let both = contender
            .by_block(&self.metric.name, self.design)
            .filter_map(|(block, value)| Some((block, value, *baseline.by_block.get(&block)?)));
        let both: Vec<(u32, f64, f64)> = both.collect();
        let of_contender: Vec<f64> = both.iter().map(|(_, value, _)| *value).collect();
        let of_baseline: Vec<f64> = both.iter().map(|(_, _, value)| *value).collect();
        let differences = boot::differences(&of_contender, &of_baseline).ok();
        let all: BTreeSet<u32> =
            [contender.figures, baseline.values.figures].into_iter().flat_map(|f| &f.blocks).map(|b| b.1).collect();
        let judgement = match &differences {
            Some(differences) if both.len() >= 2 => self
                .design
                .rule
                .last(differences, Some(differences.len()), self.comparisons)
                .map_err(|_| Unjudged::NoValue)
                .and_then(|interval| self.judge(interval, scale, contender)),
            _ => Err(Unjudged::TooFew),
        };
        Compared {
            scale,
            centre: differences.as_deref().and_then(boots::mean),
            blocks: both.len(),
            blocks_left_out: all.len().saturating_sub(both.len()),
            apart: None,
            judgement,
        }
    }

    fn judge(
        &self,
        interval: firebench_stats::Interval,
        scale: Scale,
        contender: &Values,
    ) -> Result<Judgement, Unjudged> {
        let delta = match scale {
            Scale::Ratio => self.design.delta,
            Scale::Raw => {
                boots::difference_that_counts(self.design.delta, [self.typical(), boots::mean(&contender.values)])?
            }
        };
        verdict::judge(interval, scale, delta).map_err(|_| Unjudged::NoValue)
    }

    /// The baseline's plain mean.
    fn typical(&self) -> Option<f64> {
        self.raw.as_ref().ok().and_then(|baseline| boots::mean(&baseline.values.values))
    }
}

/// A contender beside the baseline in one metric.
struct Compared {
    scale: Scale,
    centre: Option<f64>,
    blocks: usize,
    blocks_left_out: usize,
    apart: Option<[usize; 2]>,
    judgement: Result<Judgement, Unjudged>,
}

fn values<'a>(figures: &'a Figures, metric: &str, design: &DesignRecord, scale: Scale) -> Result<Values<'a>, Unjudged> {
    Ok(Values { values: boots::values_of_figures(figures, metric, design.warm_up, scale)?, figures })
}

impl Values<'_> {
    /// Each value with its block.
    fn by_block(&self, metric: &str, design: &DesignRecord) -> impl Iterator<Item = (u32, f64)> {
        let boots = self.figures.boots(metric, design.warm_up).map(|boot| boot.number);
        boots.zip(&self.values).filter_map(|(boot, value)| Some((self.figures.block(boot)?, *value)))
    }
}

/// The median over the samples that count.
fn middle(figures: &Figures, metric: &str, design: &DesignRecord) -> Option<f64> {
    median(figures.boots(metric, design.warm_up).flat_map(|boot| boot.counted).map(|sample| sample.value))
}
