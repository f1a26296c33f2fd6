use std::time::Instant;

use super::*;

#[test]
fn speed_and_hypervisor_give_the_class() {
    let cases = [
        (3.2e9, None, KvmClass::Hardware),
        (200.1e6, None, KvmClass::Hardware),
        (3.2e9, Some("KVMKVMKVM"), KvmClass::NestedHardware),
        (3.2e9, Some("Microsoft Hv"), KvmClass::NestedHardware),
        (200e6, None, KvmClass::Emulated),
        (120e6, Some("KVMKVMKVM"), KvmClass::Emulated),
        (1.2e6, None, KvmClass::Emulated),
        (1.2e6, Some("KVMKVMKVM"), KvmClass::Emulated),
        (3.2e9, Some(cpuid::TCG), KvmClass::Emulated),
        (f64::NAN, None, KvmClass::Emulated),
    ];
    for (speed, hypervisor, class) in cases {
        assert_eq!(classify(speed, hypervisor), class, "{speed} under {hypervisor:?}");
    }
}

#[test]
fn every_speed_has_a_sentence_with_its_figure() {
    let device = Path::new(DEVICE);
    let report = |speed: f64, hypervisor: Option<&str>| report_speed(device, speed, hypervisor.map(str::to_owned));

    let hardware = report(3.214e9, None);
    assert!(hardware.usable());
    assert_eq!(hardware.finding, "/dev/kvm is the CPU's own virtualisation: 3214 million loop iterations a second");
    assert_eq!(hardware.remedy, None);

    let nested = report(2e9, Some("KVMKVMKVM"));
    assert!(nested.usable());
    assert!(nested.finding.contains("(KVMKVMKVM): 2000 million"), "{}", nested.finding);

    let crippled = report(1.234e6, Some("KVMKVMKVM"));
    assert!(!crippled.usable());
    assert_eq!(
        crippled.finding,
        "/dev/kvm emulates guest instructions: 1.23 million loop iterations a second, where hardware does over 200 million"
    );
    assert!(crippled.remedy.is_some_and(|remedy| remedy.contains("--accel nested")));

    let starved = report(120e6, None);
    assert!(!starved.usable());
    assert!(starved.remedy.is_some_and(|remedy| remedy.contains("idle")));

    let inside = report(900e6, Some(cpuid::TCG));
    assert!(!inside.usable());
    assert!(inside.finding.contains("emulated machine (TCGTCGTCGTCG): 900 million"), "{}", inside.finding);
}

#[test]
fn errors_of_opening_give_the_class() {
    assert_eq!(class_of_open_error(libc::ENOENT), KvmClass::Absent);
    assert_eq!(class_of_open_error(libc::ENODEV), KvmClass::Absent);
    assert_eq!(class_of_open_error(libc::EACCES), KvmClass::NoPermission);
    assert_eq!(class_of_open_error(libc::EIO), KvmClass::Broken);

    let denied = report_error(Path::new(DEVICE), &GuestError::Open(libc::EACCES), None);
    assert_eq!(denied.class, KvmClass::NoPermission);
    // The remedy is that of the device as it is on this machine: `access` has the cases.
    assert!(denied.remedy.is_some_and(|remedy| !remedy.is_empty()));
}

#[test]
fn a_missing_device_is_absent() {
    let report = probe(Path::new("/nowhere/kvm"));
    assert_eq!(report.class, KvmClass::Absent);
    assert!(!report.usable());
    assert!(report.finding.contains("/nowhere/kvm"), "{}", report.finding);
    assert!(report.remedy.is_some_and(|remedy| !remedy.is_empty()));
}

#[test]
fn a_device_that_is_no_kvm_is_broken_and_the_error_is_named() {
    let report = probe(Path::new("/dev/null"));
    assert_eq!(report.class, KvmClass::Broken);
    assert!(report.finding.contains("KVM_CREATE_VM: Inappropriate ioctl"), "{}", report.finding);
}

/// What is behind the device differs from machine to machine; that the parts of the report agree does not.
#[test]
fn this_machine_gets_a_consistent_report() {
    let started = Instant::now();
    let report = probe(Path::new(DEVICE));
    assert!(started.elapsed() < PATIENCE + Duration::from_secs(60), "{report:?}");
    assert_eq!(report.hypervisor, cpuid::hypervisor());
    match report.loops_per_second {
        Some(speed) => assert_eq!(report.class, classify(speed, report.hypervisor.as_deref())),
        None => {
            assert!(matches!(report.class, KvmClass::Absent | KvmClass::NoPermission | KvmClass::Broken), "{report:?}")
        }
    }
    // The back end that interprets: its speed is known, on a machine that has nothing else to do.
    if Path::new("/sys/module/kvm_pvm").exists() && report.loops_per_second.is_some() {
        assert_eq!(report.class, KvmClass::Emulated, "{report:?}");
        assert!(report.loops_per_second.is_some_and(|speed| speed < 20e6), "{report:?}");
    }
}

#[test]
fn a_hung_kvm_does_not_hang_firebench() {
    let patience = Duration::from_millis(100);
    let report = report_hung(Path::new(DEVICE), patience, None);
    assert_eq!(report.class, KvmClass::Broken);
    assert!(report.finding.contains("hangs"), "{}", report.finding);

    // A real one, where there is a KVM: the longest loop takes over a second on any CPU, an hour on an interpreter.
    let Ok(mut guest) = LoopGuest::new(Path::new(DEVICE)) else { return };
    let (sender, over) = std::sync::mpsc::channel();
    let ended = with_timeout(patience, move |stop| {
        let outcome = guest.run(u32::MAX, stop);
        let _ = sender.send(outcome.is_err());
    });
    assert_eq!(ended, Ended::Late);
    assert!(over.recv_timeout(Duration::from_secs(60)).expect("the vCPU stops after the signal"));
}
