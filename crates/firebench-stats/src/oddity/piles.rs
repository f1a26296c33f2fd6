//! Whether values pile up at multiples of a period: then whoever waited for it and looked again was measured.
//!
//! Lists are looked at that have several narrow piles, wherever these are; honest lists have one, or several for a reason. The replicate is
//! a multiple of the period, not a value: boots that take 1.01 s each are one pile, whose place says nothing. Each multiple
//! that is the nearest one to at least two values of these lists is a hit if nearly all of these lie right after it. Of figures that know nothing
//! of the period, the chance of a hit is the share of a period that "right after" is.

use std::cmp::Ordering;

use crate::grain;

use super::at_least;

/// Values at multiples of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Piles {
    /// The period.
    pub period: f64,
    /// The lists that have piles, by their places.
    pub lists: Vec<usize>,
    /// The multiples at which they are.
    pub at: Vec<f64>,
    /// Values of these lists that are right after one of these.
    pub values: usize,
    /// All values of these lists.
    pub of: usize,
}

/// Right after a multiple is up to such a share of the period, and as a clock may be off, so much before it.
const AFTER: f64 = 0.15;
const BEFORE: f64 = 0.01;

/// Such a share of the values around a multiple is nearly all.
const NEARLY_ALL: f64 = 0.8;

/// Figures that know nothing of the period have so many hits once in so many times, if each list of theirs has several piles at all.
const LEVEL: f64 = 0.005;

/// Figures that are coarser than such a share of the period say nothing of where in it they are.
const COARSEST: f64 = 0.05;

/// A value in periods.
#[derive(Debug, Clone, Copy)]
struct Turns {
    value: f64,
    /// The multiple right after which it is, else the nearest one.
    multiple: f64,
    /// Whether it is right after that.
    after: bool,
}

impl Turns {
    /// None of a value that is too large to know.
    fn of(value: f64, period: f64) -> Option<Turns> {
        let value = value / period;
        let before = (value + BEFORE).floor();
        let after = value - before <= AFTER;
        (value < 1e9).then_some(Turns { value, multiple: if after { before } else { value.round() }, after })
    }
}

/// What is around each multiple, of those that have at least two values.
fn around(turns: &[Turns]) -> impl Iterator<Item = &[Turns]> {
    turns.chunk_by(|a, b| a.multiple == b.multiple).filter(|around| around.len() > 1)
}

/// In the order of the multiples.
fn in_order(turns: impl Iterator<Item = Turns>) -> Vec<Turns> {
    let mut turns: Vec<Turns> = turns.collect();
    turns.sort_unstable_by(|a, b| (a.multiple, a.value).partial_cmp(&(b.multiple, b.value)).unwrap_or(Ordering::Equal));
    turns
}

/// Whether most of a list is in several narrow piles.
fn has_piles(turns: &[Turns]) -> bool {
    let narrow = |around: &&[Turns]| match (around.first(), around.last()) {
        (Some(first), Some(last)) => last.value - first.value <= AFTER,
        _ => false,
    };
    let piles: Vec<usize> = around(turns).filter(narrow).map(<[_]>::len).collect();
    piles.len() > 1 && 2 * piles.iter().sum::<usize>() >= turns.len()
}

/// The piles of lists of one metric at multiples of a period, in the unit of the values.
pub fn piles(lists: &[&[f64]], period: f64) -> Option<Piles> {
    if !(period.is_finite() && period > 0.0) {
        return None;
    }
    let turns = |list: &&[f64]| list.iter().map(|value| Turns::of(*value, period)).collect::<Option<Vec<Turns>>>();
    let lists: Vec<(usize, Vec<Turns>)> = lists
        .iter()
        .enumerate()
        .filter_map(|(place, list)| Some((place, in_order(turns(list)?.into_iter()))))
        .filter(|(_, turns)| has_piles(turns))
        .collect();
    let all = in_order(lists.iter().flat_map(|(_, turns)| turns.iter().copied()));
    let step = grain::step(all.iter().map(|turns| turns.value * period)).map_or(1.0, |step| step / period);
    let after = |around: &[Turns]| around.iter().filter(|turns| turns.after).count();
    let multiple = |around: &[Turns]| around.first().map_or(0.0, |turns| turns.multiple);
    let hit = |around: &&[Turns]| multiple(around) > 0.0 && after(around) as f64 >= NEARLY_ALL * around.len() as f64;
    let hits: Vec<&[Turns]> = around(&all).filter(hit).collect();
    let values: usize = hits.iter().map(|around| after(around)).sum();
    let by_chance = at_least(hits.len(), around(&all).count(), AFTER + BEFORE + step);
    (step <= COARSEST && hits.len() >= 3 && 2 * values >= all.len() && by_chance <= LEVEL).then(|| Piles {
        period,
        lists: lists.iter().map(|(place, _)| *place).collect(),
        at: hits.iter().map(|around| multiple(around) * period).collect(),
        values,
        of: all.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::piles;

    #[test]
    fn whoever_looked_once_a_while_is_found() {
        let slept: Vec<f64> = (0..20).map(|i| [1.01, 2.0, 2.3][i % 3] + f64::from(i as u32 % 4) * 0.0012).collect();
        let found = piles(&[&slept], 0.1).expect("piles");
        assert_eq!((found.at.len(), found.values, found.of), (3, 20, 20));
        assert!((found.at[2] - 2.3).abs() < 1e-9, "{found:?}");
        assert_eq!(piles(&[&slept], 1.0), None, "2.3 is no multiple of it");
        let seconds: Vec<f64> = (0..20).map(|i| f64::from(i % 5) + 1.0 + f64::from(i) * 0.0017).collect();
        let beside = piles(&[&[7.5, 7.6], &seconds], 1.0).expect("piles");
        assert_eq!((beside.at, beside.lists), (vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![1]));
    }

    #[test]
    fn one_pile_each_is_no_prober() {
        let around = |centre: f64| -> Vec<f64> { (0..10).map(|i| centre + f64::from(i) * 0.0011).collect() };
        let lists = [around(1.0), around(2.0), around(2.3), around(4.1)];
        let lists: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
        assert_eq!(piles(&lists, 0.1), None);
        // As coarse as a tenth of it.
        assert_eq!(piles(&[&[1.0, 1.0, 1.2, 1.2, 1.4, 1.4, 1.6, 1.6]], 0.1), None);
        assert_eq!(piles(&[&[]], 0.1), None);
        assert_eq!(piles(&[&[1e300, 1.0]], 0.1), None);
        assert_eq!(piles(&[&[1.5, 2.5]], f64::NAN), None);
    }
}
