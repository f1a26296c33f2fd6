//! The summary of figures that firebench did not measure. What was not measured side by side is never paired: then the
//! interval is Welch's, on all boots. Pure; linear in the number of samples, also of many contenders.

use std::collections::{BTreeSet, HashMap};

use firebench_model::figures::Figures;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{ContenderRecord, DesignRecord, Report};
use firebench_stats::boot::{self, Difference};
use firebench_stats::rule::ALPHA;
use firebench_stats::unpaired::{self, Side};
use firebench_stats::{Ground, Judgement, Method, Scale, grain, median, oddity, verdict};

use super::{Comparison, ContenderSummary, MetricSummary, Pair, Spread, Summary, spread};
use crate::beside;
use crate::boots::{self, Coarse};
use crate::judged::Unjudged;
use crate::oddities;

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
            method: Method::Student,
            judgement: None,
            described: None,
            unjudged: Some(Unjudged::TooFew),
            beside: beside::Beside::default(),
        };
        pairs = names().skip(1).map(blank).collect();
        for metric in &metrics {
            let periods = oddities::periods(report, metric);
            let of_baseline = periods.first().copied().flatten();
            let sides = Sides::of(baseline, metric, design, others.len(), of_baseline);
            for ((pair, other), period) in pairs.iter_mut().zip(others).zip(periods.iter().skip(1)) {
                sides.compare(pair, other, *period);
            }
        }
    }
    // On one scale for all contenders, so that what is printed can be reckoned with.
    let scale = |metric: &Metric| {
        let mut of_all = figures.iter().map(|figures| values(figures, &metric.name, design, metric.scale));
        if of_all.any(|values| matches!(values, Err(Unjudged::Zero))) { Scale::Raw } else { metric.scale }
    };
    let metrics: Vec<(&Metric, Scale)> = metrics.iter().map(|metric| (metric, scale(metric))).collect();
    let mut contenders: Vec<ContenderSummary> =
        names().zip(&figures).map(|(name, figures)| contender(name, figures, &metrics, design)).collect();
    if let Some((baseline, others)) = contenders.split_first_mut() {
        others.iter_mut().zip(&pairs).for_each(|(other, pair)| settle(other, baseline, pair));
    }
    Summary { single_iteration: design.iterations <= 1, contenders, pairs }
}

/// Two contenders of imported figures in one metric.
pub(crate) struct Beside {
    /// Of what follows.
    pub(crate) scale: Scale,
    /// What the first one comes to, on the scale.
    pub(crate) baseline: Option<f64>,
    /// What the other is above it.
    pub(crate) above: Option<f64>,
    /// Good boots of each that count.
    pub(crate) boots: [usize; 2],
    /// What comes of it.
    pub(crate) judgement: Result<Judgement, Unjudged>,
}

/// Puts two contenders of imported figures beside each other, the baseline first, as one of `comparisons` that share the error rate.
pub(crate) fn beside(report: &Report, two: [&ContenderRecord; 2], metric: &Metric, comparisons: usize) -> Beside {
    let empty = Figures::default();
    let [baseline, other] = two.map(|contender| contender.figures.as_ref().unwrap_or(&empty));
    let periods = oddities::periods(report, metric);
    let period = |of: &ContenderRecord| {
        let named = report.contenders.iter().zip(&periods).find(|(contender, _)| contender.name == of.name);
        named.and_then(|(_, period)| *period)
    };
    let sides = Sides::of(baseline, metric, &report.design, comparisons, period(two[0]));
    let compared = sides.against(other, period(two[1]));
    let scale = compared.as_ref().map_or(metric.scale, |compared| compared.scale);
    let on_scale = if scale == metric.scale { &sides.own } else { &sides.raw };
    let boots = [baseline, other].map(|figures| figures.boots(&metric.name, 0).count());
    Beside {
        scale,
        baseline: on_scale.as_ref().ok().and_then(|baseline| boots::mean(&baseline.values.values)),
        above: compared.as_ref().ok().and_then(|compared| compared.centre),
        boots: match &compared {
            Ok(Compared { apart: None, blocks, .. }) => [*blocks, *blocks],
            _ => boots,
        },
        // What was not measured side by side is described, and not judged.
        judgement: compared.and_then(|compared| match compared.apart {
            Some(_) => compared.judgement.and(Err(Unjudged::Apart)),
            None => compared.judgement,
        }),
    }
}

fn contender(name: &str, figures: &Figures, metrics: &[(&Metric, Scale)], design: &DesignRecord) -> ContenderSummary {
    let metric = |&(metric, scale): &(&Metric, Scale)| {
        let boots = || figures.boots(&metric.name, design.warm_up);
        let sample: Option<Spread> = spread(boots().flat_map(|boot| boot.counted).map(|sample| sample.value).collect());
        let first = (design.iterations > 1).then(|| median(boots().map(|boot| boot.first))).flatten();
        let mean = |scale| boots::mean(&values(figures, &metric.name, design, scale).ok()?.values);
        let estimate = if scale == Scale::Ratio { mean(scale).map(f64::exp) } else { mean(scale) };
        MetricSummary { metric: metric.clone(), first, estimate, sample }
    };
    ContenderSummary {
        name: name.to_owned(),
        boots_ok: figures.boots(&design.primary, 0).count(),
        boots_not_ok: figures.failed.len(),
        metrics: metrics.iter().map(metric).collect(),
        boot_seconds: None,
        host_cpu: None,
        throughput: None,
        disk_reads: None,
        to_host: None,
        clock: None,
        steal: None,
    }
}

/// Puts the estimates of a contender where they were found to be, seen from the baseline's: what was compared in blocks leaves out
/// boots whose block has none of the other.
fn settle(contender: &mut ContenderSummary, baseline: &ContenderSummary, pair: &Pair) {
    for ((own, other), (_, comparison)) in contender.metrics.iter_mut().zip(&baseline.metrics).zip(&pair.metrics) {
        own.estimate = match (other.estimate, comparison) {
            // A ratio that is no number any more says nothing of where the contender is.
            (Some(estimate), Comparison::Ratio(ratio)) => {
                Some(estimate * ratio).filter(|estimate| estimate.is_normal()).or(own.estimate)
            }
            (Some(estimate), Comparison::Difference(difference)) => Some(estimate + difference),
            _ => own.estimate,
        };
    }
}

/// What the good boots of one contender come to in a metric, on one scale.
struct Values<'a> {
    /// On the scale, in the order of the boots.
    values: Vec<f64>,
    figures: &'a Figures,
    /// With what period somebody looked, as far as the values show it: they are as coarse as that.
    period: Option<f64>,
}

/// The baseline in one metric, which every other contender is compared with.
struct Sides<'a> {
    metric: &'a Metric,
    design: &'a DesignRecord,
    comparisons: usize,
    /// On the metric's own scale, and by difference where that is another.
    own: Result<Baseline<'a>, Unjudged>,
    raw: Result<Baseline<'a>, Unjudged>,
}

/// The baseline on a scale.
struct Baseline<'a> {
    values: Values<'a>,
    side: Option<Side>,
    /// Its values by block; empty where there are none.
    by_block: HashMap<u32, f64>,
    coarse: Coarse,
    /// The block of each of its boots is known.
    in_blocks: bool,
}

impl<'a> Sides<'a> {
    fn of(
        figures: &'a Figures,
        metric: &'a Metric,
        design: &'a DesignRecord,
        comparisons: usize,
        period: Option<f64>,
    ) -> Self {
        let baseline = |scale| {
            let values = Values { period, ..values(figures, &metric.name, design, scale)? };
            let in_blocks = !figures.blocks.is_empty();
            let by_block = if in_blocks { values.by_block(&metric.name, design).collect() } else { HashMap::new() };
            let coarse = values.coarse(metric, design, scale);
            Ok(Baseline { side: Side::of(&values.values).ok(), by_block, coarse, in_blocks, values })
        };
        Sides { metric, design, comparisons, own: baseline(metric.scale), raw: baseline(Scale::Raw) }
    }

    /// Adds the metric to a pair, and the verdict if it is the primary one.
    fn compare(&self, pair: &mut Pair, other: &Figures, period: Option<f64>) {
        let compared = self.against(other, period);
        let comparison = match &compared {
            Ok(Compared { scale: Scale::Ratio, centre: Some(centre), .. }) => Comparison::Ratio(centre.exp()),
            // No block has both.
            Ok(Compared { apart: None, blocks: 0, .. }) => Comparison::Unknown,
            Ok(Compared { scale: Scale::Raw, centre: Some(centre), .. }) => Comparison::Difference(*centre),
            _ => Comparison::Unknown,
        };
        pair.metrics.push((self.metric.clone(), comparison));
        if self.metric.name == self.design.primary {
            match compared {
                Ok(compared) => {
                    pair.blocks = compared.blocks;
                    pair.blocks_left_out = compared.blocks_left_out;
                    pair.apart = compared.apart;
                    pair.unjudged = compared.judgement.err();
                    match (compared.apart, compared.judgement) {
                        (Some(_), Ok(described)) => {
                            (pair.described, pair.unjudged) = (Some(described), Some(Unjudged::Apart));
                        }
                        (_, judgement) => pair.judgement = judgement.ok(),
                    }
                }
                Err(unjudged) => pair.unjudged = Some(unjudged),
            }
        }
    }

    /// The baseline beside another contender, on the metric's scale, or by difference where a ratio would be one to zero.
    fn against(&self, other: &Figures, period: Option<f64>) -> Result<Compared, Unjudged> {
        boots::on_a_scale(self.metric, |scale| {
            let own = scale == self.metric.scale;
            let baseline = if own { &self.own } else { &self.raw }.as_ref().map_err(|unjudged| *unjudged)?;
            let contender = Values { period, ..values(other, &self.metric.name, self.design, scale)? };
            let compared = self.on_scale(scale, baseline, &contender);
            Ok(match oddity::shared(&baseline.values.values, &contender.values) {
                Some(shared) => {
                    Compared { judgement: Err(Unjudged::Shared(shared.values, contender.values.len())), ..compared }
                }
                None => compared,
            })
        })
    }

    fn on_scale(&self, scale: Scale, baseline: &Baseline, contender: &Values) -> Compared {
        let Values { values, figures, .. } = contender;
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
            .filter_map(|(block, value)| Some(value - *baseline.by_block.get(&block)?));
        // In which order they ran is not known.
        let differences: Vec<Difference> = both.map(|value| Difference { value, ..Difference::default() }).collect();
        let all: BTreeSet<u32> =
            [contender.figures, baseline.values.figures].into_iter().flat_map(|f| &f.blocks).map(|b| b.1).collect();
        let blocks_left_out = all.len().saturating_sub(differences.len());
        let DesignRecord { estimand, rule, .. } = *self.design;
        let ground = Ground { missing: blocks_left_out, ..Ground::new(estimand, rule, self.comparisons) };
        let judgement = match differences.len() {
            0 | 1 => Err(Unjudged::TooFew),
            _ => ground
                .last(&differences)
                .map_err(|_| Unjudged::NoValue)
                .and_then(|interval| self.judge(interval, scale, contender)),
        };
        let centre = boots::mean(&boot::values(&differences));
        Compared { scale, centre, blocks: differences.len(), blocks_left_out, apart: None, judgement }
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
        let baseline = if scale == self.metric.scale { &self.own } else { &self.raw };
        let baseline = baseline.as_ref().map_err(|unjudged| *unjudged)?;
        // Who looked once a while at one of the two knows their difference no better.
        let period = [baseline.values.period, contender.period].into_iter().flatten().reduce(f64::max);
        let sides = [baseline.coarse, contender.coarse(self.metric, self.design, scale)];
        let coarser = |side: Coarse| Coarse { step: side.step.or(period).map(|s| s.max(period.unwrap_or(s))), ..side };
        let grain = boots::grain(sides.map(coarser), scale);
        verdict::judge(interval.no_narrower(grain), scale, delta).map_err(|_| Unjudged::NoValue)
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
    let values = boots::values_of_figures(figures, metric, design.warm_up, scale)?;
    Ok(Values { values, figures, period: None })
}

impl Values<'_> {
    /// How coarse they are.
    fn coarse(&self, metric: &Metric, design: &DesignRecord, scale: Scale) -> Coarse {
        let counted = self.figures.boots(&metric.name, design.warm_up).flat_map(|boot| boot.counted);
        let mean = boots::mean(&self.values).unwrap_or_default();
        let size = if scale == Scale::Ratio { mean.exp() } else { mean };
        Coarse { step: grain::step(counted.map(|sample| sample.value)), size }
    }

    /// Each value with its block.
    fn by_block(&self, metric: &str, design: &DesignRecord) -> impl Iterator<Item = (u32, f64)> {
        let boots = self.figures.boots(metric, design.warm_up).map(|boot| boot.number);
        boots.zip(&self.values).filter_map(|(boot, value)| Some((self.figures.block(boot)?, *value)))
    }
}
