//! The bare host, the control: no VMM, the same agent and the same program as in a guest, as ordinary processes.
//!
//! What a machine limits for a guest, the kernel limits here: memory through a control group, page cache included as in a
//! guest (what was in the page cache before is charged to whoever read it first, so the payload must be dropped from it
//! before: [`firebench_protocol::HostJob::evict`]), and CPUs through affinity.

use std::path::Path;

use crate::kind::{Kind, Runs};
use crate::machine::{Accel, Launch, LaunchError, Machine, Paths, text};

/// The bare host. Its program is the agent.
pub static KIND: Kind = Kind {
    name: "host",
    title: "Bare host",
    isolates_with: "nothing",
    by_default: false,
    program: None,
    accels: &[Accel::Native],
    max_vcpus: None,
    settings: &[],
    vcpu_threads: &[],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: None,
    runs: Runs::Process(launch),
};

/// The launch of the agent (`paths.binary`) with the [`firebench_protocol::HostJob`] in the file `job`. Its frames come on
/// standard output, where a VM has its console. Pure: reads and writes nothing.
///
/// It may use [`Machine::memory_mib`] of memory and the CPUs of [`Machine::cpus`], of which there should be as many as
/// [`Machine::vcpus`].
///
/// # Errors
/// [`LaunchError`] when the machine has an accelerator, or a path is no text.
pub fn launch(machine: &Machine, job: &Path, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    if machine.accel != Accel::Native {
        return Err(LaunchError::Accelerator { vmm, accel: machine.accel });
    }
    let argv = vec![text(vmm, &paths.binary)?, "host".to_owned(), text(vmm, job)?];
    Ok(Launch {
        argv,
        memory_limit: Some(u64::from(machine.memory_mib) << 20),
        cpus: machine.cpus.clone(),
        ..Launch::default()
    })
}
