//! What comes of holding a contender against its baseline in one metric: a judgement, or why there is none. Pure.

use std::fmt;

use firebench_model::metric::{Clock, Metric};
use firebench_stats::Judgement;
use firebench_text as text;
use firebench_vmm::VmmKind;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::beside::{self, Beside};

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
    /// What must be said beside the verdict.
    pub beside: Beside,
    /// What came of it. Its interval shares the error rate with those of all others that are judged beside it.
    pub judgement: Result<Judgement, Unjudged>,
}

/// Why a comparison has no judgement.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
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
    /// One of the two keeps an account of CPU time of its own.
    #[error("{0} keeps an account of CPU time of its own: {1}")]
    OwnCpuAccount(&'static str, &'static str),
    /// They were not measured side by side, so nobody knows what else changed.
    #[error("they were not measured side by side, and what changed in between is in their difference")]
    Apart,
    /// They hold the same measurements.
    #[error(
        "{0} of the {1} values of one are values of the other, too, and chance does not explain that: they share measurements"
    )]
    Shared(usize, usize),
    /// One of the two leaves something behind for whoever boots next, by so much, relative.
    #[error(
        "whoever boots right after one of the two comes out {}, so that their order decides (--settle boot, the \
         default, has each contender boot as often right after itself as after any other)",
        beside::above(*_0)
    )]
    CarryOver(f64),
    /// Two runs that took place apart.
    #[error("one run a side cannot tell the contenders from what else differs between two runs")]
    OneRunEach,
    /// Several runs on one side alone.
    #[error("it takes two runs on each side at least to know how much runs differ by themselves")]
    OneRunAgainstSeveral,
    /// Two runs that hold both.
    #[error("it takes three runs that hold both at least to know how much runs differ")]
    WithinTwoRuns,
    /// Of several runs, one has nothing to say.
    #[error("one of the runs has no good boot of the contender")]
    RunWithoutBoot,
    /// Some values are missing or cannot be compared.
    #[error("not every boot has a value that can be compared")]
    NoValue,
}

impl Unjudged {
    /// Why a metric of these kinds is not judged, where one of them keeps an account of its own of it.
    pub fn of_accounts(kinds: &[VmmKind], metric: &Metric) -> Option<Unjudged> {
        let own = kinds.iter().find_map(|kind| Some(Unjudged::OwnCpuAccount(kind.0.title, kind.own_cpu_account?)));
        own.filter(|_| metric.clock == Some(Clock::GuestCpu))
    }
}

impl fmt::Display for Judged {
    /// The verdict in a sentence without a full stop, or why there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Judged { contender, baseline, metric, judgement, .. } = self;
        match judgement {
            Ok(judgement) => write!(f, "{}{}", metric.sentence(contender, baseline, judgement), self.ending()),
            Err(reason) => {
                write!(f, "{contender} and {baseline} in {}: no verdict: {reason}", metric.name)?;
                f.write_str(&not_like_with_like(&self.unlike))
            }
        }
    }
}

impl Judged {
    /// The end of a verdict's sentence: what must be said beside it, and in what the two are not alike.
    pub fn ending(&self) -> String {
        let Judged { contender, baseline, metric, beside, unlike, judgement } = self;
        let estimand = judgement.as_ref().map(|judgement| judgement.estimand).unwrap_or_default();
        beside.words(contender, baseline, metric, estimand) + &not_like_with_like(unlike)
    }
}

/// The end of a verdict's sentence where the two do not compare like with like; nothing where they do.
fn not_like_with_like(unlike: &[String]) -> String {
    if unlike.is_empty() {
        return String::new();
    }
    format!("; this does NOT compare like with like: they differ in {}", text::list(unlike))
}

impl Serialize for Judged {
    /// With the metric's name alone, and `judgement` and `unjudged`, of which one is null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let judgement = self.judgement.as_ref().ok().map(|judgement| self.metric.worded(judgement));
        let mut fields = serializer.serialize_struct("Judged", 7)?;
        fields.serialize_field("contender", &self.contender)?;
        fields.serialize_field("baseline", &self.baseline)?;
        fields.serialize_field("metric", &self.metric.name)?;
        fields.serialize_field("unlike", &self.unlike)?;
        fields.serialize_field("beside", &self.beside)?;
        fields.serialize_field("judgement", &judgement)?;
        fields.serialize_field("unjudged", &self.judgement.as_ref().err().map(ToString::to_string))?;
        fields.end()
    }
}
