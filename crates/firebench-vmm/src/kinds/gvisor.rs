//! gVisor: processes whose system calls are answered by a kernel of its own, a program of the host in Go. Its platform here is
//! systrap, which needs no virtualisation.
//!
//! Source: `runsc help flags`, and gVisor's documentation, "Platform Guide" and "Rootless".

use crate::kind::{Container, Kind, Program, Runs};
use crate::machine::{Accel, Launch, LaunchError, Machine, Paths, Root, text};
use crate::oci;

/// gVisor.
pub static KIND: Kind = Kind {
    name: "gvisor",
    title: "gVisor",
    isolates_with: "a kernel in user space",
    by_default: false,
    program: Some(Program {
        name: "runsc",
        ask_version: Program::VERSION,
        version_line: "runsc version",
        oldest: None,
        variable: "FIREBENCH_GVISOR",
        install: "fetch it (firebench fetch gvisor)",
    }),
    accels: &[Accel::Native],
    max_vcpus: None,
    settings: &[],
    vcpu_threads: &[],
    file_limit_exit: None,
    // Its `fadvise64` does nothing (`pkg/sentry/syscalls/linux/sys_file.go`), and it has no `/proc/diskstats`.
    // `pkg/sentry/kernel/kernel.go`, "kernelCPUClockTicker".
    own_cpu_account: Some("its kernel looks every 10 ms what runs, and counts time that others had as its own"),
    runs: Runs::Container(Container { sees_disks: false, own_kernel: true, launch }),
};

fn launch(machine: &Machine, root: &Root, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let mut argv = vec![text(vmm, &paths.binary)?];
    let flags = ["--rootless", "--platform=systrap", "--network=none", "--ignore-cgroups", "--root"];
    argv.extend(flags.map(str::to_owned));
    argv.push(text(vmm, &oci::state(paths))?);
    argv.extend(["run".to_owned(), "--bundle".to_owned(), text(vmm, &paths.work_dir)?, oci::ID.to_owned()]);
    Ok(Launch { argv, ..oci::bundle(vmm, machine, root, paths)? })
}
