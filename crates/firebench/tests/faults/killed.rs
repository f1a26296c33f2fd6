//! VMMs that are killed.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;
use crate::{LARGE, SHORT, SMALL, await_boot, await_iteration, failed_boot};

#[test]
fn a_qemu_that_is_killed_in_an_iteration() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let running = lab.firebench(&SHORT).args([LARGE, "--out"]).arg(&out).start();
    let qemu = await_iteration(&lab);
    kill(Pid::from_raw(qemu as i32), Signal::SIGKILL).expect("it runs");
    running.finish().fails(3, &["qemu, boot 1: the VMM ended during or after iteration 1", "SIGKILL"]);
    assert_eq!(failed_boot(&report(&out)).status, BootStatus::VmmExited);
}

#[test]
fn a_qemu_that_is_killed_amid_a_run_costs_its_block() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "2", "--iterations", "1"];
    let running = lab.firebench(&args).args(["--size", SMALL, "--max-failures", "1", "--out"]).arg(&out).start();
    wait_for("the first boot", Duration::from_secs(120), || running.stderr().contains("block 1 of 2").then_some(()));
    kill(Pid::from_raw(await_boot(&lab) as i32), Signal::SIGKILL).expect("it runs");
    let outcome = running.finish().ok();
    let report = report(&out);
    let boots: Vec<_> = report.contenders[0].boots.iter().map(|boot| (boot.block, boot.status)).collect();
    assert_eq!(boots, [(0, BootStatus::Ok), (1, BootStatus::VmmExited), (2, BootStatus::Ok)], "{outcome}");
    assert!(outcome.stdout.contains("qemu, boot 2, attempt 1: VMM exited: "), "{outcome}");
}

#[test]
fn a_nested_host_that_is_killed_is_replaced() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--boots", "2", "--iterations", "1"];
    let running = lab.firebench(&args).args(["--size", SMALL, "--out"]).arg(&out).start();
    // Once the first boot is over, so that there is something to keep.
    wait_for("the first boot", Duration::from_secs(120), || running.stderr().contains("block 1 of 2").then_some(()));
    let host = lab.processes(&["qemu", "+svm"]);
    kill(Pid::from_raw(host[0] as i32), Signal::SIGKILL).expect("it runs");
    let outcome = running.finish().ok();
    assert_eq!(outcome.stderr.matches("nested host up in").count(), 2, "{outcome}");
    let report = report(&out);
    assert_good(&report, 2, 1);
    let notice = |text: &String| text.contains("nested host 1 broke down and was replaced") && text.contains("SIGKILL");
    assert!(report.notices.iter().any(notice), "{:?}", report.notices);
}
