//! Files that are stores, and files that are not.

use std::fs;
use std::path::{Path, PathBuf};

use firebench_store::store::{Store, StoreError};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

use crate::fixture::published;

fn place() -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("some/where/runs.db");
    (dir, path)
}

fn digest(path: &Path) -> String {
    format!("{:x?}", Sha256::digest(fs::read(path).unwrap()))
}

#[test]
fn a_store_is_made_with_its_directories_and_found_again() {
    let (_dir, path) = place();
    assert!(matches!(Store::open_existing(&path), Err(StoreError::Missing(_))));
    let id = Store::open(&path).unwrap().import(published()).unwrap();
    assert_eq!(Store::open_existing(&path).unwrap().id("latest").unwrap(), id);
    let mut made: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    made.sort();
    assert_eq!(made, ["runs.db", "runs.db-lock"], "nothing is left beside it");
    let connection = Connection::open(&path).unwrap();
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pragma("application_id"), pragma("user_version")), (0x4642_6e63, 2));
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn many_may_open_a_store_that_is_not_there_yet() {
    let (_dir, path) = place();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Store::open(&path).unwrap().import(published()).unwrap());
        }
    });
    assert_eq!(Store::open(&path).unwrap().list().unwrap().len(), 8);
}

#[test]
fn a_newer_store_is_refused_and_not_touched() {
    for in_log in [false, true] {
        let (_dir, path) = place();
        Store::open(&path).unwrap().import(published()).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE of_the_future (x); PRAGMA user_version = 99").unwrap();
        // With another connection open, what was written stays in the write-ahead log.
        let open = if in_log { Some(connection) } else { connection.close().map(|()| None).unwrap() };
        let before = digest(&path);
        let refused = Store::open(&path).unwrap_err();
        assert!(matches!(refused, StoreError::Newer { found: 99, known: 2, .. }), "{refused:?}");
        assert!(
            refused.to_string().contains("version 99, but this firebench supports only versions up to 2"),
            "{refused}"
        );
        assert_eq!(digest(&path), before);
        if let Some(connection) = open {
            // Its owner was killed: the log is still to be taken over by somebody.
            connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
            drop(connection);
            assert!(fs::metadata(path.with_file_name("runs.db-wal")).unwrap().len() > 0);
            Store::open(&path).unwrap_err();
            assert_eq!(digest(&path), before);
        }
    }
}

#[test]
fn what_is_no_store_is_refused_and_not_touched() {
    let (dir, _) = place();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("text"), "no database, but long enough for one ".repeat(100)).unwrap();
    fs::write(path("empty"), "").unwrap();
    Connection::open(path("other")).unwrap().execute_batch("CREATE TABLE photos (x); PRAGMA user_version = 1").unwrap();
    for name in ["text", "empty", "other"] {
        let before = digest(&path(name));
        let refused = Store::open(&path(name)).unwrap_err();
        assert!(matches!(refused, StoreError::NotAStore(_)), "{name}: {refused:?}");
        assert_eq!(digest(&path(name)), before);
    }
    let refused = Store::open(dir.path()).unwrap_err();
    assert!(matches!(refused, StoreError::NoFile { .. }), "a directory: {refused:?}");
    let refused = Store::open(&path("text/runs.db")).unwrap_err();
    assert!(matches!(refused, StoreError::Open { .. }), "below a file: {refused:?}");
}

#[test]
fn a_damaged_store_says_where() {
    let (_dir, path) = place();
    let mut store = Store::open(&path).unwrap();
    for _ in 0..20 {
        store.import(published()).unwrap();
    }
    drop(store);
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    // Everything but the first pages, where the schema is.
    bytes[16 * 4096..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let store = Store::open(&path).unwrap();
    let damaged: Vec<StoreError> = store
        .list()
        .into_iter()
        .flatten()
        .filter_map(|line| store.load(line.id.as_str()).err())
        .chain(store.list().err())
        .collect();
    assert!(!damaged.is_empty(), "{pages} pages");
    for error in damaged {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    }
}

#[test]
fn a_store_cut_short_is_damaged() {
    let (_dir, path) = place();
    Store::open(&path).unwrap().import(published()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(3 * 4096 + 17).unwrap();
    let error = Store::open(&path).and_then(|store| store.load("latest").map(drop)).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}
