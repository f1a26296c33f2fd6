//! Several of one contender at once. Plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Moments;

/// Several of one contender that were released together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AtOnce {
    /// Seconds from the first execution of their program to the last one.
    pub spread: f64,
    /// Bytes of the host's MemAvailable right before them, and at its least while they ran; absent where that cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available: Option<[u64; 2]>,
    /// Each of them.
    pub all: Vec<OneOfMany>,
}

/// One of several at once.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OneOfMany {
    /// From its start until the agent's first frame, by the host's clock, in seconds.
    pub boot_seconds: Option<f64>,
    /// From its start until it was gone, by the host's clock, in seconds.
    pub life_seconds: f64,
    /// When what happened in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moments: Option<Moments>,
    /// CPU seconds (user, system) that the VMM process used.
    pub vmm_cpu: Option<(f64, f64)>,
    /// The metrics of its iterations, in order.
    pub iterations: Vec<BTreeMap<String, f64>>,
}

impl AtOnce {
    /// Bytes of the host's memory that each of them took, by what the host had available; absent where that is not known.
    pub fn memory_of_each(&self) -> Option<u64> {
        let [before, least] = self.memory_available?;
        before.saturating_sub(least).checked_div(u64::try_from(self.all.len()).ok()?)
    }
}
