//! What firebench asks of a service that runs in a contender. Plain data.

use std::time::Duration;

use firebench_text::units::Size;
use serde::{Deserialize, Serialize};

/// What firebench does at the other end of a contender's card, from the launch on: it asks until the service answers, then as the load
/// says, and at last has it end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drive {
    /// What it asks once the service has answered; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// What the answers to that must be.
    pub body: Bytes,
}

/// The load: first so many questions a second, then as many as there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Questions a second in the first phase, at least 1, over all connections.
    pub rate: u32,
    /// Connections, at least 1.
    pub connections: u32,
    /// How long each of the two phases takes.
    pub duration: Duration,
}

/// The bytes of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bytes", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bytes {
    /// So many of [`firebench_protocol::service::body`].
    Pattern {
        /// How many.
        length: Size,
    },
    /// Those of the payload.
    Payload {
        /// How many.
        length: u64,
        /// Their SHA-256.
        sha256: String,
    },
}

impl Bytes {
    /// How many there are.
    pub fn length(&self) -> u64 {
        match self {
            Bytes::Pattern { length } => length.0,
            Bytes::Payload { length, .. } => *length,
        }
    }
}
