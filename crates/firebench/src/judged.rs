//! What comes of holding a contender against its baseline in one metric: a judgement, or why there is none. Pure.

use std::fmt;

use firebench_stats::{Judgement, Sentence};
use serde::{Serialize, Serializer};

use firebench_text as text;

/// A contender against its baseline in one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Its name, as limits have it.
    pub contender: String,
    /// What it is compared with, as sentences have it.
    pub baseline: String,
    /// The metric.
    pub metric: String,
    /// Its unit.
    #[serde(skip)]
    pub unit: &'static str,
    /// Why the two do not compare like with like; empty where they do.
    pub unlike: Vec<String>,
    /// What came of it. Its interval shares the error rate with those of all others that are judged beside it.
    #[serde(flatten, serialize_with = "judgement_or_reason")]
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
        let Judged { contender, baseline, metric, unit, unlike, judgement } = self;
        match judgement {
            Ok(judgement) => Sentence { contender, baseline, metric, unit, judgement }.fmt(f)?,
            Err(reason) => write!(f, "{contender} and {baseline} in {metric}: no verdict: {reason}")?,
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

/// `judgement` and `unjudged`, of which one is null.
fn judgement_or_reason<S: Serializer>(judged: &Result<Judgement, Unjudged>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Both<'a> {
        judgement: Option<&'a Judgement>,
        unjudged: Option<String>,
    }
    Both { judgement: judged.as_ref().ok(), unjudged: judged.as_ref().err().map(ToString::to_string) }
        .serialize(serializer)
}
