//! A process that is killed while it records loses the boot in flight and nothing else.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use firebench_model::events::Listener;
use firebench_model::runs::RunState;
use firebench_store::store::Store;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::fixture::{boot, qemu_facts};
use crate::recorded::{done, head};

/// Tells the writer where its store is.
const STORE: &str = "FIREBENCH_TEST_KILLED_STORE";
const ITERATIONS: usize = 3;
const KILLS: u64 = 40;

/// No test but the process that is killed: it takes up the last run, or begins one, and records boot after boot.
#[test]
#[ignore = "started and killed by the test below"]
fn writer() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let mut store = Store::open(Path::new(&path)).unwrap();
    let id = match store.list().unwrap().first() {
        Some(line) => {
            store.resume(&line.id).unwrap();
            line.id.clone()
        }
        None => store.begin(&head()).unwrap(),
    };
    let recorded = store.done(&id).unwrap().len();
    let mut recorder = store.recorder(&id);
    for number in recorded.. {
        let mut boot = boot(u32::try_from(number / 2).unwrap(), 0, &[[1.0, 0.5, 0.25]; ITERATIONS]);
        boot.facts = Some(qemu_facts());
        println!("begun {number}");
        recorder.on_event(&done(number % 2, boot, false));
        println!("done {number}");
    }
}

#[test]
fn kill_at_any_moment_loses_the_boot_in_flight_alone() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut before = 0;
    let mut in_flight = 0;
    // On a busy machine most writers die before they write: their successors get more time.
    for round in 0..4 * KILLS {
        if round >= KILLS && before > 0 && in_flight > 0 {
            break;
        }
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::writer", "--ignored", "--nocapture"])
            .env(STORE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let reader = std::thread::spawn(move || {
            let told: Vec<String> = lines.map_while(Result::ok).collect();
            let of = |word: &str| told.iter().filter(|line| line.starts_with(word)).count();
            (of("begun "), of("done "))
        });
        // Spread over start, recording and checkpoints; the golden ratio hits no rhythm.
        std::thread::sleep(Duration::from_micros(2_000 + (round * 61_803) % 100_000) * (1 + (round / KILLS) as u32));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let (begun, finished) = reader.join().unwrap();
        assert!(begun - finished <= 1, "one boot at a time");
        in_flight += begun - finished;

        if !path.exists() {
            continue;
        }
        let connection = Connection::open(&path).unwrap();
        let count = |sql| connection.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let stored = count("SELECT count(*) FROM boots");
        let announced = before + finished;
        assert!(
            stored == announced || (stored == announced + 1 && begun > finished),
            "round {round}: {stored} stored, {announced} announced, {begun} begun, {finished} done"
        );
        assert_eq!(count("SELECT count(*) FROM iterations"), stored * ITERATIONS, "every boot is whole");
        assert_eq!(count("SELECT count(*) FROM samples"), stored * ITERATIONS * 4);
        let store = Store::open(&path).unwrap();
        if let Some(line) = store.list().unwrap().first() {
            assert_eq!(line.state, RunState::Interrupted);
            let done = store.done(&line.id).unwrap();
            let places: Vec<_> = done.iter().map(|done| done.boot.block as usize * 2 + done.contender).collect();
            assert_eq!(places, Vec::from_iter(0..stored), "none is lost, none is doubled");
        }
        before = stored;
    }
    assert!(before > 0, "no writer ever came to write");
    assert!(in_flight > 0, "no kill ever hit a boot");
}
