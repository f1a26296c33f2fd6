//! What is done against a boot's feeling the one before it.

use std::fmt;
use std::str::FromStr;

use firebench_text::units::Span;
use serde::{Deserialize, Serialize};

/// What is done so that no boot feels the one before it, or all alike. Read from a time such as `5s`, or `boot`, or `none`; written like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Settle {
    /// Nothing: boots follow each other.
    Nothing,
    /// The machine rests so long before each boot.
    Pause(Span),
    /// Each block begins with a throw-away boot of the contender that is first in it, so that each contender boots as often right after
    /// itself as after any other.
    Boot,
}

/// Text that is none of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {0:?}: must be a time of 1 s at least, for example 5s, or the word boot or none")]
pub struct SettleError(String);

/// The word for [`Settle::Boot`].
const BOOT: &str = "boot";
/// The word for [`Settle::Nothing`].
const NOTHING: &str = "none";

impl FromStr for Settle {
    type Err = SettleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            BOOT => Ok(Settle::Boot),
            NOTHING => Ok(Settle::Nothing),
            time => time.parse().map(Settle::Pause).map_err(|_| SettleError(text.to_owned())),
        }
    }
}

impl fmt::Display for Settle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Settle::Pause(span) => span.fmt(f),
            Settle::Boot => f.pad(BOOT),
            Settle::Nothing => f.pad(NOTHING),
        }
    }
}

impl TryFrom<String> for Settle {
    type Error = SettleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Settle> for String {
    fn from(settle: Settle) -> String {
        settle.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_a_boot_or_nothing() {
        for (text, settle) in
            [("5s", Settle::Pause(Span::seconds(5))), ("boot", Settle::Boot), ("none", Settle::Nothing)]
        {
            assert_eq!(text.parse(), Ok(settle));
            assert_eq!(settle.to_string(), text);
        }
        for bad in ["", "0s", "boots", "5"] {
            assert!(bad.parse::<Settle>().is_err(), "{bad}");
        }
    }
}
