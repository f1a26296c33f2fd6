//! Presets: from what the user wants to the contenders' machines, as a pure function.

use firebench_vmm::{Accel, Contender, Machine, Settings, Tap, VmmKind, firecracker, qemu};

use crate::experiment::Preset;

/// What a preset needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The preset.
    pub preset: Preset,
    /// What executes guest instructions.
    pub accel: Accel,
    /// vCPUs; ignored by [`Preset::Published`].
    pub vcpus: u32,
    /// Memory in MiB; ignored by [`Preset::Published`].
    pub memory_mib: u32,
    /// The TSC frequency for the kernel command line of an emulated guest, in kHz.
    pub tsc_khz: u32,
    /// Whether the CPU that kvm would pass through is Intel's: Firecracker's T2 template is for those alone.
    pub intel: bool,
    /// Whether the kernel is a distribution's: it has its virtio drivers as modules, and finds devices through ACPI alone.
    pub distribution_kernel: bool,
    /// Words that the user adds to the end of the kernel command line.
    pub append: String,
}

/// A contender of a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetContender {
    /// The VMM and its machine.
    pub contender: Contender,
    /// Kernel command line.
    pub cmdline: String,
}

/// The MAC address and the tap of the published benchmark.
const PUBLISHED_TAP: &str = "tap0";
const PUBLISHED_MAC: &str = "2e:60:bf:c7:64:88";
/// `-append` of the published QEMU.
const PUBLISHED_QEMU_CMDLINE: &str = "earlyprintk=ttyS0 console=ttyS0 root=/dev/vda";
/// `--kernel-opts` of the published Firecracker.
const PUBLISHED_FIRECRACKER_CMDLINE: &str = "console=ttyS0 noapic reboot=k panic=1 pci=off nomodules rw";
/// Both VMMs' guests under [`Preset::Matched`]: a quiet serial console (each byte is an exit), no search for a PCI bus that
/// neither VMM has, and an end by triple fault, which both VMMs take for what it is.
const MATCHED_CMDLINE: &str = "console=ttyS0 quiet reboot=t panic=-1 pci=off";

/// The contenders for `vmms`, and what the reader must know about them.
pub fn contenders(wish: &Wish, vmms: &[VmmKind]) -> (Vec<PresetContender>, Vec<String>) {
    let mut notices = Vec::new();
    let contenders = vmms
        .iter()
        .map(|&vmm| match wish.preset {
            Preset::Matched => matched(wish, vmm),
            Preset::Published => published(wish, vmm, &mut notices),
        })
        .collect();
    (contenders, notices)
}

fn matched(wish: &Wish, vmm: VmmKind) -> PresetContender {
    let cpu = match wish.accel {
        Accel::Kvm => "host",
        Accel::Tcg => "max",
    };
    let settings = match vmm {
        VmmKind::Qemu => Settings::Qemu(qemu::Settings { cpu: Some(cpu.to_owned()) }),
        VmmKind::Firecracker => Settings::Firecracker(firecracker::Settings::default()),
    };
    let machine = Machine { vcpus: wish.vcpus, memory_mib: wish.memory_mib, accel: wish.accel, tap: None };
    named(vmm, machine, settings, cmdline(wish, MATCHED_CMDLINE))
}

fn published(wish: &Wish, vmm: VmmKind, notices: &mut Vec<String>) -> PresetContender {
    let machine = |vcpus, mac: Option<&str>| Machine {
        vcpus,
        memory_mib: 1024,
        accel: wish.accel,
        tap: Some(Tap { name: PUBLISHED_TAP.to_owned(), mac: mac.map(str::to_owned) }),
    };
    match vmm {
        VmmKind::Qemu => {
            if wish.accel == Accel::Tcg {
                notices.push("published: qemu's -enable-kvm is replaced by -accel tcg,thread=multi".to_owned());
            }
            let settings = Settings::Qemu(qemu::Settings { cpu: None });
            named(vmm, machine(2, None), settings, cmdline(wish, PUBLISHED_QEMU_CMDLINE))
        }
        VmmKind::Firecracker => {
            if !wish.intel {
                notices.push(
                    "published: firecracker's CPU template T2 is left out, it exists for Intel CPUs alone".to_owned(),
                );
            }
            let mut base = PUBLISHED_FIRECRACKER_CMDLINE.to_owned();
            if wish.distribution_kernel {
                base = base.replace("noapic ", "");
                notices.push(
                    "published: firecracker's `noapic` is left out, with it this kernel finds no disk: its virtio devices \
                     come from ACPI, and their interrupts need the I/O APIC"
                        .to_owned(),
                );
                notices.push(
                    "published: firecracker's `nomodules` stays although this kernel needs modules: no kernel knows that \
                     word (the parameter is `nomodule`), it changes nothing"
                        .to_owned(),
                );
            }
            let settings = Settings::Firecracker(firecracker::Settings {
                cpu_template: wish.intel.then(|| "T2".to_owned()),
                log_level: "Debug".to_owned(),
            });
            named(vmm, machine(1, Some(PUBLISHED_MAC)), settings, cmdline(wish, &base))
        }
    }
}

fn named(vmm: VmmKind, machine: Machine, settings: Settings, cmdline: String) -> PresetContender {
    let contender = Contender { name: vmm.name().to_owned(), machine, settings };
    PresetContender { contender, cmdline }
}

/// The command line with what emulation needs and what the user adds.
fn cmdline(wish: &Wish, base: &str) -> String {
    let mut words = vec![base.to_owned()];
    if wish.accel == Accel::Tcg {
        words.push(emulated_timer(wish.tsc_khz));
    }
    if !wish.append.is_empty() {
        words.push(wish.append.clone());
    }
    words.join(" ")
}

/// Words for the kernel of an emulated machine. The first two keep it from calibrating its clock against an emulated timer:
/// about one start of three hangs in that for good ("tsc: Unable to calibrate against PIT"). With the third it believes in
/// the counter although TCG's vCPUs show it unsynchronised at boot; else it falls back on a clock of 4 ms steps.
pub fn emulated_timer(tsc_khz: u32) -> String {
    format!("tsc_early_khz={tsc_khz} no_timer_check tsc=reliable")
}
