//! What boots and iterations cost, and what fits into the time that is left.

use super::Boot;
use crate::scout::Costs;

/// The part of a boot's life that is neither start nor iteration, at least: where the iterations seem to fill it (the
/// guest's clock runs too fast), or seem to take no time.
const LEAST_SHARE: f64 = 0.01;

/// The costs of boots, on average. Iterations are in seconds.
pub(super) fn of<'a>(boots: impl IntoIterator<Item = &'a Boot>) -> Costs {
    let (mut count, mut boot, mut iteration) = (0.0, 0.0, 0.0);
    for Boot { iterations, seconds, .. } in boots {
        let share = iterations.iter().sum::<f64>() / seconds;
        let in_iterations = seconds * share.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE);
        count += 1.0;
        boot += seconds - in_iterations;
        iteration += in_iterations / iterations.len() as f64;
    }
    Costs { boot: boot / count, iteration: iteration / count }
}

/// Seconds that a block takes, of whose boots so many come one after the other.
pub(super) fn block(costs: Costs, in_turn: usize, iterations: u32) -> f64 {
    in_turn as f64 * (costs.boot + costs.iteration * f64::from(iterations))
}

/// How many iterations each boot may have for `blocks` blocks to fit into `seconds`; 0 if not even empty boots do.
pub(super) fn iterations_that_fit(costs: Costs, in_turn: usize, blocks: usize, seconds: f64) -> usize {
    let for_boot = seconds / (blocks as f64 * in_turn as f64);
    // A cast takes what is below zero for zero, and saturates.
    ((for_boot - costs.boot) / costs.iteration) as usize
}
