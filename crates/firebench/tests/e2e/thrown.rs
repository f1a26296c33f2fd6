//! `--settle boot`: throw-away boots before blocks, which count for nothing.

use firebench_model::record::{BootRecord, BootStatus, Report};
use firebench_stats::order;
use serde_json::json;

use crate::require;
use crate::support::common::Lab;
use crate::support::fake::{fake, misbehaving};
use crate::support::invocation::{Invocation, report};
use crate::support::need;

const SEED: u64 = 5;
const BLOCKS: usize = 6;

/// A run of two contenders with throw-away boots.
fn thrown<'a>(lab: &'a Lab, vmm: &std::path::Path) -> Invocation<'a> {
    let blocks = BLOCKS.to_string();
    let args = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--boots", &blocks, "--iterations", "2"];
    let contenders = ["a", "b"].map(|name| format!("--contender={name}=qemu,binary={}", vmm.display()));
    lab.firebench(&args).args(["--settle", "boot", "--seed", &SEED.to_string(), "--out", "out"]).args(contenders)
}

/// The boots in their order, as (block, contender, whether it is a throw-away boot).
fn expected() -> Vec<(u32, usize, bool)> {
    let (mut boots, mut before) = (Vec::new(), None);
    for (block, order) in (0..).zip(order::blocks(2, SEED).take(BLOCKS)) {
        if before != order.first().copied() {
            boots.push((block, order[0], true));
        }
        boots.extend(order.iter().map(|&contender| (block, contender, false)));
        before = order.last().copied();
    }
    boots
}

fn boots(report: &Report) -> Vec<(u32, usize, bool)> {
    let mut boots = Vec::new();
    for (place, contender) in report.contenders.iter().enumerate() {
        boots.extend(contender.boots.iter().chain(&contender.discarded).map(|boot| (boot, place)));
    }
    boots.sort_by_key(|(boot, _)| (boot.block, boot.position, !boot.discarded));
    boots.into_iter().map(|(boot, place)| (boot.block, place, boot.discarded)).collect()
}

#[test]
fn throw_away_boots_are_kept_and_count_for_nothing() {
    require!(need::image());
    let lab = Lab::without_vms();
    let vmm = fake(&lab, "\"boot_ms\": 5, \"iteration_ms\": 10");
    let outcome = thrown(&lab, &vmm).at(&lab.path("")).run().ok();
    let count = expected().iter().filter(|(.., thrown)| *thrown).count();
    assert!((2..BLOCKS).contains(&count), "the seed is to have both kinds of blocks: {count}");
    assert!(outcome.stdout.contains(&format!("{count} throw-away boots before blocks")), "{outcome}");
    assert_eq!(outcome.stderr.matches("(thrown away)").count(), count, "{outcome}");
    let report = report(&lab.path("out"));
    assert_eq!(boots(&report), expected());
    assert!(report.contenders.iter().all(|contender| contender.boots.len() == BLOCKS));
    let mut discarded = report.contenders.iter().flat_map(|contender| &contender.discarded);
    assert!(discarded.all(|boot| boot.discarded && boot.iterations.len() == 2));
    // In the store it is the same, and its samples are none of the table's.
    let shown = lab.firebench(&["show", "latest", "--format", "json"]).run().ok();
    let stored: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let written = std::fs::read_to_string(lab.path("out/report.json")).expect("a report");
    let written: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(stored["contenders"], written["contenders"]);
    let csv = lab.firebench(&["export", "latest", "--format", "csv"]).run().ok();
    assert_eq!(csv.stdout.matches(",real,").count(), 2 * 2 * BLOCKS, "{csv}");
}

#[test]
fn they_are_there_by_default_where_there_is_a_verdict() {
    require!(need::image());
    let lab = Lab::without_vms();
    let discarded = |more: &[&str]| -> usize {
        let args = ["run", "memory", "--size", "1MiB", "--iterations", "1", "--boots", "6", "--out", "out"];
        let hosts = ["--contender=a=host", "--contender=b=host"];
        lab.firebench(&args).args(hosts).args(["--seed", &SEED.to_string()]).args(more).at(&lab.path("")).run().ok();
        report(&lab.path("out")).contenders.iter().map(|contender| contender.discarded.len()).sum()
    };
    assert_eq!(discarded(&[]), expected().iter().filter(|(.., thrown)| *thrown).count());
    assert_eq!(discarded(&["--settle", "none"]), 0);
}

#[test]
fn a_throw_away_boot_that_fails_takes_its_block() {
    require!(need::image());
    let lab = Lab::without_vms();
    let (number, (block, contender, _)) =
        expected().into_iter().enumerate().skip(2).find(|(_, (.., thrown))| *thrown).expect("a throw-away boot");
    let vmm = misbehaving(&lab, "qemu", &json!([{ "do": "exit", "code": 1, "boots": [number] }]));
    let outcome = thrown(&lab, &vmm).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    let failed = report.contenders[contender].boots.iter().find(|boot| boot.block == block).expect("the boot");
    assert!(failed.status == BootStatus::VmmExited && !failed.discarded, "{outcome}");
    let good = |boots: &[BootRecord]| boots.iter().filter(|boot| boot.status == BootStatus::Ok).count();
    assert!(report.contenders.iter().all(|contender| good(&contender.boots) >= BLOCKS), "it is made up for: {outcome}");
    assert!(outcome.stdout.contains("1 more left out"), "{outcome}");
}
