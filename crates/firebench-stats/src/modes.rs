//! Boots that are slow, apart from all others of their contender; and those that so few boots cannot have seen.

use crate::median;

/// Standard deviations from the middle from which on a value stands apart.
const APART: f64 = 6.0;
/// Standard deviations of normal noise in its median distance from the middle.
const DEVIATIONS: f64 = 1.4826;
/// A value stands apart by this at least, on the scale of logarithms: what is nearer is no other mode.
pub(crate) const APART_AT_LEAST: f64 = 0.05;

/// The middle of values, and how far from it one of them must be to stand apart, which is `at_least` in any case. None of no values.
pub(crate) fn apart(values: &[f64], at_least: f64) -> Option<(f64, f64)> {
    let middle = median(values.iter().copied())?;
    let distance = median(values.iter().map(|value| (value - middle).abs()))?;
    Some((middle, (APART * DEVIATIONS * distance).max(at_least)))
}

/// The slow boots of a contender.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slow {
    /// How many.
    pub boots: usize,
    /// By how much they are slower than the middle of all, in ln(t); the middle one of them.
    pub size: f64,
}

/// The slow boots among those whose means of ln(t) are `values`. None where there are none, and where they are half or more: then
/// it is the others that are apart.
pub fn slow(values: &[f64]) -> Option<Slow> {
    let (middle, bound) = apart(values, APART_AT_LEAST)?;
    let above: Vec<f64> = values.iter().map(|value| value - middle).filter(|above| *above > bound).collect();
    Some(Slow { boots: above.len(), size: median(above)? })
}

/// The share of slow boots that a contender may have without one in `boots` boots, in one run of twenty: 1 - 0.05^(1/n), the exact
/// upper limit of a share of which nothing was seen (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934).
pub fn unseen(boots: usize) -> f64 {
    unseen_at(boots, 0.05)
}

/// The same in a share `level` of runs.
pub fn unseen_at(boots: usize, level: f64) -> f64 {
    1.0 - level.powf(1.0 / boots.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_boots_are_those_apart_from_the_others() {
        let mut values = vec![0.01, -0.01, 0.0, 0.005, -0.005, 0.012, -0.012];
        assert_eq!(slow(&values), None);
        values.extend([0.26, 0.30]);
        let found = slow(&values).expect("two");
        assert_eq!(found.boots, 2);
        assert!((found.size - 0.275).abs() < 0.01, "{found:?}");
        assert_eq!(slow(&[0.0, 0.0, 0.0, 0.04]), None, "4% is no other mode");
        assert_eq!(slow(&[]), None);
    }

    #[test]
    fn what_few_boots_cannot_have_seen() {
        // The rule of three: about 3/n.
        assert!((unseen(10) - 0.2589).abs() < 1e-4 && (unseen(100) - 0.0295).abs() < 1e-4);
        assert_eq!(unseen(0), unseen(1));
    }
}
