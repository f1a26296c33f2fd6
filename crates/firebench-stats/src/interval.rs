//! Intervals around differences.

use serde::{Deserialize, Deserializer, Serialize};

use crate::moments::Moments;
use crate::quantile::student_upper;
use crate::signed_rank::LEAST_RANKED;
use crate::{Error, Result};

/// What the block differences are called in errors.
pub(crate) const DIFFERENCES: &str = "block differences";

/// What one value stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replicate {
    /// A boot.
    #[default]
    Boot,
    /// A run, of which each has many boots.
    Run,
}

impl Replicate {
    /// Its name, of several.
    pub fn plural(self) -> &'static str {
        match self {
            Replicate::Boot => "boots",
            Replicate::Run => "runs",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_boot(&self) -> bool {
        *self == Replicate::Boot
    }
}

/// An interval around a difference, on the scale of the differences: logarithms of ratios, or the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub centre: f64,
    /// Lower end; minus infinity (null in JSON) while there are too few blocks to say anything.
    #[serde(deserialize_with = "minus_infinity_if_null")]
    pub low: f64,
    /// Upper end; infinite (null in JSON) while there are too few blocks to say anything.
    #[serde(deserialize_with = "infinity_if_null")]
    pub high: f64,
    /// Blocks that it stands on, each of which has one boot of the contender; or runs.
    pub blocks: usize,
    /// Boots of the baseline, where the two ran [apart](crate::unpaired) and not in common blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_boots: Option<usize>,
    /// What one value is that of: a boot (or a block), or a whole run.
    #[serde(default, skip_serializing_if = "Replicate::is_boot")]
    pub replicate: Replicate,
    /// Probability that the intervals of all the comparisons of a run hold together, such as 0.95.
    pub confidence: f64,
}

impl Interval {
    /// The centre ± `half`.
    pub(crate) fn around(centre: f64, half: f64, blocks: usize, alpha: f64) -> Interval {
        let (low, high) = (centre - half, centre + half);
        Interval {
            centre,
            low,
            high,
            blocks,
            baseline_boots: None,
            replicate: Replicate::Boot,
            confidence: 1.0 - alpha,
        }
    }

    /// Whether it stands on blocks, and neither on contenders that ran apart nor on runs.
    pub(crate) fn is_of_blocks(&self) -> bool {
        self.baseline_boots.is_none() && self.replicate == Replicate::Boot
    }

    /// Whether those are too few for ranks, so that all rests on noise being normal.
    pub(crate) fn is_of_too_few_blocks(&self) -> bool {
        self.is_of_blocks() && self.blocks < LEAST_RANKED
    }

    /// Half of its width.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether both ends are numbers.
    pub fn is_finite(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    /// Whether `difference` lies in it, ends included.
    pub fn contains(&self, difference: f64) -> bool {
        self.low <= difference && difference <= self.high
    }

    /// As wide as it has to be to reach from `low` to `high` as well.
    #[must_use]
    pub fn widened(self, low: f64, high: f64) -> Interval {
        Interval { low: self.low.min(low), high: self.high.max(high), ..self }
    }

    /// The same, whose values are those of whole runs.
    #[must_use]
    pub fn of_runs(self) -> Interval {
        Interval { replicate: Replicate::Run, ..self }
    }

    /// At least `half` wide to either side of the centre.
    #[must_use]
    pub fn no_narrower(self, half: f64) -> Interval {
        self.widened(self.centre - half, self.centre + half)
    }
}

/// JSON has no infinity; it writes null.
fn minus_infinity_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NEG_INFINITY))
}

fn infinity_if_null<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

/// Student's t interval for a mean, right for normal noise: the mean ± t(n-1, 1 - alpha/2m) s / √n.
///
/// `alpha` is the error rate of all `comparisons` (m) of the run together. Errors: fewer than 2 differences, NaN or infinite ones, a
/// bad level, no comparison.
pub fn student(differences: &[f64], alpha: f64, comparisons: usize) -> Result<Interval> {
    student_of(Moments::of(differences, DIFFERENCES, "blocks")?, alpha, comparisons)
}

/// [`student`], from what the differences come to.
pub(crate) fn student_of(all: Moments, alpha: f64, comparisons: usize) -> Result<Interval> {
    let std_error = all.deviation() / (all.count as f64).sqrt();
    let half = student_upper(each(alpha, comparisons)? / 2.0, all.df())? * std_error;
    Ok(Interval::around(all.mean, half, all.count, alpha))
}

/// One element of a confidence sequence: an interval that may be looked at after every block, and holds in all of the
/// looks together, so that a run may stop at any of them, for any reason. Infinite for the first few blocks.
///
/// With k = 1/(n+1) and A = ((alpha/m)² k)^(-1/n) its half-width is s √((n-1)/n · (A-1) / (1 - kA)): Wang and Ramdas,
/// arXiv:2310.03722, the t-test with a Gaussian mixture. `alpha` and errors as for [`student`].
pub fn band(differences: &[f64], alpha: f64, comparisons: usize) -> Result<Interval> {
    let all = Moments::of(differences, DIFFERENCES, "blocks")?;
    let half = all.deviation() * band_factor(all.count, each(alpha, comparisons)?);
    // No spread at all makes 0 times infinity of it: still no statement.
    let half = if half.is_nan() { f64::INFINITY } else { half };
    Ok(Interval::around(all.mean, half, all.count, alpha))
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
