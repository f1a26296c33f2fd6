//! What a few blocks run beforehand, and thrown away, say about the boots to come: how many iterations are warm-up, and
//! how many more are worth their time.
//!
//! After Kalibera and Jones, Rigorous benchmarking in reasonable time (ISMM 2013), section 9.3: with a boot's variance
//! split into a part between boots and a part within them, the number of iterations that gives the narrowest interval
//! for the time spent depends on the ratio of the two, and on what a boot and an iteration cost.

use serde::Serialize;

use crate::boot::log_mean;
use crate::moments::{Moments, median};
use crate::{Error, Result};

/// What a boot takes, in seconds, averaged over the contenders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// All of a boot that is no counted iteration: start, shutdown, warm-up.
    pub boot: f64,
    /// One iteration.
    pub iteration: f64,
}

/// What a scout chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Iterations at the start of each boot that do not count.
    pub warm_up: usize,
    /// Iterations after them.
    pub iterations: usize,
}

/// Chooses both for a scout's boots: of each contender the boots, of each boot the iterations, cold one included.
/// `cap` bounds the iterations that count.
///
/// Errors: no boots, fewer than 2 boots of a contender, fewer than 2 iterations in a boot after the warm-up, values that
/// are not finite and above zero, costs that are not.
pub fn choose(contenders: &[Vec<Vec<f64>>], costs: Costs, cap: usize) -> Result<Choice> {
    let mut warm_up = 0;
    for boots in contenders {
        warm_up = warm_up.max(self::warm_up(boots)?);
    }
    Ok(Choice { warm_up, iterations: iterations(contenders, warm_up, costs, cap)? })
}

/// How many iterations at the start of one contender's boots are warm-up: the first index from which on the iterations
/// are within the spread of the later ones.
///
/// Each boot's logarithms are taken relative to the median of its later half. The spread is the range of these values
/// over the later halves of all boots. An iteration is within it when its median over the boots is. The first iteration
/// is always warm-up (it is the cold one, reported by itself), unless it is the only one; never more than half are.
///
/// Errors: no boots, no iterations, values that are not finite and above zero.
pub fn warm_up(boots: &[Vec<f64>]) -> Result<usize> {
    let count = boots.iter().map(Vec::len).min().ok_or(Error::Empty { what: "boots" })?;
    let later = count / 2;
    let mut centred = Vec::with_capacity(boots.len());
    for boot in boots {
        log_mean(boot, 0)?;
        let logs: Vec<f64> = boot.iter().take(count).map(|value| value.ln()).collect();
        let middle = median(&mut logs[later..].to_vec()).ok_or(Error::Empty { what: "iterations" })?;
        centred.push(logs.iter().map(|log| log - middle).collect::<Vec<f64>>());
    }
    let spread = centred.iter().flat_map(|boot| &boot[later..]);
    let (low, high) = spread.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    let within = |index: usize| {
        let mut values: Vec<f64> = centred.iter().map(|boot| boot[index]).collect();
        median(&mut values).is_some_and(|value| low <= value && value <= high)
    };
    Ok((1..later).rev().find(|index| !within(*index)).map_or(later.min(1), |index| index + 1))
}

/// How many iterations of a boot should count: I = ⌈√((c_boot / c_iter) · T1² / T2²)⌉, at least 1 and at most `cap`.
///
/// T1² = S1² is the variance of ln(t) within boots, T2² = S2² - S1² / I0 the variance between boots that is not theirs
/// alone: S2² is the variance of boot means, each of I0 iterations after the warm-up. Both are averaged over the
/// contenders. Where T2² comes out at zero or below, nothing speaks for more boots, and the answer is `cap`.
///
/// Errors: as for [`choose`].
pub fn iterations(contenders: &[Vec<Vec<f64>>], warm_up: usize, costs: Costs, cap: usize) -> Result<usize> {
    let ratio = cost("boot", costs.boot)? / cost("iteration", costs.iteration)?;
    let boots = contenders.iter().flatten();
    let counted = boots.map(|boot| boot.len().saturating_sub(warm_up)).min().ok_or(Error::Empty { what: "boots" })?;
    let (mut within, mut of_means) = (Vec::new(), Vec::new());
    for boots in contenders {
        let mut means = Vec::with_capacity(boots.len());
        for boot in boots {
            let boot = boot.get(..warm_up + counted).unwrap_or(boot);
            means.push(log_mean(boot, warm_up)?);
            let logs: Vec<f64> = boot.iter().skip(warm_up).map(|value| value.ln()).collect();
            within.push(variance(&logs, "iterations after the warm-up")?);
        }
        of_means.push(variance(&means, "boots")?);
    }
    let within = average(&within);
    let between = average(&of_means) - within / counted as f64;
    if between <= 0.0 {
        return Ok(cap.max(1));
    }
    // A float beyond the range of usize saturates.
    Ok(((ratio * within / between).sqrt().ceil() as usize).clamp(1, cap.max(1)))
}

fn variance(values: &[f64], what: &'static str) -> Result<f64> {
    if values.len() < 2 {
        return Err(Error::TooFew { what, count: values.len(), needed: 2 });
    }
    Ok(Moments::of(values, what)?.deviation.powi(2))
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn cost(what: &'static str, seconds: f64) -> Result<f64> {
    if seconds > 0.0 && seconds.is_finite() { Ok(seconds) } else { Err(Error::BadCost { what, seconds }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { boot: 8.0, iteration: 2.0 };

    fn boots(rows: &[&[f64]]) -> Vec<Vec<f64>> {
        rows.iter().map(|row| row.iter().map(|log| f64::exp(*log)).collect()).collect()
    }

    #[test]
    fn warm_up_ends_where_the_later_spread_begins() {
        let two_slow = boots(&[&[0.9, 0.3, 0.01, -0.01, 0.0, 0.02], &[0.8, 0.2, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&two_slow), Ok(2));
        let one_slow = boots(&[&[0.9, 0.0, 0.01, -0.01, 0.0, 0.02], &[0.8, 0.01, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&one_slow), Ok(1));
        let first_is_apart_all_the_same = boots(&[&[0.0, 0.0, 0.01, -0.01], &[0.0, 0.01, 0.0, 0.01]]);
        assert_eq!(warm_up(&first_is_apart_all_the_same), Ok(1));
        let never_more_than_half = boots(&[&[0.9, 0.8, 0.7, 0.2, 0.1, 0.0]]);
        assert_eq!(warm_up(&never_more_than_half), Ok(3));
        assert_eq!(warm_up(&boots(&[&[0.9], &[0.8]])), Ok(0));
    }

    #[test]
    fn boots_of_different_level_do_not_hide_the_warm_up() {
        let levels = boots(&[&[1.5, 1.3, 1.0, 1.01, 1.0, 0.99], &[0.5, 0.3, 0.0, 0.01, -0.01, 0.0]]);
        assert_eq!(warm_up(&levels), Ok(2));
    }

    #[test]
    fn iterations_follow_the_formula() {
        // Within: boots of ±a around their means, so S1² = 2a². Between: means ±b, so S2² = 2b².
        let contender = boots(&[&[9.0, 0.3 + 0.2, 0.3 - 0.2], &[9.0, -0.3 + 0.2, -0.3 - 0.2]]);
        let (within, of_means): (f64, f64) = (2.0 * 0.04, 2.0 * 0.09);
        let expected = (4.0 * within / (of_means - within / 2.0)).sqrt().ceil() as usize;
        assert_eq!(expected, 2);
        assert_eq!(iterations(&[contender.clone(), contender.clone()], 1, COSTS, 50), Ok(expected));
        assert_eq!(choose(&[contender], COSTS, 50), Ok(Choice { warm_up: 1, iterations: 2 }));
    }

    #[test]
    fn without_variance_between_boots_the_cap_is_right() {
        let contender = boots(&[&[0.2, -0.2, 0.1], &[-0.2, 0.2, 0.1]]);
        assert_eq!(iterations(&[contender], 0, COSTS, 17), Ok(17));
    }

    #[test]
    fn without_variance_within_boots_one_iteration_is_right() {
        let contender = boots(&[&[0.2, 0.2], &[-0.2, -0.2]]);
        assert_eq!(iterations(&[contender], 0, COSTS, 17), Ok(1));
    }

    #[test]
    fn damaged_scouts_are_errors() {
        let fine = [vec![vec![1.0, 1.1, 1.2, 1.3], vec![1.0, 1.2, 1.1, 1.2]]];
        assert_eq!(choose(&fine, COSTS, 9).map(|choice| choice.warm_up), Ok(1));
        assert_eq!(choose(&[], COSTS, 9), Err(Error::Empty { what: "boots" }));
        assert_eq!(choose(&[vec![]], COSTS, 9), Err(Error::Empty { what: "boots" }));
        assert!(matches!(choose(&[vec![vec![1.0, 0.0, 1.0]]], COSTS, 9), Err(Error::NotPositive { .. })));
        assert!(matches!(choose(&[vec![vec![1.0, f64::NAN]]], COSTS, 9), Err(Error::NotFinite { .. })));
        assert!(matches!(choose(&[vec![vec![1.0, 1.0, 1.1]]], COSTS, 9), Err(Error::TooFew { what: "boots", .. })));
        assert!(matches!(choose(&[vec![vec![1.0], vec![1.0]]], COSTS, 9), Err(Error::TooFew { .. })));
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let costs = Costs { iteration: seconds, ..COSTS };
            assert!(matches!(choose(&fine, costs, 9), Err(Error::BadCost { what: "iteration", .. })));
        }
    }
}
