//! The answer of the loop, computed apart from the agent that is measured: the two share a standard and no code.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The numbers of SplitMix64 after a state.
struct SplitMix(u64);

impl Iterator for SplitMix {
    type Item = u64;

    /// As in the paper: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 17 (variant 13 of
    /// Stafford's finalisers).
    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let first = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(second ^ (second >> 31))
    }
}

/// The digest of the last round, in hexadecimal digits: each is the SHA-256 of the one before, then of so many bytes of the stream of the
/// seed; the first one is that of these bytes alone.
pub(super) fn digest(seed: u64, bytes: u64, rounds: u32) -> String {
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    let buffer: Vec<u8> = SplitMix(seed).flat_map(u64::to_le_bytes).take(bytes).collect();
    let mut digest: Option<[u8; 32]> = None;
    for _ in 0..rounds {
        let mut hasher = Sha256::new();
        if let Some(before) = &digest {
            hasher.update(before);
        }
        hasher.update(&buffer);
        digest = Some(hasher.finalize().into());
    }
    digest.iter().flatten().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::digest;

    /// Computed by hashlib of Python, with a SplitMix64 written there; one round by `sha256sum`, too.
    #[test]
    fn answers_are_those_of_another_implementation() {
        for ((seed, bytes, rounds), expected) in [
            ((1, 1 << 20, 1), "85b66b3a5816d686deb42f2d2473d9a7121ceb75c822b838f958c76ca86ed8ea"),
            ((1, 1 << 20, 10), "2afb151dbf4f9309f21c7b37519b0e7952755d7a53ae27b1eed8edf977202398"),
            ((1, 1 << 20, 100), "76f3aaa0b520fd957372aaae87d37188fca1eabc46ae4758bf8f5c4d6c8f54c5"),
            ((2, 13, 2), "c9f7c854a20c43a530b7e9c2c5cd6ca689bb168453de99ca5fecb268a13b0f2a"),
            ((u64::MAX, 65, 5), "08df3cec2e544bc4ee34caf8ccae21b584c3beff48dfb34b3d8f0508c242a95a"),
        ] {
            assert_eq!(digest(seed, bytes, rounds), expected, "{bytes} bytes, {rounds} rounds, seed {seed}");
        }
    }
}
