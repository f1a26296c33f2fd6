//! The store at 10,000 boots: what opening, listing and exporting take, and what recording a boot takes.
//!
//! Recording must take less than 5 ms. Opening and listing must not depend on the number of boots: the same is measured with 10.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

use std::cell::Cell;
use std::path::PathBuf;

use divan::{Bencher, black_box};
use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, Report};
use firebench_model::runs::RunId;
use firebench_store::store::Store;
use tempfile::TempDir;

#[allow(dead_code)]
#[path = "../tests/report/fixture.rs"]
mod fixture;
#[path = "../tests/report/host.rs"]
mod host;

const BOOTS: [u32; 2] = [10, 10_000];
const RUNS: u32 = 10;

fn main() {
    divan::main();
}

/// A boot as real ones are: with facts of the guest, two meminfos, ten iterations.
fn boot(block: u32) -> BootRecord {
    let mut boot = fixture::boot(block, 0, &[[0.1 + 0.2, 0.25, 1e-3]; 10]);
    boot.facts = Some(fixture::qemu_facts());
    boot.meminfo_before = Some(fixture::MEMINFO_QEMU.to_owned());
    boot.meminfo_after = Some(fixture::MEMINFO_QEMU.to_owned());
    boot
}

fn head() -> Report {
    let mut head = fixture::published();
    head.contenders.iter_mut().for_each(|contender| contender.boots.clear());
    head
}

/// A store with so many boots, spread over ten runs.
struct Stored {
    _dir: TempDir,
    path: PathBuf,
    last: RunId,
}

fn stored(boots: u32) -> Stored {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("runs.db");
    let mut store = Store::open(&path).expect("a store");
    let mut import = || {
        let mut report = head();
        for contender in &mut report.contenders {
            contender.boots = (0..(boots / RUNS / 2).max(1)).map(boot).collect();
        }
        store.import(report).expect("a run")
    };
    let last = (0..RUNS).map(|_| import()).last().expect("ten runs");
    Stored { _dir: dir, path, last }
}

#[divan::bench(args = BOOTS)]
fn open(bencher: Bencher, boots: u32) {
    let stored = stored(boots);
    bencher.bench_local(|| Store::open(&stored.path));
}

#[divan::bench(args = BOOTS)]
fn open_and_list(bencher: Bencher, boots: u32) {
    let stored = stored(boots);
    bencher.bench_local(|| Store::open(&stored.path).and_then(|store| store.list()));
}

/// One run of the ten.
#[divan::bench(args = BOOTS, sample_count = 10)]
fn open_and_export_csv(bencher: Bencher, boots: u32) {
    let stored = stored(boots);
    bencher.bench_local(|| {
        let store = Store::open(&stored.path)?;
        store.export_csv(stored.last.as_str(), &mut std::io::sink())
    });
}

#[divan::bench(args = BOOTS, sample_count = 10)]
fn open_and_load(bencher: Bencher, boots: u32) {
    let stored = stored(boots);
    bencher.bench_local(|| Store::open(&stored.path)?.load(stored.last.as_str()));
}

/// A boot from its events to the end of its transaction, in a store that has so many.
#[divan::bench(args = BOOTS, sample_count = 1000, sample_size = 1)]
fn record_a_boot(bencher: Bencher, boots: u32) {
    let stored = stored(boots);
    let mut store = Store::open(&stored.path).expect("a store");
    let id = store.begin(&head()).expect("a run");
    let mut recorder = store.recorder(&id);
    let next = Cell::new(0);
    let event = || {
        next.set(next.get() + 1);
        RunEvent::BootDone { contender: 0, boot: Box::new(boot(next.get())), retried: false }
    };
    bencher.with_inputs(event).bench_local_refs(|event| recorder.on_event(black_box(event)));
    recorder.finish().expect("all were written");
}
