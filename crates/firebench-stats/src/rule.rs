//! Which interval speaks for a run, and of what. Both are chosen before the first block; nothing that is measured changes them.
//!
//! The run's error rate of 5% is shared: 3.2% for the interval at the end (of six blocks, ranks can speak at 2/2^6, which is 3.1%),
//! 1.8% for the band that is watched on the way there and that speaks when a run ends because of what was seen. (4% and 1% for the
//! mean, as reports of older versions had it.) So everything that a run ever shows holds in 95 of 100 runs.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::boot::{Difference, values};
use crate::interval::{Interval, band, student};
use crate::typical::{self, Typical};
use crate::{cost, raw, tail};

/// Error rate of a run, all comparisons and all looks together.
pub const ALPHA: f64 = 0.05;
/// The share of the interval at the end.
pub const ALPHA_END: f64 = 0.032;
/// The share of the band.
pub const ALPHA_BAND: f64 = 0.018;
/// Blocks below which the band always holds all differences that were seen. The band is made for normal noise; where a block's
/// difference has one size and the sign of a coin, it would be too narrow here.
const FEW: usize = 16;

/// What a verdict is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimand {
    /// The [typical](crate::typical) boot: what lies in the middle. A few boots that are slow do not move it; they are counted and said.
    Typical,
    /// The geometric mean of all boots, with Student's interval: a boot that is slow counts as much as it is slow, and one that
    /// happened not to come does not count at all. Reports of older versions, which do not say, mean this.
    #[default]
    Mean,
    /// The [mean cost](crate::cost) of a boot, with room for slow boots that did not come.
    Cost,
    /// The [95th percentile](crate::tail) of the boots.
    P95,
    /// Their 99th percentile.
    P99,
}

impl Estimand {
    /// Its name, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Estimand::Typical => "typical",
            Estimand::Mean => "mean",
            Estimand::Cost => "cost",
            Estimand::P95 => "p95",
            Estimand::P99 => "p99",
        }
    }

    /// The share of boots below it, of a quantile at the slow end.
    pub fn tail(self) -> Option<f64> {
        match self {
            Estimand::P95 => Some(0.95),
            Estimand::P99 => Some(0.99),
            Estimand::Typical | Estimand::Mean | Estimand::Cost => None,
        }
    }

    /// Whether its interval can be watched while the run goes on: there is a band for it.
    pub fn has_band(self) -> bool {
        matches!(self, Estimand::Typical | Estimand::Mean)
    }

    /// What is estimated of these differences, whose values are of size `span`.
    ///
    /// Errors: no blocks, NaN or infinite values.
    pub fn centre(self, differences: &[Difference], span: f64) -> Result<f64> {
        if let Some(share) = self.tail() {
            return tail::centre(differences, share);
        }
        match (self, differences) {
            (Estimand::Cost, _) => cost::centre(differences),
            // A block alone is its own middle.
            (Estimand::Typical, [_, _, ..]) => Typical::of(differences, span).map(|typical| typical.centre()),
            _ => raw::mean(&values(differences), 0),
        }
    }

    /// The shares of the interval at the end, and of the band.
    fn alphas(self) -> (f64, f64) {
        match self {
            Estimand::Mean => (0.04, 0.01),
            Estimand::Typical | Estimand::Cost | Estimand::P95 | Estimand::P99 => (ALPHA_END, ALPHA_BAND),
        }
    }
}

/// When a run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The default: when the interval is as narrow as it should be, or the time is over.
    #[serde(alias = "two_stage")]
    Precision,
    /// `--blocks N`: after a number of blocks that somebody chose.
    Fixed,
    /// `--strict`: the band alone speaks, at [`ALPHA`].
    BandAlone,
}

/// How an interval comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// From signed ranks.
    SignedRank,
    /// Student's t.
    Student,
    /// Fieller's, of a ratio of means.
    Fieller,
    /// From ordered values.
    OrderStatistics,
    /// The band that holds whenever one looks at it.
    AnytimeBand,
}

/// What the intervals of a run depend on, beside the differences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// What a verdict is about.
    pub estimand: Estimand,
    /// When the run was to end.
    pub rule: Rule,
    /// Whether it ended, or went on, because of the verdicts that were seen by then: then the band speaks.
    pub watched: bool,
    /// Good blocks after which it had reached its end; later ones do not speak, for somebody who had seen them decided that there
    /// should be more.
    pub planned: Option<usize>,
    /// Blocks that have no difference, because a boot was void or failed.
    pub missing: usize,
    /// Comparisons of the run, which share the error rate.
    pub comparisons: usize,
    /// The size of the values, on the scale of the differences: 1 for logarithms.
    pub span: f64,
    /// What the coarseness of the figures alone may make of a difference: no interval is narrower than this to either side.
    pub grain: f64,
}

impl Ground {
    /// Of a run that nobody watched and that misses nothing, of ratios with as many digits as one likes.
    pub fn new(estimand: Estimand, rule: Rule, comparisons: usize) -> Ground {
        Ground { estimand, rule, watched: false, planned: None, missing: 0, comparisons, span: 1.0, grain: 0.0 }
    }

    /// Whether the band speaks at the end, too.
    fn is_banded(&self) -> bool {
        self.rule == Rule::BandAlone || self.watched
    }

    /// How the interval that such a run ends with comes about.
    pub fn method(&self, blocks: usize) -> Method {
        match (self.is_banded(), self.estimand) {
            (true, _) => Method::AnytimeBand,
            (false, Estimand::Typical) => {
                let is_ranked = typical::is_ranked(blocks + self.missing, ALPHA_END, self.comparisons);
                if is_ranked || self.missing > 0 { Method::SignedRank } else { Method::Student }
            }
            (false, Estimand::Mean) => Method::Student,
            (false, Estimand::Cost) => Method::Fieller,
            (false, Estimand::P95 | Estimand::P99) => Method::OrderStatistics,
        }
    }

    /// The interval that the run ends with. `differences` are those of its good blocks. Errors: fewer than 2 of them, NaN or
    /// infinite ones, no comparison.
    pub fn last(&self, differences: &[Difference]) -> Result<Interval> {
        if self.is_banded() {
            return self.live(differences);
        }
        let reached = self.planned.and_then(|planned| differences.get(..planned)).unwrap_or(differences);
        self.unwatched(reached, self.estimand.alphas().0)
    }

    /// The interval that may be shown after any block. Errors: as for [`last`](Ground::last).
    pub fn live(&self, differences: &[Difference]) -> Result<Interval> {
        let alpha = if self.rule == Rule::BandAlone { ALPHA } else { self.estimand.alphas().1 };
        let all = values(differences);
        let band = band(&all, alpha, self.comparisons)?;
        if !self.estimand.has_band() {
            let centre = self.estimand.centre(differences, self.span)?;
            return Ok(self.of_the_run(Interval { centre, ..band }.widened(f64::NEG_INFINITY, f64::INFINITY)));
        }
        let seen = match self.estimand {
            Estimand::Typical => {
                let centre = Typical::of(differences, self.span)?.centre();
                let (low, high) = (band.low + centre - band.centre, band.high + centre - band.centre);
                // Around both estimates: what pulls them apart is a reason for doubt.
                let both = Interval { centre, ..band }.widened(low, high);
                let (lowest, highest) = around(&all);
                if all.len() < FEW { both.widened(lowest, highest) } else { both }
            }
            _ => band,
        };
        let missing = if self.missing > 0 { self.unwatched(differences, alpha)? } else { seen };
        Ok(self.of_the_run(seen.widened(missing.low, missing.high)))
    }

    /// What the reader may rely on is the whole run, not the share of one interval; and no more digits than there are.
    fn of_the_run(&self, interval: Interval) -> Interval {
        Interval { confidence: 1.0 - ALPHA, ..interval.no_narrower(self.grain) }
    }

    /// The interval of a run that nobody watched, at a level.
    fn unwatched(&self, differences: &[Difference], alpha: f64) -> Result<Interval> {
        let Ground { missing, comparisons, .. } = *self;
        if let Some(share) = self.estimand.tail() {
            return Ok(self.of_the_run(tail::interval(differences, share, missing, alpha, comparisons)?));
        }
        match self.estimand {
            Estimand::Typical => {
                let typical = Typical::of(differences, self.span)?;
                Ok(self.of_the_run(typical.interval(missing, alpha, comparisons)?))
            }
            Estimand::Cost => Ok(self.of_the_run(cost::interval(differences, missing, alpha, comparisons)?)),
            _ => {
                let all = values(differences);
                let (lowest, highest) = around(&all);
                let with = |value: f64, count: usize| {
                    let missing = std::iter::repeat_n(value, count);
                    student(&all.iter().copied().chain(missing).collect::<Vec<f64>>(), alpha, comparisons)
                };
                let mut interval = student(&all, alpha, comparisons)?;
                // The missing ones might be as low as the lowest, or as high as the highest; too many of them make it narrower again.
                let counts = std::iter::successors(Some(1_usize), |count| count.checked_mul(2));
                for count in counts.take_while(|count| *count < missing).chain((missing > 0).then_some(missing)) {
                    interval = interval.widened(with(lowest, count)?.low, with(highest, count)?.high);
                }
                Ok(self.of_the_run(interval))
            }
        }
    }
}

/// The least and the greatest.
fn around(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}
