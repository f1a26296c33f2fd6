//! Runs in which firebench itself is at fault, or its surroundings: with the fake VMM, so that boots take milliseconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_model::record::BootStatus;
use firebench_store::store::Store;
use rusqlite::Connection;

use crate::support::common::{Lab, firebench, wait_for};
use crate::support::fake::fake;
use crate::support::invocation::{Invocation, Outcome, Running};

/// A quick boot.
pub const QUICK: &str = "\"boot_ms\": 5, \"iteration_ms\": 20";

/// The arguments of a run of so many blocks of one contender whose VMM is the one at `vmm`.
pub fn args(vmm: &Path, blocks: u32) -> Vec<String> {
    let fixed = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--iterations", "1", "--boots"];
    let contender = format!("--contender=a=qemu,binary={}", vmm.display());
    fixed.map(str::to_owned).into_iter().chain([blocks.to_string(), contender]).collect()
}

/// A run of so many quick boots.
pub fn run(lab: &Lab, blocks: u32) -> Invocation<'_> {
    lab.firebench(&[]).args(args(&fake(lab, QUICK), blocks))
}

/// The report of another run, to compare one with.
pub fn earlier(lab: &Lab) -> PathBuf {
    run(lab, 1).run().ok();
    lab.firebench(&["export", "--output"]).arg(lab.path("earlier.json")).run().ok();
    lab.path("earlier.json")
}

/// A shell script with this firebench as `$FIREBENCH`, and the arguments of a run of so many quick boots as `$RUN`.
pub fn shell<'a>(lab: &'a Lab, blocks: u32, script: &str) -> Invocation<'a> {
    let mut command = Command::new("sh");
    command.args(["-uc", script]).env("FIREBENCH", firebench());
    lab.invocation(command).env("RUN", args(&fake(lab, QUICK), blocks).join(" "))
}

/// The same as root of a mount namespace.
pub fn shell_in_namespace<'a>(lab: &'a Lab, blocks: u32, script: &str) -> Invocation<'a> {
    lab.in_namespace(script).env("RUN", args(&fake(lab, QUICK), blocks).join(" "))
}

/// Waits until so many boots are over.
pub fn await_boots(running: &Running, boots: usize) {
    wait_for("some boots", Duration::from_secs(60), || (told(&running.stderr()) >= boots).then_some(()));
}

/// Boots that standard error tells of.
pub fn told(stderr: &str) -> usize {
    stderr.matches("  up in ").count()
}

/// The store is whole: SQLite's own check finds nothing.
#[track_caller]
pub fn assert_whole(store: &Path) {
    let connection = Connection::open(store).expect("the store opens");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let broken: i64 =
        connection.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(broken, 0, "rows that refer to nothing");
}

/// The blocks of the last run's good boots.
pub fn blocks(lab: &Lab) -> Vec<u32> {
    blocks_of(lab, |status| status == BootStatus::Ok)
}

/// The blocks of the last run's boots that ended so.
fn blocks_of(lab: &Lab, ended: impl Fn(BootStatus) -> bool) -> Vec<u32> {
    let store = Store::open_existing(&lab.store()).expect("a store");
    let report = store.load("latest").expect("a run");
    let boots = report.contenders.iter().flat_map(|contender| &contender.boots);
    boots.filter(|boot| ended(boot.status)).map(|boot| boot.block).collect()
}

/// The last run of one contender has so many good boots, each once, and no block is missing. (On a busy computer a boot may be void; then
/// another block takes its place.)
#[track_caller]
pub fn assert_boots(lab: &Lab, good: usize) {
    assert_eq!(blocks(lab).len(), good);
    let all = blocks_of(lab, |status| matches!(status, BootStatus::Ok | BootStatus::Void));
    assert_eq!(all, Vec::from_iter(0..all.len() as u32), "none is missing, and none is there twice");
}

/// The store is whole and has the first boots of the last run, at least so many, which goes on to its end of `all`.
#[track_caller]
pub fn assert_goes_on(lab: &Lab, at_least: usize, all: u32) -> Outcome {
    assert_whole(&lab.store());
    let kept = blocks(lab);
    assert!(kept.len() >= at_least, "{at_least} boots were told of, {} are there", kept.len());
    assert_boots(lab, kept.len());
    let outcome = lab.firebench(&["run", "--resume", "latest"]).run().ok();
    assert_eq!(told(&outcome.stderr), all as usize - kept.len(), "those alone that were missing\n{outcome}");
    assert_boots(lab, all as usize);
    assert_whole(&lab.store());
    outcome
}
