//! gVisor: processes whose system calls are answered by a kernel of its own, a program of the host in Go. Its platform here is
//! systrap, which needs no virtualisation.
//!
//! Source: `runsc help flags`, and gVisor's documentation, "Platform Guide" and "Rootless".

use std::path::PathBuf;

use crate::kind::{Container, Kind, Program, Runs};
use crate::machine::{Accel, Launch, LaunchError, Machine, Paths, Root, text};
use crate::oci::{self, Network};

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
    // `runsc/boot/loader.go`, "createMemoryFile".
    guest_memory: &["memfd:runsc-memory"],
    card: Some("a network stack of its own on a veth"),
    runs: Runs::Container(Container { sees_disks: false, own_kernel: true, launch }),
};

/// With a card it answers the workload's packets by a stack of its own, as in production: it reads and writes them through a packet
/// socket, and takes the card's addresses away. To start so it must be root, which it is in firebench's own namespaces; its mode for
/// others (`--rootless`) knows no such network.
fn launch(machine: &Machine, root: &Root, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let carded = machine.veth.is_some();
    let (rootless, stack, network) = if carded {
        (None, "--network=sandbox", Network::NamedOuter)
    } else {
        (Some("--rootless"), "--network=none", Network::Own)
    };
    let mut argv = vec![text(vmm, &paths.binary)?];
    // What is written to a root stays in its own memory, which it does by itself; the directory is only read.
    let written = root.overlay.then_some("--overlay2=root:memory");
    let flags = rootless.into_iter().chain(["--platform=systrap", stack, "--ignore-cgroups"]).chain(written);
    let flags = flags.chain(["--root"]);
    argv.extend(flags.map(str::to_owned));
    argv.push(text(vmm, &oci::state(paths))?);
    argv.extend(["run".to_owned(), "--bundle".to_owned(), text(vmm, &paths.work_dir)?, oci::ID.to_owned()]);
    // Up to 2024-07-29 it takes a network with a `rmem_default` for the machine's own, which it refuses (`isRootNS` in
    // `runsc/sandbox/network.go`); newer kernels, among them 6.18, show that file in each.
    let emptied = if carded { vec![PathBuf::from("/proc/sys/net/core")] } else { Vec::new() };
    Ok(Launch { argv, emptied, ..oci::bundle(vmm, machine, root, network, paths)? })
}
