//! Stores that are damaged in a single number, and stores that somebody made by hand: nothing wrong comes out of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use firebench_store::import;
use firebench_store::store::{Store, StoreError};
use nix::sys::stat::Mode;
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::fixture::{boot, published};

/// A store with a run and with figures of others, and where it is.
fn stored() -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut store = Store::open(&path).unwrap();
    let mut report = published();
    report.contenders[0].boots[0].message = Some("a word".to_owned());
    store.import(report).unwrap();
    let csv = "contender,boot,iteration,metric,value\na,1,1,real,0.480\nb,1,1,real,0.5\n";
    store.import(import::parse(csv, "x", "2025-06-01T12:00:00Z").unwrap()).unwrap();
    (dir, path)
}

/// Changes the file behind firebench's back.
fn change(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {sql}"))
        .unwrap();
}

/// Everything that can be read of all runs.
fn read_all(path: &Path) -> Result<(), StoreError> {
    let store = Store::open_existing(path)?;
    store.list()?;
    let ids = |store: &Store| -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection.prepare("SELECT id FROM runs").unwrap();
        let ids = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(store.id("latest").is_ok());
        ids
    };
    for id in ids(&store) {
        store.load(&id)?;
        store.export_csv(&id, &mut std::io::sink())?;
        store.export_jsonl(&id, &mut std::io::sink())?;
    }
    Ok(())
}

#[test]
fn a_value_that_is_not_what_was_stored_is_refused() {
    for sql in [
        "UPDATE samples SET value = 0.448 WHERE rowid_is_not_needed",
        "UPDATE samples SET value = value + 0.001 WHERE boot = 2 AND iteration = 1 AND metric = 'real'",
        "UPDATE samples SET metric = 'rea' WHERE boot = 1 AND iteration = 0 AND metric = 'real'",
        "DELETE FROM samples WHERE boot = 1 AND iteration = 2",
        "UPDATE iterations SET digest = 'ab' WHERE boot = 1 AND iteration = 0",
        "DELETE FROM iterations WHERE boot = 3 AND iteration = 2; DELETE FROM samples WHERE boot = 3 AND iteration = 2",
        "UPDATE boots SET status = 'void' WHERE boot = 2",
        "UPDATE boots SET boot_seconds = 1.5 WHERE boot = 2",
        "UPDATE boots SET record = replace(record, 'a word', 'a ward') WHERE boot = 1",
        "UPDATE boots SET retried = 1 WHERE boot = 4",
        "DELETE FROM boots WHERE boot = 4",
        "UPDATE runs SET head = replace(head, '\"primary\":\"real\"', '\"primary\":\"user\"') WHERE run = 1",
        "UPDATE runs SET blocks = 3 WHERE run = 1",
        "UPDATE runs SET verdict = 'firecracker 99% faster' WHERE run = 1",
        "UPDATE runs SET id = '01234567' WHERE run = 1",
        "UPDATE contenders SET record = replace(record, '\"vcpus\":1', '\"vcpus\":3') WHERE run = 1 AND contender = 1",
        "UPDATE contenders SET launch = replace(launch, 'firecracker', 'firecrackes') WHERE run = 1 AND contender = 1",
        "UPDATE figures SET samples = replace(samples, '0.48', '0.448') WHERE contender = 0",
        "DELETE FROM figures WHERE contender = 0",
    ] {
        let sql = sql.replace("WHERE rowid_is_not_needed", "WHERE boot = 1 AND iteration = 0 AND metric = 'user'");
        let (_dir, path) = stored();
        read_all(&path).unwrap();
        change(&path, &sql);
        match read_all(&path) {
            Err(StoreError::Damaged { detail, .. } | StoreError::DamagedRun { detail, .. }) => {
                assert!(detail.contains("checksum") || detail.contains("missing"), "{sql}: {detail}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn a_damaged_boot_is_named() {
    let (_dir, path) = stored();
    let id = Store::open(&path).unwrap().list().unwrap()[1].id.clone();
    change(&path, "UPDATE samples SET value = 0.448 WHERE boot = 2 AND iteration = 1 AND metric = 'real'");
    let error = Store::open(&path).unwrap().load(id.as_str()).unwrap_err().to_string();
    assert!(
        error.contains("is damaged: run ") && error.contains(&format!("run {id}: boot 1 of contender 2")),
        "{error}"
    );
}

#[test]
fn a_damaged_run_hides_no_other_and_can_be_deleted() {
    for sql in [
        "UPDATE runs SET blocks = 3 WHERE run = 1",
        "UPDATE runs SET contenders = '[1, 2' WHERE run = 1",
        "UPDATE runs SET state = 'unheard of' WHERE run = 1",
        "UPDATE runs SET id = char(27) || '[31mred' WHERE run = 1",
        "DELETE FROM run_checksums; UPDATE runs SET blocks = -1 WHERE run = 1",
        "DELETE FROM run_checksums; UPDATE runs SET workload = CAST(x'ff' AS TEXT) WHERE run = 1",
    ] {
        let (_dir, path) = stored();
        change(&path, sql);
        let mut store = Store::open(&path).unwrap();
        let (lines, damaged) = store.list_readable().unwrap();
        let [StoreError::DamagedRun { run, .. }] = damaged.as_slice() else { panic!("{sql}: {damaged:?}") };
        assert_eq!((lines.len(), lines[0].workload.as_str()), (1, "CSV"), "{sql}");
        let hint = miette::Diagnostic::help(&damaged[0]).unwrap().to_string();
        let name = if run == "#1" { "'#1'" } else { run };
        assert!(hint.contains(&format!("`firebench delete {name}`")) && !hint.contains('\u{1b}'), "{hint}");
        let number = store.number(run).unwrap();
        assert_eq!((number, store.number("#1").unwrap()), (1, 1));
        let deleted = store.delete_numbered(number).unwrap();
        assert_eq!((deleted.run, deleted.boots), (None, 4), "{sql}");
        assert!(matches!(store.number("#1"), Err(StoreError::NoSuchRun(_))));
        assert!(matches!(store.delete_numbered(1), Err(StoreError::NoSuchRun(_))));
        drop(store);
        read_all(&path).unwrap();
    }
}

/// In the bytes of the file, not by SQL: whatever bit it is, what is read is what was written, or nothing is.
#[test]
fn no_flipped_byte_changes_a_number() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut report = published();
    report.contenders[0].boots = (0..4).map(|block| boot(block, 0, &[[0.48, 0.25, 0.125]; 3])).collect();
    let mut store = Store::open(&path).unwrap();
    let id = store.import(report).unwrap();
    let (expected, line) = (store.load(id.as_str()).unwrap(), store.list().unwrap());
    drop(store);
    let bytes = fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (100..bytes.len()).step_by(bytes.len() / 300) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, damaged).unwrap();
        let read = Store::open_existing(&path).and_then(|store| Ok((store.list()?, store.load(id.as_str())?)));
        match read {
            Ok((list, report)) => assert!(list == line && report == expected, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 50, "hardly any byte mattered: {refused}");
}

#[test]
fn what_an_older_firebench_stored_gets_its_checksums_when_it_is_brought_up_to_date() {
    let (_dir, path) = stored();
    change(
        &path,
        "DROP TABLE run_checksums; DROP TABLE figures; DELETE FROM runs WHERE run = 2; DELETE FROM contenders WHERE run = 2;
         ALTER TABLE boots DROP COLUMN checksum; ALTER TABLE events DROP COLUMN checksum;
         ALTER TABLE contenders DROP COLUMN checksum; PRAGMA user_version = 1",
    );
    read_all(&path).unwrap();
    change(&path, "UPDATE samples SET value = 0.448 WHERE boot = 2 AND iteration = 1 AND metric = 'real'");
    assert!(matches!(read_all(&path), Err(StoreError::DamagedRun { .. })));
}

#[test]
fn a_store_with_anything_else_in_it_is_refused() {
    for (sql, named) in [
        ("CREATE VIEW v AS SELECT 1", "the view v does not belong to firebench"),
        ("CREATE TRIGGER t AFTER UPDATE ON runs BEGIN DELETE FROM boots; END", "the trigger t does not belong to \
        firebench"),
        ("CREATE TABLE photos (x)", "the table photos does not belong to firebench"),
        ("CREATE INDEX i ON runs (workload)", "the index i does not belong to firebench"),
        ("DROP INDEX boots_that_count", "the index boots_that_count is missing"),
        ("ALTER TABLE runs ADD COLUMN more TEXT", "the table runs is not as firebench makes it"),
        (
            "DROP TABLE samples; CREATE VIEW samples AS WITH RECURSIVE n(boot) AS (SELECT 1 UNION ALL SELECT boot + 1 FROM n)
             SELECT boot, 0 AS iteration, 'real' AS metric, 1.0 AS value FROM n",
            "the view samples does not belong to firebench",
        ),
        ("CREATE TABLE \"\u{1b}[2J\" (x)", "the table \u{fffd}[2J does not belong to firebench"),
    ] {
        let (_dir, path) = stored();
        change(&path, sql);
        match Store::open(&path) {
            Err(error @ StoreError::Foreign { .. }) => {
                assert!(error.to_string().ends_with(named) && error.is_usage(), "{sql}: {error}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
    // What SQLite's own ANALYZE adds is nobody's.
    let (_dir, path) = stored();
    change(&path, "ANALYZE");
    read_all(&path).unwrap();
}

/// A rollback journal that is to be played back, which is the last of a transaction over several files: the one that it names is
/// removed thereafter (SQLite's "Database File Format", 3).
fn journal(page: u32, pages: u32, names: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let name = names.as_os_str().as_encoded_bytes();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let mut journal = [&MAGIC[..], &words(&[0, 1, pages, 512, page])].concat();
    journal.resize(512, 0);
    let sum = name.iter().map(|&byte| u32::from(byte)).sum();
    [journal, words(&[0x4000_0000 / page + 1]), name.to_vec(), words(&[name.len() as u32, sum]), MAGIC.to_vec()]
        .concat()
}

#[test]
fn what_lies_beside_a_store_does_no_harm() {
    let (dir, path) = stored();
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
    let victim = dir.path().join("precious");
    let page = Connection::open(&path).unwrap().pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    let pages = fs::metadata(&path).unwrap().len() as u32 / page;
    let plant = |what: &str| {
        fs::write(&victim, "precious").unwrap();
        match what {
            "a journal" => fs::write(beside("-journal"), journal(page, pages, &victim)).unwrap(),
            pipe if pipe.starts_with('-') => nix::unistd::mkfifo(&beside(pipe), Mode::S_IRWXU).unwrap(),
            link => symlink(&victim, beside(link.strip_prefix("a link: ").unwrap())).unwrap(),
        }
    };
    for (what, file) in [
        ("a journal", "-journal"),
        ("-journal", "-journal"),
        ("-wal", "-wal"),
        ("-shm", "-shm"),
        ("-lock", "-lock"),
        ("a link: -wal", "-wal"),
    ] {
        for mode in [0o700, 0o777] {
            let _ = fs::remove_file(beside(file));
            plant(what);
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let before = fs::read(&path).unwrap();
            let read = Store::open_to_read(&path).and_then(|store| store.list());
            match read {
                Ok(lines) => assert_eq!(lines.len(), 2, "{what}"),
                Err(error) => assert!(error.is_usage(), "{what}: {error}"),
            }
            assert_eq!(fs::read(&victim).unwrap(), b"precious", "{what} {mode:o}");
            assert_eq!(fs::read(&path).unwrap(), before, "{what} {mode:o}");
            let _ = fs::remove_file(beside(file));
        }
    }
    // As it would go, were it opened as it is.
    plant("a journal");
    let opened = Connection::open(&path).unwrap();
    opened.query_row("SELECT count(*) FROM runs", [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(!victim.exists(), "SQLite has become better: is a copy still needed?");
}

#[test]
fn a_store_to_which_others_may_write_is_read_from_a_copy() {
    let (dir, path) = stored();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
    // Not yet moved into the file: what the log holds is read, too.
    let mut writer = Store::open(&path).unwrap();
    let csv = "contender,boot,iteration,metric,value\na,1,1,real,0.25\nb,1,1,real,0.5\n";
    writer.import(import::parse(csv, "x", "2025-06-01T12:00:00Z").unwrap()).unwrap();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let store = Store::open_to_read(&path).unwrap();
    assert_eq!(store.list().unwrap().len(), 3);
    assert_eq!(names(), before, "nothing was made beside it");
    drop(store);
    assert!(matches!(Store::open_to_read(&dir.path().join("none")), Err(StoreError::Missing(_))));
}

/// As somebody may make it who computes the checksums, too, or leaves them out.
#[test]
fn what_firebench_would_not_have_written_is_refused() {
    for sql in [
        "UPDATE runs SET id = char(27) || '[31mred' WHERE run = 1",
        "UPDATE runs SET id = hex(zeroblob(500000)) WHERE run = 1",
        "UPDATE runs SET id = 'ABCDEF01' WHERE run = 1",
        "UPDATE runs SET workload = hex(zeroblob(500000)) WHERE run = 1",
        "UPDATE runs SET started = hex(zeroblob(500000)) WHERE run = 1",
        "UPDATE runs SET state = 'unheard of' WHERE run = 1",
        "UPDATE runs SET contenders = '[1, 2]' WHERE run = 1",
        "UPDATE samples SET value = -1.0 WHERE boot = 1 AND iteration = 0 AND metric = 'real'",
        "UPDATE samples SET value = 9e999 WHERE boot = 1 AND iteration = 0 AND metric = 'real'",
        "UPDATE samples SET value = 'fast' WHERE boot = 1 AND iteration = 0 AND metric = 'real'",
        "UPDATE samples SET value = x'00' WHERE boot = 1 AND iteration = 0 AND metric = 'real'",
        "UPDATE boots SET contender = -1 WHERE boot = 1",
        "UPDATE boots SET record = '{}' WHERE boot = 1",
        "UPDATE runs SET head = '' WHERE run = 1",
    ] {
        let (_dir, path) = stored();
        change(
            &path,
            &format!(
                "DELETE FROM run_checksums; UPDATE boots SET checksum = NULL; UPDATE contenders SET checksum = NULL; {sql}"
            ),
        );
        let store = Store::open(&path).unwrap();
        let read =
            store.list().and_then(|lines| lines.iter().try_for_each(|line| store.load(line.id.as_str()).map(drop)));
        match read {
            Err(error @ (StoreError::DamagedRun { .. } | StoreError::NotUnderstood { .. })) => {
                let said = error.to_string();
                assert!(said.len() < 1000 && !said.contains('\u{1b}'), "{sql}: {said}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}
