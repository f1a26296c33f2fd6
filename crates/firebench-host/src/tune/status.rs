//! How the machine, and each of its settings, stands.

use super::error::TuneError;
use super::record::Setting;

/// The present value of a setting, which decides whether it can be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has a value that firebench gave it.
    Tuned(String),
    /// It has the value from before.
    Original,
    /// Somebody else gave it this value.
    Foreign(String),
    /// It can no longer be read, for this reason.
    Gone(String),
}

/// Whether the machine is tuned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// No record exists.
    Untuned,
    /// There is a record from before a restart, which has undone all changes.
    Restarted,
    /// What was changed, and how it stands.
    Tuned(Vec<(Setting, Standing)>),
}

/// The result of putting the machine back as it was.
#[derive(Debug)]
pub enum Restored {
    /// No record existed.
    Untuned,
    /// The record was from before a restart, and was removed.
    Restarted,
    /// Each setting, how it stood, and what kept firebench from putting it back. The record is removed unless one failed.
    Done(Vec<(Setting, Standing, Option<TuneError>)>),
}
