//! Change points of a series: from which value on it lies elsewhere.
//!
//! E-divisive (Matteson and James, "A nonparametric approach for multiple change point analysis of multivariate data", JASA 2014),
//! which MongoDB uses for this purpose (Daly et al., ICPE 2020): of all splits of a series in two, the one whose sides lie furthest
//! apart by [energy distance](energy) with exponent 1. It is a change point if few permutations of the series have a split as good;
//! then both sides are looked at in the same way.
//!
//! The error rate is [`ALPHA`] for all change points of a series together: a series is tested with all of it, and each side of a
//! change point with half of what its series had (Bonferroni over the tree; the parts of any set of disjoint segments add up to
//! at most the whole). This holds where the values are exchangeable within a segment. What depends on the value before it is not:
//! the test then finds change points in what only wanders.
//!
//! The same series with the same seed gives the same change points.

mod energy;

pub use energy::SHORTEST;
use energy::Splitter;

use crate::random::Random;
use crate::rule::ALPHA;
use crate::{Error, Result, median};

/// With fewer values no split can be significant: of seven values, 2 of 35 choices of three are as good as the best one.
pub const FEWEST: usize = 8;

/// A series has at most so many values.
pub const LONGEST: usize = 1000;

/// So many permutations stand for all of them. With these a series is split at most six levels deep: below that no level of
/// significance can be reached.
pub const PERMUTATIONS: u32 = 999;

/// A place where a series changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first value after it, counted from 0.
    pub at: usize,
    /// How many values lie between it and the change point before it, or the beginning.
    pub count_before: usize,
    /// How many values lie between it and the next change point, or the end.
    pub count_after: usize,
    /// The median of those before.
    pub before: f64,
    /// The median of those after.
    pub after: f64,
    /// The share of permutations whose best split is as good, the series itself among them: from 0.001 on.
    pub p_value: f64,
}

impl Change {
    /// By how much the median changes: 0.03 is 3% more. None where it was zero or less before.
    pub fn relative(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.after / self.before - 1.0).filter(|change| change.is_finite())
    }

    /// By how much the median changes, in the unit of the series.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// The change points of a series, in its order. `seed` chooses the permutations.
///
/// Takes O([`PERMUTATIONS`] n²) for each segment that is looked at; those of a level have at most the n values of the series, and there are six levels.
///
/// # Errors
/// [`Error::NotFinite`]; [`Error::TooLarge`]; [`Error::TooMany`] where there are more than [`LONGEST`].
pub fn changes(series: &[f64], seed: u64) -> Result<Vec<Change>> {
    if series.len() > LONGEST {
        return Err(Error::TooMany { what: WHAT, count: series.len(), most: LONGEST });
    }
    if let Some((position, &value)) = series.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        return Err(Error::NotFinite { what: WHAT, position, value });
    }
    // What is computed is at most so large.
    if !(energy::total(series) * LONGEST as f64).is_finite() {
        return Err(Error::TooLarge { what: WHAT });
    }
    let mut found = Vec::new();
    divide(series, 0, ALPHA, seed, &mut found);
    found.sort_by_key(|split| split.at);
    let ends = |place: usize| found.get(place).map_or(series.len(), |split: &Found| split.at);
    let change = |(place, split): (usize, &Found)| {
        let begin = place.checked_sub(1).map_or(0, ends);
        let (before, after) = (series.get(begin..split.at)?, series.get(split.at..ends(place + 1))?);
        Some(Change {
            at: split.at,
            count_before: before.len(),
            count_after: after.len(),
            before: median(before.iter().copied())?,
            after: median(after.iter().copied())?,
            p_value: split.p_value,
        })
    };
    Ok(found.iter().enumerate().filter_map(change).collect())
}

/// What the values are, in errors.
const WHAT: &str = "values of the series";

/// A split that is significant.
struct Found {
    at: usize,
    p_value: f64,
}

/// Adds the change points of a part of the series that begins at `begin`, at this level of significance.
fn divide(part: &[f64], begin: usize, level: f64, seed: u64, found: &mut Vec<Found>) {
    // A segment is permuted in the same way wherever it is met.
    let stream = (begin as u64) << 32 | part.len() as u64;
    if let Some((at, p_value)) = significant(part, level, &mut Random::new(seed, stream)) {
        found.push(Found { at: begin + at, p_value });
        let (before, after) = part.split_at(at);
        divide(before, begin, level / 2.0, seed, found);
        divide(after, begin + at, level / 2.0, seed, found);
    }
}

/// The best split of a segment, if it is significant, with its p-value.
fn significant(part: &[f64], level: f64, random: &mut Random) -> Option<(usize, f64)> {
    let all = f64::from(PERMUTATIONS + 1);
    // So many may be as good, the series itself among them.
    let most = (level * all) as u32;
    if part.len() < FEWEST || most == 0 {
        return None;
    }
    let mut splitter = Splitter::new(part.len());
    let best = splitter.best(part).filter(|best| best.statistic > 0.0)?;
    // Where a permutation has the same sides, its sums may differ in their last digits.
    let as_good = best.statistic * (1.0 - 1e-9);
    let mut count = 1;
    for _ in 0..PERMUTATIONS {
        let order = random.permutation(part.len());
        let permuted: Vec<f64> = order.into_iter().filter_map(|place| part.get(place).copied()).collect();
        if splitter.best(&permuted).is_some_and(|split| split.statistic >= as_good) {
            count += 1;
            // Whatever the others are, it is not significant.
            if count > most {
                return None;
            }
        }
    }
    Some((best.at, f64::from(count) / all))
}

#[cfg(test)]
mod tests;
