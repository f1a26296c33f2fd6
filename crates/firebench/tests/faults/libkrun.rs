//! Faults in and of libkrun. Where there is a guest, both are real: `firebench-libkrun` and the small kernel.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::injected::inject;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::invocation::{Invocation, report};
use crate::support::need;
use crate::{SMALL, failed_boot, require};

/// What a run of the real libkrun on this machine's /dev/kvm is started with.
const REAL: [&str; 11] =
    ["run", "memory", "--accel", "kvm", "--vmm", "libkrun", "--kernel", "small", "--boots", "1", "--size"];

/// A run whose guest hardly gets on where /dev/kvm is an interpreter, and reads for long where it is not.
fn long<'a>(lab: &'a Lab) -> Invocation<'a> {
    lab.firebench(&REAL).args(["1GiB", "--iterations", "50", "--boot-deadline", "60"])
}

/// The process of the real libkrun.
fn libkrun(lab: &Lab) -> Option<Pid> {
    lab.processes(&["firebench-libkrun", "--cmdline"]).first().map(|&pid| Pid::from_raw(pid as i32))
}

#[test]
fn a_libkrun_that_dies() {
    require!(need::image(), need::small_kernel());
    let fault = inject(json!([{ "do": "die", "signal": 9 }])).by_libkrun();
    let words = ["the VMM ended before the guest's agent sent its first frame (killed by SIGKILL)"];
    fault.fails(BootStatus::VmmExited, &words, "read the VMM's last words above");
}

#[test]
fn a_libkrun_that_ends_well_before_its_guest_has_spoken() {
    require!(need::image(), need::small_kernel());
    // So it ends when its guest dies without a word: no exit code tells that from a good end.
    let fault = inject(json!([{ "do": "exit", "code": 0 }])).by_libkrun();
    fault.fails(
        BootStatus::VmmExited,
        &["before the guest's agent sent its first frame"],
        "read the VMM's last words above",
    );
}

#[test]
fn a_libkrun_that_hangs() {
    require!(need::image(), need::small_kernel());
    let fault = inject(json!([{ "do": "hang", "at": "iteration" }])).by_libkrun().with(&["--iteration-deadline", "1"]);
    fault.fails(BootStatus::IterationDeadline, &["its deadline of 1 s"], "");
}

#[test]
fn a_libkrun_that_is_killed() {
    require!(need::image(), need::small_kernel(), need::libkrun(), need::kvm());
    let lab = Lab::new();
    let out = lab.path("out");
    let running = long(&lab).arg("--out").arg(&out).start();
    let pid = wait_for("a libkrun", SOON, || libkrun(&lab));
    kill(pid, Signal::SIGKILL).expect("it runs");
    running.finish().fails(3, &["libkrun, boot 1: the VMM ended", "SIGKILL"]);
    assert_eq!(failed_boot(&report(&out)).status, BootStatus::VmmExited);
}

#[test]
fn firebench_is_killed_beside_a_libkrun() {
    require!(need::image(), need::small_kernel(), need::libkrun(), need::kvm());
    let lab = Lab::new();
    let running = long(&lab).start();
    wait_for("a libkrun", SOON, || libkrun(&lab));
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::SIGKILL);
    let outcome = running.finish_and_leave();
    assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{outcome}");
    wait_for("the end of all processes", SOON, || lab.processes(&[""]).is_empty().then_some(()));
    // The rest goes with the next start.
    lab.firebench(&["run", "memory", "--contender=a=host", "--boots", "1", "--iterations", "1", "--size", SMALL])
        .run()
        .ok();
}

#[test]
fn a_kernel_that_finds_no_devices_without_acpi_is_not_given_to_libkrun() {
    require!(need::image(), need::libkrun());
    let lab = Lab::without_vms();
    let args = ["run", "memory", "--accel", "kvm", "--vmm", "libkrun", "--boots", "1", "--size", SMALL];
    let outcome =
        lab.firebench(&args).run().fails(3, &["devices on the command line (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES)"]);
    assert!(outcome.stderr.contains("`firebench kernel build`, and boot it with `--kernel small`"), "{outcome}");
}

#[test]
fn a_small_kernel_that_was_not_built() {
    require!(need::image());
    let lab = Lab::without_vms();
    let data = lab.path("data");
    let args = ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--kernel", "small", "--size", SMALL, "--data"];
    let busybox = need::busybox_path().expect("it is needed above");
    let run = lab.firebench(&args).arg(&data).env("FIREBENCH_BUSYBOX", busybox);
    run.run().fails(3, &["cannot find the small kernel", "firebench kernel build"]);
}
