//! runc: the runtime of containers below Docker, containerd and Podman. Without them only their start-up is missing.
//!
//! Source: runc(8), runc-run(8).

use crate::kind::{Container, Kind, Program, Runs};
use crate::machine::{Accel, Launch, LaunchError, Machine, Paths, Root, text};
use crate::oci::{self, Network};

/// runc.
pub static KIND: Kind = Kind {
    name: "runc",
    title: "runc",
    isolates_with: "namespaces",
    by_default: false,
    program: Some(Program {
        name: "runc",
        ask_version: Program::VERSION,
        version_line: "runc version",
        // It has `--rootless` and version 1.0.2 of the specification.
        oldest: Some((1, 0, 0)),
        variable: "FIREBENCH_RUNC",
        install: "fetch it (firebench fetch runc)",
    }),
    accels: &[Accel::Native],
    max_vcpus: None,
    settings: &[],
    vcpu_threads: &[],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("one end of a veth"),
    runs: Runs::Container(Container { sees_disks: true, own_kernel: false, launch }),
};

/// `--rootless=true` means: go without control groups. Those of firebench hold it.
fn launch(machine: &Machine, root: &Root, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let [binary, state, bundle] = [&paths.binary, &oci::state(paths), &paths.work_dir].map(|path| text(vmm, path));
    let own = |word: &str| Ok(word.to_owned());
    let words =
        [binary, own("--rootless=true"), own("--root"), state, own("run"), own("--bundle"), bundle, own(oci::ID)];
    let argv = words.into_iter().collect::<Result<_, _>>()?;
    // It brings up the `lo` of a network of its own, and firebench that of the one that is made for it.
    let network = if machine.veth.is_some() { Network::Outer } else { Network::Own };
    // The bundle's own directory is the root, where firebench lays memory over the user's.
    let within = Root { directory: root.directory.clone().filter(|_| !root.overlay), ..root.clone() };
    let (_, launch) = oci::writable(machine, root, paths, oci::bundle(vmm, machine, &within, network, paths)?);
    Ok(Launch { argv, ..launch })
}
