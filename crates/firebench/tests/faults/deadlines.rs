//! Guests that take too long.

use firebench_model::record::BootStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;
use crate::{LARGE, SHORT, await_iteration, failed_boot};

#[test]
fn an_iteration_that_takes_too_long() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let run = lab.firebench(&SHORT).args([LARGE, "--iteration-deadline", "1", "--out"]).arg(&out).run();
    let outcome = run.fails(3, &["qemu, boot 1: iteration 1 took longer than its deadline of 1 s"]);
    assert!(outcome.stderr.contains("give the iteration more time with --iteration-deadline"), "{outcome}");
    let report = report(&out);
    let boot = failed_boot(&report);
    assert_eq!((boot.status, boot.iterations.len()), (BootStatus::IterationDeadline, 0));
    assert!(boot.boot_seconds.is_some() && boot.facts.is_some() && boot.meminfo_before.is_some());
}

#[test]
fn a_vmm_that_stands_still() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = [LARGE, "--iteration-deadline", "20", "--out"];
    let running = lab.firebench(&SHORT).args(args).arg(&out).start();
    let qemu = await_iteration(&lab);
    kill(Pid::from_raw(qemu as i32), Signal::SIGSTOP).expect("it runs");
    let words = "qemu, boot 1: iteration 1 took longer than its deadline of 20 s (the VMM is stopped, for example by \
    SIGSTOP)";
    running.finish().fails(3, &[words]);
    assert_eq!(failed_boot(&report(&out)).status, BootStatus::IterationDeadline);
}
