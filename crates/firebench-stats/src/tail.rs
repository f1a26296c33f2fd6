//! The slow end of what boots take: a quantile such as the 95th percentile, of each contender by itself.
//!
//! The interval of a quantile goes from one of the ordered values to another, and needs nothing of the distribution (W. R. Thompson,
//! On confidence ranges for the median and other expectation distributions, Annals of Mathematical Statistics 7, 1936): the number of
//! values below the quantile is binomial. That of a ratio of two quantiles takes an end of each, so it is wider than it need be.

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::boot::Difference;
use crate::interval::{DIFFERENCES, Interval, each};
use crate::moments::finite;
use crate::{Error, Result};

/// ln of contender / baseline, of the quantiles that a `share` of boots lies below.
///
/// Errors: no blocks, NaN or infinite values, a share outside of 0 to 1.
pub fn centre(differences: &[Difference], share: f64) -> Result<f64> {
    let [contender, baseline] = sides(differences)?;
    Ok(quantile(&contender, share)? - quantile(&baseline, share)?)
}

/// The value that a `share` of the values, and no less, does not exceed. Errors: as for [`centre`].
pub fn quantile(values: &[f64], share: f64) -> Result<f64> {
    finite(values, "boots")?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (share * values.len() as f64).ceil() as usize;
    let bad = Error::BadLevel { level: share };
    if !(share > 0.0 && share < 1.0) {
        return Err(bad);
    }
    sorted.get(place.max(1) - 1).copied().ok_or(bad)
}

/// The interval of [`centre`], with `missing` blocks that may have been faster or slower than all others. `alpha` is the error rate of
/// all `comparisons` of the run together. Infinite while there are too few boots: see [`enough`].
///
/// Errors: no blocks, NaN or infinite values, a bad level or share, no comparison.
pub fn interval(
    differences: &[Difference],
    share: f64,
    missing: usize,
    alpha: f64,
    comparisons: usize,
) -> Result<Interval> {
    // Two contenders, with two ends each.
    let level = each(alpha, comparisons)? / 4.0;
    let ends = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = places(values.len() + missing, share, level)?;
        // Counted from 1; those that are missing lie below all others, or above.
        let low = low.checked_sub(missing + 1).and_then(|place| sorted.get(place)).copied();
        let high = high.checked_sub(1).and_then(|place| sorted.get(place)).copied();
        Ok::<_, Error>((low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)))
    };
    let [contender, baseline] = sides(differences)?;
    let (of_contender, of_baseline) = (ends(&contender)?, ends(&baseline)?);
    let interval = Interval::around(centre(differences, share)?, 0.0, differences.len(), alpha);
    Ok(Interval { low: of_contender.0 - of_baseline.1, high: of_contender.1 - of_baseline.0, ..interval })
}

/// So many boots of each are needed for an interval. Errors: a bad level or share, no comparison.
pub fn enough(share: f64, alpha: f64, comparisons: usize) -> Result<usize> {
    let level = each(alpha, comparisons)? / 4.0;
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::BadLevel { level: share });
    }
    Ok((level.ln() / share.max(1.0 - share).ln()).ceil() as usize)
}

/// The places of the ends of a quantile's interval among `count` ordered values, from 1; 0, and `count` + 1, where there is no such
/// value.
fn places(count: usize, share: f64, level: f64) -> Result<(usize, usize)> {
    let below = Binomial::new(share, count as u64).map_err(|_| Error::BadLevel { level: share })?;
    // The quantile is below the low end when so few values are below it, and above the high one when so many are.
    let is_rare = |place: usize| place > 0 && below.cdf(place as u64 - 1) <= level;
    let low = (0..=count).take_while(|place| *place == 0 || is_rare(*place)).last().unwrap_or(0);
    let rest = |place: usize| if place == 0 { 1.0 } else { below.sf(place as u64 - 1) };
    let high = (0..=count).find(|place| rest(*place) <= level).unwrap_or(count + 1);
    Ok((low, high))
}

fn sides(differences: &[Difference]) -> Result<[Vec<f64>; 2]> {
    let contender: Vec<f64> = differences.iter().map(|difference| difference.baseline + difference.value).collect();
    let baseline: Vec<f64> = differences.iter().map(|difference| difference.baseline).collect();
    finite(&contender, DIFFERENCES)?;
    finite(&baseline, DIFFERENCES)?;
    Ok([contender, baseline])
}
