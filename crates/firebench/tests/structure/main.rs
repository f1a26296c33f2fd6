//! How the source is built: what holds for it without anybody having to remember it.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod circles;
mod finder;
mod imports;
mod pages;
mod source;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};

use source::Source;
use workspace::{files, packages};

/// What the program may use, and what the fuzzers reach.
const BELOW_THE_PROGRAM: &[&str] = &[
    "analysis",
    "host",
    "image",
    "model",
    "os",
    "protocol",
    "report",
    "run",
    "stats",
    "store",
    "supervise",
    "text",
    "vmm",
    "workload",
];

/// Which crates of ours each crate may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("firebench-protocol", &[]),
    ("firebench-stats", &[]),
    ("firebench-text", &[]),
    ("firebench-os", &[]),
    ("firebench-agent", &["protocol"]),
    ("firebench-libkrun", &[]),
    ("firebench-image", &["os", "protocol", "text"]),
    ("firebench-vmm", &["protocol"]),
    ("firebench-supervise", &["os", "text", "vmm"]),
    ("firebench-model", &["protocol", "stats", "text", "vmm"]),
    ("firebench-workload", &["model", "protocol", "stats", "text"]),
    ("firebench-analysis", &["model", "protocol", "stats", "text", "vmm", "workload"]),
    ("firebench-host", &["image", "model", "os", "supervise", "text", "vmm"]),
    ("firebench-run", &["image", "model", "os", "protocol", "stats", "supervise", "text", "vmm", "workload"]),
    ("firebench-report", &["analysis", "model", "os", "protocol", "stats", "text", "vmm"]),
    ("firebench-store", &["analysis", "model", "os", "stats", "supervise", "text", "vmm"]),
    ("firebench", BELOW_THE_PROGRAM),
    ("firebench-fuzz", BELOW_THE_PROGRAM),
];

/// The longest file, in lines.
const LONGEST: usize = 450;

/// The largest part of the source that one crate may have.
const LARGEST_PART: f64 = 0.25;

#[test]
fn no_files_import_one_another_in_a_circle() {
    let mut wrong = String::new();
    for package in packages() {
        let mut described = Vec::new();
        for root in &package.roots {
            let imports = imports::imports(&Source::of_crate(root));
            let base = root.parent().expect("a directory");
            described.extend(circles::circles(&imports).iter().map(|circle| circle.describe(&imports, base)));
        }
        for circle in described {
            wrong += &format!("{}: {circle}\n", package.name);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn crates_use_no_others_than_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<String>> = MAY_USE
        .iter()
        .map(|(name, used)| (*name, used.iter().map(|used| format!("firebench-{used}")).collect()))
        .collect();
    for package in packages() {
        let allowed =
            allowed.get(package.name.as_str()).unwrap_or_else(|| panic!("{} is not in MAY_USE", package.name));
        let more: Vec<&String> = package.uses.difference(allowed).collect();
        assert!(more.is_empty(), "{} must not use {more:?}", package.name);
    }
}

#[test]
fn no_file_is_too_long() {
    let packages = packages();
    let all = packages.iter().flat_map(|package| files(&package.directory));
    let long: Vec<_> = all.filter(|(_, lines)| *lines > LONGEST).collect();
    assert!(long.is_empty(), "more than {LONGEST} lines: {long:#?}");
}

#[test]
fn no_crate_is_most_of_the_source() {
    let lines = |package: &workspace::Package| files(&package.directory.join("src")).iter().map(|(_, n)| n).sum();
    let sizes: Vec<(String, usize)> = packages().iter().map(|package| (package.name.clone(), lines(package))).collect();
    let all: usize = sizes.iter().map(|(_, lines)| lines).sum();
    for (name, lines) in sizes {
        let part = lines as f64 / all as f64;
        assert!(part <= LARGEST_PART, "{name} has {:.0}% of the source", part * 100.0);
    }
}
