//! From a report to the few numbers that a reader looks for. Pure.
//!
//! The boot is the replicate. What counts in it are its iterations after the warm-up (as a rule the first one, which is
//! always shown apart): see [`boots`]. Figures that firebench did not measure have a summary of the same shape.

pub(crate) mod figures;
mod of_report;

use firebench_model::clock::Offset;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, DesignRecord, IterationRecord, Report};
use firebench_stats::{Judgement, Method, Scale, median};

use crate::audit::ContenderClock;
use crate::beside::Beside;
use crate::boots;
use crate::judged::Unjudged;
use crate::paired::Paired;

pub use of_report::{metrics, summarize, with_clocks};

/// What a run comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Every boot ran one iteration, which therefore is the sample, cold as it is.
    pub single_iteration: bool,
    /// In the order of the report.
    pub contenders: Vec<ContenderSummary>,
    /// Every contender after the first one against the first one.
    pub pairs: Vec<Pair>,
}

/// What one contender's good boots come to.
#[derive(Debug, Clone, PartialEq)]
pub struct ContenderSummary {
    /// The contender.
    pub name: String,
    /// Boots that ended well; no other counts.
    pub boots_ok: usize,
    /// Boots, attempts included, that did not.
    pub boots_not_ok: usize,
    /// One entry for each metric that is shown.
    pub metrics: Vec<MetricSummary>,
    /// Median boot time in seconds.
    pub boot_seconds: Option<f64>,
    /// Median over the counted iterations of the CPU seconds that one cost the host.
    pub host_cpu: Option<f64>,
    /// Payload bytes a second, by the estimate of the first metric that is a time.
    pub throughput: Option<f64>,
    /// What was read from the disk.
    pub disk_reads: Option<DiskReads>,
    /// Ratio of [`DesignRecord::primary`] to the bare host's, where that took part and this is not it.
    pub to_host: Option<f64>,
    /// The iteration in which the guest's clock was furthest from the host's.
    pub clock: Option<Offset>,
    /// The boot in which most time was stolen: the share of its vCPUs' time.
    pub steal: Option<f64>,
}

/// One metric of one contender.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSummary {
    /// The metric.
    pub metric: Metric,
    /// Median over the boots' first iterations.
    pub first: Option<f64>,
    /// What stands for its boots, and is what verdicts are about: the baseline's own (its median boot, or their geometric mean), and
    /// every other contender's so that it lies above that by what was estimated within blocks.
    pub estimate: Option<f64>,
    /// The iterations that count.
    pub sample: Option<Spread>,
}

/// Quartiles and ends of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// A quarter lies below.
    pub lower: f64,
    /// A quarter lies above.
    pub upper: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
}

/// Median bytes read from the root disk by an iteration, as a share of the payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskReads {
    /// First iterations.
    pub first: f64,
    /// The iterations after the first one, where there are any.
    pub later: Option<f64>,
}

/// One contender against the baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The first contender.
    pub baseline: String,
    /// The other one.
    pub contender: String,
    /// Blocks in which both have a good boot.
    pub blocks: usize,
    /// Blocks in which one of them has none.
    pub blocks_left_out: usize,
    /// Good boots of the contender and of the baseline, where they were not measured side by side: then there are no blocks.
    pub apart: Option<[usize; 2]>,
    /// One entry for each metric that is shown; of whole boots, but for the phases that only one of the two has.
    pub metrics: Vec<(Metric, Comparison)>,
    /// How its interval comes about, where the two were measured side by side.
    pub method: Method,
    /// The verdict on [`DesignRecord::primary`]; none on an emulated accelerator, and none from fewer than two blocks.
    pub judgement: Option<Judgement>,
    /// What all boots of one come to against all of the other, where they were not measured side by side: Welch's interval, which
    /// describes them and judges nothing.
    pub described: Option<Judgement>,
    /// Why there is no verdict.
    pub unjudged: Option<Unjudged>,
    /// What must be said beside the verdict.
    pub beside: Beside,
}

/// How the contender compares with the baseline in one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Comparison {
    /// Contender / baseline.
    Ratio(f64),
    /// Contender - baseline, in the metric's unit, where a value is or can be zero.
    Difference(f64),
    /// No block has both.
    Unknown,
}

/// The precision that a run aimed at, and how near it came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    /// Half-width of the interval that was wanted, relative: 0.01 is ±1%.
    pub wanted: f64,
    /// That of the widest interval of its comparisons; none where one of them has no interval.
    pub reached: Option<f64>,
}

impl Aim {
    /// Whether every interval is as narrow as was wanted.
    pub fn is_reached(&self) -> bool {
        // What is computed on logarithms and back again is off in the last digits.
        self.reached.is_some_and(|reached| reached <= self.wanted * (1.0 + 1e-9))
    }
}

/// How near a run came to the precision that it aimed at; none where it aimed at none, or had nothing to compare.
pub fn aim(report: &Report, summary: &Summary) -> Option<Aim> {
    let wanted = report.design.precision.filter(|_| !summary.pairs.is_empty())?;
    let half_width = |pair: &Pair| {
        let judgement = pair.judgement?;
        // Of a difference, where zeros leave no ratio, there is no share to aim at.
        let ratio = (judgement.scale == Scale::Ratio).then(|| judgement.interval.half_width().exp_m1());
        ratio.filter(|half| half.is_finite())
    };
    let widths: Option<Vec<f64>> = summary.pairs.iter().map(half_width).collect();
    Some(Aim { wanted, reached: widths.and_then(|widths| widths.into_iter().reduce(f64::max)) })
}

/// The scale on which a metric is shown, one for all contenders, so that what is printed can be reckoned with: by difference if one of
/// them has a zero.
fn shown_scale(report: &Report, metric: &Metric) -> Scale {
    let has_zero = |contender: &ContenderRecord| {
        let good = boots::good(contender, &report.design);
        boots::values_on(&good, &report.design, &metric.name, metric.scale) == Err(Unjudged::Zero)
    };
    if report.contenders.iter().any(has_zero) { Scale::Raw } else { metric.scale }
}

/// `shown` has the metrics that are shown, each with its [scale](shown_scale).
fn contender_summary(
    report: &Report,
    contender: &ContenderRecord,
    clock: &ContenderClock,
    shown: &[(&Metric, Scale)],
) -> ContenderSummary {
    let design = &report.design;
    let baseline = report.contenders.first().unwrap_or(contender);
    let paired = Paired::of(report, baseline, contender);
    let payload = report.payload.bytes as f64;
    let boots = boots::good(contender, design);
    let firsts = || boots.iter().filter_map(|boot| boot.iterations.first());
    let sample = || boots.iter().flat_map(|boot| boots::sample(boot, design));
    let summaries: Vec<MetricSummary> = shown
        .iter()
        .map(|(metric, scale)| MetricSummary {
            metric: (*metric).clone(),
            first: median(firsts().filter_map(|i| value(i, &metric.name))),
            estimate: estimate(report, contender, &paired, metric, *scale),
            sample: spread(sample().filter_map(|i| value(i, &metric.name)).collect()),
        })
        .collect();
    let seconds = summaries.iter().find_map(|summary| {
        let unit = summary.metric.unit.as_ref()?.seconds()?;
        Some(summary.estimate.map(|estimate| estimate * unit))
    });
    let share = |bytes: f64| (payload > 0.0).then_some(bytes / payload);
    let read = |i: &IterationRecord| i.counters.disk_read_bytes as f64;
    let first_read = median(firsts().map(read)).and_then(share).filter(|_| contender.vmm.sees_disks());
    ContenderSummary {
        name: contender.name.clone(),
        boots_ok: contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok).count(),
        boots_not_ok: contender.boots.iter().filter(|boot| boot.status != BootStatus::Ok).count(),
        metrics: summaries,
        boot_seconds: median(boots.iter().filter_map(|boot| boot.boot_seconds)),
        host_cpu: median(sample().filter_map(|i| value(i, "host_cpu"))),
        to_host: to_host(report, contender),
        throughput: seconds
            .flatten()
            .filter(|&seconds| seconds > 0.0 && payload > 0.0)
            .map(|seconds| payload / seconds),
        disk_reads: first_read.map(|first| {
            let later = boots.iter().flat_map(|boot| boot.iterations.iter().skip(1));
            DiskReads { first, later: median(later.map(read)).and_then(share) }
        }),
        clock: clock.worst.filter(|_| !report.measures_boots()),
        steal: clock.steal,
    }
}

/// The ratio to the bare host, if that is another contender.
fn to_host(report: &Report, contender: &ContenderRecord) -> Option<f64> {
    let host = report.contenders.iter().find(|other| other.vmm.is_host())?;
    if contender.vmm.is_host() {
        return None;
    }
    let (scale, above) = Paired::of(report, host, contender).compare(&report.design, &report.primary())?;
    (scale == Scale::Ratio).then(|| above.exp())
}

/// What stands for a contender's boots in a metric.
fn estimate(
    report: &Report,
    contender: &ContenderRecord,
    paired: &Paired,
    metric: &Metric,
    scale: Scale,
) -> Option<f64> {
    let design = &report.design;
    let own = |boots: &[&BootRecord]| {
        let values = boots::values_on(boots, design, &metric.name, scale).ok()?;
        boots::middle(design.estimand, &values, scale)
            .map(|middle| if scale == Scale::Ratio { middle.exp() } else { middle })
    };
    let baseline = own(&paired.baseline).filter(|_| !paired.baseline.is_empty());
    let is_baseline = report.contenders.first().is_some_and(|first| first.name == contender.name);
    match (baseline, paired.compare(design, metric)) {
        (Some(baseline), _) if is_baseline => Some(baseline),
        (Some(baseline), Some((Scale::Ratio, above))) => Some(baseline * above.exp()),
        (Some(baseline), Some((Scale::Raw, above))) => Some(baseline + above),
        // Nothing to be compared with.
        _ => own(&boots::good(contender, design)),
    }
}

/// Compares a contender with the baseline, as one of `comparisons` of the report.
fn pair(report: &Report, baseline: &ContenderRecord, contender: &ContenderRecord, comparisons: usize) -> Pair {
    let design = &report.design;
    let all = baseline.boots.iter().chain(&contender.boots).map(|boot| boot.block);
    let blocks: std::collections::BTreeSet<u32> = all.filter(|block| *block >= design.scout_blocks).collect();
    let paired = Paired::of(report, baseline, contender);
    let (judged, beside) = paired.judge(report, &report.primary(), comparisons);
    Pair {
        baseline: baseline.name.clone(),
        contender: contender.name.clone(),
        blocks: paired.baseline.len(),
        blocks_left_out: blocks.len().saturating_sub(paired.baseline.len()),
        apart: None,
        metrics: metric::shown(&report.metrics)
            .map(|metric| (metric.clone(), compare(&paired, metric, design)))
            .filter(|(_, compared)| *compared != Comparison::Unknown || !report.measures_boots())
            .collect(),
        method: paired.ground(report, comparisons).method(paired.baseline.len()),
        judgement: judged.as_ref().ok().copied(),
        described: None,
        unjudged: judged.err(),
        beside,
    }
}

fn compare(paired: &Paired, metric: &Metric, design: &DesignRecord) -> Comparison {
    match paired.compare(design, metric) {
        Some((Scale::Ratio, above)) => Comparison::Ratio(above.exp()),
        Some((Scale::Raw, above)) => Comparison::Difference(above),
        None => Comparison::Unknown,
    }
}

fn value(iteration: &IterationRecord, metric: &str) -> Option<f64> {
    iteration.metrics.get(metric).copied().filter(|value| value.is_finite())
}

fn spread(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let (min, max) = (*values.first()?, *values.last()?);
    let below = |share: f64| values.get((share * (values.len().saturating_sub(1)) as f64).round() as usize).copied();
    Some(Spread { lower: below(0.25)?, upper: below(0.75)?, min, max })
}
