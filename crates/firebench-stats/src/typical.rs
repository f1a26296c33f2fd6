//! The typical boot: what lies in the middle of the differences within blocks, and its interval.
//!
//! The estimate is Hodges and Lehmann's: the middle of the averages of all pairs of blocks. The interval is that of Wilcoxon's
//! [signed ranks](crate::signed_rank). Where the contenders are equal, each difference has the sign of a coin that firebench
//! tossed ([`order`](crate::order)); so the interval is right whatever the noise of the machine looks like. One wild boot moves
//! it little, where it would move a mean at will.
//!
//! # Blocks that stand apart
//! A difference that is further than six standard deviations from the middle (the deviation is 1.4826 times the median of the
//! distances, as for normal noise), and by more than 5% or its like, belongs to no typical boot: a slow mode, a burst from
//! outside. Such blocks are counted, said, and not ranked. Where they are more than a quarter of all, nothing is typical but all
//! blocks together, and all are ranked. So they are where more than half of those stand apart in which the contender booted before the
//! baseline, or more than half of those in which it booted after: then it is their order that sets them apart. (Of ten blocks, chance
//! gives one order to two or fewer in 11% of runs; without them, equal contenders would seem to differ by what the order costs.)
//!
//! # The place in the block
//! Where who boots later in a block is slower for it, the differences lie around two values, not one. If their slope on the places
//! (by least squares) is as large as chance makes it in 0.27% of runs (three standard errors, where blocks are many), it is taken out,
//! and the interval becomes wider by what that costs.
//! The slope of equal contenders says nothing about who is faster, so looking at it first is free.
//!
//! # Blocks that are missing
//! A block of which a boot is void or failed might have had any difference: a contender that fails when it is slow looks faster for
//! it. So the interval is that of all blocks, where the missing ones are above everything for its upper end, and below
//! everything for its lower one.

use std::cmp::Ordering;

use crate::Result;
use crate::boot::{Difference, values};
use crate::interval::{DIFFERENCES, Interval, each, student_of};
use crate::line::Line;
use crate::modes::{self, APART_AT_LEAST};
use crate::moments::Moments;
use crate::quantile::student_upper;
use crate::signed_rank::{Averages, rank};

/// Fewest blocks from which it shows that some stand apart, or that their place decides. Of fewer, chance sets some apart, and what is
/// left has not the sign of a coin; ranks of all blocks are right without that.
const LEAST_SHOWN: usize = 10;
/// The share of blocks that may stand apart.
const APART_AT_MOST: f64 = 0.25;
/// In one of so many runs chance makes a slope on the places so large that it is taken out: three standard errors, where blocks are many.
const SLOPE: f64 = 0.0027;

/// The differences of a comparison, as far as its interval depends on them.
#[derive(Debug, Clone)]
pub struct Typical {
    averages: Averages,
    /// Those of the blocks that are ranked, with the slope taken out.
    ranked: Vec<f64>,
    /// The slope on the places, where it was taken out.
    line: Option<Line>,
    centre: f64,
    /// Blocks that stand apart.
    apart: usize,
}

impl Typical {
    /// Of good blocks; `span` is the size of the values on the scale of logarithms (1), or in the metric's unit.
    ///
    /// Errors: fewer than 2 blocks, NaN or infinite differences.
    pub fn of(differences: &[Difference], span: f64) -> Result<Typical> {
        let all = values(differences);
        Moments::of(&all, DIFFERENCES, "blocks")?;
        let near = near(differences, APART_AT_LEAST * span);
        let kept: Vec<Difference> =
            differences.iter().zip(&near).filter(|(_, near)| **near).map(|(difference, _)| *difference).collect();
        let line = line(&kept);
        let slope = line.map_or(0.0, |line| line.slope);
        let ranked: Vec<f64> = kept.iter().map(|difference| difference.value - slope * difference.later).collect();
        let averages = Averages::of(ranked.iter().copied());
        let centre = averages.middle().unwrap_or_default();
        Ok(Typical { averages, line, centre, apart: all.len() - ranked.len(), ranked })
    }

    /// The estimate.
    pub fn centre(&self) -> f64 {
        self.centre
    }

    /// Blocks that stand apart.
    pub fn apart(&self) -> usize {
        self.apart
    }

    /// The interval, right when nothing but spread and time decided how many blocks there are. `missing` more blocks had no
    /// difference. `alpha` is the error rate of all `comparisons` of the run together. Of so few blocks that ranks have no interval at
    /// this level, it is Student's; or infinite, where some are missing.
    ///
    /// Errors: a bad level, no comparison.
    pub fn interval(&self, missing: usize, alpha: f64, comparisons: usize) -> Result<Interval> {
        let tail = each(alpha, comparisons)? / 2.0;
        let count = self.ranked.len();
        let ends = match rank(count + missing, tail)? {
            Some(rank) => self.ends(rank, missing),
            None if missing > 0 => None,
            None => {
                let student = student_of(Moments::of(&self.ranked, DIFFERENCES, "blocks")?, alpha, comparisons)?;
                Some((self.centre - student.half_width(), self.centre + student.half_width()))
            }
        };
        // The slope had to be estimated: that costs balance, and a degree of freedom.
        let degrees = |fewer: f64| student_upper(tail, count as f64 - fewer);
        let wider = self.line.map_or(Ok(1.0), |line| Ok(line.wider * degrees(2.0)? / degrees(1.0)?))?;
        let wider = |end: f64| self.centre + (end - self.centre) * wider;
        let (low, high) = ends.map_or((f64::NEG_INFINITY, f64::INFINITY), |(low, high)| (wider(low), wider(high)));
        Ok(Interval { low, high, ..Interval::around(self.centre, 0.0, count + self.apart, alpha) })
    }

    /// The averages that as many as `rank` others lie beyond, missing ones included; None where the missing ones reach as far.
    fn ends(&self, rank: usize, missing: usize) -> Option<(f64, f64)> {
        // A missing block is in so many averages, all of them beyond the end.
        let beyond = missing * self.ranked.len() + missing * (missing + 1) / 2;
        let rank = rank.checked_sub(beyond)?;
        let last = self.averages.count().checked_sub(1)?;
        Some((self.averages.smallest(rank)?, self.averages.smallest(last.checked_sub(rank)?)?))
    }
}

/// Whether so many blocks have an interval by ranks.
pub(crate) fn is_ranked(blocks: usize, alpha: f64, comparisons: usize) -> bool {
    let tail = each(alpha, comparisons).map(|level| level / 2.0);
    tail.and_then(|tail| rank(blocks, tail)).is_ok_and(|rank| rank.is_some())
}

/// Of each block, whether it does not stand apart; what is nearer to the middle than `at_least` never does.
pub(crate) fn near(differences: &[Difference], at_least: f64) -> Vec<bool> {
    let values = values(differences);
    let all = || vec![true; values.len()];
    let Some((middle, bound)) = modes::apart(&values, at_least) else { return all() };
    let near: Vec<bool> = values.iter().map(|value| (value - middle).abs() <= bound).collect();
    let count = near.iter().filter(|near| **near).count();
    let enough = values.len() >= LEAST_SHOWN && (values.len() - count) as f64 <= APART_AT_MOST * values.len() as f64;
    // Where most of the blocks of one order stand apart, it is for their order, which chance made rare.
    let by_order = [Ordering::Less, Ordering::Equal, Ordering::Greater].into_iter().any(|order| {
        let of_order = || differences.iter().zip(&near).filter(|(one, _)| one.later.partial_cmp(&0.0) == Some(order));
        let apart = of_order().filter(|(_, near)| !**near).count();
        apart * 2 > of_order().count()
    });
    if enough && !by_order { near } else { all() }
}

/// The line through the differences over the places, where its slope is not to be taken for chance.
fn line(differences: &[Difference]) -> Option<Line> {
    let points: Vec<(f64, f64)> = differences.iter().map(|difference| (difference.later, difference.value)).collect();
    let line = Line::through(&points).filter(|_| points.len() >= LEAST_SHOWN)?;
    let errors = student_upper(SLOPE / 2.0, points.len() as f64 - 2.0).ok()?;
    (line.slope.abs() > errors * line.std_error).then_some(line)
}
