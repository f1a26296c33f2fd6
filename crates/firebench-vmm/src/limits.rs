//! What a VMM may use at most. A VMM in order comes near none of it; one that is not hurts nothing but itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;

/// Memory that a VMM may use beside its guest's, in MiB. QEMU's emulator alone keeps up to 1 GiB of translated code.
pub const MEMORY_HEADROOM_MIB: u64 = 2048;
/// Largest file that a VMM may write, in MiB: its log.
pub const FILE_MIB: u64 = 64;
/// Processes and threads of a VMM: QEMU has one for each of up to 288 vCPUs, up to 64 for its disk, and a few.
pub const PROCESSES: u32 = 512;

/// The limits of one VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of memory. Of each process (`RLIMIT_DATA`); and, where a control group can be had that limits it, of all together.
    pub memory: u64,
    /// Files whose pages in the host's page cache come on top where a control group counts them: the guest's disk.
    pub cached: Vec<PathBuf>,
    /// Bytes of a file that is written (`RLIMIT_FSIZE`).
    pub file: u64,
    /// Processes and threads. Of the control group where one can be had that limits them; else of its user (`RLIMIT_NPROC`),
    /// where nobody else's count as such: in a user namespace of its own (Linux 5.14), or as a user of its own.
    pub processes: u32,
}

impl Limits {
    /// Of the VMM of a guest with `memory_mib` and disks at `cached`.
    pub fn of_guest(memory_mib: u32, cached: Vec<PathBuf>) -> Limits {
        Limits {
            memory: u64::from(memory_mib).saturating_add(MEMORY_HEADROOM_MIB).saturating_mul(MIB),
            cached,
            file: FILE_MIB.saturating_mul(MIB),
            processes: PROCESSES,
        }
    }
}
