//! Runs as a store names and lists them.

use serde::{Deserialize, Serialize};

/// A run's id: 8 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// Of its digits, which are [an id](is_id).
    pub fn new(id: String) -> Self {
        RunId(id)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// A process is at work on it.
    Running,
    /// It came to its end.
    Done,
    /// It ended early because something went wrong.
    Failed,
    /// It was stopped, or its process is gone: it can be resumed.
    Interrupted,
}

/// A run in a line: what the table of runs alone knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub id: RunId,
    /// How far it is, now.
    pub state: RunState,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// When it ended; absent before that.
    pub finished: Option<String>,
    /// The workload, or where it was imported from.
    pub workload: String,
    /// Names of the contenders, the baseline first.
    pub contenders: Vec<String>,
    /// The metric on which verdicts are given.
    pub primary: String,
    /// Whether its timings are no statement about speed.
    pub emulated: bool,
    /// Blocks that have a good boot of every contender, without the scout's.
    pub blocks: u32,
    /// The verdicts in short; absent as long as there is none.
    pub verdict: Option<String>,
}

/// Digits of a run's id.
const ID_DIGITS: usize = 8;

/// Whether this is a run's id.
pub fn is_id(id: &str) -> bool {
    id.len() == ID_DIGITS && id.bytes().all(is_id_digit)
}

/// Whether an id may have this character.
pub fn is_id_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
