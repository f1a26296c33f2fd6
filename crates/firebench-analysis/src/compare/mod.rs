//! Two runs against each other: their contenders in pairs, A's the baseline of B's.
//!
//! Pure. The runs took place at different times, so their boots share no blocks: the interval
//! is Welch's ([`firebench_stats::unpaired`]), and what changed on the machine in between is in it unseen.

mod differences;
mod operand;
mod refuse;
mod warnings;

use std::borrow::Cow;

use firebench_model::figures::Figures;
use firebench_model::metric::{self, Metric};
use firebench_model::record::{BootRecord, ContenderRecord, DesignRecord, Report};
use firebench_stats::rule::ALPHA;
use firebench_stats::{Judgement, Scale, unpaired, verdict};
use serde::Serialize;

use crate::audit;
use crate::beside::Beside;
use crate::facts::{AuditedContender, Difference};
use crate::gate::{self, Limit, Outcome};
use crate::judged::{Judged, Unjudged};
use crate::{boots, summary};

pub use operand::Operand;
pub use refuse::{CompareError, same};

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
    /// Where the figures come from, if firebench did not measure them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
    /// The workload.
    pub workload: String,
    /// The command of an iteration.
    pub command: Vec<String>,
    /// The metric on which verdicts are given.
    pub primary: String,
    /// The metrics that are compared, as they are declared.
    pub metrics: Vec<Metric>,
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
    pub metric: String,
    /// Whether [`effect`](Compared::effect) is a ratio or a difference.
    pub scale: Scale,
    /// A's value in the metric's unit: the geometric mean of its boots, or, where differences are compared, the plain one.
    pub a: Option<f64>,
    /// B's value.
    pub b: Option<f64>,
    /// b / a, or b - a in the metric's unit.
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
    let (metrics, unlike) = metrics(run_a, run_b);
    gate::check_metrics(limits, metrics.iter())?;
    let primary = run_a.primary();
    let family = Family {
        limits,
        primary: &primary,
        metrics,
        comparisons: gate::comparisons(limits, &primary.name, names()),
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
        imported: imported(run_a, run_b),
        workload: if run_a.imported.is_some() { "figures of others" } else { run_a.experiment.workload.name() }
            .to_owned(),
        command: run_a.command.clone(),
        primary: primary.name.to_string(),
        emulated: family.emulated,
        comparisons: family.comparisons,
        warnings: warnings::warnings(a, b, &pairs, &unlike),
        differences: differences::of_runs(run_a, run_b),
        gates: gate::judge(limits, &judged),
        pairs: compared,
        metrics: family.metrics,
    })
}

impl Comparison {
    /// The judgements on the primary metric.
    pub fn verdicts(&self) -> impl Iterator<Item = &Judged> {
        let judged = self.pairs.iter().flat_map(|pair| &pair.metrics).filter_map(|compared| compared.judged.as_ref());
        judged.filter(|judged| judged.metric.name == self.primary)
    }

    /// The declaration of a metric.
    pub fn metric(&self, name: &str) -> Cow<'_, Metric> {
        metric::named(&self.metrics, name)
    }

    /// Whether every pair has a verdict, and none is inconclusive.
    pub fn is_conclusive(&self) -> bool {
        let said = |judgement: &Judgement| judgement.verdict != verdict::Verdict::Inconclusive;
        self.verdicts().filter(|judged| judged.judgement.as_ref().is_ok_and(said)).count() == self.pairs.len()
    }
}

/// Where both have their figures from, in a sentence without its end.
fn imported(a: &Report, b: &Report) -> Option<String> {
    let (a, b) = (a.imported.as_ref()?, b.imported.as_ref()?);
    Some(format!(
        "IMPORTED figures: A from {} ({}), B from {} ({}). firebench did not measure them: it knows neither the machines nor what \
         exactly ran",
        a.format.name(),
        a.name,
        b.format.name(),
        b.name
    ))
}

/// The metrics that are compared, those that both show; and the names of those that the two do not mean alike.
fn metrics(a: &Report, b: &Report) -> (Vec<Metric>, Vec<String>) {
    let (mut alike, mut unlike) = (Vec::new(), Vec::new());
    let both = summary::metrics(a).into_iter().filter_map(|one| {
        let other = summary::metrics(b).into_iter().find(|other| other.name == one.name)?;
        Some((one, other))
    });
    for (one, other) in both {
        if one.is_like(&other) { alike.push(one) } else { unlike.push(one.name.to_string()) }
    }
    (alike, unlike)
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
    primary: &'a Metric,
    /// The metrics that are compared.
    metrics: Vec<Metric>,
    comparisons: usize,
    delta: f64,
    emulated: bool,
}

/// A contender's boots that count, and the design of its run, which says what counts in them.
struct Sample<'a> {
    boots: Vec<&'a BootRecord>,
    figures: Option<&'a Figures>,
    design: &'a DesignRecord,
}

impl<'a> Sample<'a> {
    fn of((run, contender): (&'a Report, &'a ContenderRecord)) -> Self {
        let boots = boots::good(contender, &run.design);
        Sample { boots, figures: contender.figures.as_ref(), design: &run.design }
    }

    fn values(&self, metric: &str, scale: Scale) -> Result<Vec<f64>, Unjudged> {
        match self.figures {
            Some(figures) => boots::values_of_figures(figures, metric, self.design.warm_up, scale),
            None => boots::values_on(&self.boots, self.design, metric, scale),
        }
    }

    /// How many boots count.
    fn count(&self, metric: &str) -> usize {
        self.figures.map_or(self.boots.len(), |figures| figures.boots(metric, 0).count())
    }
}

/// In the metric's unit, what values come to on a scale.
fn centre(values: &[f64], scale: Scale) -> Option<f64> {
    let mean = boots::mean(values)?;
    Some(if scale == Scale::Ratio { mean.exp() } else { mean })
}

/// Both sides of a pair in one metric, on the same scale.
struct Both {
    scale: Scale,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Both {
    fn of(a: &Sample, b: &Sample, metric: &Metric) -> Result<Self, Unjudged> {
        let name = &metric.name;
        boots::on_a_scale(metric, |scale| Ok(Both { scale, a: a.values(name, scale)?, b: b.values(name, scale)? }))
    }

    /// The size of both: the geometric mean of their centres, or, where one is zero, the other.
    fn sizes(&self) -> [Option<f64>; 2] {
        let [a, b] = [&self.a, &self.b].map(|values| centre(values, self.scale));
        [a.zip(b).map(|(a, b)| (a * b).sqrt()), a.zip(b).map(|(a, b)| a.max(b))]
    }
}

fn pair(a: (&Report, &ContenderRecord), b: (&Report, &ContenderRecord), family: &Family) -> Pair {
    let (sample_a, sample_b) = (Sample::of(a), Sample::of(b));
    let unlike = unlike(a, b);
    let compared = |metric: &Metric| {
        let both = Both::of(&sample_a, &sample_b, metric);
        let scale = both.as_ref().map_or(metric.scale, |both| both.scale);
        let alone = |sample: &Sample| {
            boots::on_a_scale(metric, |scale| Ok(centre(&sample.values(&metric.name, scale)?, scale)))
        };
        let [centre_a, centre_b] = match &both {
            Ok(both) => [centre(&both.a, scale), centre(&both.b, scale)],
            Err(_) => [alone(&sample_a).ok().flatten(), alone(&sample_b).ok().flatten()],
        };
        let centres = centre_a.zip(centre_b).filter(|_| both.is_ok());
        let asked = *metric == *family.primary || gate::is_asked(family.limits, &b.1.name, &metric.name);
        Compared {
            metric: metric.name.to_string(),
            scale,
            a: centre_a,
            b: centre_b,
            effect: centres.map(|(a, b)| if scale == Scale::Ratio { b / a } else { b - a }),
            judged: asked.then(|| Judged {
                contender: b.1.name.clone(),
                baseline: format!("A's {}", a.1.name),
                metric: metric.clone(),
                unlike: unlike.clone(),
                beside: Beside::default(),
                judgement: judge(both, &sample_a, &sample_b, metric, family),
            }),
        }
    };
    Pair {
        a: a.1.name.clone(),
        b: b.1.name.clone(),
        boots_a: sample_a.count(&family.primary.name),
        boots_b: sample_b.count(&family.primary.name),
        metrics: family.metrics.iter().map(compared).collect(),
        differences: differences::of_contenders(a, b),
    }
}

/// Why the two do not compare like with like; nothing is known of figures of others.
fn unlike(a: (&Report, &ContenderRecord), b: (&Report, &ContenderRecord)) -> Vec<String> {
    if a.0.imported.is_some() || b.0.imported.is_some() {
        return Vec::new();
    }
    audit::between(&AuditedContender::new(a.0, a.1), &AuditedContender::new(b.0, b.1)).unlike()
}

fn judge(
    both: Result<Both, Unjudged>,
    a: &Sample,
    b: &Sample,
    metric: &Metric,
    family: &Family,
) -> Result<Judgement, Unjudged> {
    if family.emulated {
        return Err(Unjudged::Emulated);
    }
    if a.figures.is_none() && a.boots.len() < 2 || b.figures.is_none() && b.boots.len() < 2 {
        return Err(Unjudged::TooFew);
    }
    let both = both?;
    if both.a.len() < 2 || both.b.len() < 2 {
        return Err(Unjudged::TooFew);
    }
    let interval = unpaired::welch(&both.b, &both.a, ALPHA, family.comparisons).map_err(|_| Unjudged::NoValue)?;
    // What is compared by difference counts as none up to the same share of the primary metric, where the units allow it.
    let delta = match both.scale {
        Scale::Ratio => family.delta,
        Scale::Raw => {
            let (measure, one) = boots::measured_by(metric, family.primary);
            let sizes = Both::of(a, b, measure)?.sizes().map(|size| size.map(|size| size * one));
            boots::difference_that_counts(family.delta, sizes)?
        }
    };
    verdict::judge(interval, both.scale, delta).map_err(|_| Unjudged::NoValue)
}
