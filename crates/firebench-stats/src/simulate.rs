//! How often the verdicts err: whole runs are simulated, over several shapes of noise, and judged by the same code that
//! judges real ones. In an A/A run all contenders are equal; in an A/B run the last one is slower than all others.
//!
//! A simulated run has no scout: every boot has one slow iteration as warm-up and four that count. Every contender is
//! compared with the first one. The default run makes its pilot, and stops at Stein's size; the strict run watches its
//! band and stops as soon as that gives a verdict or is as narrow as the precision asks. What counts is everything that
//! a run shows: its last interval, and on the way there its band after every block.

mod noise;
mod run;

use std::thread;

use serde::Serialize;

use crate::stein::positive;
use crate::verdict::Scale;
use crate::{Error, Result, Rule};

pub use noise::Shape;
use run::Outcome;

/// What to simulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Runs behind every row. The standard error of a rate of 5% is 0.7% with 1,000 runs, 0.15% with 20,000.
    pub runs: usize,
    /// Same seed, same table.
    pub seed: u64,
    /// Noise of a boot: standard deviation of its mean of ln(t), such as 0.01.
    pub noise: f64,
    /// By how much the last contender of an A/B run is slower, such as 0.02.
    pub effect: f64,
    /// Half-width that the runs aim at, and the bound of equivalence, such as 0.01.
    pub precision: f64,
    /// Blocks after which a run's time is over.
    pub max_blocks: usize,
    /// Threads to use, at least 1. They change nothing in the table.
    pub threads: usize,
}

impl Default for Settings {
    /// 1% of noise, 2% of difference, ±1% of precision; 2,000 runs of at most 200 blocks, in one thread.
    fn default() -> Settings {
        Settings { runs: 2_000, seed: 1, noise: 0.01, effect: 0.02, precision: 0.01, max_blocks: 200, threads: 1 }
    }
}

/// What the contenders of a simulated run are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// All equal.
    Aa,
    /// All equal but the last, which is slower.
    Ab,
}

/// Which runs a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Case {
    /// A/A or A/B.
    pub kind: Kind,
    /// The noise.
    pub shape: Shape,
    /// Whether the contenders' noise differs in shape: no paired design promises its error rate then.
    pub skewed: bool,
    /// Whether the band alone speaks ([`Rule::BandAlone`]), not Stein's interval ([`Rule::TwoStage`]).
    pub strict: bool,
    /// Contenders in each block.
    pub contenders: usize,
}

/// What came of the runs of a case. Rates are shares of runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Which runs.
    #[serde(flatten)]
    pub case: Case,
    /// Runs that at some moment showed a false verdict in at least one comparison: a difference where there is none, or
    /// the wrong one.
    pub false_alarm: f64,
    /// Runs that ended with intervals that all hold the truth.
    pub coverage: f64,
    /// Runs that ended with the right verdict on the difference; None where there is none.
    pub power: Option<f64>,
    /// Blocks of a run, on average.
    pub blocks: f64,
}

/// All cases, in the order of the table.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::Aa, Kind::Ab] {
        for shape in Shape::ALL {
            for strict in [false, true] {
                for contenders in [2, 3] {
                    cases.push(Case { kind, shape, skewed: shape == Shape::Skewed, strict, contenders });
                }
            }
        }
    }
    cases
}

/// Simulates all [`cases`].
///
/// Errors: no runs; a noise, an effect or a precision that is no positive number; fewer than 2 blocks.
pub fn simulate(settings: &Settings) -> Result<Vec<Row>> {
    cases().into_iter().map(|case| simulate_case(case, settings)).collect()
}

/// Simulates one case. Errors: as for [`simulate`], and fewer than 2 contenders.
pub fn simulate_case(case: Case, settings: &Settings) -> Result<Row> {
    for amount in [settings.noise, settings.effect, settings.precision] {
        positive(amount)?;
    }
    for (what, count, needed) in [("blocks", settings.max_blocks, 2), ("contenders", case.contenders, 2)] {
        if count < needed {
            return Err(Error::TooFew { what, count, needed });
        }
    }
    if settings.runs == 0 {
        return Err(Error::Empty { what: "runs" });
    }
    // Every run has random numbers of its own, whichever thread it is in.
    let threads = settings.threads.clamp(1, settings.runs);
    let part = |thread: usize| {
        let runs = (thread..settings.runs).step_by(threads);
        runs.map(|run| run::simulate(case, settings, run)).collect::<Result<Vec<Outcome>>>()
    };
    let parts: Result<Vec<Vec<Outcome>>> = thread::scope(|scope| {
        let part = &part;
        let started: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        started.into_iter().map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    Ok(row(case, &parts?.concat()))
}

fn row(case: Case, outcomes: &[Outcome]) -> Row {
    let runs = outcomes.len() as f64;
    let share = |what: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| what(outcome)).count() as f64 / runs;
    Row {
        case,
        false_alarm: share(|outcome| outcome.false_alarm),
        coverage: share(|outcome| outcome.covered),
        power: (case.kind == Kind::Ab).then(|| share(|outcome| outcome.found)),
        blocks: outcomes.iter().map(|outcome| outcome.blocks).sum::<usize>() as f64 / runs,
    }
}
