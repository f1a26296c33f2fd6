//! What is recorded comes back: the report that the run itself printed, numbers bit for bit.

use std::collections::BTreeMap;

use firebench_analysis::findings::Findings;
use firebench_model::collect::Collected;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus, DesignRecord, IterationRecord, Report, RunEnd};
use firebench_model::runs::RunState;
use firebench_protocol::Counters;
use firebench_report::json::to_json;
use firebench_store::store::{Outcome, Store, StoreError};
use firebench_vmm::Launch;
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::fixture::{boot, failed, nested, published, qemu_facts};

/// The report as it is before the first boot.
pub fn head() -> Report {
    let mut head = published();
    for contender in &mut head.contenders {
        contender.boots.clear();
    }
    head
}

pub fn done(contender: usize, boot: BootRecord, retried: bool) -> RunEvent {
    RunEvent::BootDone { contender, boot: Box::new(boot), retried }
}

fn starting(contender: usize, program: &str) -> RunEvent {
    let launch = Launch { argv: vec![program.to_owned()], ..Launch::default() };
    RunEvent::BootStarting { contender, block: 0, attempt: 1, launch: Box::new(launch) }
}

/// Carries out `events` as `firebench run` does; returns what it would print, and what the store has.
fn carried_out(events: &[RunEvent], outcome: Outcome) -> (Report, Report) {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let mut printed = head();
    let id = store.begin(&printed).unwrap();
    printed.id = Some(id.to_string());
    let mut collected = Collected::new(printed.contenders.iter().map(|contender| contender.name.as_str()));
    let mut recorder = store.recorder(&id);
    for event in events {
        recorder.on_event(event);
        collected.on_event(event);
    }
    recorder.finish().unwrap();
    let mut so_far = printed.clone();
    collected.clone().fill(&mut so_far);
    let mut stored = store.load("latest").unwrap();
    for (stored, printed) in stored.contenders.iter_mut().zip(&so_far.contenders) {
        if stored.boots.is_empty() {
            // The launch of a boot in flight is not in the store.
            stored.launch = printed.launch.clone();
        }
    }
    assert_eq!(to_json(&Findings::of(&stored)).unwrap(), to_json(&Findings::of(&so_far)).unwrap(), "while it goes on");
    printed.duration = 251.5;
    collected.fill(&mut printed);
    store.finish(&id, &printed, outcome).unwrap();
    (printed, store.load(id.as_str()).unwrap())
}

fn value() -> impl Strategy<Value = f64> {
    let odd = prop::sample::select(vec![-0.0, 0.0, 1.0, 5e-324, f64::MAX, 0.1 + 0.2, 9_007_199_254_740_993.0]);
    prop_oneof![odd, any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(f64::abs)]
}

fn iteration(index: u32) -> impl Strategy<Value = IterationRecord> {
    let metrics = prop::collection::btree_map("[a-z_]{1,9}|\\PC{1,4}", value(), 0..6);
    (metrics, any::<u64>(), "\\PC{0,20}").prop_map(move |(metrics, count, digest)| IterationRecord {
        index,
        metrics,
        counters: Counters { disk_read_bytes: count, ..Counters::default() },
        digest,
        alone: false,
    })
}

fn any_boot() -> impl Strategy<Value = (usize, BootRecord, bool)> {
    let status = prop::sample::select(vec![BootStatus::NeverStarted, BootStatus::WrongDigest, BootStatus::Interrupted]);
    let iterations = (iteration(0), iteration(1), iteration(5)).prop_map(|(a, b, c)| vec![a, b, c]);
    let texts = (prop::option::of("\\PC{0,9}|\n|\0"), prop::collection::vec("\\PC{0,9}", 0..3));
    (0..2_usize, any::<u32>(), status, iterations, texts, prop::option::of(value()), value(), any::<bool>()).prop_map(
        |(contender, block, status, iterations, (message, last_words), boot_seconds, life_seconds, retried)| {
            let facts = Some(qemu_facts());
            let times =
                BootRecord { boot_seconds, life_seconds, vmm_cpu: Some((life_seconds, 0.5)), ..boot(block, 0, &[]) };
            (contender, BootRecord { status, message, iterations, last_words, facts, ..times }, retried)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out(boots in prop::collection::vec(any_boot(), 0..8), good in 0..6_u32, notice in "\\PC{0,30}") {
        let mut events = vec![RunEvent::Notice { text: notice }];
        let good = (0..good).flat_map(|block| {
            let good = boot(block, 0, &[[1.0, 2.0, -0.0], [0.1, 0.2, 0.3]]);
            [(1, BootRecord { discarded: true, ..good.clone() }, true), (1, good, false)]
        });
        for (contender, boot, retried) in good.chain(boots) {
            events.extend([starting(contender, &format!("{contender} {}", boot.block)), done(contender, boot, retried)]);
        }
        events.push(starting(0, "in flight"));
        let (printed, stored) = carried_out(&events, Outcome::Failed);
        prop_assert_eq!(to_json(&Findings::of(&printed)).unwrap(), to_json(&Findings::of(&stored)).unwrap());
        prop_assert_eq!(printed, stored);
    }
}

#[test]
fn the_launch_of_the_first_vm_is_kept() {
    let first = boot(0, 0, &[[1.0, 1.0, 0.0]]);
    let hung = BootRecord { status: BootStatus::NeverStarted, ..first.clone() };
    let events = [
        starting(0, "first"),
        done(0, hung, true),
        starting(0, "second"),
        done(0, first.clone(), false),
        starting(1, "other"),
        done(1, first, false),
    ];
    let (printed, stored) = carried_out(&events, Outcome::Done);
    let argv: Vec<_> = stored.contenders.iter().map(|contender| contender.launch.argv.join(" ")).collect();
    assert_eq!(argv, ["first", "other"]);
    assert_eq!(printed, stored);
    assert_eq!(stored.notices.len(), 2, "its own one, and the repeated boot: {:?}", stored.notices);
}

#[test]
fn the_design_that_was_decided_on_the_way_is_there_after_a_crash() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let decided = DesignRecord { iterations: 7, planned: Some(12), end: Some(RunEnd::Planned), ..head().design };
    let mut store = Store::open(&path).unwrap();
    let id = store.begin(&head()).unwrap();
    let mut recorder = store.recorder(&id);
    recorder.on_event(&done(0, boot(0, 0, &[[1.0, 1.0, 0.0]]), false));
    let progress =
        RunEvent::Progress { design: Box::new(decided.clone()), blocks: 1, live: Vec::new(), eta_seconds: None };
    recorder.on_event(&progress);
    recorder.finish().unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.load("latest").unwrap().design, decided);
    assert_eq!(store.list().unwrap()[0].blocks, 1);
    assert_eq!(store.list().unwrap()[0].state, RunState::Interrupted);
}

#[test]
fn every_sample_is_a_row() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut report = published();
    report.id = Some("0123abcd".to_owned());
    assert_eq!(Store::open(&path).unwrap().import(report.clone()).unwrap().as_str(), "0123abcd");
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT name, block, iteration, metric, value FROM boots JOIN contenders USING (run, contender)
               JOIN samples USING (boot)";
    let mut statement = connection.prepare(sql).unwrap();
    let row = |row: &rusqlite::Row| Ok(((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?), row.get(4)?));
    let rows: BTreeMap<(String, u32, u32, String), f64> =
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap();
    let mut expected = BTreeMap::new();
    for contender in &report.contenders {
        for boot in &contender.boots {
            for i in &boot.iterations {
                let of_metric = |(metric, value): (&String, &f64)| {
                    ((contender.name.clone(), boot.block, i.index, metric.clone()), *value)
                };
                expected.extend(i.metrics.iter().map(of_metric));
            }
        }
    }
    assert_eq!(rows, expected);
    assert_eq!(rows.len(), 2 * 2 * 3 * 4);
}

#[test]
fn throw_away_boots_are_imported_with_the_boots_that_count() {
    let mut report = published();
    let thrown = |boot: &BootRecord| BootRecord { discarded: true, ..boot.clone() };
    report.contenders[0].discarded = report.contenders[0].boots.iter().map(thrown).collect();
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let id = store.import(report.clone()).unwrap();
    let stored = store.load(id.as_str()).unwrap();
    assert_eq!(stored.contenders[0].discarded.len(), report.contenders[0].boots.len());
    assert_eq!(stored.contenders, report.contenders);
}

#[test]
fn reports_of_every_kind_are_imported_and_come_back() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    for report in [published(), nested(), failed(), head()] {
        let id = store.import(report.clone()).unwrap();
        let expected = Report { id: Some(id.to_string()), ..report };
        assert_eq!(
            to_json(&Findings::of(&store.load(id.as_str()).unwrap())).unwrap(),
            to_json(&Findings::of(&expected)).unwrap()
        );
    }
}

#[test]
fn a_good_boot_does_not_count_twice_and_what_is_no_number_is_refused() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let id = store.begin(&head()).unwrap();
    let good = boot(3, 0, &[[1.0, 1.0, 0.0]]);
    let mut recorder = store.recorder(&id);
    recorder.on_event(&done(0, good.clone(), false));
    recorder.on_event(&done(0, good.clone(), false));
    recorder.on_event(&done(1, good.clone(), false));
    assert!(matches!(recorder.finish(), Err(StoreError::Sqlite { .. })), "the same boot again");
    assert_eq!(crate::boots(store.done(&id).unwrap()), [(0, good.clone())], "nothing is written after the first error");

    let mut bad = boot(4, 0, &[[f64::NAN, 1.0, 0.0]]);
    let mut recorder = store.recorder(&id);
    recorder.on_event(&done(0, bad.clone(), false));
    assert!(matches!(recorder.finish(), Err(StoreError::Inconsistent(_))));
    bad.iterations[0].metrics.clear();
    bad.iterations.push(bad.iterations[0].clone());
    let mut recorder = store.recorder(&id);
    recorder.on_event(&done(0, bad, false));
    assert!(matches!(recorder.finish(), Err(StoreError::Inconsistent(_))), "iteration 0 twice");
    assert_eq!(store.done(&id).unwrap().len(), 1, "no half of a boot");
}
