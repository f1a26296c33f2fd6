//! What the workload `hash-loop` hashes, and how often.

use firebench_text::units::Size;
use serde::{Deserialize, Serialize};

/// Rounds over a buffer of pseudo-random bytes. What is absent is the workload's to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashLoop {
    /// How often the buffer is hashed in an iteration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds: Option<u32>,
    /// Bytes of the buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Size>,
    /// Seed of its bytes.
    #[serde(default = "seed", skip_serializing_if = "is_default_seed")]
    pub seed: u64,
}

impl Default for HashLoop {
    fn default() -> Self {
        HashLoop { rounds: None, buffer: None, seed: HashLoop::SEED }
    }
}

impl HashLoop {
    /// The seed where nobody says.
    pub const SEED: u64 = 1;

    /// The buffer where nobody says: the origin's.
    pub const BUFFER: Size = Size(1 << 20);

    /// The most bytes that an iteration may hash: firebench computes the answer itself before the first boot, while nothing can be
    /// interrupted.
    pub const MOST: Size = Size(8 << 30);

    /// Bytes that an iteration hashes of the buffer, as far as both numbers are known.
    pub fn bytes(&self) -> Option<u64> {
        Some(self.buffer?.0.saturating_mul(u64::from(self.rounds?)))
    }
}

fn seed() -> u64 {
    HashLoop::SEED
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_seed(seed: &u64) -> bool {
    *seed == HashLoop::SEED
}
