//! Runs of which no boot counts.

use firebench_model::record::{BootStatus, Report};

use crate::support::invocation::Outcome;

/// Where firebench itself waits for a CPU, it may see the lie of a clock before it sees the guest's.
const OF_A_BUSY_MACHINE: &str = "the guest's clock is ";

/// No boot of the run counts, no figure of it is shown, and what it says of its boots has all of `words`. On a busy machine some
/// of them, but not all, may be void for their clocks.
#[track_caller]
pub fn no_boot_counts(outcome: Outcome, report: &Report, words: &[&str]) {
    let outcome = outcome.fails(3, &["too many blocks were left out", "the last one: "]);
    let boots: Vec<_> = report.contenders.iter().flat_map(|contender| &contender.boots).collect();
    let said = |boot: &firebench_model::record::BootRecord| boot.message.clone().unwrap_or_default();
    let caught = |message: &str| words.iter().all(|word| message.contains(word));
    for boot in &boots {
        let message = said(boot);
        let void = boot.status == BootStatus::Void && (caught(&message) || message.contains(OF_A_BUSY_MACHINE));
        assert!(void, "{message}: {outcome}");
    }
    assert!(boots.iter().any(|boot| caught(&said(boot))), "{words:?}: {outcome}");
    assert!(!outcome.stdout.contains("MB/s") && !outcome.stdout.contains("GB/s"), "{outcome}");
    assert!(outcome.stdout.contains("good boots                            0 of "), "{outcome}");
}
