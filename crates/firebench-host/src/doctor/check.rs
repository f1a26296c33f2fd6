//! The result of one check.

use serde::{Deserialize, Serialize};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing, and neither good nor bad.
    Info,
    /// firebench works, but its figures are less trustworthy, or a part of it does not work.
    Warn,
    /// firebench does not work.
    Bad,
}

/// One check, with its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Short and stable: `governor`.
    pub name: String,
    /// How it ended.
    pub state: State,
    /// What was found, with figures.
    pub finding: String,
    /// Why it matters.
    pub why: String,
    /// What to do, where something can be done.
    pub remedy: Option<String>,
}

/// Makes a check.
pub(super) fn check(name: &str, state: State, finding: impl Into<String>, why: &str, remedy: Option<&str>) -> Check {
    Check {
        name: name.to_owned(),
        state,
        finding: finding.into(),
        why: why.to_owned(),
        remedy: remedy.map(str::to_owned),
    }
}
