//! QEMU's machines: microvm, and the PCs pc (i440FX) and q35.
//!
//! Source: QEMU's manual, "microvm virtual platform" and "i440fx PC", and `qemu-system-x86_64 --help`.

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Filter, Firmware, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::request::{MachineRequest, Published};
use crate::setting::{Absent, Setting, Takes, Values};

/// QEMU.
pub static KIND: Kind = Kind {
    name: "qemu",
    title: "QEMU",
    isolates_with: "a virtual machine",
    by_default: true,
    program: Some(Program {
        name: "qemu-system-x86_64",
        ask_version: Program::VERSION,
        version_line: "QEMU",
        oldest: None,
        variable: "FIREBENCH_QEMU",
        install: "install it (Debian and Ubuntu: apt-get install qemu-system-x86)",
    }),
    accels: &[Accel::Kvm, Accel::Tcg],
    // `max_cpus` in `hw/i386/microvm.c`.
    max_vcpus: Some(288),
    settings: &[&MACHINE, &CPU, &ACPI, &RTC, &CACHE, &IO, &HUGE_PAGES, &SANDBOX],
    // Sources: `accel/kvm/kvm-accel-ops.c` and `accel/tcg/tcg-accel-ops-mttcg.c`, with `debug-threads=on`.
    vcpu_threads: &[("CPU ", "/KVM"), ("CPU ", "/TCG")],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Pvh,
        root_device: "/dev/vda",
        bus,
        matched,
        published: Some(published),
        jail: Jailing::Filter(Filter {
            setting: &SANDBOX,
            on: "on",
            strict: "strict",
            option: "-sandbox",
            // A start that ends after the filter is there.
            probe: &["-sandbox", SANDBOX_STRICT, "-device", "help"],
            about: "in the strictest of its sandboxes",
            remedy: "use a QEMU that was built with seccomp, as distributions build it",
        }),
        firmware: Some(Firmware { ask: &["-L", "help"], files: &FIRMWARE_FILES }),
        // With ACPI there is its soft-off; a restart hangs without `reboot=t` on the kernel command line.
        end: |values| if values.is_on(&ACPI) { End::PowerOff } else { End::Restart },
        describe,
        launch,
    }),
};

/// The machine (`-M`).
pub static MACHINE: Setting = Setting::new(
    "machine",
    Takes::Words(&[MICROVM, "pc", "q35"]),
    "QEMU's machine: microvm, which has little but virtio-mmio, or a PC with PCI and SeaBIOS",
)
.absent(Absent::Word(MICROVM))
.example("\"q35\"");

/// QEMU's machine for microVMs.
const MICROVM: &str = "microvm";

/// Whether the machine is a PC.
fn is_pc(values: &Values) -> bool {
    values.text(&MACHINE).is_some_and(|machine| machine != MICROVM)
}

fn bus(values: &Values) -> Bus {
    if is_pc(values) { Bus::Pci } else { Bus::Mmio }
}

/// The CPU model (`-cpu`); QEMU's default when absent.
pub static CPU: Setting =
    Setting::new("cpu", Takes::Text("a CPU model"), "QEMU's CPU model (-cpu)").always_recorded().example("\"host\"");

/// Whether the machine has ACPI, QEMU's default. A guest kernel without ACPI needs a machine without: only then QEMU tells
/// on the kernel command line where the devices are.
pub static ACPI: Setting =
    Setting::decided("acpi", Takes::Switch, "whether QEMU's machine has ACPI").absent(Absent::On).always_recorded();

/// Whether the machine has a real-time clock, as by QEMU's default. Without one, as in the published benchmark, the kernel looks
/// for it all the same, and waits about a second of its boot before it gives up.
pub static RTC: Setting = Setting::new(
    "rtc",
    Takes::Switch,
    "whether QEMU's microvm has a real-time clock: without it, a kernel waits about a second for it when it boots",
)
.example("false");

/// How the disk is cached (`-drive cache=`); QEMU's default, writeback, when absent. `none` and `directsync` go past the host's
/// page cache; `writethrough` and `directsync` flush every write, `none` and `writeback` when the guest says so, `unsafe` never.
///
/// Source: qemu(1), `-drive cache=`.
pub static CACHE: Setting = Setting::new(
    "cache",
    Takes::Words(&["none", "writeback", "writethrough", "directsync", "unsafe"]),
    "how QEMU caches the root disk",
)
.example("\"unsafe\"");

/// What reads the disk (`-drive aio=`): a pool of threads that wait, QEMU's default; Linux' asynchronous I/O, which works past the
/// page cache alone; io_uring, where QEMU was built with it and the host allows it (sysctl `kernel.io_uring_disabled`).
///
/// Source: qemu(1), `-drive aio=`.
pub static IO: Setting =
    Setting::new("io", Takes::Words(&["threads", "native", "io-uring"]), "how QEMU reads the root disk")
        .recorded("aio")
        .example("\"threads\"");

/// Whether the guest's memory lies on huge pages of 2 MiB, from the pool that `vm.nr_hugepages` makes. QEMU ends with its
/// own words when the pool has too few.
pub static HUGE_PAGES: Setting =
    Setting::new("huge-pages", Takes::Switch, "the guest's memory on huge pages of the host").recorded("huge_pages");

/// The filter of its system calls (`-sandbox`), which takes a build with seccomp; QEMU's default, none, when absent. `on`:
/// without what no QEMU ever needs; `strict`: nor what is obsolete, gives rights, starts processes, or changes priorities and
/// affinity.
///
/// Source: qemu(1), `-sandbox`, and `softmmu/qemu-seccomp.c`.
pub static SANDBOX: Setting =
    Setting::decided("sandbox", Takes::Words(&["on", "strict"]), "how closely QEMU's system calls are filtered");

/// QEMU's words for the sandbox `on`.
pub const SANDBOX_ON: &str = "on";
/// QEMU's words for the sandbox `strict`.
pub const SANDBOX_STRICT: &str = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

/// Firmware that the microvm machine may load: its BIOS, or qboot, and the option ROMs that start a kernel.
const FIRMWARE_FILES: [&str; 7] =
    ["bios-microvm.bin", FIRMWARE, "pvh.bin", "linuxboot_dma.bin", "bios-256k.bin", "kvmvapic.bin", "efi-virtio.rom"];

/// `-append` of the published benchmark.
pub(crate) const PUBLISHED_CMDLINE: &str = "earlyprintk=ttyS0 console=ttyS0 root=/dev/vda";

fn matched(request: &MachineRequest) -> Values {
    let cpu = if request.accel == Accel::Tcg { "max" } else { "host" };
    // Without its clock the kernel would wait for one, and other VMMs' kernels do not.
    Values::default().with(&CPU, cpu).with(&ACPI, request.acpi_kernel).with(&RTC, true)
}

fn published(request: &MachineRequest, notices: &mut Vec<String>) -> Published {
    if request.accel == Accel::Tcg {
        notices.push("published: qemu's -enable-kvm is replaced by -accel tcg,thread=multi".to_owned());
    }
    let mut cmdline = PUBLISHED_CMDLINE.to_owned();
    if !request.acpi_kernel {
        cmdline.push_str(" reboot=t");
        notices.push(
            "published: qemu's machine gets acpi=off, without which this kernel, which does not support ACPI, finds no \
             disk; and `reboot=t`, without which it does not end"
                .to_owned(),
        );
    }
    Published { vcpus: 2, mac: None, values: Values::default().with(&ACPI, request.acpi_kernel), cmdline }
}

/// Whether a cache mode goes past the host's page cache (`O_DIRECT`).
fn is_direct(cache: &str) -> bool {
    ["none", "directsync"].contains(&cache)
}

fn describe(values: &Values) -> DescribedSettings {
    let default = DescribedSettings::default();
    let cache = values.text(&CACHE);
    let io = values.text(&IO).filter(|&io| io != "threads");
    let sandbox = values.text(&SANDBOX);
    DescribedSettings {
        cpu: match values.text(&CPU) {
            None => "QEMU's default model".to_owned(),
            Some("host") => default.cpu,
            Some(model) => format!("model {model}"),
        },
        cache: if cache.is_some_and(is_direct) { DescribedSettings::PAST.to_owned() } else { default.cache },
        flushes: cache.map_or(default.flushes, str::to_owned),
        io: io.map_or(default.io, str::to_owned),
        huge_pages: values.is_on(&HUGE_PAGES),
        // With madvise(2), always (`ram_block_add` in `system/physmem.c`).
        asks_for_huge_pages: true,
        acpi: Some(if values.is_on(&ACPI) { "yes" } else { "no" }.to_owned()),
        // A PC always has one.
        clock_missed: !values.is_on(&RTC) && !is_pc(values),
        log_level: None,
        told_by_api: false,
        filtered: sandbox.is_some(),
        jailed: sandbox == Some("strict"),
        ..DescribedSettings::default()
    }
}

/// qboot, the firmware that QEMU ships for microvm. Its default there, a SeaBIOS, puts the ACPI tables at the end of the
/// memory, where QEMU puts the initrd of a PVH kernel: the kernel then reads the initrd as a table and hangs.
const FIRMWARE: &str = "qboot.rom";

/// The launch of a machine. The order of the flags is that of the published benchmark.
fn launch(machine: &Machine, values: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let cache = values.text(&CACHE);
    let huge_pages = values.is_on(&HUGE_PAGES);
    if values.text(&IO) == Some("native") && !cache.is_some_and(is_direct) {
        return Err(LaunchError::Settings {
            vmm,
            settings: "asynchronous I/O of the kernel (native) through the page cache",
            help: "choose the cache mode none or directsync beside it, or other I/O",
        });
    }
    let mut argv = vec![text(vmm, &paths.binary)?];
    let mut flag = |args: &[&str]| argv.extend(args.iter().map(|&a| a.to_owned()));
    if machine.cpus.is_some() {
        // Gives threads their names, by which those of the vCPUs are found.
        flag(&["-name", "firebench,debug-threads=on"]);
    }
    let pc = is_pc(values);
    let rtc = match (pc, values.is_on(&RTC)) {
        (true, _) => "",
        (false, true) => ",rtc=on",
        (false, false) => ",rtc=off",
    };
    let acpi = if values.is_on(&ACPI) { "" } else { ",acpi=off" };
    let memory = if huge_pages { ",memory-backend=mem" } else { "" };
    let name = values.text(&MACHINE).unwrap_or(MICROVM);
    flag(&["-M", &format!("{name}{rtc}{acpi}{memory}")]);
    match machine.accel {
        Accel::Kvm => flag(&["-enable-kvm"]),
        Accel::Tcg => flag(&["-accel", "tcg,thread=multi"]),
        Accel::Native => return Err(LaunchError::Accelerator { vmm, accel: machine.accel }),
    }
    if let Some(cpu) = values.text(&CPU) {
        flag(&["-cpu", cpu]);
    }
    flag(&["-smp", &machine.vcpus.to_string()]);
    flag(&["-m", &size(machine.memory_mib)]);
    if huge_pages {
        let size = size(machine.memory_mib);
        flag(&["-object", &format!("memory-backend-memfd,id=mem,size={size},hugetlb=on,hugetlbsize=2m")]);
    }
    flag(&["-kernel", &text(vmm, &image.kernel)?]);
    flag(&["-initrd", &text(vmm, &image.initramfs)?]);
    if !pc {
        flag(&["-bios", FIRMWARE]);
    }
    flag(&["-append", &image.cmdline]);
    // With `-nographic`, SeaBIOS writes to the serial port, and leaves its last line open.
    let display: &[&str] = if pc { &["-display", "none"] } else { &["-nographic"] };
    flag(&["-nodefaults", "-no-user-config"]);
    flag(display);
    flag(&["-serial", "stdio"]);
    let mut options = String::new();
    if image.disk.read_only {
        options += ",readonly=on";
    }
    if let Some(cache) = cache {
        options += &format!(",cache={cache}");
    }
    if let Some(io) = values.text(&IO) {
        options += &format!(",aio={}", io.replace('-', "_"));
    }
    // QEMU's option syntax doubles a comma that belongs to a value.
    let disk = text(vmm, &image.disk.path)?.replace(',', ",,");
    flag(&["-drive", &format!("id=test,file={disk},format=raw,if=none{options}")]);
    let transport = if pc { "pci" } else { "device" };
    flag(&["-device", &format!("virtio-blk-{transport},drive=test")]);
    if let Some(tap) = &machine.tap {
        flag(&["-netdev", &format!("tap,id=tap0,ifname={},script=no,downscript=no", tap.name)]);
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        flag(&["-device", &format!("virtio-net-{transport},netdev=tap0{mac}")]);
    }
    flag(&["-no-reboot"]);
    match values.text(&SANDBOX) {
        Some("strict") => flag(&["-sandbox", SANDBOX_STRICT]),
        Some(_) => flag(&["-sandbox", SANDBOX_ON]),
        None => {}
    }
    let mut confined = Launch::confined(machine, image, paths);
    if let Some(limits) = confined.limits.as_mut().filter(|_| huge_pages) {
        // Huge pages are a file to the kernel.
        limits.file = limits.memory;
    }
    Ok(Launch { argv, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..confined })
}

/// Memory as QEMU's users write it: whole GiB as `1g`, else MiB as `768m`.
fn size(mib: u32) -> String {
    if mib % 1024 == 0 { format!("{}g", mib / 1024) } else { format!("{mib}m") }
}
