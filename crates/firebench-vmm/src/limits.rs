//! What a VMM may use at most. A VMM in order comes near none of it; one that is not hurts nothing but itself.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;

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

    /// Bytes of memory with the page cache of the disks.
    pub(crate) fn memory_with_cache(&self) -> u64 {
        let bytes = self.cached.iter().filter_map(|disk| Some(std::fs::metadata(disk).ok()?.len()));
        bytes.fold(self.memory, u64::saturating_add)
    }
}

/// What of its limits a VMM ran against, as far as it can be seen: a sentence each.
pub(crate) fn hit(limits: &Limits, exit: Exit, events: Events, stderr: &str) -> Vec<String> {
    /// Firecracker catches the signal and ends with this code (`FcExitCode::SIGXFSZ`).
    const FIRECRACKER_FILE: Exit = Exit::Code(151);
    let mut hit = Vec::new();
    if [Exit::Signal(libc::SIGXFSZ), FIRECRACKER_FILE].contains(&exit) {
        hit.push(format!("a file that it wrote grew beyond its limit of {} MiB", limits.file >> 20));
    }
    let mib = limits.memory >> 20;
    let refused = ["annot allocate memory", "memory allocation of", "memory exhausted", "ut of memory"];
    if events.killed_for_memory {
        hit.push(format!("it used more than its limit of {mib} MiB of memory, and of its disk in the page cache"));
    } else if exit != Exit::Code(0) && refused.iter().any(|words| stderr.contains(words)) {
        hit.push(format!("it was refused memory, of which it may have {mib} MiB"));
    }
    if events.refused_processes {
        hit.push(format!("it wanted more than its limit of {} processes and threads", limits.processes));
    }
    hit
}

/// What a control group saw of its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// The kernel killed a process of it for the memory that it used.
    pub(crate) killed_for_memory: bool,
    /// A process or thread was refused.
    pub(crate) refused_processes: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_counts_where_its_pages_do() {
        let disk = tempfile::NamedTempFile::new().expect("temporary file");
        disk.as_file().set_len(1 << 30).expect("length");
        let limits = Limits::of_guest(512, vec![disk.path().into()]);
        assert_eq!(limits.memory, (512 + 2048) << 20);
        assert_eq!(limits.memory_with_cache(), (512 + 2048 + 1024) << 20);
        assert_eq!(Limits::of_guest(512, vec!["/nonexistent".into()]).memory_with_cache(), limits.memory);
    }

    #[test]
    fn each_limit_is_named() {
        let limits = Limits::of_guest(512, Vec::new());
        let none = Events::default();
        assert_eq!(hit(&limits, Exit::Code(1), none, "qemu: no such file"), [""; 0]);
        assert_eq!(hit(&limits, Exit::Code(0), none, "warning: Cannot allocate memory"), [""; 0]);
        let file = ["a file that it wrote grew beyond its limit of 64 MiB"];
        assert_eq!(hit(&limits, Exit::Signal(libc::SIGXFSZ), none, ""), file);
        assert_eq!(hit(&limits, Exit::Code(151), none, ""), file);
        let refused = hit(&limits, Exit::Code(1), none, "qemu: cannot set up guest memory: Cannot allocate memory");
        assert_eq!(refused, ["it was refused memory, of which it may have 2560 MiB"]);
        let killed = hit(&limits, Exit::Signal(9), Events { killed_for_memory: true, ..none }, "");
        assert_eq!(killed, ["it used more than its limit of 2560 MiB of memory, and of its disk in the page cache"]);
        let processes = ["it wanted more than its limit of 512 processes and threads"];
        assert_eq!(hit(&limits, Exit::Signal(9), Events { refused_processes: true, ..none }, ""), processes);
    }
}
