//! VMMs that firebench does not fetch: what can go wrong with them beside what can with every VMM.

use std::os::unix::fs::PermissionsExt;

use firebench_model::record::BootStatus;
use serde_json::json;

use crate::injected::inject;
use crate::kernels::{HALT, kernel};
use crate::require;
use crate::support::common::Lab;
use crate::support::need;

/// Those of which there is a fake.
const VMMS: [&str; 3] = ["cloud-hypervisor", "crosvm", "kvmtool"];

/// What the hint of a VMM that ended says.
const ENDED: &str = "read the VMM's last words above";

#[test]
fn a_vmm_by_path_is_run_like_every_other() {
    require!(need::image(), need::kvm());
    for vmm in VMMS {
        inject(json!([])).by(vmm).goes_well(&[]);
        let fault =
            inject(json!([{ "do": "mutter", "text": "why\n" }, { "do": "die", "signal": 6, "at": "iteration" }]));
        let words = ["the VMM ended during or after iteration 1 (killed by SIGABRT)"];
        let (_, boot) = fault.by(vmm).fails(BootStatus::VmmExited, &words, ENDED);
        assert!(boot.last_words.contains(&"stderr: why".to_owned()), "{vmm}: {:?}", boot.last_words);
        let fault = inject(json!([{ "do": "hang" }])).by(vmm).with(&["--boot-deadline", "1"]);
        fault.fails(BootStatus::NeverStarted, &["boot deadline of 1 s"], "--boot-deadline gives the guest more time");
    }
}

#[test]
fn a_cloud_hypervisor_that_boots_its_guest_again() {
    require!(need::image(), need::kvm());
    // Its guest has reset the machine, which it takes at its word.
    let again = json!([{ "do": "repeat", "event": "hello", "times": 2 }]);
    let words = ["the guest sent a frame out of order: hello"];
    inject(again).by("cloud-hypervisor").fails(BootStatus::ProtocolError, &words, "do not trust anything from this VM");
}

#[test]
fn a_crosvm_whose_guest_dies_without_a_word() {
    require!(need::image(), need::kvm());
    // Whether its guest powers off, resets the machine, panics or falls over: it ends well.
    let words = ["the VMM ended before the guest's agent sent its first frame"];
    let (_, boot) =
        inject(json!([{ "do": "exit", "code": 0 }])).by("crosvm").fails(BootStatus::VmmExited, &words, ENDED);
    assert!(boot.iterations.is_empty(), "{boot:?}");
}

#[test]
fn a_crosvm_that_does_not_know_its_version() {
    require!(need::image());
    let lab = Lab::without_vms();
    let crosvm = lab.file("crosvm", "#!/bin/sh\necho crosvm\n");
    std::fs::set_permissions(&crosvm, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let args = ["run", "memory", "--accel", "kvm", "--size", "1MiB"];
    let run = lab.firebench(&args).arg(format!("--contender=a=crosvm,binary={}", crosvm.display())).run();
    run.fails(2, &["crosvm version does not name a version of crosvm but says \"crosvm\""]);
}

#[test]
fn a_kvmtool_without_a_boot_image() {
    require!(need::busybox(), need::kvm());
    let fault = inject(json!([])).by("kvmtool");
    let elf = fault.lab().file("vmlinux", kernel(HALT));
    let outcome = fault.invocation().arg("--kernel").arg(&elf).run();
    let outcome = outcome
        .fails(2, &["contender a: kvmtool cannot start", "it takes a boot image (bzImage), and this is an ELF file"]);
    assert!(outcome.stderr.contains("hint: give the kernel as its bzImage"), "{outcome}");
}

#[test]
fn a_kvmtool_whose_socket_has_too_long_a_path() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([])).by("kvmtool");
    let long = fault.lab().path(&"d".repeat(80));
    std::fs::create_dir(&long).expect("a directory");
    fault.invocation().env("TMPDIR", &long).run().fails(2, &["kvmtool cannot listen on", "has at most 107 bytes"]);
}

#[test]
fn a_vmm_by_path_that_is_not_there_or_another_one() {
    require!(need::image());
    let lab = Lab::without_vms();
    let empty = lab.path("empty");
    std::fs::create_dir(&empty).expect("a directory");
    for (vmm, program, where_from) in [
        ("cloud-hypervisor", "cloud-hypervisor", "get it from its project"),
        ("crosvm", "crosvm", "build it (github.com/google/crosvm: cargo build"),
        ("kvmtool", "lkvm", "build it (github.com/kvmtool/kvmtool: make)"),
    ] {
        let run = |contender: String| {
            let args = ["run", "memory", "--accel", "kvm", "--size", "1MiB"];
            lab.firebench(&args).arg(contender).env("PATH", &empty).run()
        };
        let outcome = run(format!("--contender=a={vmm}")).fails(3, &[&format!("there is no {program}")]);
        assert!(outcome.stderr.contains(where_from), "{outcome}");
        run(format!("--contender=a={vmm},binary=/nonexistent")).fails(2, &["/nonexistent"]);
        run(format!("--contender=a={vmm},binary=/bin/true")).fails(2, &["/bin/true", "does not name a version of"]);
    }
    // What is not there is no problem of the machine.
    let outcome = lab.firebench(&["doctor"]).run();
    assert!(outcome.stdout.contains("info  kvmtool "), "{outcome}");
}
