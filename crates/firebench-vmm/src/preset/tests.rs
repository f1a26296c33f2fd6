use super::*;
use crate::setting::Values;
use crate::{firecracker, kinds, qemu};

type Preset = fn(VmmKind, &MachineRequest, &mut Vec<String>) -> Option<PresetVm>;

const MATCHED: Preset = |kind, request, _| matched(kind, request);

fn request() -> MachineRequest {
    MachineRequest {
        accel: Accel::Kvm,
        vcpus: 2,
        memory_mib: 1024,
        tap: false,
        tsc_khz: 2_000_000,
        intel: true,
        acpi_kernel: true,
        modular_kernel: true,
        own: Values::default(),
        append: String::new(),
    }
}

/// QEMU's and Firecracker's VM, and the notices.
fn pair(preset: Preset, request: &MachineRequest) -> ([PresetVm; 2], Vec<String>) {
    let mut notices = Vec::new();
    let kinds = [&qemu::KIND, &firecracker::KIND].map(VmmKind);
    let vms = kinds.map(|kind| preset(kind, request, &mut notices).expect("a VM"));
    (vms, notices)
}

fn cmdlines(preset: Preset, request: &MachineRequest) -> [String; 2] {
    pair(preset, request).0.map(|vm| vm.cmdline)
}

#[test]
fn matched_machines_are_alike() {
    let ([qemu, firecracker], notices) = pair(MATCHED, &request());
    assert_eq!((&qemu.machine, &qemu.cmdline), (&firecracker.machine, &firecracker.cmdline));
    assert_eq!(qemu.machine.tap, None);
    assert!(notices.is_empty());
}

#[test]
fn every_kind_that_boots_a_guest_has_a_matched_machine() {
    for kind in kinds::all() {
        let vm = matched(kind, &request());
        assert_eq!(vm.is_some(), kind.boots_a_guest(), "{kind}");
        if let Some(vm) = vm {
            assert_eq!((vm.machine.vcpus, vm.machine.memory_mib, vm.settings.vmm), (2, 1024, kind));
            let without_pci =
                matches!((kind.guest().expect("a guest").bus)(&Values::default()), Bus::Mmio | Bus::ListedMmio);
            assert_eq!(vm.cmdline.contains(NO_PCI), without_pci, "{kind}");
            assert_eq!(vm.cmdline.contains(PCI_BY_PORTS), kind.name == "kvmtool", "{kind}");
        }
    }
}

#[test]
fn only_the_published_qemu_lacks_the_clock_that_its_kernel_waits_for() {
    for (preset, rtc) in [(MATCHED, true), (published, false)] {
        let ([vm, _], _) = pair(preset, &request());
        assert_eq!(vm.settings.values.is_on(&qemu::RTC), rtc);
    }
}

#[test]
fn a_tap_is_there_for_whom_it_is_wanted() {
    for vm in pair(MATCHED, &MachineRequest { tap: true, ..request() }).0 {
        assert_eq!(vm.machine.tap, Some(Tap { name: "tap0".to_owned(), mac: None }));
    }
}

#[test]
fn published_command_lines_are_the_documents_where_the_kernel_allows() {
    let kernel = MachineRequest { acpi_kernel: false, modular_kernel: false, ..request() };
    assert_eq!(cmdlines(published, &kernel)[1], firecracker::PUBLISHED_CMDLINE);
    assert_eq!(cmdlines(published, &kernel)[0], format!("{} reboot=t", qemu::PUBLISHED_CMDLINE));
    let notices = pair(published, &kernel).1;
    assert!(matches!(notices.as_slice(), [qemu] if qemu.contains("acpi=off")), "{notices:?}");

    let kernel = request();
    assert_eq!(cmdlines(published, &kernel)[0], qemu::PUBLISHED_CMDLINE);
    assert_eq!(cmdlines(published, &kernel)[1], "console=ttyS0 reboot=k panic=1 pci=off nomodules rw");
    let notices = pair(published, &kernel).1;
    assert!(notices[0].contains("`noapic` is left out") && notices[1].contains("`nomodules` stays"), "{notices:?}");
}

#[test]
fn the_template_is_for_intel_alone() {
    let template = |intel| {
        let ([_, vm], notices) = pair(published, &MachineRequest { intel, ..request() });
        let template = vm.settings.values.text(&firecracker::TEMPLATE).map(str::to_owned);
        (template, notices.iter().any(|notice| notice.contains("T2 is left out")))
    };
    assert_eq!(template(true), (Some("T2".to_owned()), false));
    assert_eq!(template(false), (None, true));
}

#[test]
fn emulated_guests_get_their_timer_and_the_user_the_last_word() {
    let request = MachineRequest { accel: Accel::Tcg, append: "debug".to_owned(), ..request() };
    assert_eq!(
        cmdlines(MATCHED, &request)[0],
        format!("{MATCHED_CMDLINE}{NO_PCI} tsc_early_khz=2000000 no_timer_check tsc=reliable debug")
    );
}
