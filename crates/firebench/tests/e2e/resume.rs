//! A run that is killed goes on where it was, and ends as if nothing had happened.

use std::collections::BTreeSet;
use std::time::Duration;

use firebench_model::record::{BootStatus, Report, RunEnd};
use firebench_store::store::Store;
use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{LIMIT, Lab, say, wait_for};
use crate::support::fake::fake;
use crate::support::invocation;
use crate::support::need;

/// Contenders times blocks of the runs here.
const BLOCKS: usize = 60;

fn show(lab: &Lab, which: &str) -> Report {
    let store = Store::open_existing(&lab.store()).expect("a store");
    store.load(which).unwrap_or_else(|error| panic!("{error}"))
}

/// Block, position and contender of every good boot, in the order in which they ran.
fn order(report: &Report) -> Vec<(u32, u32, usize)> {
    let mut boots: Vec<_> = report
        .contenders
        .iter()
        .enumerate()
        .flat_map(|(index, c)| c.boots.iter().map(move |boot| (boot, index)))
        .filter(|(boot, _)| boot.status == BootStatus::Ok)
        .map(|(boot, index)| (boot.block, boot.position, index))
        .collect();
    boots.sort_unstable();
    boots
}

/// Block and contender of every throw-away boot; one that was cut off from the boot after it ran again.
fn thrown(report: &Report) -> BTreeSet<(u32, usize)> {
    let all = report.contenders.iter().enumerate();
    all.flat_map(|(index, contender)| contender.discarded.iter().map(move |boot| (boot.block, index))).collect()
}

#[test]
fn a_run_killed_twenty_times_ends_with_the_same_plan_and_every_boot_once() {
    require!(need::image());
    let lab = Lab::new();
    let fake = fake(&lab, "\"boot_ms\": 5, \"iteration_ms\": 3");
    let blocks = BLOCKS.to_string();
    let args = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--boots", &blocks, "--iterations", "2"];
    let args = [&args[..], &["--seed", "5", "--settle", "boot"]].concat();
    let contenders = ["a", "b", "c"].map(|name| format!("--contender={name}=qemu,binary={}", fake.display()));

    // As it is when nothing happens.
    lab.firebench(&args).args(&contenders).run().ok();
    let undisturbed = show(&lab, "latest");
    assert_eq!(order(&undisturbed).len(), 3 * BLOCKS);

    let mut random = 0x2545_f491_4f6c_dd1du64;
    let mut killed = 0;
    let mut kept = Vec::new();
    let mut resume: Option<String> = None;
    while killed < 20 {
        let run = match &resume {
            None => lab.firebench(&args).args(&contenders).start(),
            Some(id) => lab.firebench(&["run", "--resume", id]).start(),
        };
        // xorshift: any moment from before the first boot on.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Up to seven boots further, and then anywhere in the next one.
        let boots = usize::try_from(random % 8).expect("a few");
        let told = || run.stderr().matches("  up in ").count();
        wait_for(&format!("{boots} boots"), LIMIT, || (told() >= boots).then_some(()));
        std::thread::sleep(Duration::from_millis(random / 8 % 40));
        run.signal(Signal::SIGKILL);
        let outcome = run.finish_and_leave();
        assert_eq!(outcome.signal(), Some(9), "the run was over before it was killed\n{outcome}");
        killed += 1;
        if resume.is_none() {
            let report = show(&lab, "latest");
            if report.id == undisturbed.id {
                // Killed before it was in the store: there is nothing to resume.
                continue;
            }
            resume = report.id.clone();
        }
        let stored = order(&show(&lab, resume.as_deref().expect("an id")));
        kept.push(stored.len());
    }
    say(&format!("    good boots in the store after each kill: {kept:?} of {}", 3 * BLOCKS));
    assert!(kept.is_sorted(), "no boot is lost: {kept:?}");
    let id = resume.expect("it was stored");
    let out = lab.path("out");
    lab.firebench(&["run", "--resume", &id, "--out"]).arg(&out).run().ok();
    let report = show(&lab, &id);
    assert_eq!(order(&invocation::report(&out)), order(&report), "the boots from before are in its report, too");
    assert_eq!(order(&report), order(&undisturbed));
    assert_eq!(thrown(&report), thrown(&undisturbed));
    assert_eq!(report.experiment, undisturbed.experiment);
    let design = |report: &Report| report.design.clone();
    assert_eq!(design(&report), design(&undisturbed));
    let again = lab.firebench(&["run", "--resume", &id]).run();
    again.fails(2, &[&id, "complete"]);
}

/// Two bare hosts whose agent is the fake one, aiming at a precision that they never reach.
fn hopeless<'a>(lab: &'a Lab, args: &[&str]) -> invocation::Invocation<'a> {
    let agent = fake(lab, "\"boot_ms\": 5, \"iteration_ms\": 100");
    let args = [&["run"], args].concat();
    lab.firebench(&args).env("FIREBENCH_AGENT", agent)
}

#[test]
fn a_run_whose_time_was_over_goes_on_with_more_time() {
    require!(need::busybox());
    let lab = Lab::new();
    let args = [
        "memory",
        "--contender=a=host",
        "--contender=b=host",
        "--size",
        "1MiB",
        "--iterations",
        "2",
        "--precision",
        "0.0001%",
    ];
    let outcome = hopeless(&lab, &args).args(["--max-time", "3s"]).run().ok();
    assert!(outcome.stdout.contains("was NOT reached"), "{outcome}");
    let first = show(&lab, "latest");
    assert_eq!(first.design.end, Some(RunEnd::TimeOver));
    let id = first.id.clone().expect("an id");
    hopeless(&lab, &["--resume", &id]).run().fails(2, &[&id, "complete"]);
    hopeless(&lab, &["--resume", &id, "--max-time", "8s"]).run().ok();
    let second = show(&lab, &id);
    assert_eq!(second.design.end, Some(RunEnd::TimeOver));
    assert!(order(&second).len() > order(&first).len() && order(&second).starts_with(&order(&first)));
    let given: Vec<_> = second.design.extended.iter().map(|extension| extension.max_seconds).collect();
    assert_eq!((given, second.design.max_seconds), (vec![8.0], Some(8.0)));
    // And once more: what came before is followed as it was.
    hopeless(&lab, &["--resume", &id, "--max-time", "12s"]).run().ok();
    let third = show(&lab, &id);
    assert!(order(&third).starts_with(&order(&second)) && third.design.extended.len() == 2, "{:?}", third.design);
}

#[test]
fn a_run_that_is_stopped_says_how_it_goes_on() {
    require!(need::busybox());
    let lab = Lab::new();
    let args = ["memory", "--contender=a=host", "--contender=b=host", "--size", "1MiB", "--boots", "40"];
    let running = hopeless(&lab, &args).start();
    wait_for("some boots", LIMIT, || running.stderr().contains("block 3 of").then_some(()));
    running.signal(Signal::SIGINT);
    let outcome = running.finish().stops(130, "stopped by Ctrl-C");
    let id = show(&lab, "latest").id.expect("an id");
    let command = format!("run --resume {id}");
    // On a line of its own, however narrow the terminal is: it is to be copied.
    let mut lines = outcome.stderr.lines().skip_while(|line| {
        *line
            != "hint: to resume the run after the boots that \
    are done:"
    });
    assert!(lines.nth(1).is_some_and(|line| line.starts_with("    ") && line.ends_with(&command)), "{outcome}");
    assert_eq!(outcome.stdout.matches("firebench memory:").count(), 1, "{outcome}");
    // A number of boots has no time that could be changed.
    hopeless(&lab, &["--resume", &id, "--max-time", "8s"]).run().fails(2, &["a number of boots, not at a precision"]);
}
