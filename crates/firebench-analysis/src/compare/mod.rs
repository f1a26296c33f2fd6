//! Two sides beside each other: their contenders in pairs, A's the baseline of B's.
//!
//! Pure. Each side is a run, or several that carried out the same experiment; how the two came about ([`Footing`]) decides whether
//! they are judged, and by what.

mod advice;
mod apart;
mod differences;
mod estimate;
mod footing;
mod operand;
mod over_runs;
mod refuse;
mod warnings;
mod within;

use std::borrow::Cow;

use firebench_model::metric::{self, Metric};
use firebench_model::record::{DesignRecord, Report};
use firebench_stats::{Judgement, Scale, verdict};
use serde::Serialize;

use crate::audit;
use crate::beside::Beside;
use crate::facts::{AuditedContender, Difference};
use crate::gate::{self, Limit, Outcome};
use crate::judged::{Judged, Unjudged};
use crate::summary;

use apart::{Family, Samples};
use estimate::Estimate;
use refuse::ContenderPair;
use within::Within;

pub use advice::Advice;
pub use footing::Footing;
pub use operand::{Operand, Run};
pub use refuse::CompareError;

/// The value of [`Comparison::schema`].
pub const SCHEMA: &str = "firebench.compare/2";

/// What two sides come to beside each other; `firebench compare --format json` writes it field for field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// How the two sides came about.
    pub footing: Footing,
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
    /// How many intervals share the error rate; none where nothing is judged.
    pub comparisons: usize,
    /// What the reader must know first.
    pub warnings: Vec<String>,
    /// In what the runs differ; of several, the first ones.
    pub differences: Vec<Difference>,
    /// The contenders of both, in A's order.
    pub pairs: Vec<Pair>,
    /// What to do for a verdict where there is none because of the footing.
    pub advice: Option<Advice>,
    /// What came of the limits.
    pub gates: Vec<Outcome>,
}

/// One of the two sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// As it was given on the command line.
    pub given: String,
    /// Its runs.
    pub runs: Vec<RunOfSide>,
}

/// A run of a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunOfSide {
    /// What was given for it.
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
    /// Boots of A's that count, in all of its runs.
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
    /// A's value in the metric's unit: what stands for the boots of a run, and of several runs the mean of that (the geometric one
    /// where ratios are compared).
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
/// [`CompareError`] when they did not measure the same, share no contender, hold a run twice, or a limit names what is not compared.
pub fn compare(a: &Operand, b: &Operand, limits: &[Limit]) -> Result<Comparison, CompareError> {
    refuse::unlike_runs("A", a)?;
    refuse::unlike_runs("B", b)?;
    refuse::unlike(a.report(), b.report())?;
    let pairs = refuse::pairs(a, b)?;
    let names = || pairs.iter().map(|(_, b)| b.name.as_str());
    gate::check(limits, names())?;
    let (metrics, unlike) = metrics(a, b);
    gate::check_metrics(limits, metrics.iter())?;
    refuse::same(a, b, &pairs)?;
    let runs = || a.runs().chain(b.runs()).map(|run| &run.report);
    let (first, footing) = (a.report(), Footing::of(a, b));
    let primary = first.primary();
    let asked = gate::comparisons(limits, &primary.name, names());
    let family = Family {
        footing,
        primary: &primary,
        comparisons: match footing.is_within() {
            true => pairs.iter().map(|pair| within::comparisons(first, *pair, asked)).sum(),
            false => asked,
        },
        delta: delta(runs().map(|run| &run.design)),
        emulated: runs().any(|run| run.emulated),
    };
    let compared: Vec<Pair> = pairs.iter().map(|of_both| pair([a, b], *of_both, &metrics, limits, &family)).collect();
    let judged: Vec<Judged> =
        compared.iter().flat_map(|pair| &pair.metrics).filter_map(|compared| compared.judged.clone()).collect();
    let has_verdicts = footing.is_judged() && !family.emulated;
    Ok(Comparison {
        schema: SCHEMA,
        footing,
        a: side(a),
        b: side(b),
        imported: imported(first, b.report()),
        workload: if first.imported.is_some() { "figures of others" } else { first.experiment.workload.name() }
            .to_owned(),
        command: first.command.clone(),
        primary: primary.name.to_string(),
        emulated: family.emulated,
        comparisons: if has_verdicts { family.comparisons } else { 0 },
        warnings: warnings::warnings(a, b, &pairs, &unlike),
        differences: differences::of_runs(first, b.report()),
        advice: advice::advice(a, b, &pairs, footing).filter(|_| !family.emulated),
        gates: gate::judge(limits, &judged),
        pairs: compared,
        metrics,
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

/// The metrics that are compared, those that all runs show; and the names of those that they do not mean alike.
fn metrics(a: &Operand, b: &Operand) -> (Vec<Metric>, Vec<String>) {
    let (mut alike, mut unlike) = (Vec::new(), Vec::new());
    let others: Vec<Vec<Metric>> = a.runs().chain(b.runs()).skip(1).map(|run| summary::metrics(&run.report)).collect();
    for one in summary::metrics(a.report()) {
        let same: Option<Vec<&Metric>> =
            others.iter().map(|metrics| metrics.iter().find(|other| other.name == one.name)).collect();
        match same {
            Some(same) if same.iter().all(|other| one.is_like(other)) => alike.push(one),
            Some(_) => unlike.push(one.name.to_string()),
            None => {}
        }
    }
    (alike, unlike)
}

fn side(operand: &Operand) -> Side {
    let run = |Run { given, report, .. }: &Run| RunOfSide {
        given: given.clone(),
        id: report.id.clone(),
        started: report.started.clone(),
        firebench: report.firebench.clone(),
    };
    Side { given: operand.given.clone(), runs: operand.runs().map(run).collect() }
}

/// The narrowest of the runs' bounds of equivalence.
fn delta<'a>(designs: impl Iterator<Item = &'a DesignRecord>) -> f64 {
    let usable = designs.map(|design| design.delta).filter(|delta| *delta > 0.0 && delta.is_finite());
    usable.reduce(f64::min).unwrap_or(DesignRecord::default().delta)
}

fn pair(
    [side_a, side_b]: [&Operand; 2],
    (a, b): ContenderPair,
    metrics: &[Metric],
    limits: &[Limit],
    family: &Family,
) -> Pair {
    let (run, is_within) = (side_a.report(), family.footing.is_within());
    let samples = [Samples::of(side_a, &a.name), Samples::of(side_b, &b.name)];
    let [of_a, of_b] = &samples;
    let unlike = unlike([side_a, side_b], (a, b));
    let (a_kind, b_kind) = (a.vmm, b.vmm);
    let baseline = if is_within { a.name.clone() } else { format!("A's {}", a.name) };
    let within = |metric: &Metric| match family.footing {
        Footing::WithinRun => within::compare(run, (a, b), metric, family.comparisons),
        _ => over_runs::compare(side_a, (a, b), metric, family),
    };
    let compared = |metric: &Metric| {
        let Within { estimate: Estimate { scale, a, b: value, effect }, judgement, beside, .. } = match is_within {
            true => within(metric),
            false => Within {
                estimate: apart::estimate(of_a, of_b, metric),
                boots: [0, 0],
                judgement: apart::judge(of_a, of_b, metric, family),
                beside: Beside { runs: apart::beside(of_a, of_b, metric), ..Beside::default() },
            },
        };
        let judgement = Unjudged::of_accounts(&[a_kind, b_kind], metric).map_or(judgement, Err);
        let asked = *metric == *family.primary || gate::is_asked(limits, &b.name, &metric.name);
        let judged = asked.then(|| Judged {
            contender: b.name.clone(),
            baseline: baseline.clone(),
            metric: metric.clone(),
            unlike: unlike.clone(),
            beside,
            judgement,
        });
        Compared { metric: metric.name.to_string(), scale, a, b: value, effect, judged }
    };
    let [boots_a, boots_b] = match is_within {
        true => within(family.primary).boots,
        false => samples.each_ref().map(|samples| samples.count(&family.primary.name)),
    };
    Pair {
        a: a.name.clone(),
        b: b.name.clone(),
        boots_a,
        boots_b,
        metrics: metrics.iter().map(compared).collect(),
        differences: differences::of_contenders((run, a), (side_b.report(), b)),
    }
}

/// Why the contenders of all runs do not compare like with like, seen from the first one of A; nothing is known of figures of others.
fn unlike([side_a, side_b]: [&Operand; 2], (a, b): ContenderPair) -> Vec<String> {
    let first = side_a.report();
    if first.imported.is_some() {
        return Vec::new();
    }
    let named = |run: &Report, name: &str| run.contenders.iter().position(|contender| contender.name == name);
    let others = side_a.further.iter().map(|run| (run, &a.name)).chain(side_b.runs().map(|run| (run, &b.name)));
    let mut found = Vec::new();
    for (Run { report, .. }, name) in others {
        let Some(other) = named(report, name).and_then(|place| report.contenders.get(place)) else { continue };
        let unlike = audit::between(&AuditedContender::new(first, a), &AuditedContender::new(report, other)).unlike();
        found.extend(unlike.into_iter().filter(|fact| !found.contains(fact)).collect::<Vec<_>>());
    }
    found
}
