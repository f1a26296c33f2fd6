//! What the first few blocks say about the boots to come: how many iterations are warm-up, and
//! how many more are worth their time.
//!
//! After Kalibera and Jones, Rigorous benchmarking in reasonable time (ISMM 2013), section 9.3: with a boot's variance
//! split into a part between boots and a part within them, the number of iterations that gives the narrowest interval
//! for the time spent depends on the ratio of the two, and on what a boot and an iteration cost.

use serde::{Deserialize, Serialize};

use crate::boot::log_mean;
use crate::moments::Moments;
use crate::{Error, Result};

/// What a boot takes, in seconds, averaged over the contenders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// All of a boot that is no iteration: start and shutdown.
    pub boot: f64,
    /// One iteration.
    pub iteration: f64,
}

/// What the choice must keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The warm-up, if somebody else chose it.
    pub warm_up: Option<usize>,
    /// Iterations of a boot at most, warm-up included; but one counts in any case.
    pub iterations: usize,
    /// The variance of a boot's mean of ln(t) that is small enough: a smaller one is worth no time.
    pub variance: f64,
}

/// What a scout chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Iterations at the start of each boot that do not count.
    pub warm_up: usize,
    /// Iterations after them.
    pub iterations: usize,
}

/// Chooses both for a scout's boots: of each contender the boots, of each boot the iterations, cold one included.
///
/// Errors: no boots, fewer than 2 boots of a contender, fewer than 2 iterations in a boot after the warm-up, values that
/// are not finite and above zero, costs that are not.
pub fn choose(contenders: &[Vec<Vec<f64>>], costs: Costs, limits: Limits) -> Result<Choice> {
    let mut warm_up = 0;
    for boots in contenders {
        warm_up = warm_up.max(self::warm_up(boots)?);
    }
    let warm_up = limits.warm_up.unwrap_or(warm_up);
    Ok(Choice { warm_up, iterations: iterations(contenders, warm_up, costs, limits)? })
}

/// How many iterations at the start of one contender's boots are warm-up: those up to the last one that is not like the
/// later half.
///
/// An iteration of the first half is not like the later one if in every boot it lies above all iterations of the boot's
/// later half, or in every boot below. (Of three boots with eight equal iterations one such lies there by chance in 5% of
/// scouts.) The first iteration is always warm-up (it is the cold one, reported by itself), unless it is the only one;
/// never more than half are.
///
/// Errors: no boots, no iterations, values that are not finite and above zero.
pub fn warm_up(boots: &[Vec<f64>]) -> Result<usize> {
    let count = boots.iter().map(Vec::len).min().ok_or(Error::Empty { what: "boots" })?;
    let half = count / 2;
    // Of each boot: its first half, and the ends of its later one.
    let mut halves = Vec::with_capacity(boots.len());
    for boot in boots {
        log_mean(boot, 0)?;
        let (first, later) = boot.get(..count).unwrap_or(boot).split_at(half);
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        halves.push((first, later.iter().fold(ends, |(low, high), value| (low.min(*value), high.max(*value)))));
    }
    let is_above =
        |index: usize| halves.iter().all(|(first, (_, high))| first.get(index).is_some_and(|value| value > high));
    let is_below =
        |index: usize| halves.iter().all(|(first, (low, _))| first.get(index).is_some_and(|value| value < low));
    Ok((1..half).rev().find(|index| is_above(*index) || is_below(*index)).map_or(half.min(1), |index| index + 1))
}

/// How many iterations of a boot should count: I = ⌈√((c_boot / c_iter) · T1² / T2²)⌉, at least 1; c_boot is what has to be
/// paid before the first iteration that counts, warm-up included.
///
/// T1² = S1² is the variance of ln(t) within boots, T2² = S2² - S1² / I0 the variance between boots that is not theirs
/// alone: S2² is the variance of boot means, each of I0 iterations after the warm-up. Both are averaged over the
/// contenders. Where T2² comes out at zero or below, nothing speaks for more boots, and for the limits alone.
///
/// Errors: as for [`choose`].
pub fn iterations(contenders: &[Vec<Vec<f64>>], warm_up: usize, costs: Costs, limits: Limits) -> Result<usize> {
    let iteration = cost("iteration", costs.iteration)?;
    let ratio = (cost("boot", costs.boot)? + warm_up as f64 * iteration) / iteration;
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
    let between = (average(&of_means) - within / counted as f64).max(0.0);
    // Where nothing varies, the ratio of the two has no value.
    let best = if within > 0.0 { (ratio * within / between).sqrt().ceil() } else { 1.0 };
    let enough = if limits.variance > between { (within / (limits.variance - between)).ceil() } else { f64::INFINITY };
    let most = limits.iterations.saturating_sub(warm_up).max(1);
    // A cast saturates.
    Ok((best.min(enough) as usize).clamp(1, most))
}

fn variance(values: &[f64], what: &'static str) -> Result<f64> {
    Ok(Moments::of(values, what, what)?.variance())
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

    const COSTS: Costs = Costs { boot: 6.0, iteration: 2.0 };
    const NO_LIMIT: Limits = Limits { warm_up: None, iterations: usize::MAX, variance: 0.0 };

    fn boots(rows: &[&[f64]]) -> Vec<Vec<f64>> {
        rows.iter().map(|row| row.iter().map(|log| f64::exp(*log)).collect()).collect()
    }

    #[test]
    fn warm_up_ends_where_iterations_are_like_the_later_ones() {
        let two_slow = boots(&[&[0.9, 0.3, 0.01, -0.01, 0.0, 0.02], &[0.8, 0.2, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&two_slow), Ok(2));
        let one_slow = boots(&[&[0.9, 0.0, 0.01, -0.01, 0.0, 0.02], &[0.8, 0.01, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&one_slow), Ok(1));
        let one_boot_is_no_warm_up = boots(&[&[0.9, 0.3, 0.01, -0.01, 0.0, 0.02], &[0.8, 0.0, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&one_boot_is_no_warm_up), Ok(1));
        let fast_at_first = boots(&[&[0.9, -0.3, 0.01, -0.01, 0.0, 0.02], &[0.8, -0.1, 0.0, 0.01, -0.02, 0.01]]);
        assert_eq!(warm_up(&fast_at_first), Ok(2));
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
        assert_eq!(iterations(&[contender.clone(), contender.clone()], 1, COSTS, NO_LIMIT), Ok(expected));
        assert_eq!(choose(&[contender], COSTS, NO_LIMIT), Ok(Choice { warm_up: 1, iterations: 2 }));
    }

    #[test]
    fn without_variance_between_boots_the_limits_are_right() {
        let contender = [boots(&[&[9.0, 0.2, -0.2, 0.0], &[9.0, -0.2, 0.2, 0.0]])];
        let limits = Limits { iterations: 17, ..NO_LIMIT };
        assert_eq!(choose(&contender, COSTS, limits), Ok(Choice { warm_up: 1, iterations: 16 }));
        // Within: 0.04. Of five iterations, the mean has 0.008.
        let limits = Limits { variance: 0.0081, ..limits };
        assert_eq!(choose(&contender, COSTS, limits), Ok(Choice { warm_up: 1, iterations: 5 }));
        let limits = Limits { warm_up: Some(0), iterations: 0, ..limits };
        assert_eq!(choose(&contender, COSTS, limits), Ok(Choice { warm_up: 0, iterations: 1 }));
    }

    #[test]
    fn iterations_that_are_not_needed_are_not_chosen() {
        let contender = [boots(&[&[9.0, 0.5, 0.1], &[9.0, -0.1, -0.5]])];
        // Within 0.08, between 0.18 - 0.04; the formula asks for 2.
        assert_eq!(iterations(&contender, 1, COSTS, NO_LIMIT), Ok(2));
        assert_eq!(iterations(&contender, 1, COSTS, Limits { variance: 0.2, ..NO_LIMIT }), Ok(2));
        assert_eq!(iterations(&contender, 1, COSTS, Limits { variance: 0.23, ..NO_LIMIT }), Ok(1));
        assert_eq!(iterations(&contender, 1, COSTS, Limits { variance: 0.1, ..NO_LIMIT }), Ok(2));
    }

    #[test]
    fn without_variance_within_boots_one_iteration_is_right() {
        let contender = boots(&[&[0.2, 0.2], &[-0.2, -0.2]]);
        assert_eq!(iterations(&[contender], 0, COSTS, NO_LIMIT), Ok(1));
        assert_eq!(iterations(&[boots(&[&[0.0, 0.0], &[0.0, 0.0]])], 0, COSTS, NO_LIMIT), Ok(1));
    }

    #[test]
    fn damaged_scouts_are_errors() {
        let fine = [vec![vec![1.0, 1.1, 1.2, 1.3], vec![1.0, 1.2, 1.1, 1.2]]];
        assert_eq!(choose(&fine, COSTS, NO_LIMIT).map(|choice| choice.warm_up), Ok(1));
        assert_eq!(choose(&[], COSTS, NO_LIMIT), Err(Error::Empty { what: "boots" }));
        assert_eq!(choose(&[vec![]], COSTS, NO_LIMIT), Err(Error::Empty { what: "boots" }));
        assert!(matches!(choose(&[vec![vec![1.0, 0.0, 1.0]]], COSTS, NO_LIMIT), Err(Error::NotPositive { .. })));
        assert!(matches!(choose(&[vec![vec![1.0, f64::NAN]]], COSTS, NO_LIMIT), Err(Error::NotFinite { .. })));
        assert!(matches!(
            choose(&[vec![vec![1.0, 1.0, 1.1]]], COSTS, NO_LIMIT),
            Err(Error::TooFew { what: "boots", .. })
        ));
        assert!(matches!(choose(&[vec![vec![1.0], vec![1.0]]], COSTS, NO_LIMIT), Err(Error::TooFew { .. })));
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let costs = Costs { iteration: seconds, ..COSTS };
            assert!(matches!(choose(&fine, costs, NO_LIMIT), Err(Error::BadCost { what: "iteration", .. })));
        }
    }
}
