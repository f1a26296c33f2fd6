//! bubblewrap: processes of the host in namespaces of their own, without a daemon, an image or root. Flatpak is built on it.
//!
//! Source: bwrap(1).

use crate::kind::{Container, Kind, Program, Runs};
use crate::machine::{Accel, Launch, LaunchError, Machine, Paths, Root, text};
use crate::oci;

/// bubblewrap.
pub static KIND: Kind = Kind {
    name: "bubblewrap",
    title: "bubblewrap",
    isolates_with: "namespaces",
    by_default: false,
    program: Some(Program {
        name: "bwrap",
        ask_version: Program::VERSION,
        version_line: "bubblewrap",
        // Debian 11's. It has `--unshare-all`, `--die-with-parent` and `--new-session`.
        oldest: Some((0, 4, 1)),
        variable: "FIREBENCH_BUBBLEWRAP",
        install: "fetch it (firebench fetch bubblewrap)",
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

fn launch(machine: &Machine, root: &Root, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    // Its own overlays are newer than Debian 12's: firebench lays the memory over the directory.
    let (writable, contained) = oci::writable(machine, root, paths, oci::contained(machine, paths));
    let mut argv = vec![text(vmm, &paths.binary)?];
    let mut add = |words: &[&str]| argv.extend(words.iter().map(|&word| word.to_owned()));
    add(&["--unshare-all"]);
    if machine.veth.is_some() {
        // The network that it shares is firebench's own, with the card in it.
        add(&["--share-net"]);
    }
    add(&["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", oci::ID]);
    if let Some(directory) = &root.directory {
        match root.overlay {
            true => add(&["--bind", &text(vmm, &writable)?, "/"]),
            false => add(&["--ro-bind", &text(vmm, directory)?, "/"]),
        }
    }
    for file in &root.files {
        add(&["--ro-bind", &text(vmm, &file.path)?, &file.seen]);
    }
    add(&["--ro-bind", "/sys", "/sys", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]);
    if !root.overlay {
        add(&["--remount-ro", "/"]);
    }
    add(&["--chdir", "/"]);
    add(&["--setenv", "PATH", "/bin", "--setenv", "HOME", "/", "--unsetenv", "TMPDIR", "--"]);
    argv.extend(root.argv.iter().cloned());
    Ok(Launch { argv, ..contained })
}
