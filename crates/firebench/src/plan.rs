//! The plan: an experiment made concrete. Every path, deadline and command line is decided; the runner only carries it
//! out, on this machine or (sent as JSON, with other paths) inside a nested host.

use std::path::PathBuf;

use firebench_vmm::Contender;
use firebench_vmm::pagecache::HostCache;
use serde::{Deserialize, Serialize};

/// A run, ready to be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Who is compared.
    pub contenders: Vec<PlannedContender>,
    /// Every boot, in the order in which they run.
    pub boots: Vec<PlannedBoot>,
    /// The command of an iteration.
    pub command: Vec<String>,
    /// The digest that every iteration must print first.
    pub payload_sha256: String,
    /// Iterations in each boot.
    pub iterations: u32,
    /// Drop the guest's caches before each iteration.
    pub cold: bool,
    /// State of the host's page cache of the root disk before each boot.
    pub host_cache: HostCache,
    /// How long what may take.
    pub deadlines: Deadlines,
    /// How often a boot that never started is tried, at least 1.
    pub attempts: u32,
    /// What all guests boot.
    pub image: PlannedImage,
}

/// A contender of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedContender {
    /// The VMM and its machine.
    pub contender: Contender,
    /// The VMM's executable.
    pub binary: PathBuf,
    /// Kernel command line.
    pub cmdline: String,
}

/// A boot of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedBoot {
    /// From 0: a fresh boot of every contender.
    pub block: u32,
    /// Place in the block, from 0.
    pub position: u32,
    /// Index into [`Plan::contenders`].
    pub contender: usize,
}

/// Deadlines in seconds, each counted from the end of what comes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// From the VMM's start to the agent's first frame, and again to the first iteration.
    pub boot: u64,
    /// For each iteration.
    pub iteration: u64,
    /// From the last iteration until the VMM is gone.
    pub power_off: u64,
}

/// What all guests boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedImage {
    /// ELF vmlinux.
    pub kernel: PathBuf,
    /// Initramfs without a job.
    pub initramfs: PathBuf,
    /// The root disk.
    pub disk: PathBuf,
}

/// The boots of `blocks` blocks of `contenders` contenders: every other block runs in the opposite order (A B, B A, ...), so
/// that a drift of the machine meets all contenders alike.
pub fn interleaved(contenders: usize, blocks: u32) -> Vec<PlannedBoot> {
    (0..blocks)
        .flat_map(|block| {
            (0u32..).zip(0..contenders).map(move |(position, index)| {
                let contender = if block % 2 == 0 { index } else { contenders - 1 - index };
                PlannedBoot { block, position, contender }
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::interleaved;

    #[test]
    fn every_other_block_is_reversed() {
        let order: Vec<_> = interleaved(2, 3).iter().map(|boot| (boot.block, boot.position, boot.contender)).collect();
        assert_eq!(order, [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (2, 0, 0), (2, 1, 1)]);
    }

    #[test]
    fn every_block_has_every_contender_once() {
        for contenders in 1..5 {
            for block in interleaved(contenders, 4).chunks(contenders) {
                let mut seen: Vec<_> = block.iter().map(|boot| boot.contender).collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..contenders).collect::<Vec<_>>());
            }
        }
    }
}
