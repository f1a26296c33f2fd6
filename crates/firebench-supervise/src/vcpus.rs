//! The threads of a VMM that run the guest's vCPUs, known by the names that the table of kinds gives them.
//!
//! Source: proc(5) for `/proc/PID/task/TID/comm`.

use std::fs;
use std::io;
use std::path::PathBuf;

use firebench_vmm::kinds::vcpu_of_thread;

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
        let Some(vcpu) = vcpu_of_thread(comm.trim_end_matches('\n')) else { continue };
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
