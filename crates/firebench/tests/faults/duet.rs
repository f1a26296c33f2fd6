//! Contenders that boot at once: what happens to one of them costs their block, and the others are neither kept nor left.

use std::collections::BTreeMap;
use std::time::Duration;

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus, Report};
use firebench_store::store::Store;
use nix::sys::signal::Signal;

use crate::own::await_boots;
use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::fake::fake;
use crate::support::invocation::{Invocation, report};
use crate::support::need;

/// Two bare hosts in a duet of so many blocks. Their agent is the fake one, which behaves like this.
fn duet<'a>(lab: &'a Lab, behaviour: &str, blocks: u32) -> Invocation<'a> {
    let args = ["run", "memory", "--duet", "--contender=a=host", "--contender=b=host", "--size", "1MiB", "--seed", "1"];
    let run = lab.firebench(&args).args(["--boots", &blocks.to_string(), "--out"]).arg(lab.path("out"));
    run.env("FIREBENCH_AGENT", fake(lab, behaviour))
}

/// Behaves well but for these misdeeds, which are those of `examples/fake_vmm/script.rs`. Boots 2 and 3 are the second block.
fn but(misdeeds: &serde_json::Value) -> String {
    format!("\"boot_ms\": 5, \"iteration_ms\": 60, \"misdeeds\": {misdeeds}")
}

/// The boots of each block, interrupted ones apart, in the order of their CPU sets.
fn blocks(report: &Report) -> BTreeMap<u32, Vec<&BootRecord>> {
    let mut blocks: BTreeMap<u32, Vec<&BootRecord>> = BTreeMap::new();
    let boots = report.contenders.iter().flat_map(|contender| &contender.boots);
    boots
        .filter(|boot| boot.status != BootStatus::Interrupted)
        .for_each(|boot| blocks.entry(boot.block).or_default().push(boot));
    blocks.values_mut().for_each(|boots| boots.sort_by_key(|boot| boot.position));
    blocks
}

/// So many blocks are good, and whatever there is of a block is whole: each boot on CPUs that no other one has.
#[track_caller]
fn assert_whole(report: &Report, good: usize) {
    let blocks = blocks(report);
    let is_good = |boots: &&Vec<&BootRecord>| boots.iter().all(|boot| boot.status == BootStatus::Ok);
    assert_eq!(blocks.values().filter(is_good).count(), good, "{blocks:?}");
    for (block, boots) in blocks {
        assert_eq!(boots.iter().map(|boot| boot.position).collect::<Vec<_>>(), [0, 1], "block {block}");
        assert!(boots.iter().all(|boot| boot.attempt == 1), "block {block}");
    }
}

/// The boots of the second block, on whose first CPU set something is done: that one, and the one beside it.
#[track_caller]
fn second_block(lab: &Lab, misdeeds: &serde_json::Value, args: &[&str]) -> [BootRecord; 2] {
    let outcome = duet(lab, &but(misdeeds), 3).args(args).run().ok();
    let report = report(&lab.path("out"));
    assert_whole(&report, 3);
    let blocks = blocks(&report);
    assert!(blocks.len() >= 4, "another block runs in the place of the one that is left out\n{outcome}");
    [blocks[&1][0].clone(), blocks[&1][1].clone()]
}

#[test]
fn one_of_two_that_dies() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    let misdeed = serde_json::json!([{ "do": "die", "at": "iteration", "signal": 9, "boots": [2] }]);
    let [died, beside] = second_block(&lab, &misdeed, &[]);
    assert_eq!((died.status, beside.status), (BootStatus::VmmExited, BootStatus::Ok), "{beside:?}");
    assert_eq!(beside.iterations.len(), 5, "it ran to its end");
}

#[test]
fn one_of_two_that_hangs_is_not_tried_again() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    let misdeed = serde_json::json!([{ "do": "hang", "boots": [2] }]);
    let [hung, beside] = second_block(&lab, &misdeed, &["--boot-deadline", "5"]);
    assert_eq!((hung.status, beside.status), (BootStatus::NeverStarted, BootStatus::Ok), "{hung:?} {beside:?}");
    assert_eq!(hung.attempt, 1);
}

#[test]
fn one_of_two_that_never_runs_beside_the_other() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    // It boots when the other one is done with its iterations.
    let misdeed = serde_json::json!([{ "do": "sleep", "ms": 4_000, "boots": [2] }]);
    let boots = second_block(&lab, &misdeed, &[]);
    for boot in boots {
        let said = boot.message.as_deref().unwrap_or_default();
        assert_eq!(boot.status, BootStatus::Void, "{boot:?}");
        assert!(said.contains("ran beside those of all other contenders") && said.contains("--iterations"), "{said}");
        assert!(boot.iterations.iter().all(|iteration| iteration.alone), "{boot:?}");
    }
}

#[test]
fn an_interrupt_and_a_kill_amid_a_block() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    let mut running = duet(&lab, &but(&serde_json::json!([])), 6).start();
    let id = || Store::open_existing(&lab.store()).expect("a store").load("latest").expect("a run").id.expect("an id");
    let agent = lab.path("fake-vmm");
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGKILL, 0)] {
        await_boots(&running, 2);
        // Both of a block are there.
        let both = || lab.processes(&[&agent.to_string_lossy(), "host"]).len() >= 2;
        wait_for("both contenders", SOON, || both().then_some(()));
        let pid = running.pid();
        running.signal(signal);
        if signal == Signal::SIGINT {
            running.within(60).finish().stops(code, "stopped by Ctrl-C");
            let report = report(&lab.path("out"));
            let interrupted = report.contenders.iter().map(|contender| contender.boots.last().expect("a boot").status);
            assert!(interrupted.collect::<Vec<_>>().iter().all(|status| *status == BootStatus::Interrupted));
        } else {
            let outcome = running.finish_and_leave();
            assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{outcome}");
            wait_for("the end of both", SOON, || lab.processes(&[]).is_empty().then_some(()));
        }
        running = lab
            .firebench(&["run", "--resume", &id(), "--out"])
            .arg(lab.path("out"))
            .env("FIREBENCH_AGENT", &agent)
            .start();
        if signal == Signal::SIGKILL {
            running.within(120).finish().ok();
            lab.assert_nothing_left(pid);
            return assert_whole(&report(&lab.path("out")), 6);
        }
    }
}

/// firebench was killed after it had stored one boot of a block, and before it stored the other one.
#[test]
fn a_block_that_was_stored_in_part() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    let undisturbed = report_of(&lab, 3);
    let agent = lab.path("fake-vmm");
    std::fs::remove_file(lab.store()).expect("the store of the run before");
    let mut begun = undisturbed.clone();
    begun.contenders.iter_mut().for_each(|contender| contender.boots.clear());
    begun.design.end = None;
    let mut store = Store::open(&lab.store()).expect("a store");
    let id = store.begin(&begun).expect("a run");
    let all = undisturbed.contenders.iter().enumerate().flat_map(|(place, c)| c.boots.iter().map(move |b| (place, b)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, boot)| (boot.block, boot.position));
    let mut recorder = store.recorder(&id);
    for (contender, boot) in all.iter().take(3) {
        recorder.on_event(&RunEvent::BootDone {
            contender: *contender,
            boot: Box::new((*boot).clone()),
            retried: false,
        });
    }
    recorder.finish().expect("it is stored");
    drop(store);
    let resume = || lab.firebench(&["run", "--resume", id.as_str(), "--out"]).arg(lab.path("out"));
    resume().env("FIREBENCH_AGENT", &agent).run().ok();
    let report = report(&lab.path("out"));
    assert_whole(&report, 3);
    let blocks = blocks(&report);
    let [stored, missing] = blocks[&1].as_slice() else { panic!("two boots: {blocks:?}") };
    assert_eq!((stored.status, missing.status), (BootStatus::Ok, BootStatus::Void));
    assert!(missing.message.as_deref().is_some_and(|said| said.contains("amid its block")), "{missing:?}");
    assert_eq!(missing.life_seconds, 0.0, "it did not boot alone");
}

/// The report of an undisturbed run, of so many blocks and no more: a busy computer makes some void now and then.
fn report_of(lab: &Lab, good: u32) -> Report {
    for _ in 0..5 {
        duet(lab, &but(&serde_json::json!([])), good).run().ok();
        let report = report(&lab.path("out"));
        if blocks(&report).len() == good as usize {
            return report;
        }
        std::thread::sleep(Duration::from_secs(5));
    }
    panic!("five runs had void boots");
}
