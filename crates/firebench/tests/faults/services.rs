//! Services that do not do what they are for. What a service can say wrongly is tried in `firebench-run` (`drive/tests.rs`).

use firebench_model::record::BootStatus;

use crate::failed_boot;
use crate::require;
use crate::support::common::Lab;
use crate::support::fake::fake;
use crate::support::invocation::report;
use crate::support::need;

#[test]
fn a_service_that_never_answers() {
    require!(need::tcg());
    let lab = Lab::new();
    let fake = fake(&lab, "\"vmm\": \"qemu\", \"boot_ms\": 5, \"iteration_ms\": 600000");
    let contender = format!("--contender=a=qemu,binary={}", fake.display());
    let args = ["run", "service", "--accel", "tcg", "--boots", "1", "--iteration-deadline", "2", "--out"];
    let outcome = lab.firebench(&args).arg(lab.path("out")).arg(contender).run();
    let words = "a, boot 1: iteration 1 took longer than its deadline of 2 s: nothing answered in its network";
    let outcome = outcome.fails(3, &[words]);
    let report = report(&lab.path("out"));
    assert_eq!(failed_boot(&report).status, BootStatus::IterationDeadline, "{outcome}");
}
