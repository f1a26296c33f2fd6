//! The gate: limits on how far a contender may be from its baseline, what comes of them, and how it is told to CI.
//!
//! Pure. `docs/gate.md` says what a gate means and how the error rate is shared.

mod github;
mod junit;
mod limit;
mod run;

use std::collections::BTreeSet;
use std::fmt;

use firebench_stats::verdict::Gate;
use firebench_stats::{Judgement, Standing};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::cli::{EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION, EXIT_UNFAIR};
use crate::metric::Metric;
use crate::report::text;

pub use github::github;
pub use junit::junit;
pub use limit::{Limit, LimitError};
pub use run::of_run;

/// A contender against its baseline in one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Its name, as limits have it.
    pub contender: String,
    /// What it is compared with, as sentences have it.
    pub baseline: String,
    /// The metric.
    pub metric: Metric,
    /// Why the two do not compare like with like; empty where they do.
    pub unlike: Vec<String>,
    /// What came of it. Its interval shares the error rate with those of all others that are judged beside it.
    pub judgement: Result<Judgement, Unjudged>,
}

/// Why a comparison has no judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unjudged {
    /// On emulated instructions there is never a verdict.
    #[error("guest instructions were emulated, and timings of that are no statement about speed")]
    Emulated,
    /// Too few good boots have a value that can be compared.
    #[error("it takes two good boots of each contender at least")]
    TooFew,
    /// Some values are zero, and there is no ratio to zero.
    #[error("a ratio needs times above zero, and some are zero")]
    Zero,
    /// Some values are missing or cannot be compared.
    #[error("not every boot has a value that can be compared")]
    NoValue,
}

impl fmt::Display for Judged {
    /// The verdict in a sentence without a full stop, or why there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { contender, baseline, metric, unlike, judgement } = self;
        match judgement {
            Ok(judgement) => metric.sentence(contender, baseline, judgement).fmt(f)?,
            Err(reason) => write!(f, "{contender} and {baseline} in {}: no verdict: {reason}", metric.name)?,
        }
        f.write_str(&not_like_with_like(unlike))
    }
}

/// The end of a verdict's sentence where the two do not compare like with like; nothing where they do.
pub fn not_like_with_like(unlike: &[String]) -> String {
    if unlike.is_empty() {
        return String::new();
    }
    format!("; this does NOT compare like with like: they differ in {}", text::list(unlike))
}

impl Serialize for Judged {
    /// With the metric's name alone, and `judgement` and `unjudged`, of which one is null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Judged", 6)?;
        fields.serialize_field("contender", &self.contender)?;
        fields.serialize_field("baseline", &self.baseline)?;
        fields.serialize_field("metric", &self.metric.name)?;
        fields.serialize_field("unlike", &self.unlike)?;
        fields.serialize_field(
            "judgement",
            &self.judgement.as_ref().ok().map(|judgement| self.metric.worded(judgement)),
        )?;
        fields.serialize_field("unjudged", &self.judgement.as_ref().err().map(ToString::to_string))?;
        fields.end()
    }
}

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

/// The exit code: a regression counts for more than what compares unlike things, and that for more than what is undecided, which
/// counts where verdicts are required.
pub fn exit_code(outcomes: &[Outcome], require_verdict: bool) -> u8 {
    let any = |gate| outcomes.iter().any(|outcome| outcome.gate == gate);
    match () {
        () if any(Gate::Beyond) => EXIT_REGRESSION,
        () if any(Gate::Unfair) => EXIT_UNFAIR,
        () if require_verdict && any(Gate::Undecided) => EXIT_INCONCLUSIVE,
        () => EXIT_OK,
    }
}

#[cfg(test)]
mod tests;
