//! What boots cost on average: the ratio of two means, where a boot that is slow counts as much as it is slow.
//!
//! The interval is E. C. Fieller's (Some problems in interval estimation, Journal of the Royal Statistical Society B 16, 1954), paired
//! within blocks: all ratios ρ for which the mean of t(contender) - ρ t(baseline) may be zero by Student's t.
//!
//! No interval of a mean is right whatever the distribution (R. R. Bahadur and L. J. Savage, Annals of Mathematical Statistics 27,
//! 1956): a slow mode that is rare need not have come. So both ends make room for one: for boots that are slower by half, in a share
//! of which so many boots may have seen nothing ([`modes::unseen_at`]). That is why a mean takes many boots: the room is 12% for 14 of them, and 1.7% for 120.

use crate::boot::Difference;
use crate::interval::{DIFFERENCES, Interval, each};
use crate::modes;
use crate::moments::Moments;
use crate::quantile::student_upper;
use crate::{Error, Result};

/// By how much a slow mode is slower that an interval makes room for.
const SLOWER: f64 = 0.5;

/// ln of contender / baseline, of the means over blocks.
///
/// Errors: no blocks, means that are no positive numbers.
pub fn centre(differences: &[Difference]) -> Result<f64> {
    let [contender, baseline] = means(differences)?;
    Ok((contender / baseline).ln())
}

/// Its interval, with `missing` blocks that had no good boot of each, which may all have been slow. `alpha` is the error rate of all
/// `comparisons` of the run together. Infinite where the baseline's mean is not known to be above zero.
///
/// Errors: fewer than 2 blocks, NaN or infinite differences, a bad level, no comparison.
pub fn interval(differences: &[Difference], missing: usize, alpha: f64, comparisons: usize) -> Result<Interval> {
    let level = each(alpha, comparisons)?;
    let count = differences.len();
    let contender: Vec<f64> =
        differences.iter().map(|difference| (difference.baseline + difference.value).exp()).collect();
    let baseline: Vec<f64> = differences.iter().map(|difference| difference.baseline.exp()).collect();
    let n = count as f64;
    let variance = |values: &[f64]| Ok::<f64, Error>(Moments::of(values, DIFFERENCES, "blocks")?.variance() / n);
    let sums: Vec<f64> = contender.iter().zip(&baseline).map(|(one, other)| one + other).collect();
    let (of_contender, of_baseline) = (variance(&contender)?, variance(&baseline)?);
    let covariance = (variance(&sums)? - of_contender - of_baseline) / 2.0;
    let [a, b] = means(differences)?;
    let square = student_upper(level / 2.0, n - 1.0)?.powi(2);
    let (first, middle, last) =
        (b * b - square * of_baseline, a * b - square * covariance, a * a - square * of_contender);
    let root = (middle * middle - first * last).max(0.0).sqrt();
    let unseen = modes::unseen_at(count, level / 2.0) + missing as f64 / (count + missing) as f64;
    let room = (SLOWER * unseen).ln_1p();
    let (low, high) = match first > 0.0 && middle > root {
        true => (((middle - root) / first).ln() - room, ((middle + root) / first).ln() + room),
        false => (f64::NEG_INFINITY, f64::INFINITY),
    };
    Ok(Interval { low, high, ..Interval::around((a / b).ln(), 0.0, count, alpha) })
}

/// The means of the contender and of the baseline.
fn means(differences: &[Difference]) -> Result<[f64; 2]> {
    let mean =
        |of: fn(&Difference) -> f64| differences.iter().map(|d| of(d).exp()).sum::<f64>() / differences.len() as f64;
    let means = [mean(|d| d.baseline + d.value), mean(|d| d.baseline)];
    match means.iter().all(|mean| mean.is_finite() && *mean > 0.0) {
        true => Ok(means),
        false if differences.is_empty() => Err(Error::Empty { what: DIFFERENCES }),
        false => Err(Error::TooLarge { what: DIFFERENCES }),
    }
}
