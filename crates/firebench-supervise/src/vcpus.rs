//! The threads of a VMM that run the guest's vCPUs, known by their names.
//!
//! Sources: QEMU's `accel/kvm/kvm-accel-ops.c` and `accel/tcg/tcg-accel-ops-mttcg.c` (`CPU 0/KVM`, `CPU 0/TCG`, with
//! `debug-threads=on`), Firecracker's `src/vmm/src/vstate/vcpu.rs` (`fc_vcpu 0`), proc(5) for `/proc/PID/task/TID/comm`.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::affinity::Mask;

/// A vCPU whose thread was bound to a CPU of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pinned {
    /// The vCPU, from 0.
    pub vcpu: u32,
    /// Its thread.
    pub tid: u32,
    /// The CPU of the host.
    pub cpu: u32,
}

/// Binds the threads of process `pid` that run vCPU N to `cpus[N]`, and says which, by vCPU. Those without an entry in
/// `cpus` are not changed.
pub(crate) fn pin(pid: libc::pid_t, cpus: &[u32]) -> io::Result<Vec<Pinned>> {
    let mut pinned = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Some((tid, comm)) = thread(entry?.path()) else { continue };
        let Some(vcpu) = vcpu(comm.trim_end_matches('\n')) else { continue };
        let Some(&cpu) = usize::try_from(vcpu).ok().and_then(|index| cpus.get(index)) else { continue };
        match Mask::new(&[cpu])?.bind(tid) {
            // It has ended meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            result => {
                result?;
                pinned.push(Pinned { vcpu, tid: tid.unsigned_abs(), cpu });
            }
        }
    }
    pinned.sort_unstable();
    Ok(pinned)
}

/// The id of a thread and its name, unless it has ended.
fn thread(task: PathBuf) -> Option<(libc::pid_t, String)> {
    let tid = task.file_name()?.to_str()?.parse().ok()?;
    Some((tid, fs::read_to_string(task.join("comm")).ok()?))
}

/// The number of the vCPU that a thread of this name runs.
fn vcpu(comm: &str) -> Option<u32> {
    let qemu = || {
        let (number, accelerator) = comm.strip_prefix("CPU ")?.split_once('/')?;
        ["KVM", "TCG"].contains(&accelerator).then_some(number)
    };
    let number = comm.strip_prefix("fc_vcpu ").or_else(qemu)?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::vcpu;

    #[test]
    fn knows_the_threads_by_their_names() {
        for (comm, number) in [("fc_vcpu 0", 0), ("fc_vcpu 31", 31), ("CPU 0/KVM", 0), ("CPU 287/TCG", 287)] {
            assert_eq!(vcpu(comm), Some(number), "{comm}");
        }
        for comm in [
            "",
            "qemu-system-x86",
            "ALL CPUs/TCG",
            "CPU 0/HVF",
            "CPU 0",
            "CPU /KVM",
            "CPU +1/KVM",
            "fc_vcpu",
            "fc_vcpu ",
            "fc_api",
            "IO mon_iothread",
        ] {
            assert_eq!(vcpu(comm), None, "{comm}");
        }
    }
}
