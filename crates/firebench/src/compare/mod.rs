//! Two runs against each other: their contenders in pairs, A's the baseline of B's.
//!
//! Pure but for [`operand::load`]. The runs took place at different times, so their boots share no blocks: the interval
//! is Welch's ([`firebench_stats::unpaired`]), and what changed on the machine in between is in it unseen.

pub mod differences;
pub mod markdown;
pub mod operand;
mod refuse;
pub mod table;
mod warnings;

use firebench_stats::rule::ALPHA;
use firebench_stats::{Judgement, Scale, unpaired, verdict};
use serde::Serialize;

use crate::boots;
use crate::gate::{self, Judged, Limit, Outcome, Unjudged};
use crate::record::{BootRecord, ContenderRecord, DesignRecord, Report};
use crate::summary::METRICS;

pub use differences::Difference;
pub use operand::{Operand, OperandError};
pub use refuse::CompareError;

/// The value of [`Comparison::schema`].
pub const SCHEMA: &str = "firebench.compare/1";

/// What two runs come to beside each other; `firebench compare --format json` writes it field for field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The baseline.
    pub a: Side,
    /// What is held against it.
    pub b: Side,
    /// The workload.
    pub workload: &'static str,
    /// The command of an iteration.
    pub command: Vec<String>,
    /// The metric on which verdicts are given.
    pub primary: String,
    /// Whether guest instructions were emulated in one of the runs: then there is no verdict.
    pub emulated: bool,
    /// How many intervals share the error rate.
    pub comparisons: usize,
    /// What the reader must know first.
    pub warnings: Vec<String>,
    /// In what the runs differ.
    pub differences: Vec<Difference>,
    /// The contenders of both, in A's order.
    pub pairs: Vec<Pair>,
    /// What came of the limits.
    pub gates: Vec<Outcome>,
}

/// One of the two runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// As it was given on the command line.
    pub given: String,
    /// Its id in the store.
    pub id: Option<String>,
    /// When it began.
    pub started: String,
    /// The firebench that carried it out.
    pub firebench: String,
}

/// A contender of B against its baseline in A.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Its name in A.
    pub a: String,
    /// Its name in B, which limits mean.
    pub b: String,
    /// Boots of A's that count.
    pub boots_a: usize,
    /// Boots of B's that count.
    pub boots_b: usize,
    /// One entry for each metric.
    pub metrics: Vec<Compared>,
    /// In what the contenders differ.
    pub differences: Vec<Difference>,
}

/// A metric of a pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    pub metric: &'static str,
    /// Whether [`effect`](Compared::effect) is a ratio or a difference.
    pub scale: Scale,
    /// A's value in seconds: the geometric mean of its boots, or, where differences are compared, the plain one.
    pub a: Option<f64>,
    /// B's value.
    pub b: Option<f64>,
    /// b / a, or b - a in seconds.
    pub effect: Option<f64>,
    /// The judgement, on the primary metric and those that a limit asks for; on no other, so that these need not share
    /// the error rate with it.
    pub judged: Option<Judged>,
}

/// Compares B with A, and holds the limits against the outcome.
///
/// # Errors
/// [`CompareError`] when they did not measure the same, share no contender, or a limit names one that is not compared.
pub fn compare(a: &Operand, b: &Operand, limits: &[Limit]) -> Result<Comparison, CompareError> {
    refuse::unlike(&a.report, &b.report)?;
    let pairs = refuse::pairs(a, b)?;
    let names = || pairs.iter().map(|(_, b)| b.name.as_str());
    gate::check(limits, names())?;
    let (run_a, run_b) = (&a.report, &b.report);
    let primary = &run_a.design.primary;
    let family = Family {
        limits,
        primary,
        comparisons: gate::comparisons(limits, primary, names()),
        delta: delta(&run_a.design, &run_b.design),
        emulated: run_a.emulated || run_b.emulated,
    };
    let compared: Vec<Pair> = pairs.iter().map(|(of_a, of_b)| pair((run_a, of_a), (run_b, of_b), &family)).collect();
    let judged: Vec<Judged> =
        compared.iter().flat_map(|pair| &pair.metrics).filter_map(|compared| compared.judged.clone()).collect();
    Ok(Comparison {
        schema: SCHEMA,
        a: side(a),
        b: side(b),
        workload: run_a.experiment.workload.name(),
        command: run_a.command.clone(),
        primary: primary.clone(),
        emulated: family.emulated,
        comparisons: family.comparisons,
        warnings: warnings::warnings(a, b, &pairs),
        differences: differences::of_runs(run_a, run_b),
        gates: gate::judge(limits, &judged),
        pairs: compared,
    })
}

impl Comparison {
    /// The judgements on the primary metric.
    pub fn verdicts(&self) -> impl Iterator<Item = &Judged> {
        let judged = self.pairs.iter().flat_map(|pair| &pair.metrics).filter_map(|compared| compared.judged.as_ref());
        judged.filter(|judged| judged.metric == self.primary)
    }

    /// Whether every pair has a verdict, and none is inconclusive.
    pub fn is_conclusive(&self) -> bool {
        let said = |judgement: &Judgement| judgement.verdict != verdict::Verdict::Inconclusive;
        self.verdicts().filter(|judged| judged.judgement.as_ref().is_ok_and(said)).count() == self.pairs.len()
    }
}

fn side(operand: &Operand) -> Side {
    let Report { id, started, firebench, .. } = &operand.report;
    Side { given: operand.given.clone(), id: id.clone(), started: started.clone(), firebench: firebench.clone() }
}

/// The narrower of the two runs' bounds of equivalence.
fn delta(a: &DesignRecord, b: &DesignRecord) -> f64 {
    let usable = [a.delta, b.delta].into_iter().filter(|delta| *delta > 0.0 && delta.is_finite());
    usable.reduce(f64::min).unwrap_or(DesignRecord::default().delta)
}

/// What all judgements of a comparison have in common.
struct Family<'a> {
    limits: &'a [Limit],
    primary: &'a str,
    comparisons: usize,
    delta: f64,
    emulated: bool,
}

/// A contender's boots that count, and the design of its run, which says what counts in them.
struct Sample<'a> {
    boots: Vec<&'a BootRecord>,
    design: &'a DesignRecord,
}

impl<'a> Sample<'a> {
    fn of((run, contender): (&'a Report, &'a ContenderRecord)) -> Self {
        Sample { boots: boots::good(contender, &run.design), design: &run.design }
    }

    fn values(&self, metric: &str) -> Option<Vec<f64>> {
        boots::values(&self.boots, self.design, metric)
    }

    /// In seconds.
    fn mean(&self, metric: &str) -> Option<f64> {
        let mean = boots::mean(&self.values(metric)?)?;
        Some(if boots::scale(metric) == Scale::Ratio { mean.exp() } else { mean })
    }
}

fn pair(a: (&Report, &ContenderRecord), b: (&Report, &ContenderRecord), family: &Family) -> Pair {
    let (sample_a, sample_b) = (Sample::of(a), Sample::of(b));
    let compared = |metric| {
        let means = sample_a.mean(metric).zip(sample_b.mean(metric));
        let asked = metric == family.primary || gate::is_asked(family.limits, &b.1.name, metric);
        Compared {
            metric,
            scale: boots::scale(metric),
            a: sample_a.mean(metric),
            b: sample_b.mean(metric),
            effect: means.map(|(a, b)| if boots::scale(metric) == Scale::Ratio { b / a } else { b - a }),
            judged: asked.then(|| Judged {
                contender: b.1.name.clone(),
                baseline: format!("A's {}", a.1.name),
                metric: metric.to_owned(),
                judgement: judge(&sample_a, &sample_b, metric, family),
            }),
        }
    };
    Pair {
        a: a.1.name.clone(),
        b: b.1.name.clone(),
        boots_a: sample_a.boots.len(),
        boots_b: sample_b.boots.len(),
        metrics: METRICS.into_iter().map(compared).collect(),
        differences: differences::of_contenders(a, b),
    }
}

fn judge(a: &Sample, b: &Sample, metric: &str, family: &Family) -> Result<Judgement, Unjudged> {
    if family.emulated {
        return Err(Unjudged::Emulated);
    }
    if a.boots.len() < 2 || b.boots.len() < 2 {
        return Err(Unjudged::TooFew);
    }
    let judged = || {
        let interval = unpaired::welch(&b.values(metric)?, &a.values(metric)?, ALPHA, family.comparisons).ok()?;
        let scale = boots::scale(metric);
        // What is compared by difference counts as none up to the same share of the primary metric.
        let delta = match scale {
            Scale::Ratio => family.delta,
            Scale::Raw => family.delta * (a.mean(family.primary)? * b.mean(family.primary)?).sqrt(),
        };
        verdict::judge(interval, scale, delta).ok()
    };
    judged().ok_or(Unjudged::NoValue)
}
