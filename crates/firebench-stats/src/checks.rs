//! What would make a difference mean something else than it says, looked for in the blocks that count.
//!
//! Each check is a test at [`LEVEL`]; what it finds must also be large enough to matter. It can miss what is small, and says so
//! by its nature: what it finds takes a verdict its ground, what it does not find proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::boot::{Difference, log_mean};
use crate::line::Line;
use crate::modes::APART_AT_LEAST;
use crate::quantile::student_upper;
use crate::typical::near;
use crate::verdict::{Judgement, Scale, Verdict};

/// Error rate of a check, all comparisons of a run together.
pub const LEVEL: f64 = 0.02;
/// Blocks from which on there is something to check.
const LEAST: usize = 4;

/// What is too small to matter, in ln(t), where differences up to `delta` count as none: a quarter of that; and half of the difference,
/// where the verdict is that there is one.
pub fn matters(delta: f64, judgement: Option<&Judgement>) -> f64 {
    let of_ratio = judgement.filter(|judgement| judgement.scale == Scale::Ratio);
    let difference = of_ratio.filter(|judgement| matches!(judgement.verdict, Verdict::Higher | Verdict::Lower));
    difference.map_or(f64::INFINITY, |judgement| judgement.interval.centre.abs() / 2.0).min(delta.ln_1p() / 4.0)
}

/// Two contenders whose iterations do not settle alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// By how much the contender's iterations fall (below zero) or rise against the baseline's, over those that count in the longest
    /// boot, in ln(t).
    pub size: f64,
    /// Iterations that count in the shortest boot.
    pub iterations: usize,
}

/// Whether a contender's iterations change against the baseline's in the course of their boots, so that where the counted ones end
/// decides what comes out. `blocks` have the counted iterations of the baseline's boot and of the contender's.
///
/// Each block has a slope; longer boots know theirs better, by the sum of squares of their iterations' distances from the middle, and
/// weigh so much more.
fn trend(blocks: &[[&[f64]; 2]], level: f64, matters: f64) -> Option<Trend> {
    let mut slopes = Vec::new();
    for [baseline, contender] in blocks {
        let ([one, weight], [other, of_other]) = (slope(contender)?, slope(baseline)?);
        let weight = weight.min(of_other);
        slopes.extend((weight > 0.0).then_some((one - other, weight)));
    }
    let count = slopes.len() as f64;
    let all: f64 = slopes.iter().map(|(_, weight)| weight).sum();
    let mean = slopes.iter().map(|(slope, weight)| slope * weight).sum::<f64>() / all;
    let squares: f64 = slopes.iter().map(|(slope, weight)| weight * (slope - mean).powi(2)).sum();
    let bound = student_upper(level / 2.0, count - 1.0).ok()? * (squares / (count - 1.0) / all).sqrt();
    let lengths = || blocks.iter().flatten().map(|iterations| iterations.len());
    let size = mean * (lengths().max()? as f64 - 1.0);
    let is_there = slopes.len() >= LEAST && mean.abs() > bound && size.abs() > matters;
    is_there.then_some(Trend { size, iterations: lengths().min()? })
}

/// Whether the iterations of a contender that took no turns with another one change in the course of its `boots`, as one of so many
/// `comparisons`. What is smaller than `matters`, in ln(t), is nothing.
pub fn alone(boots: &[&[f64]], comparisons: usize, matters: f64) -> Option<Trend> {
    let flat: Vec<Vec<f64>> = boots.iter().map(|iterations| vec![1.0; iterations.len()]).collect();
    let blocks: Vec<[&[f64]; 2]> = flat.iter().zip(boots).map(|(flat, boot)| [flat.as_slice(), boot]).collect();
    trend(&blocks, LEVEL / comparisons.max(1) as f64, matters)
}

/// By how much ln(t) rises from iteration to iteration, and the weight of that; None where a value has no logarithm.
fn slope(iterations: &[f64]) -> Option<[f64; 2]> {
    let middle = (iterations.len() as f64 - 1.0) / 2.0;
    let mean = log_mean(iterations, 0).ok()?;
    let places = || (0..iterations.len()).map(|place| place as f64 - middle);
    let squares: f64 = places().map(|place| place.powi(2)).sum();
    let rise: f64 = places().zip(iterations).map(|(place, value)| place * (value.ln() - mean)).sum();
    Some(if squares > 0.0 { [rise / squares, squares] } else { [0.0, 0.0] })
}

/// A boot that slows down, or speeds up, whoever boots next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CarryOver {
    /// The contender behind it.
    pub of: usize,
    /// By how much the next boot is slower (above zero) or faster, in ln(t).
    pub size: f64,
}

/// A block of a pair, and who had booted right before each of the two.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Followed {
    /// What the contender is above the baseline.
    difference: f64,
    before_contender: Option<usize>,
    before_baseline: Option<usize>,
}

/// A boot of a run, in the order in which they ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ran<'a> {
    /// Its block.
    pub block: u32,
    /// Its contender.
    pub contender: usize,
    /// Its iterations that count; none where it counts for nothing: of the scout, void, failed, or in a block with such a boot.
    pub counted: &'a [f64],
}

/// What was found of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Found {
    /// The two do not settle alike.
    pub trend: Option<Trend>,
    /// One of the two leaves something behind for whoever boots next.
    pub carry_over: Option<CarryOver>,
}

impl Found {
    /// Whether there is anything.
    pub fn is_something(&self) -> bool {
        self.trend.is_some() || self.carry_over.is_some()
    }
}

/// Looks at a pair, the baseline first, in all boots of a run, which has so many `comparisons`. What is smaller than `matters`, in
/// ln(t), is nothing.
pub fn of_pair(boots: &[Ran], pair: [usize; 2], comparisons: usize, matters: f64) -> Found {
    let level = LEVEL / comparisons.max(1) as f64;
    let mut before = None;
    let mut blocks: BTreeMap<u32, [Option<Seen>; 2]> = BTreeMap::new();
    for boot in boots {
        let of_block = blocks.entry(boot.block).or_default();
        let place = pair.iter().position(|of| *of == boot.contender).filter(|_| !boot.counted.is_empty());
        if let Some(seen) = place.and_then(|place| of_block.get_mut(place)) {
            *seen = Some(Seen { counted: boot.counted, before });
        }
        before = Some(boot.contender);
    }
    let both: Vec<[Seen; 2]> =
        blocks.into_values().filter_map(|[one, other]| one.zip(other)).map(|(one, other)| [one, other]).collect();
    let iterations: Vec<[&[f64]; 2]> = both.iter().map(|pair| pair.map(|seen| seen.counted)).collect();
    let followed = |[baseline, contender]: &[Seen; 2]| {
        let difference = log_mean(contender.counted, 0).ok()? - log_mean(baseline.counted, 0).ok()?;
        Some(Followed { difference, before_contender: contender.before, before_baseline: baseline.before })
    };
    let followed: Vec<Followed> = both.iter().filter_map(followed).collect();
    // A few wild blocks are no carry-over, nor do they hide one.
    let differences: Vec<Difference> =
        followed.iter().map(|block| Difference { value: block.difference, ..Difference::default() }).collect();
    let near = near(&differences, APART_AT_LEAST).into_iter();
    let followed: Vec<Followed> =
        followed.into_iter().zip(near).filter_map(|(block, near)| near.then_some(block)).collect();
    Found { trend: trend(&iterations, level, matters), carry_over: carry_over(pair, &followed, level, matters) }
}

/// A boot of a pair.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    counted: &'a [f64],
    /// Who booted right before.
    before: Option<usize>,
}

/// Whether one of a pair leaves something behind for the boot after it: then it is the other one that suffers most, for nobody follows
/// itself within a block. (Of two contenders it cannot be told which one it is: that one slows down looks as if the other one sped
/// up. The former is taken to be likelier.) What a third contender leaves behind falls on both alike; where that explains more, it is
/// not the pair's. A carry-over below `matters`, in ln(t), is none.
fn carry_over(pair: [usize; 2], blocks: &[Followed], level: f64, matters: f64) -> Option<CarryOver> {
    let others: BTreeSet<usize> =
        blocks.iter().flat_map(|b| [b.before_contender, b.before_baseline]).flatten().collect();
    // Of two contenders, one looks as the other does, turned around.
    let tests = if others.len() > 2 { pair.len() } else { 1 };
    let bound = student_upper(level / tests as f64 / 2.0, blocks.len() as f64 - 2.0).ok()?;
    let of = |carrier: usize| {
        let follows = |before: Option<usize>| f64::from(u8::from(before == Some(carrier)));
        let more = |block: &Followed| follows(block.before_contender) - follows(block.before_baseline);
        let points: Vec<(f64, f64)> = blocks.iter().map(|block| (more(block), block.difference)).collect();
        let line = Line::through(&points).filter(|_| points.len() >= LEAST)?;
        Some((line.slope.abs() / line.std_error, CarryOver { of: carrier, size: line.slope }))
    };
    let all: Vec<(f64, CarryOver)> = others.into_iter().filter_map(of).collect();
    let most = all.iter().map(|(errors, _)| *errors).fold(0.0, f64::max);
    let is_there = |(errors, found): &&(f64, CarryOver)| {
        // Rounding must not tell apart what is one.
        *errors > bound && *errors > most * (1.0 - 1e-9) && found.size.abs() > matters && pair.contains(&found.of)
    };
    let found = || all.iter().filter(is_there).map(|(_, found)| *found);
    found().find(|found| found.size > 0.0).or(found().next())
}
