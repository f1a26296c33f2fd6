//! Which values of a metric are the better ones, and a verdict in a word.
//!
//! Numbers know no direction: an interval above zero is above zero, whatever was measured. What that means is said here alone.

use serde::{Deserialize, Serialize};

use crate::Verdict;

/// Which values are the better ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// The lower ones, as of times.
    Less,
    /// The higher ones, as of bytes a second.
    More,
}

impl Better {
    /// Its word: `less` or `more`.
    pub fn word(self) -> &'static str {
        match self {
            Better::Less => "less",
            Better::More => "more",
        }
    }

    /// The one with this word.
    pub fn named(word: &str) -> Option<Better> {
        [Better::Less, Better::More].into_iter().find(|better| better.word() == word)
    }
}

/// What is compared, as far as words depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The time that something takes: less is better, and is called faster.
    Time,
    /// Anything else: it is lower or higher, and which one is better must be said.
    Amount(Better),
}

impl Quantity {
    /// Which values are the better ones.
    pub fn better(self) -> Better {
        match self {
            Quantity::Time => Better::Less,
            Quantity::Amount(better) => better,
        }
    }
}

/// Whether a contender is better than the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    Better,
    /// The baseline is.
    Worse,
}

impl Standing {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Better => "better",
            Standing::Worse => "worse",
        }
    }
}

/// A verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It takes less time.
    Faster,
    /// It takes more time.
    Slower,
    /// Its value is lower, of what is no time.
    Lower,
    /// Its value is higher, of what is no time.
    Higher,
    /// They are equal for all that matters.
    Equivalent,
    /// Nothing can be said.
    Inconclusive,
}

impl Word {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            Word::Faster => "faster",
            Word::Slower => "slower",
            Word::Lower => "lower",
            Word::Higher => "higher",
            Word::Equivalent => "equivalent",
            Word::Inconclusive => "inconclusive",
        }
    }
}

impl Verdict {
    /// Whether the contender is better or worse than the baseline; None where neither is found.
    pub fn standing(self, better: Better) -> Option<Standing> {
        match (self, better) {
            (Verdict::Lower, Better::Less) | (Verdict::Higher, Better::More) => Some(Standing::Better),
            (Verdict::Higher, Better::Less) | (Verdict::Lower, Better::More) => Some(Standing::Worse),
            (Verdict::Equivalent | Verdict::Inconclusive, _) => None,
        }
    }

    /// In a word.
    pub fn word(self, quantity: Quantity) -> Word {
        match (self, quantity) {
            (Verdict::Lower, Quantity::Time) => Word::Faster,
            (Verdict::Higher, Quantity::Time) => Word::Slower,
            (Verdict::Lower, Quantity::Amount(_)) => Word::Lower,
            (Verdict::Higher, Quantity::Amount(_)) => Word::Higher,
            (Verdict::Equivalent, _) => Word::Equivalent,
            (Verdict::Inconclusive, _) => Word::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_time_is_faster_and_what_is_higher_is_better_where_more_is() {
        let time = |verdict: Verdict| (verdict.word(Quantity::Time).text(), verdict.standing(Quantity::Time.better()));
        assert_eq!(time(Verdict::Lower), ("faster", Some(Standing::Better)));
        assert_eq!(time(Verdict::Higher), ("slower", Some(Standing::Worse)));
        let rate = |verdict: Verdict| {
            let quantity = Quantity::Amount(Better::More);
            (verdict.word(quantity).text(), verdict.standing(quantity.better()))
        };
        assert_eq!(rate(Verdict::Lower), ("lower", Some(Standing::Worse)));
        assert_eq!(rate(Verdict::Higher), ("higher", Some(Standing::Better)));
        assert_eq!(rate(Verdict::Equivalent), ("equivalent", None));
        assert_eq!(time(Verdict::Inconclusive), ("inconclusive", None));
    }
}
