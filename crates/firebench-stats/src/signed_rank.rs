//! Wilcoxon's signed ranks (F. Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1, 1945), and the
//! estimate and the interval that go with them: J. L. Hodges and E. L. Lehmann, Estimates of location based on rank tests, Annals
//! of Mathematical Statistics 34 (1963); J. W. Tukey's averages of pairs.
//!
//! Of n values, each pair (and each value with itself) has an average. The middle of these n(n+1)/2 averages is the estimate; the
//! interval goes from the (r+1)-th smallest to the (r+1)-th largest of them, where r is the largest number for which
//! P(T ≤ r) is at most the tail, T being the signed-rank statistic of values whose signs are tossed coins. Nothing else is assumed
//! of the values, and a few wild ones change little.

use crate::{Error, Result};

/// Fewest blocks of which ranks can say anything for one comparison: 2/2^6 is 3%.
pub(crate) const LEAST_RANKED: usize = 6;

/// The largest r with P(T ≤ r) ≤ `tail`, T the sum of the ranks of `count` values whose signs are positive by the toss of a coin;
/// None where even T = 0 is likelier than that.
///
/// Exact up to 100 values; beyond, by the normal distribution with Edgeworth's term for the fourth cumulant (the skewness is
/// zero), which is off by at most one rank in 2,500. Errors: a tail outside of 0 to 1.
pub fn rank(count: usize, tail: f64) -> Result<Option<usize>> {
    if !(tail > 0.0 && tail < 1.0) {
        return Err(Error::BadLevel { level: tail });
    }
    Ok(if count <= EXACT { exact(count, tail) } else { Some(approximate(count as f64, tail)) })
}

/// So many values at most are counted out.
const EXACT: usize = 100;

fn exact(count: usize, tail: f64) -> Option<usize> {
    let most = count * (count + 1) / 2;
    // The chance of each sum, built up rank by rank.
    let mut chances = vec![0.0; most + 1];
    let mut reached = 0;
    chances.first_mut().into_iter().for_each(|chance| *chance = 1.0);
    for rank in 1..=count {
        for sum in (0..=reached).rev() {
            let half = chances.get(sum).copied().unwrap_or_default() / 2.0;
            chances.get_mut(sum).into_iter().for_each(|chance| *chance = half);
            chances.get_mut(sum + rank).into_iter().for_each(|chance| *chance += half);
        }
        reached += rank;
    }
    let mut below = 0.0;
    let likelier = chances.iter().position(|chance| {
        below += chance;
        // A tail that is meant to be a sum of halves is not missed by a rounding.
        below > tail * (1.0 + 1e-12)
    });
    likelier.unwrap_or(most).checked_sub(1)
}

/// Cornish and Fisher's quantile: mean - sd (z + κ (z³ - 3z) / 24), κ the excess kurtosis, and half a rank for continuity.
fn approximate(n: f64, tail: f64) -> usize {
    let z = crate::quantile::normal_upper(tail);
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0;
    // The fourth cumulant of a coin worth 0 or k is -k⁴/8; the fourth powers of 1 to n sum to this times n.
    let fourth = (n + 1.0) * (2.0 * n + 1.0) * (3.0 * n * n + 3.0 * n - 1.0) / 30.0;
    let kurtosis = -n * fourth / 8.0 / variance.powi(2);
    let quantile = mean - variance.sqrt() * (z + kurtosis * (z.powi(3) - 3.0 * z) / 24.0);
    // A cast takes what is below zero for zero.
    (quantile - 0.5).floor() as usize
}

/// The averages of all pairs of some values, each value with itself included, without writing them down.
#[derive(Debug, Clone)]
pub struct Averages {
    /// In ascending order.
    sorted: Vec<f64>,
}

impl Averages {
    /// Of finite values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Averages {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Averages { sorted }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len() * (self.sorted.len() + 1) / 2
    }

    /// The middle one, or the middle between the two of them; None of no values.
    pub fn middle(&self) -> Option<f64> {
        let count = self.count();
        Some((self.smallest(count.checked_sub(1)? / 2)? + self.smallest(count / 2)?) / 2.0)
    }

    /// The one that `index` others precede in ascending order; None if there are not so many.
    pub fn smallest(&self, index: usize) -> Option<f64> {
        if index >= self.count() {
            return None;
        }
        let (mut low, mut high) = (*self.sorted.first()?, *self.sorted.last()?);
        // Halves what is left until it is one number: at most as often as a number has bits.
        while low < high {
            let middle = low / 2.0 + high / 2.0;
            let middle = if middle >= high { low } else { middle.max(low) };
            let (at_most, largest, next) = self.up_to(middle);
            if at_most > index {
                high = largest;
            } else {
                low = next;
            }
        }
        Some(low)
    }

    /// Of the averages up to `bound`: how many there are, and the largest; and the smallest one above.
    fn up_to(&self, bound: f64) -> (usize, f64, f64) {
        let (mut count, mut largest, mut above) = (0, f64::NEG_INFINITY, f64::INFINITY);
        let average = |one: f64, other: f64| one / 2.0 + other / 2.0;
        let mut end = self.sorted.len();
        for (start, &value) in self.sorted.iter().enumerate() {
            // As the first of the pair grows, fewer seconds fit.
            while end > start {
                match self.sorted.get(end - 1) {
                    Some(&other) if average(value, other) > bound => {
                        above = above.min(average(value, other));
                        end -= 1;
                    }
                    Some(&other) => {
                        largest = largest.max(average(value, other));
                        break;
                    }
                    None => break,
                }
            }
            if let Some(&first_above) = self.sorted.get(end.max(start)) {
                above = above.min(average(value, first_above));
            }
            if end <= start {
                break;
            }
            count += end - start;
        }
        (count, largest, above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Wilcoxon's own table: at 5% two-sided, n = 6 to 10 give 0, 2, 3, 5, 8.
        let ranks: Vec<_> = (5..=10).map(|n| rank(n, 0.025).expect("a level")).collect();
        assert_eq!(ranks, [None, Some(0), Some(2), Some(3), Some(5), Some(8)]);
        assert_eq!(rank(2, 0.25), Ok(Some(0)));
        assert!(rank(8, 0.0).is_err() && rank(8, f64::NAN).is_err());
    }

    #[test]
    fn many_values_have_the_rank_that_few_would_have() {
        for count in [60, 80, 100] {
            for tail in [0.025, 0.0175, 0.005, 0.001] {
                let (exact, near) = (exact(count, tail).expect("a rank"), approximate(count as f64, tail));
                assert!(exact.abs_diff(near) <= 1, "{count} values, {tail}: {exact}, {near}");
            }
        }
    }

    #[test]
    fn averages_are_found_without_writing_them_down() {
        let mut random = crate::random::Random::new(3, 0);
        for count in 1..=20 {
            // Some values come twice.
            let values: Vec<f64> = (0..count).map(|_| (random.normal() * 4.0).round() / 4.0 - 1e-3).collect();
            let mut all: Vec<f64> = Vec::new();
            for (start, one) in values.iter().enumerate() {
                all.extend(values[start..].iter().map(|other| (one / 2.0) + (other / 2.0)));
            }
            all.sort_by(f64::total_cmp);
            let averages = Averages::of(values);
            assert_eq!(averages.count(), all.len());
            for (index, expected) in all.iter().enumerate() {
                assert_eq!(averages.smallest(index), Some(*expected), "{index} of {all:?}");
            }
            assert_eq!(averages.smallest(all.len()), None);
        }
        assert_eq!(Averages::of([]).middle(), None);
        assert_eq!(Averages::of([1.0, 2.0, 4.0]).middle(), Some(2.25));
        let wild = Averages::of([f64::MAX, f64::MIN, 0.0, 5e-324, 1e300]);
        assert!((0..wild.count()).all(|index| wild.smallest(index).is_some_and(f64::is_finite)));
    }
}
