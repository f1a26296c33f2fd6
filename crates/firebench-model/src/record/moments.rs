//! When what happened in the life of a boot. Plain data.

use serde::{Deserialize, Serialize};

/// When what happened in the life of a boot whose agent reported, in seconds of the host's CLOCK_MONOTONIC since firebench began to start
/// it; and what the guest says of the time before its first report.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Moments {
    /// The program was executed: confinement and everything else that firebench does before is done.
    pub executed: f64,
    /// The first byte arrived from the console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<f64>,
    /// The first byte of the agent's first frame arrived.
    pub up: f64,
    /// The last byte of the agent's last frame arrived; absent where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<f64>,
    /// The end of the program was seen; absent where firebench ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<f64>,
    /// Seconds by its own clock (CLOCK_BOOTTIME) for which the kernel beneath the agent had run at the agent's first instruction. Without a
    /// kernel of its own, it is the host's.
    pub kernel: f64,
    /// Seconds by the same clock from there to its first frame.
    pub awake: f64,
}
