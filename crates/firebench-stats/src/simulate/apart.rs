//! Runs at different times, each with a deviation of its own that all of its boots share: the machine was in another state.

use super::run::Outcome;
use super::{Case, Judged, Kind, Settings};
use crate::random::Random;
use crate::rule::ALPHA;
use crate::verdict::{Scale, Verdict, judge};
use crate::{Result, median, unpaired};

/// Boots of a run.
const BOOTS: usize = 24;
/// Runs of a side, where there are several.
const RUNS: usize = 5;

/// Compares runs of one contender with runs of another: one each, of which nothing is said, or several.
pub(super) fn simulate(case: Case, settings: &Settings, run: usize) -> Result<Outcome> {
    let mut random = Random::new(settings.seed, run as u64);
    let truth = if case.kind == Kind::Ab { settings.effect.ln_1p() } else { 0.0 };
    let mut side = |level: f64| -> Vec<f64> { (0..RUNS).map(|_| value(level, settings.noise, &mut random)).collect() };
    let (baseline, contender) = (side(0.0), side(truth));
    let interval = unpaired::welch(&contender, &baseline, ALPHA, 1)?;
    let judgement = judge(interval, Scale::Ratio, settings.delta)?;
    let refused = case.rule == Judged::OneRun;
    let is_false = match judgement.verdict {
        Verdict::Higher => truth <= 0.0,
        Verdict::Lower => true,
        Verdict::Equivalent => truth >= settings.delta.ln_1p(),
        Verdict::Inconclusive => false,
    };
    Ok(Outcome {
        false_alarm: is_false && !refused,
        refused,
        covered: judgement.interval.contains(truth) && !refused,
        found: truth > 0.0 && judgement.verdict == Verdict::Higher && !refused,
        equivalent: judgement.verdict == Verdict::Equivalent && !refused,
        blocks: if refused { 1 } else { RUNS as u32 },
    })
}

/// What a run comes to: the run itself deviates as much as its boots do among each other.
fn value(level: f64, noise: f64, random: &mut Random) -> f64 {
    let of_the_run = noise * random.normal();
    let boots = (0..BOOTS).map(|_| level + of_the_run + noise * random.normal());
    median(boots).unwrap_or(level)
}
