//! How the machine, and each of its settings, stands.

use super::error::TuneError;
use super::record::Setting;

/// What stands in the way of, or comes of, putting a setting back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has a value that firebench gave it.
    Tuned(String),
    /// It has the value from before.
    Original,
    /// Somebody else gave it this value.
    Foreign(String),
    /// It cannot be read any more, for this reason.
    Gone(String),
}

/// Whether the machine is tuned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// There is no record.
    Untuned,
    /// There is a record from before a restart, which has undone all changes.
    Restarted,
    /// What was changed, and how it stands.
    Tuned(Vec<(Setting, Standing)>),
}

/// What came of a [`restore`].
#[derive(Debug)]
pub enum Restored {
    /// There was no record.
    Untuned,
    /// The record was from before a restart, and was removed.
    Restarted,
    /// Each setting, how it stood, and what kept firebench from putting it back. The record is removed unless one failed.
    Done(Vec<(Setting, Standing, Option<TuneError>)>),
}
