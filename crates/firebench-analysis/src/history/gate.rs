//! Limits on a history: how far the runs since the last change may lie from those before it.

use std::fmt;

use firebench_stats::Scale;
use firebench_stats::verdict::Gate;
use firebench_text as text;
use serde::Serialize;

use super::{ContenderHistory, History};
use crate::gate::{self, Limit, UnknownContender, WrongMetric};

/// What came of a limit on a contender. Displays itself in a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// The limit.
    pub limit: Limit,
    /// The contender.
    pub contender: String,
    /// The answer: [`Gate::Undecided`] where no change could be seen, or it has no ratio.
    pub gate: Gate,
    /// The run in which the last change begins, if there is one.
    pub run: Option<String>,
    /// By how much the contender changed there: relative, or in the unit of the limit.
    pub change: Option<f64>,
}

impl Held {
    /// The answer in a word.
    pub fn word(&self) -> &'static str {
        match self.gate {
            Gate::Beyond => "failed",
            Gate::Within => "passed",
            Gate::Undecided | Gate::Unfair => "undecided",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ground = match (&self.run, self.change, self.limit.scale()) {
            (Some(run), Some(change), Scale::Ratio) => {
                format!("{} from run {run} on", text::change_percent(change, 2))
            }
            (Some(run), Some(change), Scale::Raw) => format!("{change:+} from run {run} on"),
            (Some(run), None, _) => format!("changed from zero in run {run}"),
            (None, ..) if self.gate == Gate::Within => "no change was found".to_owned(),
            (None, ..) => "too few runs for a change to be seen".to_owned(),
        };
        f.write_str(&text::line(&format!("{}: {}: {}: {ground}", self.limit, self.word(), self.contender)))
    }
}

/// Why a limit cannot be held against a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum WrongLimit {
    /// Its metric is another, or its unit.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Metric(#[from] WrongMetric),
    /// Its contender is not there.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Contender(#[from] UnknownContender),
}

/// Whether every limit is on the metric and a contender of the history; where no run belongs, nothing is known.
///
/// # Errors
/// [`WrongLimit`].
pub fn check(history: &History, limits: &[Limit]) -> Result<(), WrongLimit> {
    let Some(metric) = &history.metric else { return Ok(()) };
    gate::check_metrics(limits, std::iter::once(metric))?;
    gate::check(limits, history.contenders.iter().map(|contender| contender.name.as_str()))?;
    Ok(())
}

/// Holds every limit against every contender that it applies to.
pub fn judge(history: &History, limits: &[Limit]) -> Vec<Held> {
    let applies = |limit: &Limit, contender: &ContenderHistory| limit.applies(&contender.name, &history.asked);
    let each = |limit| {
        history.contenders.iter().filter(move |contender| applies(limit, contender)).map(move |c| held(limit, c))
    };
    limits.iter().flat_map(each).collect()
}

fn held(limit: &Limit, contender: &ContenderHistory) -> Held {
    let last = contender.changes.last();
    let change = last.and_then(|change| match limit.scale() {
        Scale::Ratio => change.relative,
        Scale::Raw => Some(change.difference),
    });
    let bound = limit.bound();
    let gate = match (last, change) {
        (None, _) if contender.decidable => Gate::Within,
        (None, _) | (Some(_), None) => Gate::Undecided,
        (_, Some(change)) if (bound < 0.0 && change < bound) || (bound >= 0.0 && change > bound) => Gate::Beyond,
        (_, Some(_)) => Gate::Within,
    };
    let (limit, run) = (limit.clone(), last.map(|change| change.run.clone()));
    Held { limit, contender: contender.name.clone(), gate, run, change }
}
