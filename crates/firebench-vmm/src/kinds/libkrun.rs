//! libkrun: a VMM that is a library. firebench's own program `firebench-libkrun` boots a guest with it.
//!
//! Source: libkrun's `include/libkrun.h`, and `src/vmm/src/builder.rs`.

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::setting::Values;

/// libkrun.
pub static KIND: Kind = Kind {
    name: "libkrun",
    title: "libkrun",
    isolates_with: "a virtual machine",
    by_default: false,
    program: Some(Program {
        name: "firebench-libkrun",
        ask_version: Program::VERSION,
        version_line: "libkrun",
        oldest: None,
        variable: "FIREBENCH_LIBKRUN",
        install: "build it (cargo build --release -p firebench-libkrun, in firebench's sources), which puts it beside firebench",
    }),
    accels: &[Accel::Kvm],
    // `get_max_cpus_per_package` in `src/cpuid/src/transformer/common.rs`: the next power of two must fit a byte.
    max_vcpus: Some(128),
    settings: &[],
    // Its code comes from Firecracker: `src/vmm/src/linux/vstate.rs`.
    vcpu_threads: &[("fc_vcpu ", "")],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Elf,
        root_device: "/dev/vda",
        bus: |_| Bus::ListedMmio,
        matched: |_| Values::default(),
        published: None,
        jail: Jailing::Nothing,
        firmware: None,
        // It has no power to switch off: the guest would stay.
        end: |_| End::Restart,
        describe,
        launch,
    }),
};

/// It filters none of its system calls, and does not give up any right: what confines it is firebench, as any VMM.
fn describe(_: &Values) -> DescribedSettings {
    DescribedSettings {
        // The machine has neither ACPI nor a clock of its own.
        clock_missed: false,
        filtered: false,
        jailed: false,
        ..DescribedSettings::default()
    }
}

fn launch(machine: &Machine, _: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let mut argv = vec![text(vmm, &paths.binary)?];
    let mut flag = |args: &[&str]| argv.extend(args.iter().map(|&arg| arg.to_owned()));
    flag(&["--vcpus", &machine.vcpus.to_string(), "--memory", &machine.memory_mib.to_string()]);
    flag(&["--kernel", &text(vmm, &image.kernel)?, "--initramfs", &text(vmm, &image.initramfs)?]);
    flag(&["--cmdline", &image.cmdline]);
    flag(&["--disk", &text(vmm, &image.disk.path)?]);
    if !image.disk.read_only {
        flag(&["--writable"]);
    }
    if let Some(tap) = &machine.tap {
        flag(&["--tap", &tap.name]);
        if let Some(mac) = &tap.mac {
            flag(&["--mac", mac]);
        }
    }
    Ok(Launch { argv, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..Launch::confined(machine, image, paths) })
}
