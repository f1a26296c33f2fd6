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
    /// Whether each VM has a network card; under [`Preset::Published`] it always has one.
    pub tap: bool,
    /// The TSC frequency for the kernel command line of an emulated guest, in kHz.
    pub tsc_khz: u32,
    /// Whether the CPU that kvm would pass through is Intel's: Firecracker's T2 template is for those alone.
    pub intel: bool,
    /// Whether the kernel has ACPI, and finds devices through it.
    pub acpi_kernel: bool,
    /// Whether the kernel needs modules to find its disk.
    pub modular_kernel: bool,
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

/// The tap, in a namespace where it is alone: the published benchmark's name for it.
const TAP: &str = "tap0";
/// The MAC address of the published Firecracker.
const PUBLISHED_MAC: &str = "2e:60:bf:c7:64:88";
/// `-append` of the published QEMU.
const PUBLISHED_QEMU_CMDLINE: &str = "earlyprintk=ttyS0 console=ttyS0 root=/dev/vda";
/// `--kernel-opts` of the published Firecracker.
const PUBLISHED_FIRECRACKER_CMDLINE: &str = "console=ttyS0 noapic reboot=k panic=1 pci=off nomodules rw";
/// Both VMMs' guests under [`Preset::Matched`]: a quiet serial console (each byte is an exit), no search for a PCI bus that
/// neither VMM has, and an end by triple fault, which both VMMs take for what it is.
const MATCHED_CMDLINE: &str = "console=ttyS0 quiet reboot=t panic=-1 pci=off";

/// The contenders for `vmms`, and what the reader must know about them. The host is none: it has no guest to set up.
pub fn contenders(wish: &Wish, vmms: &[VmmKind]) -> (Vec<PresetContender>, Vec<String>) {
    let mut notices = Vec::new();
    let contenders = vmms
        .iter()
        .filter_map(|&vmm| match wish.preset {
            Preset::Matched => matched(wish, vmm),
            Preset::Published => published(wish, vmm, &mut notices),
        })
        .collect();
    (contenders, notices)
}

fn matched(wish: &Wish, vmm: VmmKind) -> Option<PresetContender> {
    let cpu = match wish.accel {
        Accel::Kvm => "host",
        Accel::Tcg | Accel::Native => "max",
    };
    let settings = match vmm {
        VmmKind::Qemu => Settings::Qemu(qemu::Settings {
            cpu: Some(cpu.to_owned()),
            acpi: wish.acpi_kernel,
            ..qemu::Settings::default()
        }),
        VmmKind::Firecracker => Settings::Firecracker(firecracker::Settings::default()),
        VmmKind::Host => return None,
    };
    let tap = wish.tap.then(|| Tap { name: TAP.to_owned(), mac: None });
    let machine = Machine { vcpus: wish.vcpus, memory_mib: wish.memory_mib, accel: wish.accel, tap, cpus: None };
    Some(named(vmm, machine, settings, cmdline(wish, MATCHED_CMDLINE)))
}

fn published(wish: &Wish, vmm: VmmKind, notices: &mut Vec<String>) -> Option<PresetContender> {
    let machine = |vcpus, mac: Option<&str>| Machine {
        vcpus,
        memory_mib: 1024,
        accel: wish.accel,
        tap: Some(Tap { name: TAP.to_owned(), mac: mac.map(str::to_owned) }),
        cpus: None,
    };
    match vmm {
        VmmKind::Qemu => {
            if wish.accel == Accel::Tcg {
                notices.push("published: qemu's -enable-kvm is replaced by -accel tcg,thread=multi".to_owned());
            }
            let mut base = PUBLISHED_QEMU_CMDLINE.to_owned();
            if !wish.acpi_kernel {
                base.push_str(" reboot=t");
                notices.push(
                    "published: qemu's machine gets acpi=off, else this kernel, which has no ACPI, finds no disk; and `reboot=t`, \
                     else it does not end"
                        .to_owned(),
                );
            }
            let settings = Settings::Qemu(qemu::Settings { acpi: wish.acpi_kernel, ..qemu::Settings::default() });
            Some(named(vmm, machine(2, None), settings, cmdline(wish, &base)))
        }
        VmmKind::Firecracker => {
            if !wish.intel {
                notices.push(
                    "published: firecracker's CPU template T2 is left out, it exists for Intel CPUs alone".to_owned(),
                );
            }
            let mut base = PUBLISHED_FIRECRACKER_CMDLINE.to_owned();
            if wish.acpi_kernel {
                base = base.replace("noapic ", "");
                notices.push(
                    "published: firecracker's `noapic` is left out, with it this kernel finds no disk: its virtio devices \
                     come from ACPI, and their interrupts need the I/O APIC"
                        .to_owned(),
                );
            }
            if wish.modular_kernel {
                notices.push(
                    "published: firecracker's `nomodules` stays although this kernel needs modules: no kernel knows that \
                     word (the parameter is `nomodule`), it changes nothing"
                        .to_owned(),
                );
            }
            let settings = Settings::Firecracker(firecracker::Settings {
                cpu_template: wish.intel.then(|| "T2".to_owned()),
                log_level: "Debug".to_owned(),
                ..firecracker::Settings::default()
            });
            Some(named(vmm, machine(1, Some(PUBLISHED_MAC)), settings, cmdline(wish, &base)))
        }
        VmmKind::Host => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(preset: Preset) -> Wish {
        Wish {
            preset,
            accel: Accel::Kvm,
            vcpus: 2,
            memory_mib: 1024,
            tap: false,
            tsc_khz: 2_000_000,
            intel: true,
            acpi_kernel: true,
            modular_kernel: true,
            append: String::new(),
        }
    }

    fn cmdlines(wish: &Wish) -> Vec<String> {
        contenders(wish, &VmmKind::ALL).0.into_iter().map(|contender| contender.cmdline).collect()
    }

    #[test]
    fn matched_machines_are_alike() {
        let (contenders, notices) = contenders(&wish(Preset::Matched), &VmmKind::ALL);
        assert_eq!(contenders[0].contender.machine, contenders[1].contender.machine);
        assert_eq!(contenders[0].cmdline, contenders[1].cmdline);
        assert!(notices.is_empty());
        assert_eq!(contenders[0].contender.machine.tap, None);
    }

    #[test]
    fn a_tap_is_there_for_whom_it_is_wanted() {
        let (contenders, _) = contenders(&Wish { tap: true, ..wish(Preset::Matched) }, &VmmKind::ALL);
        for contender in contenders {
            assert_eq!(contender.contender.machine.tap, Some(Tap { name: "tap0".to_owned(), mac: None }));
        }
    }

    #[test]
    fn published_command_lines_are_the_documents_where_the_kernel_allows() {
        let kernel = Wish { acpi_kernel: false, modular_kernel: false, ..wish(Preset::Published) };
        let (_, notices) = contenders(&kernel, &[VmmKind::Firecracker]);
        assert_eq!(cmdlines(&kernel)[1], PUBLISHED_FIRECRACKER_CMDLINE);
        assert!(notices.is_empty(), "{notices:?}");
        assert_eq!(cmdlines(&kernel)[0], format!("{PUBLISHED_QEMU_CMDLINE} reboot=t"));

        let kernel = wish(Preset::Published);
        assert_eq!(cmdlines(&kernel)[0], PUBLISHED_QEMU_CMDLINE);
        assert_eq!(cmdlines(&kernel)[1], "console=ttyS0 reboot=k panic=1 pci=off nomodules rw");
        let (_, notices) = contenders(&kernel, &VmmKind::ALL);
        assert!(notices[0].contains("`noapic` is left out") && notices[1].contains("`nomodules` stays"), "{notices:?}");
    }

    #[test]
    fn the_template_is_for_intel_alone() {
        let template = |intel| {
            let wish = Wish { intel, ..wish(Preset::Published) };
            let (contenders, notices) = contenders(&wish, &[VmmKind::Firecracker]);
            let Settings::Firecracker(settings) = &contenders[0].contender.settings else { panic!("a Firecracker") };
            (settings.cpu_template.clone(), notices.iter().any(|notice| notice.contains("T2 is left out")))
        };
        assert_eq!(template(true), (Some("T2".to_owned()), false));
        assert_eq!(template(false), (None, true));
    }

    #[test]
    fn emulated_guests_get_their_timer_and_the_user_the_last_word() {
        let wish = Wish { accel: Accel::Tcg, append: "debug".to_owned(), ..wish(Preset::Matched) };
        assert_eq!(
            cmdlines(&wish)[0],
            format!("{MATCHED_CMDLINE} tsc_early_khz=2000000 no_timer_check tsc=reliable debug")
        );
    }
}
