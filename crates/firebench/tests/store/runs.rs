//! Runs: names, states, who is at work on them, and how they go away.

use std::path::PathBuf;

use firebench_model::events::Listener;
use firebench_model::record::{BootRecord, BootStatus};
use firebench_model::runs::RunState;
use firebench_store::store::{Outcome, Store, StoreError};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::fixture::{boot, failed, nested, published};
use crate::recorded::{done, head};

fn store() -> (TempDir, PathBuf, Store) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let store = Store::open(&path).unwrap();
    (dir, path, store)
}

fn with_id(id: &str) -> firebench_model::record::Report {
    firebench_model::record::Report { id: Some(id.to_owned()), ..published() }
}

#[test]
fn runs_are_found_by_the_beginning_of_their_id() {
    let (_dir, _, mut store) = store();
    assert!(matches!(store.load("latest"), Err(StoreError::Empty)));
    for id in ["abcdef01", "abcd0000", "01234567"] {
        assert_eq!(store.import(with_id(id)).unwrap().as_str(), id);
    }
    let found = |which: &str| store.id(which).map(|id| id.to_string());
    assert_eq!(found("abcdef01").unwrap(), "abcdef01");
    assert_eq!(found("abcde").unwrap(), "abcdef01");
    assert_eq!(found("0").unwrap(), "01234567");
    assert_eq!(found("latest").unwrap(), "01234567");
    match found("abcd") {
        Err(StoreError::Ambiguous { ids, .. }) => assert_eq!(ids, ["abcd0000", "abcdef01"]),
        other => panic!("{other:?}"),
    }
    for unknown in ["ff", "", "*", "a*", "abcdef012", "ABCDEF01", "' OR 1", "\u{1b}[2J"] {
        match found(unknown) {
            Err(StoreError::NoSuchRun(which)) => assert!(!which.contains('\u{1b}')),
            other => panic!("{unknown:?}: {other:?}"),
        }
    }
    let again = store.import(with_id("abcdef01"));
    assert!(matches!(again, Err(StoreError::AlreadyThere(id)) if id == "abcdef01"));
    let foreign = store.import(with_id("../../etc")).unwrap();
    assert_eq!(foreign.as_str().len(), 8, "an id that is none is replaced: {foreign}");
}

#[test]
fn the_table_of_runs_knows_how_they_ended() {
    let (_dir, _, mut store) = store();
    for report in [published(), nested(), failed()] {
        store.import(report).unwrap();
    }
    let lines = store.list().unwrap();
    let states: Vec<_> = lines.iter().map(|line| line.state).collect();
    assert_eq!(states, [RunState::Failed, RunState::Done, RunState::Done], "the last one first");
    assert_eq!(lines.iter().map(|line| line.blocks).collect::<Vec<_>>(), [1, 2, 2]);
    assert!(lines[1].emulated && lines[1].verdict.is_none(), "no verdict on emulated timings");
    assert_eq!(lines[2].verdict.as_deref(), Some("firecracker inconclusive"));
    assert_eq!(lines[2].contenders, ["qemu", "firecracker"]);
    assert_eq!(lines[2].started, "2025-06-01T12:00:00Z");
}

#[test]
fn the_list_does_not_need_the_boots() {
    let (_dir, path, mut store) = store();
    store.import(published()).unwrap();
    let before = store.list().unwrap();
    Connection::open(&path)
        .unwrap()
        .execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE samples; DROP TABLE iterations; DROP TABLE boots; DROP TABLE contenders;
                        DROP TABLE events; UPDATE runs SET head = 'not read either'")
        .unwrap();
    assert_eq!(store.list().unwrap(), before);
    store.load("latest").unwrap_err();
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign { .. })), "without its tables it is no store");
}

#[test]
fn a_run_belongs_to_one_process_until_it_is_over() {
    let (_dir, path, mut store) = store();
    let mut other = Store::open(&path).unwrap();
    let id = store.begin(&head()).unwrap();
    let good = boot(0, 0, &[[1.0, 1.0, 0.0]]);
    let hung = BootRecord { status: BootStatus::NeverStarted, ..good.clone() };
    let mut recorder = store.recorder(&id);
    recorder.on_event(&done(1, hung, true));
    recorder.on_event(&done(1, good.clone(), false));
    recorder.finish().unwrap();
    assert_eq!(other.list().unwrap()[0].state, RunState::Running);
    assert!(matches!(other.resume(&id), Err(StoreError::StillRunning(_))));
    assert!(matches!(other.delete(&id), Err(StoreError::StillRunning(_))));
    assert!(matches!(store.resume(&id), Err(StoreError::StillRunning(_))), "nor by the same one");

    drop(store);
    assert_eq!(other.list().unwrap()[0].state, RunState::Interrupted, "its process is gone");
    other.resume(&id).unwrap();
    assert_eq!(other.list().unwrap()[0].state, RunState::Running);
    assert_eq!(crate::boots(other.done(&id).unwrap()), [(1, good.clone())], "what was repeated does not count");
    let mut recorder = other.recorder(&id);
    recorder.on_event(&done(0, good.clone(), false));
    recorder.finish().unwrap();
    let mut report = other.load(id.as_str()).unwrap();
    assert_eq!(report.notices.len(), 2, "{:?}", report.notices);
    report.duration = 9.0;
    other.finish(&id, &report, Outcome::Interrupted).unwrap();
    assert_eq!(other.load("latest").unwrap(), report, "notices are told once");
    assert_eq!(other.list().unwrap()[0].state, RunState::Interrupted);

    let mut third = Store::open(&path).unwrap();
    third.resume(&id).unwrap();
    let mut recorder = third.recorder(&id);
    recorder.on_event(&firebench_model::events::RunEvent::Notice { text: "resumed".to_owned() });
    recorder.finish().unwrap();
    report.notices.push("resumed".to_owned());
    assert_eq!(third.load("latest").unwrap(), report, "also across a resumption");
    third.finish(&id, &report, Outcome::Done).unwrap();
    assert_eq!(third.load("latest").unwrap(), report);
    assert!(matches!(third.resume(&id), Err(StoreError::Complete(_))));
}

#[test]
fn what_is_deleted_is_gone_and_its_space_given_back() {
    let (_dir, path, mut store) = store();
    let kept = store.import(published()).unwrap();
    let size = || std::fs::metadata(&path).unwrap().len();
    drop(store);
    let small = size();
    let mut store = Store::open(&path).unwrap();
    let mut large = published();
    large.contenders[0].boots = (0..500).map(|block| boot(block, 0, &[[1.0, 1.0, 0.5]; 4])).collect();
    let id = store.import(large).unwrap();
    let deleted = store.delete(&id).unwrap();
    assert_eq!((deleted.run.unwrap().id, deleted.boots), (id.clone(), 502));
    assert!(matches!(store.delete(&id), Err(StoreError::NoSuchRun(_))));
    assert_eq!(store.list().unwrap().len(), 1);
    assert_eq!(store.id("latest").unwrap(), kept);
    drop(store);
    assert!(size() <= small + 8 * 4096, "{} of {small}", size());
    let connection = Connection::open(&path).unwrap();
    let count = |table| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("boots"), count("iterations"), count("samples")), (4, 12, 48));
}
