//! The gate: limits on how far a contender may be from its baseline, and what comes of them.
//!
//! Pure. `docs/gate.md` says what a gate means and how the error rate is shared.

mod limit;
mod run;

use std::collections::BTreeSet;
use std::fmt;

use firebench_model::metric::Metric;
use firebench_stats::Standing;
use firebench_stats::verdict::Gate;
use firebench_text as text;
use serde::Serialize;

use crate::judged::{Judged, Unjudged};

pub use limit::{Limit, LimitError};
pub use run::of_run;

/// What came of a limit on one comparison. Displays itself in a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The limit.
    pub limit: Limit,
    /// What it was held against.
    #[serde(flatten)]
    pub judged: Judged,
    /// The answer. [`Gate::Beyond`] fails; whether that is a regression, [`Outcome::standing`] says.
    pub gate: Gate,
}

impl Outcome {
    /// Whether what the limit forbids is that the contender becomes worse, or that it becomes better: a surprise.
    pub fn standing(&self) -> Standing {
        self.limit.forbids(&self.judged.metric)
    }

    /// The answer in a word.
    pub fn word(&self) -> &'static str {
        match self.gate {
            Gate::Beyond => "failed",
            Gate::Within => "passed",
            Gate::Undecided => "undecided",
            Gate::Unfair => "unfair",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = format!("{}: {}: {}", self.limit, self.word(), self.judged);
        f.write_str(&text::line(&said))
    }
}

/// A limit on something that is not compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("the limit '{limit}' names a contender that is not compared")]
#[diagnostic(help("{}", if known.is_empty() {
    "every contender but the first one can have limits of its own: there is none".to_owned()
} else {
    format!("{known} can have limits of their own")
}))]
pub struct UnknownContender {
    limit: String,
    known: String,
}

/// Whether every contender that a limit names is one of `contenders`: those that are compared with a baseline.
///
/// # Errors
/// [`UnknownContender`].
pub fn check<'a>(limits: &[Limit], contenders: impl IntoIterator<Item = &'a str>) -> Result<(), UnknownContender> {
    let contenders: Vec<&str> = contenders.into_iter().collect();
    let unknown = |limit: &&Limit| limit.contender.as_deref().is_some_and(|name| !contenders.contains(&name));
    match limits.iter().find(unknown) {
        None => Ok(()),
        Some(limit) => Err(UnknownContender {
            limit: text::line(&limit.to_string()),
            known: text::excerpt(&contenders.join(", "), 300),
        }),
    }
}

/// A limit that does not go with the metrics that are compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum WrongMetric {
    /// Its metric is none of them.
    #[error("the limit '{limit}' names a metric that is not compared")]
    #[diagnostic(help("the metrics are {known}"))]
    Unknown {
        /// The limit.
        limit: String,
        /// What is compared.
        known: String,
    },
    /// Its metric is compared in another way.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Unit(#[from] LimitError),
}

/// Whether every limit is on one of these metrics, in a unit in which that one is compared.
///
/// # Errors
/// [`WrongMetric`].
pub fn check_metrics<'a>(
    limits: &[Limit],
    metrics: impl Iterator<Item = &'a Metric> + Clone,
) -> Result<(), WrongMetric> {
    for limit in limits {
        match metrics.clone().find(|metric| metric.name == limit.metric) {
            Some(metric) => limit.check(metric)?,
            None => {
                let known: Vec<&str> = metrics.map(|metric| metric.name.as_ref()).collect();
                let known = text::excerpt(&known.join(", "), 300);
                return Err(WrongMetric::Unknown { limit: text::line(&limit.to_string()), known });
            }
        }
    }
    Ok(())
}

/// How many intervals share the error rate: each contender's on the primary metric, and on every other metric that a
/// limit asks for.
pub fn comparisons<'a>(limits: &[Limit], primary: &str, contenders: impl IntoIterator<Item = &'a str>) -> usize {
    let metrics = |contender| {
        let asked =
            limits.iter().map(|limit| limit.metric.as_str()).filter(move |metric| is_asked(limits, contender, metric));
        asked.chain([primary]).collect::<BTreeSet<&str>>().len()
    };
    contenders.into_iter().map(metrics).sum()
}

/// Whether a limit asks for a metric of a contender.
pub fn is_asked(limits: &[Limit], contender: &str, metric: &str) -> bool {
    limits.iter().any(|limit| limit.applies(contender, metric))
}

/// Holds every limit against every comparison that it applies to.
pub fn judge(limits: &[Limit], judged: &[Judged]) -> Vec<Outcome> {
    let held = |limit: &Limit, judged: &Judged| {
        let mut judged = judged.clone();
        // A limit in percent says nothing of a difference.
        if judged.judgement.as_ref().is_ok_and(|judgement| judgement.scale != limit.scale()) {
            judged.judgement = Err(Unjudged::Zero);
        }
        let gate = if judged.unlike.is_empty() { by_numbers(limit, &judged) } else { unfair(&judged) };
        Outcome { limit: limit.clone(), judged, gate }
    };
    let applies = |limit: &Limit, judged: &Judged| limit.applies(&judged.contender, &judged.metric.name);
    let each =
        |limit| judged.iter().filter(move |&judged| applies(limit, judged)).map(move |judged| held(limit, judged));
    limits.iter().flat_map(each).collect()
}

/// What the numbers alone say.
fn by_numbers(limit: &Limit, judged: &Judged) -> Gate {
    // A limit that was parsed is a limit; what has no judgement decides nothing.
    match &judged.judgement {
        Ok(judgement) => judgement.beyond(limit.bound()).unwrap_or(Gate::Undecided),
        Err(_) => Gate::Undecided,
    }
}

/// What does not compare like with like neither fails nor passes.
fn unfair(judged: &Judged) -> Gate {
    if judged.judgement.is_ok() { Gate::Unfair } else { Gate::Undecided }
}

/// Lets the numbers decide also where the two do not compare like with like, because the user means it so.
pub fn allow_unfair(outcomes: &mut [Outcome]) {
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.gate == Gate::Unfair) {
        outcome.gate = by_numbers(&outcome.limit, &outcome.judged);
    }
}

#[cfg(test)]
mod tests;
