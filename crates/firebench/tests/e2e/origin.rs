//! `--preset origin`: the series, its page, and what it refuses.

use std::fs;

use crate::hash_loop::answered;
use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

/// One run of it, in the nested host: every other measure is on the page with the reason why it has no figure.
#[test]
#[ignore = "run by scripts/long"]
fn a_part_of_the_series_has_its_page() {
    require!(need::qemu(), need::firecracker(), need::image());
    let lab = Lab::new();
    let args = ["run", "hash-loop", "--preset", "origin", "--accel", "nested", "--rounds", "3", "--boots", "1"];
    let run = lab.firebench(&args).args(["--iterations", "2", "--memory", "256MiB", "--out", "out"]);
    let outcome = run.at(&lab.path("")).within(600).run().ok();
    assert!(outcome.stdout.ends_with("out/origin.md\n"), "{outcome}");
    let page = fs::read_to_string(lab.path("out/origin.md")).expect("a page");
    for words in [
        "# The origin's experiment, again",
        "**EMULATED: guest instructions were emulated",
        "## Hash loop, 100 times 1 MiB",
        "| QEMU, host's CPU | 1 | 69.3 (10) | ",
        "(1, emulated) |",
        "so nothing was hashed",
        "- Firecracker, C3: the template is for Intel's CPUs, and the CPU here is another one.",
        "`hash-loop`",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let report = report(&lab.path("out/hash-loop"));
    answered(&report);
    let names: Vec<String> = report.contenders.into_iter().map(|contender| contender.name).collect();
    assert_eq!(names[..3], ["qemu-host", "qemu-default", "fc-t2"]);
}

/// A run that fails does not end the series, and a dry run starts nothing.
#[test]
fn what_fails_is_on_the_page() {
    let lab = Lab::without_vms();
    let args = ["run", "hash-loop", "--preset", "origin", "--accel", "nested", "--out", "out", "--qemu", "gone"];
    let outcome = lab.firebench(&args).at(&lab.path("")).run();
    outcome.fails(2, &["gone"]);
    let page = fs::read_to_string(lab.path("out/origin.md")).expect("a page");
    assert!(page.contains("| QEMU, host's CPU | 1 | 69.3 (10) | failed: "), "{page}");
}

#[test]
fn what_the_series_has_of_its_own_is_refused() {
    let lab = Lab::without_vms();
    let refused = |args: &[&str], words: &[&str]| {
        let outcome = lab.firebench(&["run", "--preset", "origin"]).args(args).at(&lab.path("")).run();
        outcome.fails(2, words);
    };
    refused(&["--vmm", "host"], &["cannot use --vmm with --preset origin"]);
    refused(&["--contender", "a=host"], &["cannot use --contender with --preset origin"]);
    refused(&["--fail-if", "real > +3%"], &["cannot use --fail-if with --preset origin"]);
    refused(&["--", "true"], &["cannot use a command with --preset origin"]);
    refused(&["command"], &["did not measure the workload command", "memory, boot, service"]);
    assert!(!lab.store().exists());
}
