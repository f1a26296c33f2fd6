//! Contenders that ran apart: two runs at different times, whose boots do not share blocks.
//!
//! Each side has its own spread and its own number of boots, so this is Welch's interval: B. L. Welch, The generalization
//! of "Student's" problem when several different population variances are involved, Biometrika 34 (1947), with the
//! degrees of freedom of F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics
//! Bulletin 2 (1946). It holds what happens from boot to boot, and not what changed on the machine between the runs:
//! a block would have cancelled that, and nothing can afterwards.

use crate::Result;
use crate::interval::{Interval, each};
use crate::moments::Moments;
use crate::quantile::student_upper;

/// The difference of means, contender - baseline, ± t(df, 1 - alpha/2m) · √(s₁²/n₁ + s₂²/n₂), where
/// df = (s₁²/n₁ + s₂²/n₂)² / ((s₁²/n₁)²/(n₁ - 1) + (s₂²/n₂)²/(n₂ - 1)), which need not be whole.
///
/// Both lists hold one value a boot: [log means](crate::boot::log_mean), or, of metrics that can be zero,
/// [plain ones](crate::raw::mean), and the scale of the [verdict](crate::verdict::judge) goes with them. `alpha` is the
/// error rate of all `comparisons` (m) together; the numbers of boots were chosen before, and nobody looked on the way.
/// Errors: fewer than 2 boots on a side, NaN or infinite values, a bad level, no comparison.
pub fn welch(contender: &[f64], baseline: &[f64], alpha: f64, comparisons: usize) -> Result<Interval> {
    each(alpha, comparisons)?;
    welch_of(Side::of(contender)?, Side::of(baseline)?, alpha, comparisons)
}

/// What the boots of one side come to. It is computed once, however many others are compared with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side(Moments);

impl Side {
    /// Of one value a boot. Errors: fewer than 2 boots, NaN or infinite values.
    pub fn of(values: &[f64]) -> Result<Side> {
        Moments::of(values, BOOTS, BOOTS).map(Side)
    }
}

/// [`welch`], from what the two sides come to.
pub fn welch_of(Side(contender): Side, Side(baseline): Side, alpha: f64, comparisons: usize) -> Result<Interval> {
    let level = each(alpha, comparisons)?;
    let [of_contender, of_baseline] = [contender, baseline].map(|side| side.variance() / side.count as f64);
    let variance = of_contender + of_baseline;
    // Shares, not squares of variances, which could leave the range of numbers.
    let [contender_share, baseline_share] = match variance > 0.0 {
        true => [of_contender / variance, of_baseline / variance],
        // No spread at all: the width is zero whatever the degrees.
        false => [0.5, 0.5],
    };
    let df = 1.0 / (contender_share.powi(2) / contender.df() + baseline_share.powi(2) / baseline.df());
    // Rounding must not take it below the least that the formula can give.
    let df = df.max(contender.df().min(baseline.df()));
    let half = student_upper(level / 2.0, df)? * variance.sqrt();
    let interval = Interval::around(contender.mean - baseline.mean, half, contender.count, alpha);
    Ok(Interval { baseline_boots: Some(baseline.count), ..interval })
}

/// What the values are called in errors.
const BOOTS: &str = "boots";
