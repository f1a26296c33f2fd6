//! Whole runs of both VMMs with kvm, in the nested host: what `firebench run memory` does on a computer whose /dev/kvm is
//! of no use.

use firebench_model::experiment::Preset;
use firebench_model::record::{ContenderRecord, Report};
use firebench_vmm::{Accel, VmmKind, firecracker};
use serde_json::Value;

use crate::require;
use crate::support::common::{FIRECRACKER_SHA256, Lab, say};
use crate::support::good::assert_good;
use crate::support::invocation::{Outcome, report};
use crate::support::need;

/// What holds for every good run of both VMMs in the nested host.
#[track_caller]
fn assert_nested(report: &Report, outcome: &Outcome) {
    assert_eq!((report.accelerator, report.emulated), (Accel::Kvm, true));
    let host = report.nested_host.as_ref().expect("a nested host");
    assert!(host.qemu.starts_with("QEMU emulator version") && host.cpus > 0, "{host:?}");
    assert!(host.kernel.as_ref().is_some_and(|kernel| kernel.starts_with("Linux version ")), "{host:?}");
    assert!(host.argv.iter().any(|word| word.starts_with("max,+svm,+npt,")), "{host:?}");
    let vmms: Vec<_> = report.contenders.iter().map(|contender| contender.vmm).collect();
    assert_eq!(vmms, [VmmKind(&firebench_vmm::qemu::KIND), VmmKind(&firecracker::KIND)]);
    let [qemu, firecracker] = report.contenders.as_slice() else { unreachable!("two VMMs") };
    assert!(qemu.launch.argv.iter().any(|word| word == "-enable-kvm"), "{:?}", qemu.launch.argv);
    // `FIREBENCH_DATA` holds the pinned one, unless the user put another one there.
    if firecracker.version == "1.12.1" {
        assert_eq!(firecracker.sha256, FIRECRACKER_SHA256);
    }
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(text.contains("EMULATED"), "{outcome}");
    }
    assert!(outcome.stderr.contains("nested host up in"), "{outcome}");
    let overhead = report.overhead;
    say(&format!(
        "    firebench's own CPU: {:.2} % of a core; first VM after {:.2} s; up in {:?} s",
        overhead.own_cpu_seconds / report.duration * 100.0,
        overhead.first_vm_seconds.expect("there was one"),
        report.contenders.iter().flat_map(|c| &c.boots).filter_map(|boot| boot.boot_seconds).collect::<Vec<_>>()
    ));
}

/// KVM counted every boot, and says the same as its tracepoint of each use of an I/O port.
#[track_caller]
fn assert_counted(report: &Report) {
    for (contender, boot) in report.contenders.iter().flat_map(|c| c.boots.iter().map(move |boot| (c, boot))) {
        let counts = boot.counts.as_ref().unwrap_or_else(|| panic!("{}: KVM's counts", contender.name));
        let exits = counts.boot["io_exits"] as f64;
        let traced: u64 = counts.ports.iter().map(|used| used.times).sum();
        assert!(exits > 100.0 && (traced as f64 / exits - 1.0).abs() < 0.05, "{exits}, traced {traced}");
        assert_eq!(counts.iterations.len(), boot.iterations.len());
        assert!(counts.life["exits"] > counts.boot["exits"] + counts.shutdown["exits"], "{counts:?}");
    }
}

/// How often the first boot of a contender used the real-time clock, whose registers are behind two ports.
fn uses_of_the_clock(contender: &ContenderRecord) -> u64 {
    let ports = &contender.boots[0].counts.as_ref().expect("counts").ports;
    ports.iter().filter(|used| [0x70, 0x71].contains(&used.port)).map(|used| used.times).sum()
}

#[test]
fn both_vmms_run_with_kvm_in_the_order_of_the_seed() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "nested", "--boots", "2", "--iterations", "3", "--out"];
    let outcome = lab.firebench(&args).arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 2, 3);
    assert_nested(&report, &outcome);
    assert_counted(&report);
    assert!(outcome.stdout.contains("Counted by KVM"), "{outcome}");
    let [qemu, firecracker] = report.contenders.as_slice() else { unreachable!("two VMMs") };
    assert!(uses_of_the_clock(qemu) < 1000, "{}", uses_of_the_clock(qemu));
    let mut ran: Vec<(u32, u32, usize)> = Vec::new();
    for (at, contender) in report.contenders.iter().enumerate() {
        ran.extend(contender.boots.iter().map(|boot| (boot.block, boot.position, at)));
    }
    ran.sort_unstable();
    let order: Vec<usize> = firebench_stats::order::blocks(2, report.design.seed).take(2).flatten().collect();
    assert_eq!(ran.iter().map(|(_, _, contender)| *contender).collect::<Vec<_>>(), order, "{ran:?}");
    // Matched: what can be alike is alike.
    assert_eq!((qemu.vcpus, qemu.memory_mib), (firecracker.vcpus, firecracker.memory_mib));
    assert_eq!(qemu.cmdline, firecracker.cmdline);
    let facts = [qemu, firecracker].map(|c| c.boots[0].facts.clone().expect("facts"));
    assert_eq!(facts[0].kernel_version, facts[1].kernel_version);
    assert_eq!(facts[0].cpu.vendor, "AuthenticAMD");
    // A SHA-256 with these instructions is several times faster: both guests have them, or none.
    let sha_ni = facts.each_ref().map(|facts| facts.cpu.flags.iter().any(|flag| flag == "sha_ni"));
    assert_eq!(sha_ni[0], sha_ni[1]);
    let markdown = std::fs::read_to_string(out.join("report.md")).expect("report.md");
    for section in ["## QEMU", "### QEMU mem", "## Firecracker", "### Firecracker mem"] {
        assert!(markdown.lines().any(|line| line == section), "{section} is not in\n{markdown}");
    }
}

#[test]
fn the_published_machines_run_as_they_were() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--preset", "published", "--accel", "nested", "--boots", "1", "--iterations", "1"];
    let outcome = lab.firebench(&args).args(["--size", "4MiB", "--out"]).arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 1, 1);
    assert_nested(&report, &outcome);
    assert_eq!(report.experiment.preset, Preset::Published);
    assert_counted(&report);
    let [qemu, firecracker] = report.contenders.as_slice() else { unreachable!("two VMMs") };
    // `rtc=off`: the kernel waits for a clock that is not there.
    assert!(uses_of_the_clock(qemu) > 10_000, "{}", uses_of_the_clock(qemu));
    assert_eq!([qemu, firecracker].map(|c| (c.vcpus, c.memory_mib)), [(2, 1024), (1, 1024)]);
    assert_eq!(qemu.cmdline, "earlyprintk=ttyS0 console=ttyS0 root=/dev/vda");
    assert_eq!(firecracker.cmdline, "console=ttyS0 reboot=k panic=1 pci=off nomodules rw");
    for left_out in ["T2 is left out", "`noapic` is left out"] {
        assert!(report.notices.iter().any(|text| text.contains(left_out)), "{:?}", report.notices);
    }
    let taps = [qemu, firecracker].map(|c| c.launch.tap.clone().expect("a tap"));
    assert_eq!(
        taps.each_ref().map(|tap| (tap.name.as_str(), tap.mac.as_deref())),
        [("tap0", None), ("tap0", Some("2e:60:bf:c7:64:88"))]
    );
    for flag in ["tap,id=tap0,ifname=tap0,script=no,downscript=no", "virtio-net-device,netdev=tap0", "microvm,rtc=off"]
    {
        assert!(qemu.launch.argv.iter().any(|word| word == flag), "{flag}: {:?}", qemu.launch.argv);
    }
    let config: Value = serde_json::from_str(&firecracker.launch.files[0].contents).expect("JSON");
    assert_eq!(config["machine-config"]["vcpu_count"], 1);
    assert_eq!(config["network-interfaces"][0]["guest_mac"], "2e:60:bf:c7:64:88");
    assert_eq!(config["logger"]["level"], "Debug");
    // The cards reached the guests.
    for contender in &report.contenders {
        let facts = contender.boots[0].facts.as_ref().expect("facts");
        assert!(facts.modules.iter().any(|module| module.starts_with("virtio_net")), "{:?}", facts.modules);
    }
}

#[test]
fn a_jailed_firecracker_boots_and_measures() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--jail", "--tap", "--boots", "1"];
    lab.firebench(&args).args(["--iterations", "1", "--size", "1MiB", "--out"]).arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 1, 1);
    assert_counted(&report);
    let [contender] = report.contenders.as_slice() else { panic!("one contender") };
    let settings = contender.settings.as_ref().expect("a Firecracker");
    let jailer = settings.values.path(&firecracker::JAILER).expect("a jailer");
    assert_eq!(contender.launch.argv[0], jailer.display().to_string());
    assert_eq!(contender.launch.jail.as_ref().map(|jail| jail.id), Some(firecracker::JAILED_ID));
    assert!(!contender.launch.argv.iter().any(|word| word.contains("seccomp")), "{:?}", contender.launch.argv);
    assert!(report.artifacts.iter().any(|artifact| artifact.role == "jailer"), "{:?}", report.artifacts);
    // Nothing had to be gone without: there, firebench is root.
    assert_eq!(contender.boots[0].without, []);
    let facts = contender.boots[0].facts.as_ref().expect("facts");
    assert!(facts.modules.iter().any(|module| module.starts_with("virtio_net")), "the tap: {:?}", facts.modules);
}

#[test]
fn a_firecracker_is_told_its_machine_by_its_api_socket_jailed_or_not() {
    require!(need::tcg(), need::firecracker());
    for jail in [&["--tap"][..], &["--jail"]] {
        let lab = Lab::new();
        let out = lab.path("out");
        let args =
            ["run", "memory", "--accel", "nested", "--boots", "1", "--iterations", "1", "--size", "1MiB", "--out"];
        let contender = "--contender=api=firecracker,api=on";
        let outcome = lab.firebench(&args).arg(&out).args(jail).arg(contender).run().ok();
        let report = report(&out);
        assert_good(&report, 1, 1);
        let [contender] = report.contenders.as_slice() else { panic!("one contender") };
        let requests = contender.launch.requests.as_ref().expect("requests");
        let paths: Vec<_> = requests.list.iter().map(|request| request.path.as_str()).collect();
        let interfaces = ["/network-interfaces/tap0"].into_iter().filter(|_| contender.launch.tap.is_some());
        let (first, last) = (["/machine-config", "/boot-source", "/drives/test"], ["/actions"]);
        assert_eq!(paths, first.into_iter().chain(interfaces).chain(last).collect::<Vec<_>>());
        let argv = &contender.launch.argv;
        assert!(
            argv.iter().any(|word| word == "--api-sock") && !argv.iter().any(|word| word == "--no-api"),
            "{argv:?}"
        );
        assert_eq!(contender.launch.jail.is_some(), jail.contains(&"--jail"), "{outcome}");
        // Neither a call nor an answer went to the serial console.
        assert_eq!(contender.boots[0].message, None, "{outcome}");
    }
}

#[test]
fn every_vmm_boots_the_small_kernel() {
    require!(need::tcg(), need::firecracker(), need::small_kernel(), need::libkrun());
    let lab = Lab::new();
    let out = lab.path("out");
    let contenders =
        ["libkrun=libkrun", "qemu=qemu", "q35=qemu,machine=q35", "pc=qemu,machine=pc", "firecracker=firecracker"];
    let args = [
        "run", "memory", "--accel", "nested", "--kernel", "small", "--memory", "256MiB", "--size", "4MiB", "--boots",
        "1",
    ];
    let contenders = contenders.map(|contender| format!("--contender={contender}"));
    lab.firebench(&args).args(["--iterations", "2", "--out"]).arg(&out).args(&contenders).run().ok();
    let report = report(&out);
    assert_good(&report, 1, 2);
    assert_counted(&report);
    let small = firebench_host::fetch::small_kernel(&lab.data).expect("as built").expect("it is needed above");
    let kernels: Vec<_> = report.artifacts.iter().filter(|artifact| artifact.role == "kernel").collect();
    assert_eq!(kernels.iter().map(|kernel| &kernel.sha256).collect::<Vec<_>>(), [&small.vmlinux_sha256], "one for all");
    for contender in &report.contenders {
        let facts = contender.boots[0].facts.as_ref().expect("facts");
        assert!(facts.kernel_release.ends_with("-firebench"), "{}: {}", contender.name, facts.kernel_release);
        assert_eq!(facts.modules, Vec::<String>::new(), "{}: all is built in", contender.name);
        assert_eq!(facts.cpu.online, contender.vcpus, "{}: all CPUs are online", contender.name);
    }
    let libkrun = &report.contenders[0];
    assert_eq!(listed(libkrun), 3, "a disk; and a balloon and random numbers, which libkrun gives every guest");
    assert_eq!(report.experiment.files.kernel.as_deref(), Some(std::path::Path::new("small")), "as it was asked for");
}

#[test]
fn a_guest_of_libkrun_has_a_network_card() {
    require!(need::tcg(), need::small_kernel(), need::libkrun());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "nested", "--kernel", "small", "--vmm", "libkrun", "--tap", "--boots", "1"];
    lab.firebench(&args).args(["--iterations", "1", "--size", "1MiB", "--out"]).arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 1, 1);
    let [contender] = report.contenders.as_slice() else { panic!("one contender") };
    assert!(contender.launch.argv.iter().any(|word| word == "--tap"), "{:?}", contender.launch.argv);
    assert_eq!(listed(contender), 4, "one more than without a card");
}

/// The devices that a VMM lists on its guest's command line.
fn listed(contender: &ContenderRecord) -> usize {
    contender.boots[0].facts.as_ref().expect("facts").cmdline.matches("virtio_mmio.device=").count()
}
