//! Intervals for the mean of block differences.

use serde::{Deserialize, Serialize};

use crate::moments::Moments;
use crate::quantile::student_upper;
use crate::{Error, Result};

/// What the block differences are called in errors.
pub(crate) const DIFFERENCES: &str = "block differences";

/// An interval around a difference of means, on the scale of the differences: logarithms of ratios, or the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate: mean of the block differences.
    pub centre: f64,
    /// Half of the interval's width; infinite (null in JSON) while there are too few blocks to say anything.
    #[serde(deserialize_with = "infinite_if_null")]
    pub half_width: f64,
    /// Standard error of the centre.
    pub std_error: f64,
    /// Degrees of freedom of the standard error; whole except where the contenders ran apart.
    pub df: f64,
    /// Blocks that it stands on, each of which has one boot of the contender.
    pub blocks: usize,
    /// Boots of the baseline, where the two ran [apart](crate::unpaired) and not in common blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_boots: Option<usize>,
    /// Probability that the intervals of all the comparisons of a run hold together, such as 0.95.
    pub confidence: f64,
}

impl Interval {
    /// Lower end.
    pub fn low(&self) -> f64 {
        self.centre - self.half_width
    }

    /// Upper end.
    pub fn high(&self) -> f64 {
        self.centre + self.half_width
    }

    /// Whether `difference` lies in it, ends included.
    pub fn contains(&self, difference: f64) -> bool {
        self.low() <= difference && difference <= self.high()
    }

    /// The mean of block differences, so far without a width.
    fn point(all: Moments, alpha: f64) -> Interval {
        Interval {
            centre: all.mean,
            half_width: 0.0,
            std_error: all.deviation() / (all.count as f64).sqrt(),
            df: all.df(),
            blocks: all.count,
            baseline_boots: None,
            confidence: 1.0 - alpha,
        }
    }
}

/// JSON has no infinity; it writes null.
pub(crate) fn infinite_if_null<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// Student's t interval, right when the number of blocks was fixed beforehand: the mean ± t(n-1, 1 - alpha/2m) s / √n.
///
/// `alpha` is the error rate of all `comparisons` (m) of the run together. Errors: fewer than 2 blocks, NaN or infinite
/// differences, a bad level, no comparison.
pub fn fixed(differences: &[f64], alpha: f64, comparisons: usize) -> Result<Interval> {
    fixed_of(moments(differences)?, alpha, comparisons)
}

/// [`fixed`], from what the differences come to.
pub(crate) fn fixed_of(all: Moments, alpha: f64, comparisons: usize) -> Result<Interval> {
    student(all, all.deviation(), all.df(), alpha, comparisons)
}

/// The mean ± t(df, 1 - alpha/2m) · `deviation` / √n.
pub(crate) fn student(all: Moments, deviation: f64, df: f64, alpha: f64, comparisons: usize) -> Result<Interval> {
    let std_error = deviation / (all.count as f64).sqrt();
    let half_width = student_upper(each(alpha, comparisons)? / 2.0, df)? * std_error;
    Ok(Interval { half_width, std_error, df, ..Interval::point(all, alpha) })
}

/// Mean and spread of block differences, of which two are needed.
pub(crate) fn moments(differences: &[f64]) -> Result<Moments> {
    Moments::of(differences, DIFFERENCES, "blocks")
}

/// One element of a confidence sequence: an interval that may be looked at after every block, and holds in all of the
/// looks together, so that a run may stop at any of them, for any reason. Infinite for the first few blocks.
///
/// With k = 1/(n+1) and A = ((alpha/m)² k)^(-1/n) its half-width is s √((n-1)/n · (A-1) / (1 - kA)): Wang and Ramdas,
/// arXiv:2310.03722, the t-test with a Gaussian mixture. `alpha` and errors as for [`fixed`].
pub fn band(differences: &[f64], alpha: f64, comparisons: usize) -> Result<Interval> {
    band_of(moments(differences)?, alpha, comparisons)
}

/// [`band`], from what the differences come to.
pub(crate) fn band_of(all: Moments, alpha: f64, comparisons: usize) -> Result<Interval> {
    let half_width = all.deviation() * band_factor(all.count, each(alpha, comparisons)?);
    // No spread at all makes 0 times infinity of it: still no statement.
    let half_width = if half_width.is_nan() { f64::INFINITY } else { half_width };
    Ok(Interval { half_width, ..Interval::point(all, alpha) })
}

/// The band's half-width in standard deviations.
fn band_factor(blocks: usize, level: f64) -> f64 {
    let n = blocks as f64;
    let k = 1.0 / (n + 1.0);
    let log_a = -(2.0 * level.ln() + k.ln()) / n;
    let rest = 1.0 - k * log_a.exp();
    if rest <= 0.0 { f64::INFINITY } else { ((n - 1.0) / n * log_a.exp_m1() / rest).sqrt() }
}

/// Bonferroni's share of `alpha` for each of the comparisons.
pub(crate) fn each(alpha: f64, comparisons: usize) -> Result<f64> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err(Error::BadLevel { level: alpha });
    }
    if comparisons == 0 {
        return Err(Error::Empty { what: "comparisons" });
    }
    Ok(alpha / comparisons as f64)
}
