//! What the runtimes of containers read: a bundle with a `config.json`.
//!
//! Source: the Open Container Initiative's Runtime Specification 1.0.2, `config.md` and `config-linux.md`; the values are those of
//! `runc spec`, but for what is said below.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::machine::{Launch, LaunchError, LaunchFile, Machine, Overlay, Paths, Root, text};

/// The directory of a bundle that becomes the root: empty, for each of its files is brought in by a mount of its own.
const ROOTFS: &str = "rootfs";
/// The directory for the memory that takes what is written to a root, where that lies over a directory of the host.
const WRITTEN: &str = "written";
/// The directory for what the runtime notes of its containers.
const STATE: &str = "state";
/// The name of the container. Its state lies in the directory of the boot, where it is alone.
pub(crate) const ID: &str = "firebench";

/// The network of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// One of its own, with nothing in it but `lo`.
    Own,
    /// That in which its runtime is started, where the runtime takes what it is not told of for that.
    Outer,
    /// That in which its runtime is started, where the runtime must be told so.
    NamedOuter,
}

/// A bundle in the directory of the boot, to be started by a runtime: all of the launch but its command. The directory is also
/// that of the container's state, which [`state`] names.
pub(crate) fn bundle(
    vmm: &'static str,
    machine: &Machine,
    root: &Root,
    network: Network,
    paths: &Paths,
) -> Result<Launch, LaunchError> {
    let config = format!("{:#}\n", config(vmm, root, network)?);
    Ok(Launch {
        directories: vec![paths.work_dir.join(ROOTFS), state(paths)],
        files: vec![LaunchFile { path: paths.work_dir.join("config.json"), contents: config }],
        ..contained(machine, paths)
    })
}

/// The root of a container that may write to it by no means of its own: the same files, in memory where it writes to them. It lies in the
/// directory of the boot, where the runtime and the bundle expect a root; `launch` becomes what makes it so.
pub(crate) fn writable(machine: &Machine, root: &Root, paths: &Paths, launch: Launch) -> (PathBuf, Launch) {
    let seen = paths.work_dir.join(ROOTFS);
    let Some(lower) = root.directory.clone().filter(|_| root.overlay) else { return (seen, launch) };
    let memory = paths.work_dir.join(WRITTEN);
    let mut directories = launch.directories;
    for directory in [&seen, &memory] {
        if !directories.contains(directory) {
            directories.push(directory.clone());
        }
    }
    let bytes = u64::from(machine.memory_mib) << 20;
    let overlay = Some(Overlay { lower, memory, seen: seen.clone(), bytes });
    (seen, Launch { directories, overlay, ..launch })
}

/// What every container has: the CPUs and the memory that the bare host's workload has, by the same means, and an end that ends
/// all of it.
pub(crate) fn contained(machine: &Machine, paths: &Paths) -> Launch {
    Launch {
        memory_limit: Some(u64::from(machine.memory_mib) << 20),
        cpus: machine.cpus.clone(),
        directory: Some(paths.work_dir.clone()),
        own_processes: true,
        veth: machine.veth.clone(),
        ..Launch::default()
    }
}

/// Where the runtime notes its containers.
pub(crate) fn state(paths: &Paths) -> PathBuf {
    paths.work_dir.join(STATE)
}

/// Without a user namespace, a control group and devices: what starts the runtime has arranged for all of them. No rights, and
/// no way to get one.
fn config(vmm: &'static str, root: &Root, network: Network) -> Result<Value, LaunchError> {
    let mount = |destination: &str, kind: &str, options: Value| json!({ "destination": destination, "type": kind, "source": kind, "options": options });
    let mut mounts = vec![
        mount("/proc", "proc", json!(["nosuid", "noexec", "nodev"])),
        mount("/sys", "sysfs", json!(["nosuid", "noexec", "nodev", "ro"])),
        mount("/dev", "tmpfs", json!(["nosuid", "strictatime", "mode=755", "size=64k"])),
        mount("/tmp", "tmpfs", json!(["nosuid", "nodev", "mode=1777"])),
        mount("/run", "tmpfs", json!(["nosuid", "nodev", "mode=1777"])),
    ];
    let path = root.directory.as_deref().map_or_else(|| Ok(ROOTFS.to_owned()), |path| text(vmm, path))?;
    for file in &root.files {
        let source = text(vmm, &file.path)?;
        mounts.push(json!({
            "destination": file.seen, "type": "bind", "source": source, "options": ["bind", "ro", "nosuid", "nodev"],
        }));
    }
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].into_iter().filter_map(|kind| match (kind, network) {
        ("network", Network::Outer) => None,
        ("network", Network::NamedOuter) => Some(json!({ "type": kind, "path": "/proc/self/ns/net" })),
        _ => Some(json!({ "type": kind })),
    });
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": root.argv,
            "env": ["PATH=/bin", "HOME=/", "LANG=C"],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": true,
        },
        "root": { "path": path, "readonly": !root.overlay },
        "hostname": ID,
        "mounts": mounts,
        "linux": { "namespaces": namespaces.collect::<Vec<_>>() },
    }))
}
