//! Whether two lists hold the same measurements.
//!
//! Two that were measured apart have equal values by chance, the more the coarser they are. How often, the lists say themselves: with p and q
//! the chances of each value of either, a pair of one value of each is equal with Σpq, and (Cauchy and Schwarz) that is no more than the
//! geometric mean of Σp² and Σq², the chances that two values of the same list are equal. Those are estimated from the pairs in each list,
//! with one more equal pair than there are: no equal pair of a short list proves little. So coarse figures, or a metric that is always the same,
//! are never taken for shared ones.

use super::{at_least, sorted};

/// What two lists share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    /// Values of the one that are in the other one, too, each counted as often as it is in both.
    pub values: usize,
    /// How many either has.
    pub of: [usize; 2],
    /// The shorter one stands in the longer one as it is, in the same order.
    pub in_order: bool,
}

/// Two lists that were measured apart are found to share values once in so many times, or more rarely.
const LEVEL: f64 = 1e-6;

/// So many comparisons of a shorter list with places in a longer one are made, to see whether it stands there in order.
const COMPARISONS: usize = 10_000_000;

/// What two lists share, where that is more than chance explains.
pub fn shared(one: &[f64], other: &[f64]) -> Option<Shared> {
    let (long, short) = if one.len() >= other.len() { (one, other) } else { (other, one) };
    let (sorted_long, sorted_short) = (sorted(long), sorted(short));
    let values = common(&sorted_long, &sorted_short);
    if values < 3 {
        return None;
    }
    let equal = (of_pairs(&sorted_long) * of_pairs(&sorted_short)).sqrt();
    let in_order = stands_in(long, short);
    let places = (long.len() - short.len() + 1) as f64;
    let by_order = in_order && places * equal.powi(i32::try_from(short.len()).unwrap_or(i32::MAX)) < LEVEL;
    let by_values = at_least(values, short.len(), equal * long.len() as f64) < LEVEL;
    let of = [one.len(), other.len()];
    (by_values || by_order).then_some(Shared { values, of, in_order })
}

/// Values of two sorted lists that are in both.
fn common(one: &[f64], other: &[f64]) -> usize {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    let mut common = 0;
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        let order = a.total_cmp(b);
        common += usize::from(order.is_eq());
        if order.is_le() {
            one.next();
        }
        if order.is_ge() {
            other.next();
        }
    }
    common
}

/// The chance that two values of a sorted list are equal, from its pairs: rather too large.
fn of_pairs(sorted: &[f64]) -> f64 {
    let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let equal: f64 = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|run| pairs(run.len())).sum();
    (equal + 1.0) / (pairs(sorted.len()) + 1.0)
}

/// Whether the shorter list stands in the longer one as it is.
fn stands_in(long: &[f64], short: &[f64]) -> bool {
    let places = long.len() - short.len() + 1;
    places.saturating_mul(short.len()) <= COMPARISONS && long.windows(short.len()).any(|window| window == short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine(n: usize, shift: f64) -> Vec<f64> {
        (0..n).map(|i| 800.0 + shift + ((i * 7919) % 1009) as f64 / 10.0).collect()
    }

    #[test]
    fn a_set_beside_its_own_part_is_found() {
        let all = fine(40, 0.0);
        let part: Vec<f64> = all.iter().skip(1).step_by(2).copied().collect();
        let found = shared(&all, &part).expect("a part of it");
        assert_eq!(found, Shared { values: 20, of: [40, 20], in_order: false });
        assert_eq!(shared(&part, &all).map(|found| found.of), Some([20, 40]));
        let found = shared(&all[20..], &all).expect("a part of it");
        assert!(found.in_order && found.values == 20);
        // A copy of a short one, in order.
        assert_eq!(shared(&all[..8], &all[..8]), Some(Shared { values: 8, of: [8, 8], in_order: true }));
        assert_eq!(shared(&all, &fine(40, 0.05)), None);
    }

    #[test]
    fn coarse_figures_are_equal_by_chance() {
        let coarse = |n: usize, k: usize| -> Vec<f64> { (0..n).map(|i| 12.0 + (i * k % 7) as f64).collect() };
        assert_eq!(shared(&coarse(20, 3), &coarse(20, 5)), None);
        assert_eq!(shared(&[205.0; 20], &[205.0; 20]), None);
        assert_eq!(shared(&[], &[]), None);
        assert_eq!(shared(&[1.5, 2.5], &[1.5, 2.5]), None, "too few to know");
        // The same coarse series in the same order is one series.
        let series: Vec<f64> = (0..30).map(|i| f64::from(i * 37 % 11)).collect();
        assert!(shared(&series, &series).is_some_and(|found| found.in_order));
    }
}
