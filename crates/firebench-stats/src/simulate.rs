//! How often the verdicts err: whole runs are simulated, over several shapes of noise, and judged by the same code that
//! judges real ones. In an A/A run all contenders are equal; in an A/B run the last one is slower than all others.
//!
//! A simulated run is a [`Schedule`](crate::design::Schedule), like a real one, which ends on its verdicts or its precision, or, strict,
//! by the band alone; or after a number of blocks. A boot takes half a second and so does each of its iterations, of which the first
//! one is 5% slower; the iterations of a boot vary half as much as boots do, on top of that. What counts is everything that
//! a run shows: its last interval, and on the way there its band after every block.

mod apart;
mod case;
mod noise;
mod run;

use std::thread;

use serde::Serialize;

use crate::verdict::positive;
use crate::{Error, Result};

pub use case::{BLOCKS, Case, Judged, Kind, Settings};
pub use noise::Shape;
use run::Outcome;

/// What came of the runs of a case. Rates are shares of runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Which runs.
    #[serde(flatten)]
    pub case: Case,
    /// Runs that at some moment showed a false verdict in at least one comparison: a difference where there is none, the
    /// wrong one, or equivalence where there is a difference of delta or more.
    pub false_alarm: f64,
    /// Runs in which the checks found a reason against a verdict, and said it.
    pub refused: f64,
    /// Runs that ended with intervals that all hold the truth.
    pub coverage: f64,
    /// Runs that ended with the right verdict on the difference; None where there is none.
    pub power: Option<f64>,
    /// Runs that ended with equivalence in all comparisons.
    pub equivalent: f64,
    /// Blocks of a run that counted, on average.
    pub blocks: f64,
}

/// All cases, in the order of the table.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in [Kind::Aa, Kind::Ab] {
        for shape in Shape::ALL {
            for rule in [Judged::Default, Judged::Strict] {
                for contenders in [2, 3] {
                    cases.push(Case { kind, shape, rule, contenders });
                }
            }
        }
        // Shapes of which it is known what is equal.
        let cost = [Shape::Gaussian, Shape::HeavyTail, Shape::Skewed, Shape::Burst, Shape::Slow];
        let p95 = [Shape::Gaussian, Shape::HeavyTail, Shape::Autocorrelation, Shape::Burst];
        let contenders = 2;
        cases.extend(cost.map(|shape| Case { kind, shape, rule: Judged::Cost, contenders }));
        cases.extend(p95.map(|shape| Case { kind, shape, rule: Judged::P95, contenders }));
        let apart = [Judged::OneRun, Judged::FiveRuns];
        cases.extend(apart.map(|rule| Case { kind, shape: Shape::Bias, rule, contenders }));
    }
    cases
}

/// Simulates all [`cases`].
///
/// Errors: no runs; a noise or an effect that is no positive number; a delta or a size that makes no
/// [schedule](crate::design::Settings::check).
pub fn simulate(settings: &Settings) -> Result<Vec<Row>> {
    cases().into_iter().map(|case| simulate_case(case, settings)).collect()
}

/// Simulates one case. Errors: as for [`simulate`], and fewer than 2 contenders.
pub fn simulate_case(case: Case, settings: &Settings) -> Result<Row> {
    positive(settings.noise)?;
    positive(settings.effect)?;
    if case.contenders < 2 {
        return Err(Error::TooFew { what: "contenders", count: case.contenders, needed: 2 });
    }
    if settings.runs == 0 {
        return Err(Error::Empty { what: "runs" });
    }
    // Every run has random numbers of its own, whichever thread it is in.
    let threads = settings.threads.clamp(1, settings.runs);
    let part = |thread: usize| {
        let runs = (thread..settings.runs).step_by(threads);
        runs.map(|run| simulate_run(case, settings, run)).collect::<Result<Vec<Outcome>>>()
    };
    let parts: Result<Vec<Vec<Outcome>>> = thread::scope(|scope| {
        let part = &part;
        let start = |thread| thread::Builder::new().spawn_scoped(scope, move || part(thread));
        let started: Vec<_> = (0..threads).map(|thread| (thread, start(thread))).collect();
        let finish = |(thread, started): (usize, std::io::Result<thread::ScopedJoinHandle<_>>)| match started {
            Ok(started) => started.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // The system has no thread left for it.
            Err(_) => part(thread),
        };
        started.into_iter().map(finish).collect()
    });
    Ok(row(case, &parts?.concat()))
}

/// Carries out run number `run` of a case, or the runs that it compares.
fn simulate_run(case: Case, settings: &Settings, run: usize) -> Result<Outcome> {
    let simulate = if case.shape == Shape::Bias { apart::simulate } else { run::simulate };
    simulate(case, settings, run)
}

fn row(case: Case, outcomes: &[Outcome]) -> Row {
    let runs = outcomes.len() as f64;
    let share = |what: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| what(outcome)).count() as f64 / runs;
    Row {
        case,
        false_alarm: share(|outcome| outcome.false_alarm),
        refused: share(|outcome| outcome.refused),
        coverage: share(|outcome| outcome.covered),
        power: (case.kind == Kind::Ab).then(|| share(|outcome| outcome.found)),
        equivalent: share(|outcome| outcome.equivalent),
        blocks: outcomes.iter().map(|outcome| f64::from(outcome.blocks)).sum::<f64>() / runs,
    }
}
