//! The audit of imports: what the figures of others show that nobody measured like that, or that somebody left out. Pure.
//!
//! What firebench measured itself it knows; of figures of others there are the figures alone. [`firebench_stats::oddity`] has the tests,
//! each with the rate at which figures in order look odd.

use std::collections::BTreeSet;

use firebench_model::figures::Figures;
use firebench_model::metric::Metric;
use firebench_model::record::{ContenderRecord, ImportFormat, Report};
use firebench_stats::Scale;
use firebench_stats::oddity::{self, Ceiling, Digits, Piles, Shape, Shared};

use crate::boots;

/// Something odd in imported figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Oddity {
    /// The metric in which it is.
    pub metric: Metric,
    /// The contenders that it is about.
    pub contenders: Vec<String>,
    /// What it is.
    pub what: Odd,
}

/// What is odd.
#[derive(Debug, Clone, PartialEq)]
pub enum Odd {
    /// Two contenders hold the same measurements: no comparison of them means anything.
    Shared(Shared),
    /// Values pile up at multiples of a period, in the metric's unit: differences below that mean nothing.
    Piles(Piles),
    /// More round values than a clock gives.
    Digits(Digits),
    /// The order of the values is not that of measurements.
    Shape(Shape),
    /// The largest values are those of somebody who gave up.
    Ceiling(Ceiling),
    /// A contender has a value of the metric in some of its boots alone.
    Partial {
        /// Boots with a value.
        has: usize,
        /// All its boots, those included whose numbers are left out.
        of: usize,
    },
    /// The contenders do not have equally many boots; how many each has, in their order.
    Unequal(Vec<usize>),
}

impl Odd {
    /// Its name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Odd::Shared(_) => "shared_samples",
            Odd::Piles(_) => "piles",
            Odd::Digits(_) => "round_values",
            Odd::Shape(_) => "order",
            Odd::Ceiling(_) => "timeout",
            Odd::Partial { .. } => "missing_boots",
            Odd::Unequal(_) => "unequal_boots",
        }
    }
}

/// Of so many contenders at most, each is held against each other one; of more, each against the baseline alone.
const ALL_PAIRS: usize = 60;

/// The periods, in seconds, with which people look again.
const PERIODS: [f64; 2] = [1.0, 0.1];

/// What is odd in these metrics of a report; nothing in one that firebench measured itself.
pub fn oddities(report: &Report, metrics: &[Metric]) -> Vec<Oddity> {
    if report.imported.is_none() {
        return Vec::new();
    }
    metrics.iter().flat_map(|metric| of_metric(report, metric)).collect()
}

/// The period at whose multiples the values of a metric pile up, of each contender in its order: the coarseness of its figures.
pub fn periods(report: &Report, metric: &Metric) -> Vec<Option<f64>> {
    let lists: Vec<Vec<f64>> = report.contenders.iter().map(|contender| values(report, contender, metric)).collect();
    let piles = piles(metric, &lists);
    let of = |place: usize| piles.as_ref().filter(|piles| piles.lists.contains(&place)).map(|piles| piles.period);
    (0..lists.len()).map(of).collect()
}

/// The values of a contender in a metric, one a boot.
fn values(report: &Report, contender: &ContenderRecord, metric: &Metric) -> Vec<f64> {
    let empty = Figures::default();
    let figures = contender.figures.as_ref().unwrap_or(&empty);
    boots::values_of_figures(figures, &metric.name, report.design.warm_up, Scale::Raw).unwrap_or_default()
}

fn piles(metric: &Metric, lists: &[Vec<f64>]) -> Option<Piles> {
    let second = 1.0 / metric.unit.as_ref()?.seconds()?;
    let lists: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
    PERIODS.into_iter().find_map(|period| oddity::piles(&lists, period * second))
}

fn of_metric(report: &Report, metric: &Metric) -> Vec<Oddity> {
    let lists: Vec<Vec<f64>> = report.contenders.iter().map(|contender| values(report, contender, metric)).collect();
    let names: Vec<&String> = report.contenders.iter().map(|contender| &contender.name).collect();
    let odd = |contenders: &[&String], what| Oddity {
        metric: metric.clone(),
        contenders: contenders.iter().map(|&name| name.clone()).collect(),
        what,
    };
    let mut found = Vec::new();
    let pairs = names.iter().zip(&lists).enumerate();
    for (place, (name, list)) in pairs {
        let (others, of_others) = (names.iter().zip(&lists).skip(place.saturating_add(1)), place == 0);
        if !of_others && names.len() > ALL_PAIRS {
            break;
        }
        let shared = others.filter_map(|(other, of_other)| Some((other, oddity::shared(list, of_other)?)));
        found.extend(shared.map(|(other, shared)| odd(&[name, other], Odd::Shared(shared))));
    }
    let piles = piles(metric, &lists);
    let piled: Vec<&String> =
        piles.iter().flat_map(|piles| &piles.lists).filter_map(|&place| names.get(place).copied()).collect();
    found.extend(piles.map(|piles| odd(&piled, Odd::Piles(piles))));
    let second = metric.unit.as_ref().and_then(|unit| unit.seconds()).map(|seconds| 1.0 / seconds);
    for ((contender, name), list) in report.contenders.iter().zip(&names).zip(&lists) {
        let digits = oddity::digits(list).filter(|_| !piled.contains(name) && second.is_some()).map(Odd::Digits);
        let shape = oddity::shape(list).map(Odd::Shape);
        let ceiling = second.and_then(|second| oddity::ceiling(list, second)).map(Odd::Ceiling);
        let partial = partial(contender, metric).filter(|_| !adapts(report));
        found.extend([digits, shape, ceiling, partial].into_iter().flatten().map(|what| odd(&[name], what)));
    }
    let counts: Vec<usize> = lists.iter().map(Vec::len).collect();
    // Who has none of a metric measured something else.
    let (who, counts): (Vec<&String>, Vec<usize>) =
        names.iter().zip(counts).filter(|(_, count)| *count > 0).map(|(name, count)| (*name, count)).unzip();
    let unequal = counts.iter().any(|count| Some(count) != counts.first()) && !adapts(report);
    found.extend(unequal.then(|| odd(&who, Odd::Unequal(counts))));
    found
}

/// Whether the program that measured chooses by itself how often: then numbers that differ say nothing.
fn adapts(report: &Report) -> bool {
    report.imported.as_ref().is_some_and(|imported| imported.format == ImportFormat::Hyperfine)
}

/// Whether some boots of a contender have no value of a metric of which others have one. Boots are numbered from 0 or 1 by most, and one after the
/// other by all.
fn partial(contender: &ContenderRecord, metric: &Metric) -> Option<Odd> {
    let figures = contender.figures.as_ref()?;
    let numbers = |name: &str| figures.metrics.get(name).into_iter().flat_map(|column| column.by_boot());
    let number = |samples: &[firebench_model::figures::Sample]| samples.first().map(|sample| sample.boot);
    let own: BTreeSet<u32> = numbers(&metric.name).filter_map(number).collect();
    let all: BTreeSet<u32> = figures.metrics.keys().flat_map(|name| numbers(name)).filter_map(number).collect();
    let (first, last) = (*all.first()?, *all.last()?);
    let range = usize::try_from(last.saturating_sub(first)).ok()?.saturating_add(1);
    // Numbers that are far apart are no count.
    let of = if range <= all.len().saturating_mul(2) { range } else { all.len() };
    let has = own.len();
    (has > 0 && has < of).then_some(Odd::Partial { has, of })
}
