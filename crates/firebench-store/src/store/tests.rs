//! Stores of several versions: today's, and one of a future that two more steps make.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use tempfile::tempdir;

use super::schema::STEPS;
use super::{Store, StoreError, open};

/// A step that reads what is there and keeps it in another shape.
const NEXT: &str = "ALTER TABLE runs ADD COLUMN host TEXT; UPDATE runs SET host = head ->> '$.host'";
const BROKEN: &str = "CREATE TABLE half (x); INSERT INTO half VALUES (1); INSERT INTO nowhere VALUES (1)";

fn stored_by_today(path: &Path) {
    let store = Store::open(path).unwrap();
    store
        .connection
        .execute_batch(
            "INSERT INTO runs (id, state, started, workload, contenders, primary_metric, emulated, head)
             VALUES ('0123abcd', 'done', '2025-06-01T12:00:00Z', 'memory', '[\"qemu\"]', 'real', 0, '{\"host\": \"mine\"}')",
        )
        .unwrap();
}

#[test]
fn an_older_store_is_brought_up_to_date() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    stored_by_today(&path);
    let steps = [STEPS, &[NEXT]].concat();
    for _ in 0..2 {
        let store = open(&path, &steps).unwrap();
        let sql = "SELECT host, (SELECT user_version FROM pragma_user_version) FROM runs";
        let (host, version): (String, usize) =
            store.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!((host.as_str(), version), ("mine", steps.len()));
        assert_eq!(store.list().unwrap()[0].id.as_str(), "0123abcd");
    }
    let refused = Store::open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "today's firebench leaves it alone: {refused:?}");
}

#[test]
fn a_run_that_says_something_unknown_is_not_called_damaged() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    stored_by_today(&path);
    let store = Store::open(&path).unwrap();
    let error = store.load("latest").unwrap_err();
    assert!(matches!(error, StoreError::NotUnderstood { .. }), "{error:?}");
    store.connection.execute("UPDATE runs SET head = '{\"host\": '", []).unwrap();
    let error = store.load("latest").unwrap_err();
    assert!(matches!(error, StoreError::DamagedRun { .. }), "{error:?}");
    store.connection.execute("UPDATE runs SET head = '{\"schema\": \"firebench.report/3\"}'", []).unwrap();
    let error = store.load("latest").unwrap_err().to_string();
    assert!(error.contains("run 0123abcd") && error.contains("the schema \"firebench.report/3\""), "{error}");
}

#[test]
fn an_older_store_that_can_only_be_read_is_read_as_it_would_be_brought_up_to_date() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    stored_by_today(&path);
    let steps = [STEPS, &[NEXT]].concat();
    let before = std::fs::read(&path).unwrap();
    let opened = Connection::open_with_flags(
        super::unchangeable(&path),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
    )
    .unwrap();
    let watch = super::guard::guard(&opened).unwrap();
    let (connection, watch) = super::up_to_date(opened, watch, &steps).unwrap();
    let host: String = connection.query_row("SELECT host FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(host, "mine");
    let mut store = Store { connection, path: path.clone(), leases: HashMap::new(), watch, _copy: None };
    assert_eq!(store.list().unwrap()[0].id.as_str(), "0123abcd");
    let refused = store.delete_numbered(1).unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "nothing is written to a copy: {refused:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    stored_by_today(&path);
    let failed = open(&path, &[STEPS, &[NEXT, BROKEN]].concat()).unwrap_err();
    assert!(matches!(failed, StoreError::Sqlite { .. }), "{failed:?}");
    // The step before it stands, and what it did is whole.
    let store = open(&path, &[STEPS, &[NEXT]].concat()).unwrap();
    let half: i64 = store
        .connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!((super::schema::version(&store.connection).unwrap(), half), (STEPS.len() as i64 + 1, 0));
}

#[test]
fn two_processes_may_migrate_at_once() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    stored_by_today(&path);
    let steps = [STEPS, &[NEXT]].concat();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| open(&path, &steps).unwrap().list().unwrap());
        }
    });
}

#[test]
fn what_takes_too_long_is_ended() {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    let watch = super::guard::guard_for(&connection, std::time::Duration::from_millis(50)).unwrap();
    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    for _ in 0..2 {
        watch.restart();
        let ended = connection.query_row(ENDLESS, [], |row| row.get::<_, i64>(0)).unwrap_err();
        let ended = StoreError::sqlite(Path::new("runs.db"), ended);
        assert!(matches!(ended, StoreError::Slow(_)), "{ended:?}");
        watch.restart();
        connection.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)).unwrap();
    }
}
