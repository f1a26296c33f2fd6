//! Cloud Hypervisor, version 51 and newer.
//!
//! Source: `cloud-hypervisor --help`, and its `docs/memory.md`, `docs/seccomp.md` and `release-notes.md`.

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::setting::{Setting, Takes, Values};

/// Cloud Hypervisor.
pub static KIND: Kind = Kind {
    name: "cloud-hypervisor",
    title: "Cloud Hypervisor",
    isolates_with: "a virtual machine",
    by_default: false,
    program: Some(Program {
        name: "cloud-hypervisor",
        ask_version: Program::VERSION,
        version_line: "cloud-hypervisor",
        // It takes `image_type` of a disk (release notes of v51.0); without it, newer ones warn and guess.
        oldest: Some((51, 0, 0)),
        variable: "FIREBENCH_CLOUD_HYPERVISOR",
        install: "get it from its project (github.com/cloud-hypervisor/cloud-hypervisor)",
    }),
    accels: &[Accel::Kvm],
    max_vcpus: None,
    settings: &[&DIRECT, &HUGE_PAGES],
    // Source: `vmm/src/cpu.rs`.
    vcpu_threads: &[("vcpu", "")],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Pvh,
        root_device: "/dev/vda",
        bus: |_| Bus::Pci,
        matched: |_| Values::default(),
        published: None,
        // Most of its threads have filters of their system calls; there is nothing to choose that is stricter and works everywhere.
        jail: Jailing::Nothing,
        firmware: None,
        // It takes a restart, and a panic with `panic=-1`, at its word: it boots the guest again, for ever.
        end: |_| End::PowerOff,
        describe,
        launch,
    }),
};

/// Whether the disk is read past the host's page cache (`--disk direct=on`).
pub static DIRECT: Setting =
    Setting::new("direct", Takes::Switch, "read the root disk past the host's page cache (--disk direct=on)");

/// Whether the guest's memory lies on huge pages of the host's default size, from the pool that `vm.nr_hugepages` makes.
pub static HUGE_PAGES: Setting =
    Setting::new("huge-pages", Takes::Switch, "the guest's memory on huge pages of the host").recorded("huge_pages");

fn describe(values: &Values) -> DescribedSettings {
    let default = DescribedSettings::default();
    let huge_pages = values.is_on(&HUGE_PAGES);
    DescribedSettings {
        cache: if values.is_on(&DIRECT) { DescribedSettings::PAST.to_owned() } else { default.cache },
        huge_pages,
        // `thp=on` is the default (`docs/memory.md`).
        asks_for_huge_pages: !huge_pages,
        filtered: true,
        ..DescribedSettings::default()
    }
}

/// The launch of a machine.
fn launch(machine: &Machine, values: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let disk = text(vmm, &image.disk.path)?;
    if disk.contains([',', '"', '[', ']']) {
        let reason = "commas, quotation marks and brackets are Cloud Hypervisor's own in its options";
        return Err(LaunchError::Path { vmm, path: image.disk.path.clone(), reason });
    }
    let huge_pages = values.is_on(&HUGE_PAGES);
    let on = |on: bool, words: &'static str| if on { words } else { "" };
    let mut argv = vec![text(vmm, &paths.binary)?];
    let mut flag = |name: &str, value: String| argv.extend([name.to_owned(), value]);
    flag("--cpus", format!("boot={}", machine.vcpus));
    flag("--memory", format!("size={}M{}", machine.memory_mib, on(huge_pages, ",hugepages=on")));
    flag("--kernel", text(vmm, &image.kernel)?);
    flag("--initramfs", text(vmm, &image.initramfs)?);
    flag("--cmdline", image.cmdline.clone());
    let read_only = on(image.disk.read_only, ",readonly=on");
    flag("--disk", format!("path={disk}{read_only},image_type=raw{}", on(values.is_on(&DIRECT), ",direct=on")));
    if let Some(tap) = &machine.tap {
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        flag("--net", format!("tap={}{mac}", tap.name));
    }
    flag("--serial", "tty".to_owned());
    flag("--console", "off".to_owned());
    let mut confined = Launch::confined(machine, image, paths);
    if let Some(limits) = confined.limits.as_mut().filter(|_| huge_pages) {
        // Huge pages are a file to the kernel.
        limits.file = limits.memory;
    }
    Ok(Launch { argv, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..confined })
}
