//! From an interval to a verdict, and to a gate's answer.

use serde::{Deserialize, Serialize};

use crate::{Error, Estimand, Interval, Result};

/// What the differences are differences of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Logarithms: effects are relative, 0.02 is 2% more than the baseline.
    Ratio,
    /// The metric's own unit: effects are in this unit.
    Raw,
}

impl Scale {
    /// An effect's difference on the scale of the interval.
    fn difference(self, effect: f64) -> f64 {
        match self {
            Scale::Ratio => effect.ln_1p(),
            Scale::Raw => effect,
        }
    }

    /// The effect behind a difference on the scale of the interval.
    fn effect(self, difference: f64) -> f64 {
        match self {
            Scale::Ratio => difference.exp_m1(),
            Scale::Raw => difference,
        }
    }
}

/// How a contender's values compare with the baseline's. Which of the two is better depends on the metric: [`Verdict::standing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is below zero. Once every metric was a time, and this was called faster.
    #[serde(alias = "faster")]
    Lower,
    /// The whole interval is above zero; once called slower.
    #[serde(alias = "slower")]
    Higher,
    /// The interval holds zero and lies inside of ±delta.
    Equivalent,
    /// None of these.
    Inconclusive,
}

/// A value and the ends of its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// The whole interval is beyond the limit: the gate fails.
    Beyond,
    /// The whole interval is on this side of it.
    Within,
    /// The limit lies in the interval.
    Undecided,
    /// The two do not compare like with like: their difference is no regression, and that there is none means nothing. Never an
    /// answer of [`Judgement::beyond`], which knows numbers alone.
    Unfair,
}

/// A verdict with everything that it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// On the scale of the differences.
    pub interval: Interval,
    /// What the differences are.
    pub scale: Scale,
    /// Effects up to this size, in either direction, count as none: relative, or in the metric's unit.
    pub delta: f64,
    /// What it is about.
    #[serde(default)]
    pub estimand: Estimand,
}

/// Judges an interval. On the scale of ratios, ±delta stands for a ratio between 1/(1 + delta) and 1 + delta.
///
/// Errors: a delta that is no positive number.
pub fn judge(interval: Interval, scale: Scale, delta: f64) -> Result<Judgement> {
    judge_of(Estimand::default(), interval, scale, delta)
}

/// [`judge`], of what the interval is about.
pub fn judge_of(estimand: Estimand, interval: Interval, scale: Scale, delta: f64) -> Result<Judgement> {
    let bound = scale.difference(positive(delta)?);
    let (low, high) = (interval.low, interval.high);
    let verdict = if low > 0.0 {
        Verdict::Higher
    } else if high < 0.0 {
        Verdict::Lower
    } else if low > -bound && high < bound {
        Verdict::Equivalent
    } else {
        Verdict::Inconclusive
    };
    Ok(Judgement { verdict, interval, scale, delta, estimand })
}

/// Refuses what is no positive number.
pub(crate) fn positive(precision: f64) -> Result<f64> {
    if precision > 0.0 && precision.is_finite() { Ok(precision) } else { Err(Error::BadPrecision { precision }) }
}

impl Judgement {
    /// Contender / baseline; None on the raw scale.
    pub fn ratio(&self) -> Option<Range> {
        (self.scale == Scale::Ratio).then(|| self.map(f64::exp))
    }

    /// By how much the contender's value is above the baseline's: relative (0.02 is 2%), or in the metric's unit.
    pub fn effect(&self) -> Range {
        self.map(|difference| self.scale.effect(difference))
    }

    /// Whether the whole effect is beyond `limit`: above it if it is positive or zero, below it if it is negative.
    /// Relative (0.03 is 3% more), or in the metric's unit.
    ///
    /// Errors: a limit that is not finite, or a relative one of -1 or less.
    pub fn beyond(&self, limit: f64) -> Result<Gate> {
        let bound = self.scale.difference(limit);
        if !bound.is_finite() {
            return Err(Error::BadLimit { limit });
        }
        let (low, high) = (self.interval.low, self.interval.high);
        let (beyond, within) = if limit < 0.0 { (high < bound, low >= bound) } else { (low > bound, high <= bound) };
        Ok(match (beyond, within) {
            (true, _) => Gate::Beyond,
            (_, true) => Gate::Within,
            _ => Gate::Undecided,
        })
    }

    fn map(&self, of: impl Fn(f64) -> f64) -> Range {
        Range { estimate: of(self.interval.centre), low: of(self.interval.low), high: of(self.interval.high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(low: f64, high: f64) -> Interval {
        let replicate = crate::Replicate::Boot;
        let centre = f64::midpoint(low, high);
        Interval { centre, low, high, blocks: 10, baseline_boots: None, replicate, confidence: 0.95 }
    }

    fn verdict(low: f64, high: f64) -> Verdict {
        judge(between(low, high), Scale::Ratio, 0.01).expect("delta is fine").verdict
    }

    #[test]
    fn verdicts_follow_the_interval() {
        assert_eq!(verdict(0.001, 0.02), Verdict::Higher);
        assert_eq!(verdict(-0.02, -0.001), Verdict::Lower);
        assert_eq!(verdict(-0.009, 0.009), Verdict::Equivalent);
        assert_eq!(verdict(-0.011, 0.009), Verdict::Inconclusive);
        assert_eq!(verdict(-0.009, 0.011), Verdict::Inconclusive);
        assert_eq!(verdict(0.0, 0.02), Verdict::Inconclusive);
        // ln(1.01) is 0.00995: the bound is on the ratio.
        assert_eq!(verdict(-0.00994, 0.00994), Verdict::Equivalent);
        assert_eq!(verdict(-0.00996, 0.00996), Verdict::Inconclusive);
    }

    #[test]
    fn effects_are_relative_or_raw() {
        let interval = between(2.0_f64.ln(), 8.0_f64.ln());
        let relative = judge(interval, Scale::Ratio, 0.01).expect("delta is fine");
        let close = |range: Range, expected: [f64; 3]| {
            for (value, expected) in [range.low, range.estimate, range.high].into_iter().zip(expected) {
                assert!((value - expected).abs() < 1e-12, "{value} is not {expected}");
            }
        };
        close(relative.ratio().expect("ratios"), [2.0, 4.0, 8.0]);
        close(relative.effect(), [1.0, 3.0, 7.0]);
        let raw = judge(between(-0.5, 1.5), Scale::Raw, 0.01).expect("delta is fine");
        assert_eq!(raw.ratio(), None);
        close(raw.effect(), [-0.5, 0.5, 1.5]);
    }

    #[test]
    fn gates_need_the_whole_interval() {
        let judged = |low, high| judge(between(low, high), Scale::Raw, 0.01).expect("delta is fine");
        assert_eq!(judged(0.04, 0.06).beyond(0.03), Ok(Gate::Beyond));
        assert_eq!(judged(0.02, 0.06).beyond(0.03), Ok(Gate::Undecided));
        assert_eq!(judged(0.01, 0.02).beyond(0.03), Ok(Gate::Within));
        assert_eq!(judged(-0.06, -0.04).beyond(-0.03), Ok(Gate::Beyond));
        assert_eq!(judged(-0.06, -0.02).beyond(-0.03), Ok(Gate::Undecided));
        assert_eq!(judged(-0.02, 0.5).beyond(-0.03), Ok(Gate::Within));
        let relative = judge(between(0.0294, 0.0297), Scale::Ratio, 0.01).expect("delta is fine");
        assert_eq!(relative.beyond(0.03), Ok(Gate::Undecided), "ln(1.03) is 0.02956");
        for limit in [-1.0, -2.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(relative.beyond(limit), Err(Error::BadLimit { .. })), "{limit}");
        }
    }

    #[test]
    fn infinite_intervals_find_nothing() {
        let judged = judge(between(f64::NEG_INFINITY, f64::INFINITY), Scale::Ratio, 0.01).expect("delta is fine");
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert_eq!(judged.beyond(0.03), Ok(Gate::Undecided));
    }

    #[test]
    fn deltas_are_positive_numbers() {
        for delta in [0.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(matches!(judge(between(0.1, 0.2), Scale::Raw, delta), Err(Error::BadPrecision { .. })), "{delta}");
        }
    }
}
