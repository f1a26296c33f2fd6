//! The store: no space for it, a file that is damaged or something else, others who hold it.

use std::fs;
use std::os::unix::fs::FileExt;

use nix::sys::signal::Signal;
use rusqlite::Connection;

use crate::own::{assert_boots, assert_goes_on, assert_whole, await_boots, blocks, run, shell_in_namespace, told};
use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::need;

/// The commands that read the store, and those that write it.
const COMMANDS: [&[&str]; 7] = [
    &["runs"],
    &["show"],
    &["export"],
    &["compare", "latest", "latest"],
    &["delete", "--yes", "latest"],
    &["run", "--resume", "latest"],
    &["import", "report.json"],
];

/// A lab whose store has a run, which lies beside it as report.json.
fn lab_with_a_run(blocks: u32) -> Lab {
    let lab = Lab::without_vms();
    run(&lab, blocks).run().ok();
    lab.firebench(&["export", "--output"]).arg(lab.path("report.json")).run().ok();
    lab
}

/// Every command refuses the store in one clear error, and leaves it as it is.
#[track_caller]
fn every_command_refuses(lab: &Lab, code: i32, words: &[&str]) {
    let before = fs::read(lab.store()).expect("there");
    for command in COMMANDS {
        lab.firebench(command).at(&lab.path("")).run().fails(code, words);
    }
    run(lab, 1).run().fails(code, words);
    assert!(fs::read(lab.store()).expect("there") == before, "firebench did not change");
}

#[test]
fn no_space_for_a_new_store() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    fs::create_dir(lab.path("store")).expect("a directory");
    let script = r#"
        mount -t tmpfs -o size=16k tmpfs "${FIREBENCH_STORE%/*}"
        $FIREBENCH $RUN && exit 1 || echo "code: $?"
        ls "${FIREBENCH_STORE%/*}"
        mount -o remount,size=10m "${FIREBENCH_STORE%/*}"
        $FIREBENCH $RUN > /dev/null 2>&1; echo "with room: $?"
    "#;
    let outcome = shell_in_namespace(&lab, 2, script).env("FIREBENCH_STORE", lab.path("store/runs.db")).run().ok();
    assert_eq!(outcome.stdout, "code: 3\nruns.db-lock\nwith room: 0\n", "{outcome}");
    assert!(outcome.error().contains("the disk with the store") && outcome.error().contains("is full"), "{outcome}");
    assert!(outcome.error().contains("hint: free some space"), "{outcome}");
}

#[test]
fn no_space_for_the_store_amid_a_run_and_never_again() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    fs::create_dir(lab.path("store")).expect("a directory");
    // Nothing fits but the store itself; not even the beginning of the run; a few boots, or some more.
    let script = r#"
        dir="${FIREBENCH_STORE%/*}"
        mount -t tmpfs -o size=64k tmpfs "$dir"
        for size in 64 96 160 192 224; do
            mount -o remount,size=${size}k "$dir"
            $FIREBENCH $RUN > shown && exit 1 || code=$?
            mount -o remount,size=10m "$dir"
            cp -r "$dir" kept-$size
            $FIREBENCH run --resume latest > /dev/null && again=0 || again=$?
            cp -r "$dir" resumed-$size
            echo "$size: $code, shown $(grep -c 'good boots .* 12 of 12' shown || true), again $again"
            rm "$dir"/*
        done
    "#;
    let store = lab.path("store/runs.db");
    let outcome = shell_in_namespace(&lab, 12, script).at(&lab.path("")).env("FIREBENCH_STORE", &store).run().ok();
    // What was measured is shown where it cannot be kept; where the run is in the store, it goes on there.
    let expected = "64: 3, shown 0, again 2\n96: 3, shown 0, again 2\n\
                    160: 3, shown 1, again 0\n192: 3, shown 1, again 0\n224: 3, shown 1, again 0\n";
    assert_eq!(outcome.stdout, expected, "{outcome}");
    for size in [64, 96, 160, 192, 224] {
        for state in ["kept", "resumed"] {
            assert_whole(&lab.path(&format!("{state}-{size}/runs.db")));
        }
    }
    assert_eq!(outcome.stderr.matches("note: firebench cannot store boots at the moment: ").count(), 3, "{outcome}");
    assert_eq!(outcome.stderr.matches("is full\nhint: free some space there").count(), 5, "{outcome}");
}

#[test]
fn space_for_the_store_that_comes_back_amid_a_run() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    fs::create_dir(lab.path("store")).expect("a directory");
    let script = r#"
        dir="${FIREBENCH_STORE%/*}"
        mount -t tmpfs -o size=10m tmpfs "$dir"
        $FIREBENCH $RUN > /dev/null 2> told &
        until [ -e "$dir/runs.db-wal" ] || ! kill -0 $!; do sleep 0.02; done
        dd if=/dev/zero of="$dir/filler" bs=1M count=20 2> /dev/null || true
        until grep -q 'cannot store boots' told || ! kill -0 $!; do sleep 0.02; done
        rm "$dir/filler"
        wait $!
        echo "code: $?"
        cat told >&2
        $FIREBENCH runs
        cp "$dir/runs.db" .
    "#;
    let store = lab.path("store/runs.db");
    let outcome = shell_in_namespace(&lab, 30, script).at(&lab.path("")).env("FIREBENCH_STORE", &store).run().ok();
    assert!(outcome.stdout.starts_with("code: 0\n"), "{outcome}");
    let note = outcome
        .stderr
        .matches(
            "note: firebench cannot store boots at the moment: the disk with the \
    store",
        )
        .count();
    assert_eq!(note, 1, "it is told at once, and once\n{outcome}");
    assert_whole(&lab.store());
    assert_boots(&lab, 30);
}

#[test]
fn a_file_that_is_no_store() {
    require!(need::image());
    let lab = lab_with_a_run(1);
    for contents in ["", "a letter to somebody\n", &"a long letter to somebody\n".repeat(1000)] {
        fs::write(lab.store(), contents).expect("ours");
        every_command_refuses(&lab, 2, &["runs.db is not a firebench store"]);
    }
    fs::remove_file(lab.store()).expect("ours");
    Connection::open(lab.store()).expect("a database").execute_batch("CREATE TABLE photos (x)").expect("a table");
    every_command_refuses(&lab, 2, &["runs.db is not a firebench store"]);
}

#[test]
fn a_store_of_a_newer_firebench() {
    require!(need::image());
    let lab = lab_with_a_run(1);
    let connection = Connection::open(lab.store()).expect("the store");
    connection.execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)").expect("a pragma");
    drop(connection);
    every_command_refuses(&lab, 3, &["version 99", "supports only versions up to"]);
}

#[test]
fn a_store_cut_short() {
    require!(need::image());
    let lab = lab_with_a_run(30);
    let whole = fs::metadata(lab.store()).expect("there").len();
    fs::File::options().write(true).open(lab.store()).and_then(|file| file.set_len(whole / 2)).expect("ours");
    damaged(&lab);
}

#[test]
fn a_store_with_garbage_in_it() {
    require!(need::image());
    let lab = lab_with_a_run(30);
    let file = fs::File::options().write(true).open(lab.store()).expect("ours");
    let pages = file.metadata().expect("there").len() / 4096;
    for page in pages / 2..pages {
        file.write_all_at(&[0x5a; 4096], page * 4096).expect("ours");
    }
    damaged(&lab);
}

#[test]
fn a_number_in_the_store_with_a_flipped_bit() {
    require!(need::image());
    let lab = lab_with_a_run(2);
    let connection = Connection::open(lab.store()).expect("the store");
    let value: f64 = connection
        .query_row("SELECT value FROM samples WHERE metric = 'real' LIMIT 1", [], |row| row.get(0))
        .expect("a sample");
    drop(connection);
    let mut bytes = fs::read(lab.store()).expect("there");
    let written = value.to_be_bytes();
    let at = bytes.windows(8).position(|window| window == written).expect("as SQLite writes it");
    bytes[at + 3] ^= 0x04;
    fs::write(lab.store(), &bytes).expect("ours");
    for command in [&["show"][..], &["export"], &["export", "--format", "csv"], &["compare", "latest", "report.json"]] {
        let outcome = lab.firebench(command).at(&lab.path("")).run();
        outcome.fails(3, &["is damaged: run ", "does not match its checksum", "sqlite3 FILE .recover"]);
    }
    lab.firebench(&["runs"]).run().ok();
}

#[test]
fn a_store_that_somebody_made_by_hand() {
    require!(need::image());
    let lab = lab_with_a_run(1);
    let endless = "DROP TABLE samples; CREATE VIEW samples AS WITH RECURSIVE n(boot) AS (SELECT 1 UNION ALL SELECT boot + 1 FROM n)
                   SELECT boot, 0 AS iteration, 'real' AS metric, 1.0 AS value FROM n";
    let connection = Connection::open(lab.store()).expect("the store");
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; {endless}; PRAGMA wal_checkpoint(TRUNCATE)"))
        .expect("SQL");
    drop(connection);
    every_command_refuses(&lab, 2, &["is not as firebench made it: the view samples does not belong to firebench"]);
}

/// Every command that meets the damage says so and what to do; none says anything else, none hides it, none panics.
#[track_caller]
fn damaged(lab: &Lab) {
    let before = fs::read(lab.store()).expect("there");
    let mut met = 0;
    for command in COMMANDS {
        let outcome = lab.firebench(command).at(&lab.path("")).run();
        if outcome.error().contains("is damaged") {
            outcome.fails(3, &["the store", "runs.db is damaged: ", "sqlite3 FILE .recover"]);
            met += 1;
        } else if !outcome.status.success() {
            outcome.fails(2, &[]);
        }
    }
    assert!(met >= 4, "hardly anybody met the damage");
    assert!(fs::read(lab.store()).expect("there") == before, "nobody makes it worse");
    // A run that cannot be kept there can be made all the same.
    run(lab, 1).run().fails(3, &["runs.db is damaged: ", "use --store for another file"]);
    run(lab, 1).env("FIREBENCH_STORE", lab.path("another.db")).run().ok();
    assert_whole(&lab.path("another.db"));
}

#[test]
fn a_log_that_a_killed_firebench_left() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = run(&lab, 30).start();
    await_boots(&running, 4);
    running.signal(Signal::SIGKILL);
    let outcome = running.finish_and_leave();
    let log = lab.path("runs.db-wal");
    assert!(fs::metadata(&log).expect("there").len() > 0, "the boots are in the log");
    wait_for("the end of the VM", SOON, || lab.processes(&[]).is_empty().then_some(()));
    // Half of the log's last page, as a crash of the machine may leave it.
    let file = fs::File::options().write(true).open(&log).expect("ours");
    let length = file.metadata().expect("there").len();
    file.set_len(length - 2000).expect("ours");
    assert_goes_on(&lab, told(&outcome.stderr) - 1, 30);
}

#[test]
fn two_runs_at_once_into_one_store() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = [0; 3].map(|_| run(&lab, 20).start());
    let others = running.map(|running| running.finish_and_leave().ok());
    assert_whole(&lab.store());
    let listed = lab.firebench(&["runs"]).run().ok();
    assert_eq!(listed.stdout.matches("  20  ").count(), others.len(), "{listed}");
}

#[test]
fn a_process_that_holds_the_store_and_is_stopped() {
    require!(need::image());
    let lab = lab_with_a_run(2);
    // As a sqlite3 that was stopped amid a transaction.
    let connection = Connection::open(lab.store()).expect("the store");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let delete = lab.firebench(&["delete", "--yes", "latest"]).within(60).start();
    let running = run(&lab, 3).within(60).start();
    // Who only reads is not kept from it.
    for command in ["runs", "show", "export"] {
        lab.firebench(&[command]).within(60).run_beside().ok();
    }
    for outcome in [delete.finish_and_leave(), running.finish()] {
        outcome.fails(3, &["another process keeps the store", "end it, and try again"]);
    }
    connection.execute_batch("ROLLBACK").expect("it holds it");
    run(&lab, 3).run().ok();
    assert_whole(&lab.store());
}

#[test]
fn a_process_that_holds_the_store_for_a_while_amid_a_run() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = run(&lab, 30).start();
    await_boots(&running, 2);
    let connection = Connection::open(lab.store()).expect("the store");
    connection.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    wait_for("the note", SOON, || running.stderr().contains("note: firebench cannot store boots").then_some(()));
    let before = told(&running.stderr());
    await_boots(&running, before + 3);
    connection.execute_batch("ROLLBACK").expect("it holds it");
    running.finish().ok();
    assert_whole(&lab.store());
    assert_boots(&lab, 30);
}

#[test]
fn a_run_that_a_stopped_firebench_holds() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = run(&lab, 30).start();
    await_boots(&running, 2);
    // Stopped amid a write, it holds the whole store: that is `a_process_that_holds_the_store_and_is_stopped`.
    wait_for("a stop between two writes", SOON, || {
        running.signal(Signal::SIGSTOP);
        let free =
            Connection::open(lab.store()).is_ok_and(|store| store.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok());
        if !free {
            running.signal(Signal::SIGCONT);
        }
        free.then_some(())
    });
    for command in [["run", "--resume", "latest"].as_slice(), &["delete", "--yes", "latest"]] {
        lab.firebench(command).within(60).run_beside().fails(2, &["is still running", "stop its firebench"]);
    }
    running.signal(Signal::SIGCONT);
    running.finish().ok();
    // Where it was stopped for long amid a boot, that one's block is left out for another one.
    let blocks = blocks(&lab);
    assert!(blocks.len() == 30 && blocks.last().is_some_and(|&last| last <= 30), "{blocks:?}");
}
