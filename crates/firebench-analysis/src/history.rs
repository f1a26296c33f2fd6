//! When a contender became slower or faster, over many runs of one experiment. Pure; `docs/history.md` says what it is worth.
//!
//! A [`Collector`] takes the runs one by one and keeps a value of each; [`History::of`] looks for change points in them.

mod collect;
mod gate;
mod point;

use firebench_model::metric::Metric;
use firebench_stats::change::{self, Change};
use firebench_stats::{Standing, Verdict, Word};
use serde::Serialize;

pub use collect::{Collected, Collector, EMULATED, HistoryError, IMPORTED};
pub use gate::{Held, WrongLimit, check, judge};
pub use point::{LeftOut, Point, Same};

use crate::facts::Difference;

/// The value of [`History::schema`].
pub const SCHEMA: &str = "firebench.history/1";

/// A series has at most so many runs: the latest ones.
pub const MOST: usize = change::LONGEST;

/// It decides which permutations stand for all, and is always the same: so is what is found in the same runs.
const SEED: u64 = 0;

/// What many runs of one experiment show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The metric that was asked for.
    pub asked: String,
    /// Its declaration; none where no run belongs.
    pub metric: Option<Metric>,
    /// What all runs share, as the latest one has it.
    pub same: Same,
    /// How many runs belong.
    pub runs: usize,
    /// The runs that do not belong, by reason.
    pub left_out: Vec<LeftOut>,
    /// Older runs that were not looked at.
    pub older: usize,
    /// The contenders, in the order in which the latest runs have them.
    pub contenders: Vec<ContenderHistory>,
}

/// What many runs show of a contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContenderHistory {
    /// Its name.
    pub name: String,
    /// A value of each run, the oldest one first.
    pub points: Vec<Point>,
    /// Runs that belong, but not in this contender, by reason.
    pub left_out: Vec<LeftOut>,
    /// Whether there are enough runs for a change to be seen at all.
    pub decidable: bool,
    /// From which runs on its values lie elsewhere, the oldest one first.
    pub changes: Vec<ChangePoint>,
}

/// A run from which on a contender's values lie elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangePoint {
    /// Its place among the points, from 0.
    pub at: usize,
    /// Id of the run.
    pub run: String,
    /// When it began.
    pub started: String,
    /// How many runs lie between it and the change before it, or the beginning.
    pub runs_before: usize,
    /// How many runs lie from it to the next change, or the end.
    pub runs_after: usize,
    /// The median of those before, in the metric's unit.
    pub before: f64,
    /// The median of those after.
    pub after: f64,
    /// By how much the median changes: 0.03 is 3% more. None where it was zero before.
    pub relative: Option<f64>,
    /// By how much it changes, in the metric's unit.
    pub difference: f64,
    /// The share of random orders of the runs with a change as clear as this one.
    pub p_value: f64,
    /// Whether the contender is better or worse from then on; none where the median stays, and only the spread is another.
    pub standing: Option<Standing>,
    /// The same in a word of the metric, such as `slower`.
    pub word: Option<Word>,
    /// What else is not the same in the run before and in this one.
    pub differences: Vec<Difference>,
}

impl History {
    /// Looks for change points in what was collected.
    ///
    /// # Errors
    /// [`firebench_stats::Error`] where values are too large to compute with.
    pub fn of(collected: Collected) -> firebench_stats::Result<History> {
        let Collected { asked, metric, same, runs, left_out, older, contenders } = collected;
        let mut histories = Vec::new();
        for (name, points, left_out) in contenders {
            let values: Vec<f64> = points.iter().map(|point| point.value).collect();
            let found = change::changes(&values, SEED)?;
            let changes = found.iter().filter_map(|change| change_point(change, &points, metric.as_ref()?)).collect();
            let decidable = points.len() >= change::FEWEST;
            histories.push(ContenderHistory { name, points, left_out, decidable, changes });
        }
        Ok(History { schema: SCHEMA, asked, metric, same, runs, left_out, older, contenders: histories })
    }
}

/// A change with what is known of the run in which it begins.
fn change_point(change: &Change, points: &[Point], metric: &Metric) -> Option<ChangePoint> {
    let first = points.get(change.at)?;
    let last = points.get(change.at.checked_sub(1)?)?;
    let verdict = match change.difference() {
        more if more > 0.0 => Some(Verdict::Higher),
        less if less < 0.0 => Some(Verdict::Lower),
        _ => None,
    };
    Some(ChangePoint {
        at: change.at,
        run: first.run.clone(),
        started: first.started.clone(),
        runs_before: change.count_before,
        runs_after: change.count_after,
        before: change.before,
        after: change.after,
        relative: change.relative(),
        difference: change.difference(),
        p_value: change.p_value,
        standing: verdict.and_then(|verdict| verdict.standing(metric.better)),
        word: verdict.map(|verdict| verdict.word(metric.quantity())),
        differences: first.since(last),
    })
}
