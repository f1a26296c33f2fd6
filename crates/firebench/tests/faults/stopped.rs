//! firebench itself is stopped while it watches a VM: what it timed meanwhile is not believed, and it says why.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::Signal;

use crate::own::{args, await_boots, blocks};
use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::fake::fake;
use crate::support::need;

/// Longer than the bound, which is 3 s in an emulated run.
const STOPPED: Duration = Duration::from_secs(4);

/// Stops the firebench of a run of two boots for a while amid the first one, whose guest behaves like this. That boot is void
/// for that reason, and another block takes its place.
#[track_caller]
fn stopped(behaviour: &str, when: &str) {
    let lab = Lab::without_vms();
    let vmm = fake(&lab, behaviour);
    let out = lab.path("out");
    let running = lab.firebench(&[]).args(args(&vmm, 2)).arg("--out").arg(&out).start();
    wait_for("the VM", Duration::from_secs(30), || (!lab.processes(&["fake-vmm", "-initrd"]).is_empty()).then_some(()));
    std::thread::sleep(Duration::from_secs(1));
    running.signal(Signal::SIGSTOP);
    std::thread::sleep(STOPPED);
    running.signal(Signal::SIGCONT);
    await_boots(&running, 2);
    let outcome = running.finish().ok();
    let report = crate::support::invocation::report(&out);
    let first = &report.contenders[0].boots[0];
    let said = first.message.as_deref().unwrap_or_default();
    assert_eq!(first.status, BootStatus::Void, "{said}: {outcome}");
    assert!(said.contains("firebench itself did not run for about ") && said.contains(when), "{said}: {outcome}");
    assert!(!said.contains("clock is"), "{said}");
    assert_eq!(blocks(&lab).len(), 2, "{outcome}");
}

#[test]
fn firebench_is_stopped_while_a_guest_boots() {
    require!(need::image());
    stopped("\"boot_ms\": 3000, \"iteration_ms\": 50", "while the guest booted");
}

#[test]
fn firebench_is_stopped_in_an_iteration() {
    require!(need::image());
    stopped("\"boot_ms\": 5, \"iteration_ms\": 3000", "during or after iteration 1");
}

#[test]
fn the_time_in_which_firebench_was_stopped_is_not_the_guests_silence() {
    require!(need::image());
    let lab = Lab::without_vms();
    let vmm = fake(&lab, "\"boot_ms\": 1500, \"iteration_ms\": 50");
    let running = lab.firebench(&[]).args(args(&vmm, 1)).args(["--boot-deadline", "3"]).start();
    wait_for("the VM", Duration::from_secs(30), || (!lab.processes(&["fake-vmm", "-initrd"]).is_empty()).then_some(()));
    running.signal(Signal::SIGSTOP);
    std::thread::sleep(STOPPED);
    running.signal(Signal::SIGCONT);
    let outcome = running.finish().ok();
    assert!(!outcome.stderr.contains("the guest's agent sent nothing"), "{outcome}");
    assert_eq!(blocks(&lab).len(), 1, "{outcome}");
}
