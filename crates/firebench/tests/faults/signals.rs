//! The user, or the system, ends firebench amidst a run.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::invocation::report;
use crate::support::need;
use crate::{LARGE, SHORT, SMALL, await_boot, await_iteration, failed_boot};

#[test]
fn an_interrupt_in_a_boot() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let running = lab.firebench(&SHORT).args([SMALL, "--out"]).arg(&out).start();
    await_boot(&lab);
    running.signal(Signal::SIGINT);
    let outcome = running.within(60).finish().stops(130, "stopped by Ctrl-C");
    assert!(outcome.stdout.contains("interrupted"), "{outcome}");
    let report = report(&out);
    let boot = failed_boot(&report);
    assert_eq!((boot.status, boot.boot_seconds), (BootStatus::Interrupted, None));
}

#[test]
fn a_termination_in_an_iteration() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let running = lab.firebench(&SHORT).args([LARGE, "--out"]).arg(&out).start();
    await_iteration(&lab);
    running.signal(Signal::SIGTERM);
    running.within(60).finish().stops(143, "stopped by SIGTERM");
    let report = report(&out);
    let boot = failed_boot(&report);
    assert_eq!(boot.status, BootStatus::Interrupted);
    assert!(boot.boot_seconds.is_some() && boot.facts.is_some() && boot.meminfo_before.is_some(), "what was there");
}

#[test]
fn an_interrupt_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--size", SMALL];
    let running = lab.firebench(&args).start();
    wait_for("the nested host", Duration::from_secs(60), || running.stderr().contains("nested host up").then_some(()));
    running.signal(Signal::SIGINT);
    running.within(60).finish().stops(130, "stopped by Ctrl-C");
}

#[test]
fn an_interrupt_while_the_image_is_made() {
    require!(need::tcg());
    let lab = Lab::new().with_empty_cache();
    let running = lab.firebench(&["image", "build", "--size", "2GiB"]).start();
    wait_for("the disk", Duration::from_secs(60), || running.stderr().contains("building the disk").then_some(()));
    std::thread::sleep(Duration::from_millis(200));
    running.signal(Signal::SIGINT);
    running.within(60).finish().stops(130, "stopped by Ctrl-C");
    for place in ["entries/disk", "staging"] {
        let left: Vec<_> = std::fs::read_dir(lab.cache.join(place)).into_iter().flatten().collect();
        assert!(left.is_empty(), "{place}: {left:?}");
    }
}

#[test]
fn a_killed_firebench_takes_its_vmm_along_and_the_next_one_sweeps() {
    require!(need::tcg());
    let lab = Lab::new();
    let running = lab.firebench(&SHORT).arg(SMALL).start();
    let (pid, qemu) = (running.pid(), await_boot(&lab));
    running.signal(Signal::SIGKILL);
    let outcome = running.finish_and_leave();
    assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{outcome}");
    wait_for("the death of QEMU", SOON, || (!lab.processes(&[]).contains(&qemu)).then_some(()));
    let left: Vec<_> = std::fs::read_dir(&lab.tmp).expect("TMPDIR").collect();
    assert_eq!(left.len(), 1, "the directory of the run: {left:?}");
    lab.firebench(&SHORT).args([SMALL, "--dry-run"]).run().ok();
    lab.assert_nothing_left(pid);
}
