//! The page of `--preset origin`.

use firebench_analysis::origin::{Outcome, Unplanned};
use firebench_report::origin::page;

use crate::fixture::published;

#[test]
fn published_figures_stand_beside_ours_with_what_they_had_measured() {
    let mut report = published();
    for (contender, name) in report.contenders.iter_mut().zip(["qemu-host", "fc-t2"]) {
        name.clone_into(&mut contender.name);
    }
    let outcomes = [
        Outcome { workload: "memory", at_once: 1, report: Ok(&report) },
        Outcome { workload: "hash-loop", at_once: 1, report: Err("failed: no <room> left") },
    ];
    let unplanned = [Unplanned { what: "Firecracker, C3".to_owned(), why: "the CPU here is another one".to_owned() }];
    let directories = ["memory".to_owned(), "hash-loop".to_owned()];
    let page = page(&outcomes, &unplanned, None, &directories);
    insta::assert_snapshot!("origin", page);
}

#[test]
fn a_workload_alone_has_its_measures_alone() {
    let page = page(&[], &[], Some("hash-loop"), &[]);
    let sections: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(sections, ["## Hash loop, 100 times 1 MiB", "## Its sets"]);
    assert!(page.contains("| Firecracker, T2 | 20 | 315.2 (80, pooled) | not measured |"), "{page}");
}
