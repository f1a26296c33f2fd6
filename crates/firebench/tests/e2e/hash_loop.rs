//! The hash loop: in every isolation, and what is refused of it. In VMs it runs as a part of the origin's series.

use firebench_model::record::{BootStatus, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

/// Three rounds over the first MiB of SplitMix64 with seed 1: by hashlib of Python.
pub const ANSWER: &str = "545b9c05eb5dafbcf518c198392bf912b1e1e8a0c1263b809bd8913270172f4c";

/// Whether each contender has a good boot, and each iteration of one gave the answer. On a busy machine, a short one may be void.
pub fn answered(report: &Report) {
    assert!(report.failure.is_none(), "{:?}", report.failure);
    for contender in &report.contenders {
        let good = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok);
        let digests: Vec<&str> = good.flat_map(|boot| &boot.iterations).map(|i| i.digest.as_str()).collect();
        assert!(
            digests.len() >= 2 && digests.iter().all(|digest| *digest == ANSWER),
            "{}: {digests:?}",
            contender.name
        );
    }
}

#[test]
fn every_isolation_gives_the_answer() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["run", "hash-loop", "--vmm", "host,bubblewrap,runc,gvisor,uml", "--rounds", "3", "--boots", "1"];
    let run = lab.firebench(&args).args(["--iterations", "2", "--memory", "256MiB", "--out", "out"]);
    let outcome = run.at(&lab.path("")).within(300).run().ok();
    let first = report(&lab.path("out"));
    answered(&first);
    assert_eq!(first.contenders.len(), 5);
    assert!(outcome.prose().contains("Each iteration hashes 3 MiB: 3 times a buffer of 1 MiB"), "{outcome}");
    // All that it was is in the report: the same again, with more rounds.
    let again = lab.firebench(&["run", "--from", "out/report.md", "--trust-experiment", "--no-store"]);
    again.args(["--vmm", "host", "--rounds", "4", "--out", "again"]).at(&lab.path("")).run().ok();
    let again = report(&lab.path("again")).experiment.hash_loop.expect("a loop");
    assert_eq!((again.rounds, again.buffer), (Some(4), first.experiment.hash_loop.expect("a loop").buffer));
}

#[test]
fn what_is_no_loop_is_refused() {
    let lab = Lab::without_vms();
    let refused = |args: &[&str], words: &[&str]| {
        lab.firebench(&["run"]).args(args).at(&lab.path("")).run().fails(2, words);
    };
    refused(&["hash-loop", "--rounds", "0"], &["it must be a number from 1 to 4294967295"]);
    refused(&["hash-loop", "--buffer", "lots"], &["--buffer"]);
    refused(&["hash-loop", "--vmm", "host", "--buffer", "0"], &["--buffer must be at least 1"]);
    refused(&["hash-loop", "--rounds", "4000000000"], &["at most 8GiB are possible", "choose fewer --rounds"]);
    refused(&["memory", "--rounds", "3"], &["cannot use --rounds with the workload memory"]);
    lab.file("firebench.toml", "workload = \"memory\"\n[hash_loop]\nrounds = 3\n");
    refused(&["--vmm", "host"], &["cannot use hash_loop with the workload memory"]);
    lab.file("firebench.toml", "workload = \"hash-loop\"\n[hash_loop]\nrounds = 0\n");
    refused(&["--vmm", "host"], &["--rounds must be at least 1"]);
    assert!(!lab.store().exists());
}
