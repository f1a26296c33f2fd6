//! Faults inside the nested host, where the VMMs are real ones with a KVM.

use std::path::{Path, PathBuf};

use firebench_model::record::{BootRecord, BootStatus};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::image::{flip_a_bit, payload};
use crate::require;
use crate::support::common::{Lab, build, firebench};
use crate::support::executable::executable;
use crate::support::invocation::{Outcome, report};
use crate::support::need;

const NESTED: [&str; 8] = ["run", "memory", "--accel", "nested", "--boots", "1", "--iterations", "1"];
/// With it the first one of two contenders boots first: it fails, and the other one need not boot.
const SEED: &str = "1";

/// `examples/wayward_vmm.rs`: `vmm`, that does `deed`.
fn wayward(lab: &Lab, vmm: &Path, deed: serde_json::Value) -> PathBuf {
    build(&["--package", "firebench", "--example", "wayward_vmm"]);
    let mut program = std::fs::read(firebench().with_file_name("examples").join("wayward_vmm")).expect("the example");
    program.extend(format!("\n{}\n", json!({ "vmm": vmm, "deed": deed })).bytes());
    executable(lab, "wayward-vmm", program)
}

fn firecracker() -> PathBuf {
    firebench_host::fetch::installed_firecracker(&crate::support::common::data_dir()).expect("needed")
}

/// A VMM beside one of the same kind that is struck, which takes the other one along into the nested host; the struck
/// one's boot.
fn strike(kind: &str, vmm: &Path, signal: Signal, args: &[&str]) -> (Outcome, BootRecord) {
    let lab = Lab::new();
    let out = lab.path("out");
    let deed = json!({ "strike": { "signal": signal as i32, "after_ms": 300 } });
    let contenders = [
        format!("--contender=struck={kind},binary={}", wayward(&lab, vmm, deed).display()),
        format!("--contender=whole={kind},binary={}", vmm.display()),
    ];
    let run =
        lab.firebench(&NESTED).args(contenders).args(["--size", "16MiB", "--vcpus", "1", "--seed", SEED]).args(args);
    let outcome = run.arg("--out").arg(&out).run().fails(3, &["struck, boot 1: "]);
    let report = report(&out);
    let boot = report.contenders[0].boots.last().expect("a boot").clone();
    assert!(boot.boot_seconds.is_some() && boot.facts.is_some() && boot.iterations.is_empty(), "{boot:?}");
    (outcome, boot)
}

#[test]
fn a_firecracker_that_is_killed_in_an_iteration_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let (outcome, boot) = strike("firecracker", &firecracker(), Signal::SIGKILL, &[]);
    assert_eq!(boot.status, BootStatus::VmmExited, "{outcome}");
    outcome.fails(3, &["struck, boot 1: the VMM ended during or after iteration 1 (killed by SIGKILL)"]);
}

#[test]
fn a_qemu_that_is_stopped_in_an_iteration_in_the_nested_host() {
    require!(need::tcg());
    let qemu = firebench_os::program::find_program("qemu-system-x86_64").expect("needed");
    let (outcome, boot) = strike("qemu", &qemu, Signal::SIGSTOP, &["--iteration-deadline", "10"]);
    assert_eq!(boot.status, BootStatus::IterationDeadline, "{outcome}");
    let words = "struck, boot 1: iteration 1 took longer than its deadline of 10 s (the VMM is stopped, for example \
    by SIGSTOP)";
    outcome.fails(3, &[words]);
}

#[test]
fn a_kernel_that_panics_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["--vmm", "firecracker", "--size", "1MiB", "--append", "rdinit=/nonexistent root=/dev/none", "--out"];
    let outcome = lab.firebench(&NESTED).args(args).arg(&out).run();
    let outcome =
        outcome.fails(3, &["firecracker, boot 1: the guest's kernel panicked: ", "Kernel panic - not syncing"]);
    let report = report(&out);
    let boot = crate::failed_boot(&report);
    assert_eq!((boot.status, boot.attempt), (BootStatus::GuestPanicked, 1), "{outcome}");
    assert!(boot.last_words.iter().any(|line| line.starts_with("console: ") && line.contains("Kernel panic")));
}

#[test]
fn one_flipped_bit_is_a_wrong_digest_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new().with_own_cache();
    let payload = payload();
    let file = lab.file("payload", &payload);
    let run = || lab.firebench(&NESTED).args(["--vmm", "firecracker", "--payload"]).arg(&file);
    lab.firebench(&["image", "build", "--file"]).arg(&file).run().ok();
    flip_a_bit(&lab, &payload);
    let out = lab.path("out");
    let expected = firebench_image::digest::sha256(&payload);
    let outcome = run().arg("--out").arg(&out).run();
    let outcome = outcome.fails(3, &["firecracker, boot 1: iteration 1: the guest computed", &expected]);
    assert_eq!(crate::failed_boot(&report(&out)).status, BootStatus::WrongDigest);
    assert!(outcome.stderr.contains("firebench image list --verify"), "{outcome}");
}

#[test]
fn a_vmm_that_devours_all_it_can_get_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let devourer = wayward(&lab, &firecracker(), json!("devour"));
    // The other one need not boot: for its memory the nested host has more than the first one may take.
    let contenders = [
        format!("--contender=devourer=firecracker,memory=128MiB,binary={}", devourer.display()),
        "--contender=large=firecracker,memory=2GiB".to_owned(),
    ];
    let run = lab.firebench(&NESTED).args(contenders).args(["--size", "1MiB", "--vcpus", "1", "--seed", SEED]);
    run.arg("--out").arg(&out).run().fails(
        3,
        &[
            "devourer, boot 1: the VMM ended before the guest's agent sent its first frame (killed by SIGKILL; ",
            "it used more than its limit of 2176 MiB",
            "it needed more than its limit of 512 processes and threads",
        ],
    );
    let boot = report(&out).contenders[0].boots.last().expect("a boot").clone();
    assert_eq!((boot.status, boot.without.as_slice()), (BootStatus::VmmExited, [].as_slice()));
}

/// A QEMU for the nested host, given by a line of a shell script; the guests' VMM is another one.
fn qemu_by(lab: &Lab, line: &str) -> PathBuf {
    let real = firebench_os::program::find_program("qemu-system-x86_64").expect("needed");
    let script = format!("#!/bin/bash\nreal={}\n{line}\n", real.display());
    let path = lab.file("qemu-system-x86_64", script);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("mode");
    path
}

/// It ends at once with the cause, after one nested host.
fn ends_at_once(line: &str, words: &[&str]) -> Outcome {
    let lab = Lab::new();
    let qemu = qemu_by(&lab, line);
    let args = ["--vmm", "firecracker", "--size", "1MiB", "--qemu"];
    let outcome = lab.firebench(&NESTED).args(args).arg(&qemu).arg("--out").arg(lab.path("out")).run();
    let outcome = outcome.fails(3, &["the nested host cannot work: "]).fails(3, words);
    assert!(!outcome.stderr.contains("enough free memory") && !outcome.stderr.contains("broke down"), "{outcome}");
    outcome
}

#[test]
fn a_qemu_that_does_not_find_its_firmware_is_started_once() {
    require!(need::tcg(), need::firecracker());
    let outcome =
        ends_at_once("exec $real \"$@\" -bios /nonexistent.bin", &["its QEMU ended before it was up (exit code 1)"]);
    assert!(outcome.stderr.contains("could not load PC BIOS") && outcome.stderr.contains("--reinstall"), "{outcome}");
}

#[test]
fn a_nested_host_without_the_virtualization_of_amd_is_started_once() {
    require!(need::tcg(), need::firecracker());
    let line = "exec $real \"${@/+svm,+npt/-svm}\"";
    let outcome = ends_at_once(line, &["cannot load the kernel module kvm_amd: "]);
    assert!(outcome.stderr.contains("hint: its kernel must have KVM for AMD CPUs"), "{outcome}");
}

/// A run whose first nested host goes astray once its first boot has begun; the notice about it.
fn astray(deed: serde_json::Value, boots: u32) -> String {
    let lab = Lab::new();
    let out = lab.path("out");
    let real = firebench_os::program::find_program("qemu-system-x86_64").expect("needed");
    let qemu = wayward(&lab, &real, deed);
    let args = ["run", "memory", "--accel", "nested", "--iterations", "1", "--vmm", "firecracker", "--size", "1MiB"];
    let run = lab.firebench(&args).args(["--boots", &boots.to_string(), "--qemu"]).arg(&qemu);
    let outcome = run.arg("--out").arg(&out).run().ok();
    let report = report(&out);
    crate::support::good::assert_good(&report, boots as usize, 1);
    let notice = report.notices.iter().find(|notice| notice.starts_with("nested host 1 broke down and was replaced: "));
    notice.unwrap_or_else(|| panic!("{:?}\n{outcome}", report.notices)).clone()
}

#[test]
fn a_nested_host_whose_qemu_is_stopped_is_replaced_and_the_notice_says_so() {
    require!(need::tcg(), need::firecracker());
    let notice = astray(json!({ "strike_host": { "signal": Signal::SIGSTOP as i32 } }), 1);
    assert!(notice.contains("it stood still: no heartbeat for 2"), "{notice}");
    assert!(notice.contains("its QEMU is stopped, for example by SIGSTOP"), "{notice}");
}

#[test]
fn a_nested_host_whose_heart_stops_is_replaced_and_the_notice_says_where_it_stood() {
    require!(need::tcg(), need::firecracker());
    // So many boots that the first nested host has not done them all in 20 s.
    let notice = astray(json!("mute_host"), 6);
    assert!(notice.contains("it stood still: no heartbeat for 2"), "{notice}");
    assert!(notice.contains("; its CPU ") && notice.contains(" at RIP "), "{notice}");
}
