//! What a contender's processes have of the host's memory. Plain data.

use serde::{Deserialize, Serialize};

/// What the processes of a contender had of the host's memory at two moments of a boot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Footprint {
    /// Before the command of the iteration did its work; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<MemoryUse>,
    /// After it had, and before it ended; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<MemoryUse>,
    /// Why one of them is not known, in a sentence without its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// What the processes of a contender have of the host's memory at a moment, in bytes, by `/proc/PID/smaps`: pages that are in memory.
/// What the kernel has for them (page tables, KVM's own) is not part of it, nor is the page cache of files that nobody maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryUse {
    /// Processes.
    pub processes: u64,
    /// Their mappings.
    pub mappings: u64,
    /// Pages that they map, those that several map counted for each (`Rss`, and the pages of hugetlbfs).
    pub rss: u64,
    /// The same, each page divided by the number of processes of the machine that map it (`Pss`, and the pages of hugetlbfs).
    pub pss: u64,
    /// The same as the kernel adds it up: `smaps_rollup`, read right after.
    pub rollup: u64,
    /// [`MemoryUse::pss`] by kind of mapping.
    pub parts: Parts,
    /// Whether the guest's memory is known by its size, for it has no name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest_by_size: bool,
}

/// Bytes by kind of mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Parts {
    /// The guest's memory; of a container with a kernel of its own, the memory that this gives the workload.
    pub guest: u64,
    /// The kernel and the initramfs of the guest, where they are mapped.
    pub files: u64,
    /// Programs and libraries, and every other file that is mapped.
    pub program: u64,
    /// Heap, stacks and other memory without a name.
    pub heap: u64,
    /// Memory without a name that can be written and executed: the code that an emulator made.
    pub translator: u64,
    /// Memory that is shared by name (memfd, `/dev/shm`, files of `/tmp`) and is not the guest's.
    pub shared: u64,
}
