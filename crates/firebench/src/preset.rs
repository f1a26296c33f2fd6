//! Presets: from what the user wants to the contenders' machines, as a pure function.

use firebench_model::experiment::Preset;
use firebench_vmm::kernel_words::emulated_timer;
use firebench_vmm::{Accel, Machine, Settings, Tap, VmmKind, firecracker, qemu};

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

/// A VM as a preset makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetVm {
    /// The machine.
    pub machine: Machine,
    /// What only its VMM has.
    pub settings: Settings,
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

/// The VM for `vmm`, none for the host. What the reader must know about it goes to `notices`.
pub fn vm(wish: &Wish, vmm: VmmKind, notices: &mut Vec<String>) -> Option<PresetVm> {
    match (vmm, wish.preset) {
        (VmmKind::Host, _) => None,
        (VmmKind::Qemu, Preset::Matched) => Some(matched(wish, matched_qemu(wish))),
        (VmmKind::Firecracker, Preset::Matched) => {
            Some(matched(wish, Settings::Firecracker(firecracker::Settings::default())))
        }
        (VmmKind::Qemu, Preset::Published) => Some(published_qemu(wish, notices)),
        (VmmKind::Firecracker, Preset::Published) => Some(published_firecracker(wish, notices)),
    }
}

fn matched_qemu(wish: &Wish) -> Settings {
    let cpu = if wish.accel == Accel::Tcg { "max" } else { "host" };
    let cpu = Some(cpu.to_owned());
    // Without its clock the kernel would wait for one, and Firecracker's kernel does not.
    Settings::Qemu(qemu::Settings { cpu, acpi: wish.acpi_kernel, rtc: true, ..qemu::Settings::default() })
}

fn matched(wish: &Wish, settings: Settings) -> PresetVm {
    let tap = wish.tap.then(|| Tap { name: TAP.to_owned(), mac: None });
    let machine = Machine { vcpus: wish.vcpus, memory_mib: wish.memory_mib, accel: wish.accel, tap, cpus: None };
    PresetVm { machine, settings, cmdline: cmdline(wish, MATCHED_CMDLINE) }
}

/// The published machines: what they have alike.
fn published(wish: &Wish, vcpus: u32, mac: Option<&str>) -> Machine {
    let tap = Some(Tap { name: TAP.to_owned(), mac: mac.map(str::to_owned) });
    Machine { vcpus, memory_mib: 1024, accel: wish.accel, tap, cpus: None }
}

fn published_qemu(wish: &Wish, notices: &mut Vec<String>) -> PresetVm {
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
    PresetVm { machine: published(wish, 2, None), settings, cmdline: cmdline(wish, &base) }
}

fn published_firecracker(wish: &Wish, notices: &mut Vec<String>) -> PresetVm {
    if !wish.intel {
        notices.push("published: firecracker's CPU template T2 is left out, it exists for Intel CPUs alone".to_owned());
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
    PresetVm { machine: published(wish, 1, Some(PUBLISHED_MAC)), settings, cmdline: cmdline(wish, &base) }
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

    /// QEMU's and Firecracker's VM, and the notices.
    fn pair(wish: &Wish) -> ([PresetVm; 2], Vec<String>) {
        let mut notices = Vec::new();
        let vms = VmmKind::ALL.map(|vmm| vm(wish, vmm, &mut notices).expect("a VM"));
        (vms, notices)
    }

    fn cmdlines(wish: &Wish) -> [String; 2] {
        pair(wish).0.map(|vm| vm.cmdline)
    }

    #[test]
    fn matched_machines_are_alike() {
        let ([qemu, firecracker], notices) = pair(&wish(Preset::Matched));
        assert_eq!((&qemu.machine, &qemu.cmdline), (&firecracker.machine, &firecracker.cmdline));
        assert_eq!(qemu.machine.tap, None);
        assert!(notices.is_empty());
    }

    #[test]
    fn only_the_published_qemu_lacks_the_clock_that_its_kernel_waits_for() {
        for (preset, rtc) in [(Preset::Matched, true), (Preset::Published, false)] {
            let ([vm, _], _) = pair(&wish(preset));
            let Settings::Qemu(settings) = vm.settings else { panic!("a QEMU") };
            assert_eq!(settings.rtc, rtc, "{preset:?}");
        }
    }

    #[test]
    fn a_tap_is_there_for_whom_it_is_wanted() {
        for vm in pair(&Wish { tap: true, ..wish(Preset::Matched) }).0 {
            assert_eq!(vm.machine.tap, Some(Tap { name: "tap0".to_owned(), mac: None }));
        }
    }

    #[test]
    fn published_command_lines_are_the_documents_where_the_kernel_allows() {
        let kernel = Wish { acpi_kernel: false, modular_kernel: false, ..wish(Preset::Published) };
        assert_eq!(cmdlines(&kernel)[1], PUBLISHED_FIRECRACKER_CMDLINE);
        assert_eq!(cmdlines(&kernel)[0], format!("{PUBLISHED_QEMU_CMDLINE} reboot=t"));
        let notices = pair(&kernel).1;
        assert!(matches!(notices.as_slice(), [qemu] if qemu.contains("acpi=off")), "{notices:?}");

        let kernel = wish(Preset::Published);
        assert_eq!(cmdlines(&kernel)[0], PUBLISHED_QEMU_CMDLINE);
        assert_eq!(cmdlines(&kernel)[1], "console=ttyS0 reboot=k panic=1 pci=off nomodules rw");
        let notices = pair(&kernel).1;
        assert!(notices[0].contains("`noapic` is left out") && notices[1].contains("`nomodules` stays"), "{notices:?}");
    }

    #[test]
    fn the_template_is_for_intel_alone() {
        let template = |intel| {
            let ([_, vm], notices) = pair(&Wish { intel, ..wish(Preset::Published) });
            let Settings::Firecracker(settings) = vm.settings else { panic!("a Firecracker") };
            (settings.cpu_template, notices.iter().any(|notice| notice.contains("T2 is left out")))
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
