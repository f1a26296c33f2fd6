//! A fact: its name, and what a difference in it means for each of those who ask.

use super::rank::Rank;
use super::recorded::{BetweenRuns, Continued, Recorded, RecordedIn};
use super::seen::{Read, Seen};

/// A fact.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// What it is, in words that fit into "A and B differ in ...".
    pub name: &'static str,
    /// What a run showed of a contender; none where that is not looked at.
    pub seen: Option<Seen>,
    /// What the report records; none where only a run shows it.
    pub recorded: Option<Recorded>,
}

impl Fact {
    /// A fact that a run shows.
    pub(super) const fn new(rank: Rank, name: &'static str, why: &'static str, read: Read) -> Fact {
        Fact {
            name,
            seen: Some(Seen { rank, beside_host: Some(rank), why, in_boots: None, follows: &[], read }),
            recorded: None,
        }
    }

    /// A fact that only the report records.
    pub(super) const fn of_record(
        name: &'static str,
        read: RecordedIn,
        runs: BetweenRuns,
        continued: Continued,
    ) -> Fact {
        Fact { name, seen: None, recorded: Some(Recorded { read, runs, continued }) }
    }

    /// The report records it, too.
    pub(super) const fn recorded(self, read: RecordedIn, runs: BetweenRuns, continued: Continued) -> Fact {
        Fact { recorded: Some(Recorded { read, runs, continued }), ..self }
    }

    /// Says from what a difference in what was seen may follow.
    pub(super) const fn follows(self, follows: &'static [&'static str]) -> Fact {
        let seen = match self.seen {
            Some(seen) => Some(Seen { follows, ..seen }),
            None => None,
        };
        Fact { seen, ..self }
    }

    /// Says why a difference in it may explain one in whole boots.
    pub(super) const fn in_boots(self, why: &'static str) -> Fact {
        let seen = match self.seen {
            Some(seen) => Some(Seen { in_boots: Some(why), ..seen }),
            None => None,
        };
        Fact { seen, ..self }
    }

    /// Only VMs are compared in it.
    pub(super) const fn of_vms(self) -> Fact {
        let seen = match self.seen {
            Some(seen) => Some(Seen { beside_host: None, ..seen }),
            None => None,
        };
        Fact { seen, ..self }
    }
}
