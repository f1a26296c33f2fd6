//! User Mode Linux: a Linux that is a program of the host. It needs no virtualisation, and its guests have a kernel of their own.
//!
//! Source: the kernel's `Documentation/virt/uml/user_mode_linux_howto_v2.rst`, and `linux.uml --help`.

use std::path::Path;

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::setting::Values;

/// User Mode Linux.
pub static KIND: Kind = Kind {
    name: "uml",
    title: "User Mode Linux",
    isolates_with: "a kernel that is a program",
    by_default: false,
    program: Some(Program {
        name: "linux.uml",
        // It says its version alone.
        ask_version: Program::VERSION,
        version_line: "",
        oldest: Some((5, 10, 0)),
        variable: "FIREBENCH_UML",
        install: "fetch it (firebench fetch uml)",
    }),
    accels: &[Accel::Native],
    // Its kernel is built without SMP.
    max_vcpus: Some(1),
    settings: &[],
    vcpu_threads: &[],
    file_limit_exit: None,
    own_cpu_account: Some("its kernel counts ticks of 10 ms, and time that others had as its own"),
    // `arch/um/os-Linux/mem.c`, "make_tempfile": a file without a name (`O_TMPFILE`), whose number follows; else one of this name.
    guest_memory: &["/#", "vm_file-"],
    card: Some("a device of its own on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Own,
        // `Documentation/virt/uml`: "ubd devices".
        root_device: "/dev/ubda",
        bus: |_| Bus::Own,
        matched: |_| Values::default(),
        published: None,
        jail: Jailing::Nothing,
        firmware: None,
        end: |_| End::PowerOff,
        describe: |_| DescribedSettings::default(),
        launch,
    }),
};

/// The name of the machine among those of its directory, where it is alone.
const NAME: &str = "firebench";

/// A path as a part of its command line, which it takes for the kernel's: a blank ends a word there.
fn word(path: &Path) -> Result<String, LaunchError> {
    let (vmm, word) = (KIND.name, text(KIND.name, path)?);
    if word.contains(char::is_whitespace) {
        let reason = "a blank separates User Mode Linux's own words";
        return Err(LaunchError::Path { vmm, path: path.to_owned(), reason });
    }
    Ok(word)
}

/// Its memory is a file that it maps, so it gets a `/dev/shm` of its own; `uml_dir` replaces the one in the home directory.
fn launch(machine: &Machine, _: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let directory = word(&paths.work_dir)?;
    // The options of a disk: read-only, and no copy-on-write file whose name would follow a comma.
    let (disk, flags) = (word(&image.disk.path)?, if image.disk.read_only { "r" } else { "" });
    if disk.contains([',', ':']) {
        let reason = "commas and colons separate User Mode Linux's own words";
        return Err(LaunchError::Path { vmm, path: image.disk.path.clone(), reason });
    }
    let mut argv = vec![
        text(vmm, &paths.binary)?,
        format!("mem={}M", machine.memory_mib),
        format!("initrd={}", word(&image.initramfs)?),
        format!("ubd0{flags}={disk}"),
        format!("uml_dir={directory}/"),
        format!("umid={NAME}"),
        // The only console is the first serial line, on standard output.
        "con=null".to_owned(),
        "con0=null,null".to_owned(),
        "ssl=null".to_owned(),
        "ssl0=null,fd:1".to_owned(),
    ];
    if let Some(tap) = &machine.tap {
        // `Documentation/virt/uml`: "Network Configuration". Of queues deeper than 64 the kernel complains when the card comes up.
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        argv.push(format!("vec0:transport=tap,ifname={},depth=64{mac}", tap.name));
    }
    argv.extend(image.cmdline.split_ascii_whitespace().map(str::to_owned));
    let mut confined = Launch::confined(machine, image, paths);
    if let Some(limits) = &mut confined.limits {
        // The guest's memory is a file to the kernel.
        limits.file = limits.memory;
    }
    Ok(Launch {
        argv,
        cpus: machine.cpus.clone(),
        own_processes: true,
        tap: machine.tap.clone(),
        shared_memory: Some((u64::from(machine.memory_mib) << 20).saturating_add(SHARED_HEADROOM)),
        ..confined
    })
}

/// What lies in `/dev/shm` beside the guest's memory: the kernel and its own data are part of that file.
const SHARED_HEADROOM: u64 = 64 << 20;
