//! Contenders that did not run side by side: each of its runs comes to one value, and what differs between runs is in the spread of
//! these values. Kalibera and Jones, Rigorous benchmarking in reasonable time, ISMM 2013: the interval's spread is that of the highest
//! level that was repeated.

use firebench_model::figures::Figures;
use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, ContenderRecord, DesignRecord, Report};
use firebench_stats::rule::ALPHA;
use firebench_stats::{Interval, Judgement, Scale, grain, unpaired, verdict};

use super::estimate::{Estimate, centre};
use super::footing::Footing;
use super::operand::Operand;
use crate::beside::{InRuns, OfRuns};
use crate::boots::{self, Coarse};
use crate::doubts;
use crate::judged::Unjudged;

/// What all judgements of a comparison have in common.
#[derive(Debug, Clone, Copy)]
pub struct Family<'a> {
    /// How the two sides came about.
    pub footing: Footing,
    /// The metric on which verdicts are given.
    pub primary: &'a Metric,
    /// How many intervals share the error rate.
    pub comparisons: usize,
    /// Differences up to this share count as none.
    pub delta: f64,
    /// Whether instructions were emulated in one of the runs.
    pub emulated: bool,
}

/// A contender's boots that count in one run, and the design of the run, which says what counts in them.
struct Sample<'a> {
    boots: Vec<&'a BootRecord>,
    figures: Option<&'a Figures>,
    design: &'a DesignRecord,
}

impl<'a> Sample<'a> {
    fn of(run: &'a Report, contender: &'a ContenderRecord) -> Self {
        let boots = boots::good(contender, &run.design);
        Sample { boots, figures: contender.figures.as_ref(), design: &run.design }
    }

    /// What each boot comes to, on a scale.
    fn values(&self, metric: &str, scale: Scale) -> Result<Vec<f64>, Unjudged> {
        match self.figures {
            Some(figures) => boots::values_of_figures(figures, metric, self.design.warm_up, scale),
            None => boots::values_on(&self.boots, self.design, metric, scale),
        }
    }

    /// What the run comes to, on a scale.
    fn value(&self, metric: &str, scale: Scale) -> Result<f64, Unjudged> {
        boots::middle(self.design.estimand, &self.values(metric, scale)?, scale).ok_or(Unjudged::RunWithoutBoot)
    }

    /// How many boots count.
    fn count(&self, metric: &str) -> usize {
        self.figures.map_or(self.boots.len(), |figures| figures.boots(metric, 0).count())
    }

    /// All values that count.
    fn figures(&self, metric: &'a str) -> Box<dyn Iterator<Item = f64> + '_> {
        match self.figures {
            Some(figures) => {
                let boots = figures.boots(metric, self.design.warm_up);
                Box::new(boots.flat_map(|boot| boot.counted).map(|sample| sample.value))
            }
            None => {
                let counted = self.boots.iter().flat_map(|boot| boots::sample(boot, self.design));
                Box::new(counted.filter_map(move |iteration| iteration.metrics.get(metric).copied()))
            }
        }
    }
}

/// A contender in all runs of a side.
pub struct Samples<'a>(Vec<Sample<'a>>);

impl<'a> Samples<'a> {
    /// Of the contender of this name.
    pub fn of(side: &'a Operand, name: &str) -> Self {
        let of_run = |run: &'a Report| {
            let contender = run.contenders.iter().find(|contender| contender.name == name);
            contender.map(|contender| Sample::of(run, contender))
        };
        Samples(side.runs().filter_map(|run| of_run(&run.report)).collect())
    }

    /// One value a run, on a scale.
    fn values(&self, metric: &str, scale: Scale) -> Result<Vec<f64>, Unjudged> {
        self.0.iter().map(|sample| sample.value(metric, scale)).collect()
    }

    /// How many boots of all runs count.
    pub fn count(&self, metric: &str) -> usize {
        self.0.iter().map(|sample| sample.count(metric)).sum()
    }

    /// What they come to by themselves, in the metric's unit.
    pub fn alone(&self, metric: &Metric) -> Option<f64> {
        boots::on_a_scale(metric, |scale| Ok(centre(&self.values(&metric.name, scale)?, scale))).ok().flatten()
    }
}

/// Both sides of a pair in one metric, on the same scale: one value a run.
struct Both {
    scale: Scale,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Both {
    fn of(a: &Samples, b: &Samples, metric: &Metric) -> Result<Self, Unjudged> {
        let name = &metric.name;
        boots::on_a_scale(metric, |scale| Ok(Both { scale, a: a.values(name, scale)?, b: b.values(name, scale)? }))
    }

    fn centres(&self) -> [Option<f64>; 2] {
        [&self.a, &self.b].map(|values| centre(values, self.scale))
    }

    /// The size of both: the geometric mean of their centres, or, where one is zero, the other.
    fn sizes(&self) -> [Option<f64>; 2] {
        let [a, b] = self.centres();
        [a.zip(b).map(|(a, b)| (a * b).sqrt()), a.zip(b).map(|(a, b)| a.max(b))]
    }
}

/// How B's contender compares with A's.
pub fn estimate(a: &Samples, b: &Samples, metric: &Metric) -> Estimate {
    match Both::of(a, b, metric) {
        Ok(both) => {
            let [of_a, of_b] = [&both.a, &both.b].map(|values| boots::mean(values));
            Estimate::of(both.scale, of_a, of_a.zip(of_b).map(|(a, b)| b - a))
        }
        Err(_) => Estimate { scale: metric.scale, a: a.alone(metric), b: b.alone(metric), effect: None },
    }
}

/// The judgement on it: Welch's interval over the runs' values.
///
/// # Errors
/// [`Unjudged`], which one run a side always is.
pub fn judge(a: &Samples, b: &Samples, metric: &Metric, family: &Family) -> Result<Judgement, Unjudged> {
    match family.footing {
        _ if family.emulated => return Err(Unjudged::Emulated),
        Footing::OneRunAgainstSeveral => return Err(Unjudged::OneRunAgainstSeveral),
        Footing::SeveralRuns => {}
        _ => return Err(Unjudged::OneRunEach),
    }
    let both = Both::of(a, b, metric)?;
    let interval = unpaired::welch(&both.b, &both.a, ALPHA, family.comparisons).map_err(|_| Unjudged::NoValue)?;
    let (interval, delta) = bounds(interval.of_runs(), both.scale, [a, b], metric, family)?;
    verdict::judge(interval, both.scale, delta).map_err(|_| Unjudged::NoValue)
}

/// The interval, no narrower than the figures are coarse, and what counts as no difference.
///
/// # Errors
/// [`Unjudged`], where nothing is a share of the values.
pub fn bounds(
    interval: Interval,
    scale: Scale,
    [a, b]: [&Samples; 2],
    metric: &Metric,
    family: &Family,
) -> Result<(Interval, f64), Unjudged> {
    // What is compared by difference counts as none up to the same share of the primary metric, where the units allow it.
    let delta = match scale {
        Scale::Ratio => family.delta,
        Scale::Raw => {
            let (measure, one) = boots::measured_by(metric, family.primary);
            let sizes = Both::of(a, b, measure)?.sizes().map(|size| size.map(|size| size * one));
            boots::difference_that_counts(family.delta, sizes)?
        }
    };
    let [size_a, size_b] = Both::of(a, b, metric)?.centres().map(Option::unwrap_or_default);
    let coarse = |side: &Samples, size| {
        let figures = side.0.iter().flat_map(|sample| sample.figures(&metric.name));
        Coarse { step: grain::step(figures), size }
    };
    let grain = boots::grain([coarse(a, size_a), coarse(b, size_b)], scale);
    Ok((interval.no_narrower(grain), delta))
}

/// What the runs of both sides say beside it, of B's contender and of A's.
pub fn beside(a: &Samples, b: &Samples, metric: &Metric) -> Option<OfRuns> {
    let runs = a.0.len().saturating_add(b.0.len());
    let settling = |side: &Samples| {
        let of = |run: &Sample| doubts::settling(run.design, &run.boots, &metric.name, runs);
        InRuns::of(&side.0.iter().map(of).collect::<Vec<_>>())
    };
    let slow = |side: &Samples| {
        let of = |run: &Sample| doubts::slow(run.design, &run.boots, metric).by;
        InRuns::of(&side.0.iter().map(of).collect::<Vec<_>>())
    };
    OfRuns { settling: [b, a].map(settling), slow: [b, a].map(slow), ..OfRuns::default() }.if_any()
}
