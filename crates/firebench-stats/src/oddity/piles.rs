//! Whether values pile up at multiples of a period: then whoever waited for it and looked again was measured.
//!
//! The replicate is a multiple of the period, not a value: honest boots that take 1.01 s each are one pile, whose place says nothing. Each
//! multiple that is the nearest one to at least two values is a hit if nearly all of these lie right after it. Of figures that
//! know nothing of the period, the chance of a hit is the share of a period that "right after" is. Beside that, one list at least must have two piles by
//! itself: honest lists have one, or two for a reason, and then not at multiples.

use crate::grain;

use super::at_least;

/// Values at multiples of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Piles {
    /// The period.
    pub period: f64,
    /// The multiples at which they are.
    pub at: Vec<f64>,
    /// Values that are right after one of these.
    pub values: usize,
    /// All values.
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

/// The piles of lists of one metric at multiples of a period, in the unit of the values.
pub fn piles(lists: &[&[f64]], period: f64) -> Option<Piles> {
    let step = grain::step(lists.iter().flat_map(|list| list.iter().copied()))?;
    if !(period.is_finite() && period > 0.0) || step > COARSEST * period {
        return None;
    }
    let place = |value: f64| {
        let turns = value / period;
        // Just before a multiple belongs to it.
        let multiple = (turns + BEFORE).floor();
        (turns.is_finite() && turns < 1e9).then_some((multiple, turns - multiple <= AFTER, turns.round()))
    };
    let mut places: Vec<(f64, bool)> = Vec::new();
    let mut of = 0;
    for value in lists.iter().flat_map(|list| list.iter()) {
        let (multiple, near, nearest) = place(*value)?;
        places.push((if near { multiple } else { nearest }, near));
        of += 1;
    }
    places.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let around: Vec<&[(f64, bool)]> = places.chunk_by(|a, b| a.0 == b.0).filter(|around| around.len() > 1).collect();
    let near = |around: &[(f64, bool)]| around.iter().filter(|(_, near)| *near).count();
    let multiple = |around: &[(f64, bool)]| around.first().map_or(0.0, |place| place.0);
    let hit =
        |around: &&&[(f64, bool)]| multiple(around) > 0.0 && near(around) as f64 >= NEARLY_ALL * around.len() as f64;
    let hits: Vec<&&[(f64, bool)]> = around.iter().filter(hit).collect();
    let values: usize = hits.iter().map(|around| near(around)).sum();
    let chance = AFTER + BEFORE + step / period;
    if hits.len() < 3 || 2 * values < of || at_least(hits.len(), around.len(), chance) > LEVEL {
        return None;
    }
    let at: Vec<f64> = hits.iter().map(|around| multiple(around)).collect();
    let own = |list: &&[f64]| {
        let mut own: Vec<f64> =
            list.iter().filter_map(|value| place(*value)).filter(|(_, near, _)| *near).map(|place| place.0).collect();
        own.sort_unstable_by(f64::total_cmp);
        let piles = own
            .chunk_by(|a, b| a == b)
            .filter(|pile| pile.len() > 1 && pile.first().is_some_and(|multiple| at.contains(multiple)))
            .count();
        piles > 1
    };
    lists.iter().any(|list| own(list)).then(|| Piles {
        period,
        at: at.iter().map(|m| m * period).collect(),
        values,
        of,
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
        assert_eq!(piles(&[&seconds, &[7.5]], 1.0).map(|found| found.at), Some(vec![1.0, 2.0, 3.0, 4.0, 5.0]));
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
