//! Which interval speaks for a run. The rule is chosen before the first block; nothing that is measured changes it.
//!
//! The run's error rate of 5% is shared: 4% for the interval at the planned end, 1% for the band that is watched on the
//! way there and that speaks when the run ends early. So everything that a run ever shows holds in 95 of 100 runs.

use serde::{Deserialize, Serialize};

use crate::interval::{Interval, band_of, fixed, fixed_of, moments};
use crate::moments::Moments;
use crate::stein::interval_of;
use crate::{Result, stein};

/// Error rate of a run, all comparisons and all looks together.
pub const ALPHA: f64 = 0.05;
/// The share of the interval at the planned end, Stein's or the one of a fixed number of blocks.
pub const ALPHA_END: f64 = 0.04;
/// The share of the band.
pub const ALPHA_BAND: f64 = 0.01;

/// How a run comes to its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The default: a pilot of [`stein::PILOT`] blocks, then Stein's size, from [`stein::size`] at [`ALPHA_END`].
    TwoStage,
    /// `--blocks N`: a number of blocks that somebody chose.
    Fixed,
    /// The band alone, at [`ALPHA`]: `--strict`, and runs whose time does not suffice for a pilot.
    BandAlone,
}

/// How the interval that a run ends with comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Stein's, of a pilot and the number of blocks that follows from it.
    TwoStage,
    /// Student's, of a number of blocks that was chosen before.
    Fixed,
    /// The band that holds whenever one looks at it.
    AnytimeBand,
}

impl Rule {
    /// How the interval comes about with which a run of so many good `blocks` ends; `planned` as for [`last`](Rule::last).
    pub fn method(self, blocks: usize, planned: Option<usize>) -> Method {
        match (self, planned.filter(|&planned| blocks >= planned)) {
            (Rule::TwoStage, Some(planned)) if planned >= stein::PILOT => Method::TwoStage,
            (Rule::Fixed, Some(_)) => Method::Fixed,
            _ => Method::AnytimeBand,
        }
    }

    /// The interval that may be shown after any block.
    ///
    /// `differences` are those of the good blocks so far, of one of the run's `comparisons`. Errors: as for
    /// [`band`](crate::interval::band).
    pub fn live(self, differences: &[f64], comparisons: usize) -> Result<Interval> {
        self.live_of(moments(differences)?, comparisons)
    }

    /// [`live`](Rule::live), from what the differences come to.
    pub(crate) fn live_of(self, all: Moments, comparisons: usize) -> Result<Interval> {
        let alpha = match self {
            Rule::TwoStage | Rule::Fixed => ALPHA_BAND,
            Rule::BandAlone => ALPHA,
        };
        Ok(of_the_run(band_of(all, alpha, comparisons)?))
    }

    /// The interval that the run ends with.
    ///
    /// `planned` is the number of blocks that was to be reached, None if the pilot did not end. A run that ended before
    /// it has its [`live`](Rule::live) interval. Of a run that went on beyond it, the planned blocks alone speak: somebody
    /// who had seen them decided that there should be more. Errors: as for [`band`](crate::interval::band).
    pub fn last(self, differences: &[f64], planned: Option<usize>, comparisons: usize) -> Result<Interval> {
        let reached = planned.and_then(|planned| differences.get(..planned)).unwrap_or(differences);
        match self.method(differences.len(), planned) {
            Method::TwoStage => Ok(of_the_run(stein::interval(reached, stein::PILOT, ALPHA_END, comparisons)?)),
            Method::Fixed => Ok(of_the_run(fixed(reached, ALPHA_END, comparisons)?)),
            Method::AnytimeBand => self.live(differences, comparisons),
        }
    }

    /// The interval at the planned end of a run, from what its differences come to, and those of its pilot.
    pub(crate) fn planned_of(self, all: Moments, pilot: Option<Moments>, comparisons: usize) -> Result<Interval> {
        match (self, pilot) {
            (Rule::TwoStage, Some(pilot)) => Ok(of_the_run(interval_of(all, pilot, ALPHA_END, comparisons)?)),
            (Rule::Fixed, _) => Ok(of_the_run(fixed_of(all, ALPHA_END, comparisons)?)),
            _ => self.live_of(all, comparisons),
        }
    }
}

/// What the reader may rely on is the whole run, not the share of one interval.
fn of_the_run(interval: Interval) -> Interval {
    Interval { confidence: 1.0 - ALPHA, ..interval }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::band;

    const DIFFERENCES: [f64; 12] = [0.3, 0.1, 0.2, 0.25, 0.15, 0.22, 0.18, 0.3, 0.1, 0.2, 0.9, 0.1];

    fn half_widths(rule: Rule, planned: Option<usize>) -> (f64, f64) {
        let live = rule.live(&DIFFERENCES, 2).expect("the differences are fine");
        let last = rule.last(&DIFFERENCES, planned, 2).expect("the differences are fine");
        assert_eq!((live.confidence, last.confidence), (0.95, 0.95));
        (live.half_width, last.half_width)
    }

    #[test]
    fn runs_that_end_early_have_their_band() {
        let band_at = |alpha| band(&DIFFERENCES, alpha, 2).expect("the differences are fine").half_width;
        for (rule, alpha) in [(Rule::TwoStage, 0.01), (Rule::Fixed, 0.01), (Rule::BandAlone, 0.05)] {
            for planned in [None, Some(13)] {
                assert_eq!(half_widths(rule, planned), (band_at(alpha), band_at(alpha)), "{rule:?}");
            }
        }
    }

    #[test]
    fn planned_ends_have_their_own_interval() {
        let stein = stein::interval(&DIFFERENCES, 10, 0.04, 2).expect("the differences are fine");
        assert_eq!(half_widths(Rule::TwoStage, Some(12)).1, stein.half_width);
        let fixed = fixed(&DIFFERENCES, 0.04, 2).expect("the differences are fine");
        assert_eq!(half_widths(Rule::Fixed, Some(12)).1, fixed.half_width);
        let (live, last) = half_widths(Rule::BandAlone, Some(12));
        assert_eq!(live, last);
    }

    #[test]
    fn blocks_beyond_the_planned_ones_do_not_speak() {
        let stein = stein::interval(&DIFFERENCES[..11], 10, 0.04, 2).expect("the differences are fine");
        let last = Rule::TwoStage.last(&DIFFERENCES, Some(11), 2).expect("the differences are fine");
        assert_eq!(last, Interval { confidence: 0.95, ..stein });
        let fixed = fixed(&DIFFERENCES[..5], 0.04, 2).expect("the differences are fine");
        let last = Rule::Fixed.last(&DIFFERENCES, Some(5), 2).expect("the differences are fine");
        assert_eq!(last, Interval { confidence: 0.95, ..fixed });
    }
}
