//! Contenders that boot at once, for real.

use std::collections::BTreeSet;
use std::path::Path;

use firebench_model::record::{BootRecord, BootStatus, Report};

use crate::require;
use crate::support::common::{LIMIT, Lab, wait_for};
use crate::support::invocation::report;
use crate::support::need;

/// The CPUs that each thread of a process may run on; none where it has ended meanwhile.
fn allowed(pid: u32) -> Option<BTreeSet<String>> {
    let threads = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task")).ok()?;
    let of = |thread: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
        Some(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim().to_owned())
    };
    let found: BTreeSet<String> = threads.filter_map(of).collect();
    (!found.is_empty()).then_some(found)
}

/// Two processes of different boots that live at the same time, and where the threads of each may run.
fn two_at_once(lab: &Lab, words: &[&str]) -> Option<[BTreeSet<String>; 2]> {
    let directories = lab.processes(words);
    let [one, other] = directories.as_slice() else { return None };
    Some([allowed(*one)?, allowed(*other)?])
}

fn boots(report: &Report) -> impl Iterator<Item = &BootRecord> {
    report.contenders.iter().flat_map(|contender| &contender.boots)
}

/// Every boot says on which CPU it ran: in each block each on another one, and every contender on each of them in some block.
#[track_caller]
fn assert_swapped(report: &Report) {
    let places: BTreeSet<(u32, u32, &[u32])> =
        boots(report).map(|b| (b.block, b.position, b.cpus.as_slice())).collect();
    assert_eq!(places.len(), boots(report).count(), "no place is taken twice");
    let sets: BTreeSet<(u32, &[u32])> = places.iter().map(|(_, position, cpus)| (*position, *cpus)).collect();
    assert_eq!(sets.len(), 2, "a place is a set: {sets:?}");
    let cpus: BTreeSet<u32> = sets.iter().flat_map(|(_, cpus)| cpus.iter().copied()).collect();
    assert_eq!(cpus.len(), sets.iter().map(|(_, cpus)| cpus.len()).sum::<usize>(), "they share no CPU: {sets:?}");
    for contender in &report.contenders {
        let positions: BTreeSet<u32> = contender.boots.iter().map(|boot| boot.position).collect();
        assert_eq!(positions.len(), 2, "{}", contender.name);
    }
}

#[test]
fn hosts_of_a_duet_run_at_once_on_cpus_of_their_own() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::new();
    let out = lab.path("out");
    let contenders = ["--contender=a=host", "--contender=b=host"];
    let common = ["run", "memory", "--size", "64MiB", "--vcpus", "1", "--boots", "6", "--seed", "3"];
    let running = lab.firebench(&common).args(contenders).args(["--duet", "--out"]).arg(&out).start();
    let [one, other] = wait_for("both at once", LIMIT, || two_at_once(&lab, &["firebench-agent", " host ", "/boot-"]));
    assert_eq!((one.len(), other.len()), (1, 1), "{one:?} {other:?}");
    assert!(one.is_disjoint(&other), "{one:?} {other:?}");
    let outcome = running.finish().ok();
    let duet = report(&out);
    assert!(duet.design.duet && duet.experiment.design.duet);
    assert_swapped(&duet);
    assert!(boots(&duet).all(|boot| boot.iterations.len() == 5 || boot.status != BootStatus::Ok));
    assert_eq!(outcome.stdout.matches("All contenders of a block ran at once").count(), 1, "{outcome}");
    assert!(outcome.stdout.contains("nothing differs that matters"), "the sets are no difference\n{outcome}");
    // What ran one after the other answers another question.
    let in_turn = lab.path("in-turn");
    lab.firebench(&common).args(contenders).arg("--out").arg(&in_turn).run().ok();
    assert!(boots(&report(&in_turn)).all(|boot| boot.cpus.is_empty()));
    let compared = lab.firebench(&["compare"]).args([in_turn.join("report.json"), out.join("report.json")]).run();
    compared.fails(2, &["one after the other in A", "all at once (--duet) in B"]);
    // Its report can be run again, as a duet.
    let again = lab.firebench(&["run", "--from"]).arg(out.join("report.md")).args(["--dry-run"]).run().ok();
    assert!(again.stdout.contains("taskset"), "{again}");
}

#[test]
fn all_threads_of_a_vmm_stay_on_its_cpus() {
    require!(need::tcg(), need::cpus(2));
    let lab = Lab::new();
    // Iterations that take seconds: guests under TCG boot up to a second apart, and what ran beside nobody counts for nothing.
    let out = lab.path("out");
    let args =
        ["run", "memory", "--accel", "tcg", "--contender=a=qemu", "--contender=b=qemu", "--size", "64MiB", "--duet"];
    let running = lab
        .firebench(&args)
        .args(["--vcpus", "1", "--boots", "4", "--iterations", "3", "--seed", "3", "--out"])
        .arg(&out)
        .start();
    let [one, other] = wait_for("two QEMUs at once", LIMIT, || two_at_once(&lab, &["qemu", "microvm", "/boot-"]));
    assert_eq!((one.len(), other.len()), (1, 1), "of all threads: {one:?} {other:?}");
    assert!(one.is_disjoint(&other), "{one:?} {other:?}");
    running.finish().ok();
    let report = report(&out);
    assert_swapped(&report);
    assert!(boots(&report).filter(|boot| boot.status == BootStatus::Ok).all(|boot| boot.pinned == boot.cpus));
}

#[test]
fn what_cannot_be_a_duet_is_refused_before_anything_starts() {
    require!(need::busybox(), need::cpus(2));
    let lab = Lab::without_vms();
    let run = |args: &[&str]| lab.firebench(&["run", "memory", "--duet", "--size", "1MiB"]).args(args).run();
    run(&["--vmm", "host"]).fails(2, &["--duet needs two contenders"]);
    run(&["--vmm", "qemu,host", "--accel", "tcg", "--cold"]).fails(2, &["--cold with --duet"]);
    run(&["--vmm", "qemu,firecracker", "--accel", "nested"]).fails(2, &["--duet needs the CPUs of this machine"]);
    let hosts = ["--contender=a=host", "--contender=b=host"];
    let more = (firebench_supervise::affinity::own().expect("affinity").len() / 2 + 1).to_string();
    run(&[&hosts[..], &["--vcpus", &more]].concat()).fails(2, &["cannot have", "in a duet"]);
    let first = firebench_supervise::affinity::own().expect("affinity")[0].to_string();
    let mut bound = std::process::Command::new("taskset");
    bound
        .args(["-c", &first])
        .arg(crate::support::common::firebench())
        .args(["run", "memory", "--duet", "--size", "1MiB"]);
    lab.invocation(bound).args(hosts).run().fails(2, &["--duet needs a CPU for each of the 2 contenders", "only 1"]);
}
