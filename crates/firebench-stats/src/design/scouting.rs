//! The first blocks of a run that aims at a precision: what they cost, and what they choose.

use super::{Boot, LEAST_PRECISE, MOST_ITERATIONS, SCOUT_BLOCKS, SCOUT_ITERATIONS, Settings, Size, costs};
use crate::Result;
use crate::quantile::student_upper;
use crate::rule::ALPHA_END;
use crate::scout::{self, Choice, Limits};

/// The blocks so far, with their numbers and the boots in the order in which they ran. First one, with as many iterations as if there
/// were no scout; then [`SCOUT_BLOCKS`] with more of them; and so many again with twice as many, while the warm-up takes as much of
/// a boot as it may.
#[derive(Debug, Clone, Default)]
pub(super) struct Scouting {
    blocks: Vec<Block>,
}

type Block = (u32, Vec<(usize, Boot)>);

/// So many iterations of a boot are the most that a scout asks for.
const MOST_SCOUTED: u32 = 64;

impl Scouting {
    pub fn push(&mut self, number: u32, boots: Vec<(usize, Boot)>) {
        self.blocks.push((number, boots));
    }

    /// How many iterations the boots of the next block have, warm-up included; None if the scout is over.
    pub fn next(&self, settings: &Settings, time_left: f64) -> Result<Option<u32>> {
        if let [(_, first)] = self.blocks.as_slice() {
            let iterations = settings.warm_up().saturating_add(SCOUT_ITERATIONS);
            let costs = costs::of(first.iter().map(|(_, boot)| boot));
            let block = |iterations| costs::block(costs, settings.in_turn(), iterations);
            let rest = f64::from(LEAST_PRECISE - 1 - SCOUT_BLOCKS) * block(settings.iterations());
            let scout = f64::from(SCOUT_BLOCKS) * block(iterations);
            return Ok((scout + rest <= time_left).then_some(iterations));
        }
        let stage = self.stage();
        let iterations = stage.first().map_or(0, |(_, boots)| length(boots));
        if stage.len() < SCOUT_BLOCKS as usize {
            return Ok(Some(iterations));
        }
        let mut warm_up = 0;
        for boots in by_contender(stage, settings) {
            warm_up = warm_up.max(scout::warm_up(&boots)?);
        }
        let longer = iterations.saturating_mul(2);
        let costs = costs::of(stage.iter().flat_map(|(_, boots)| boots.iter().map(|(_, boot)| boot)));
        let blocks = f64::from(LEAST_PRECISE.max(SCOUT_BLOCKS));
        let fits = blocks * costs::block(costs, settings.in_turn(), longer) <= time_left;
        let is_at_its_most = warm_up >= iterations as usize / 2 && settings.warm_up.is_none();
        Ok((is_at_its_most && longer <= MOST_SCOUTED && fits).then_some(longer))
    }

    /// What the blocks choose, warm-up included in the iterations, and the blocks; nothing where the time sufficed for one block alone.
    pub fn choose(self, settings: &Settings, time_left: f64) -> Result<(Option<Chosen>, Vec<Block>)> {
        if self.blocks.len() < 2 {
            return Ok((None, self.blocks));
        }
        let stage = self.stage();
        let costs = costs::of(stage.iter().flat_map(|(_, boots)| boots.iter().map(|(_, boot)| boot)));
        let fitting = costs::iterations_that_fit(costs, settings.in_turn(), ENOUGH, time_left);
        let limits = Limits {
            warm_up: settings.warm_up.map(|warm_up| warm_up as usize),
            iterations: fitting.min(MOST_ITERATIONS as usize),
            variance: enough(settings)?,
        };
        let Choice { warm_up, iterations } = scout::choose(&by_contender(stage, settings), costs, limits)?;
        // What is perhaps not over yet must be seen for as long again; what is over, twice.
        let half = stage.first().map_or(0, |(_, boots)| length(boots)) as usize / 2;
        let settled = warm_up <= half / 2 || settings.warm_up.is_some();
        let least = if settled { LEAST_COUNTED } else { half };
        let longest = limits.iterations.saturating_sub(LEAST_COUNTED);
        let warm_up = if settled { warm_up } else { warm_up.min(longest) };
        let iterations = iterations.max(least.min(limits.iterations.saturating_sub(warm_up)));
        let saturated = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let chosen =
            Chosen { warm_up: saturated(warm_up), iterations: saturated(warm_up.saturating_add(iterations)), settled };
        Ok((Some(chosen), self.blocks))
    }

    /// The last blocks, whose boots have equally many iterations; never the first block of all.
    fn stage(&self) -> &[Block] {
        let rest = self.blocks.get(1..).unwrap_or_default();
        let last = rest.last().map_or(0, |(_, boots)| length(boots));
        let start = rest.iter().position(|(_, boots)| length(boots) == last).unwrap_or_default();
        rest.get(start..).unwrap_or_default()
    }
}

/// Of fewer iterations nobody sees whether the warm-up is over.
const LEAST_COUNTED: usize = 2;

/// What was chosen.
pub(super) struct Chosen {
    /// Iterations at the start of each boot that do not count.
    pub warm_up: u32,
    /// Iterations of each boot, warm-up included.
    pub iterations: u32,
    /// Whether the warm-up is over long before the boots of the scout are.
    pub settled: bool,
}

/// Blocks that would do, if boots varied little enough.
const ENOUGH: usize = 10;

/// The variance of boots with which [`ENOUGH`] blocks would have the precision: a difference has twice that of its boots.
fn enough(settings: &Settings) -> Result<f64> {
    let Size::Precision { precision, .. } = settings.size else { return Ok(f64::INFINITY) };
    let comparisons = settings.contenders.saturating_sub(1).max(1);
    let quantile = student_upper(ALPHA_END / comparisons as f64 / 2.0, ENOUGH as f64 - 1.0)?;
    Ok((precision.ln_1p() / quantile).powi(2) * ENOUGH as f64 / 2.0)
}

/// Iterations of a boot.
fn length(boots: &[(usize, Boot)]) -> u32 {
    boots.first().map_or(0, |(_, boot)| u32::try_from(boot.iterations.len()).unwrap_or(u32::MAX))
}

/// Of each contender the boots, of each boot the iterations; of a duet those up to the last one that ran beside the others, where that
/// leaves every boot something to choose by.
fn by_contender(blocks: &[Block], settings: &Settings) -> Vec<Vec<Vec<f64>>> {
    let boots = || blocks.iter().flat_map(|(_, boots)| boots);
    let least = (settings.warm_up() as usize).max(1) + 2;
    let suffice = boots().all(|(_, boot)| boot.beside().len() >= least);
    let mut all = vec![Vec::new(); settings.contenders];
    for (contender, boot) in boots() {
        let iterations = if suffice { boot.beside() } else { &boot.iterations };
        all.get_mut(*contender).into_iter().for_each(|boots: &mut Vec<_>| boots.push(iterations.to_vec()));
    }
    all
}
