//! One experiment as several runs, which `firebench compare` takes as one side. The fake VMM makes boots of milliseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use firebench_model::record::Report;
use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::fake::fake;
use crate::support::invocation::{Invocation, report};
use crate::support::need;

/// Three runs of two boots, with what else is given.
fn three_runs<'a>(lab: &'a Lab, iteration_ms: u32, more: &[&str]) -> Invocation<'a> {
    let vmm = fake(lab, &format!("\"boot_ms\": 5, \"iteration_ms\": {iteration_ms}"));
    let args = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--iterations", "1", "--boots", "2"];
    let repeat = ["--repeat-run", "3", "--seed", "70"];
    lab.firebench(&args).args(repeat).args(more).arg(format!("--contender=a=qemu,binary={}", vmm.display()))
}

/// The digest of the only file of a role.
fn digest<'a>(report: &'a Report, role: &str) -> &'a str {
    let file = report.artifacts.iter().find(|file| file.role == role);
    &file.expect("it has one").sha256
}

/// The last line of the output, which is what `compare` takes.
fn operand(stdout: &str) -> String {
    stdout.lines().last().expect("a line").trim().to_owned()
}

#[test]
fn each_run_is_one_of_its_own_with_a_seed_and_a_disk_of_its_own() {
    require!(need::image());
    let lab = Lab::without_vms();
    let outcome = three_runs(&lab, 20, &["--out", "out"]).at(&lab.path("")).run().ok();
    assert!(outcome.stdout.contains("3 runs, as one side of `firebench compare`:"), "{outcome}");
    assert_eq!(operand(&outcome.stdout), "out/1,out/2,out/3");
    let reports = [1, 2, 3].map(|number| report(&lab.path(&format!("out/{number}"))));
    assert_eq!(reports.each_ref().map(|report| report.design.seed), [70, 71, 72]);
    assert!(reports.iter().all(|report| report.contenders[0].boots.len() == 2));
    assert_eq!(reports.each_ref().map(|report| report.experiment.design.layout), [0, 1, 2]);
    let disks: BTreeSet<&str> = reports.iter().map(|report| digest(report, "root disk")).collect();
    assert_eq!(disks.len(), 3);
    assert!(reports.iter().all(|report| report.payload == reports[0].payload), "other places, and the same bytes");
    let listed = lab.firebench(&["image", "list"]).run().ok();
    assert!(!listed.stdout.contains("layout"), "the disks of layouts are gone: {listed}");
    let outcome = three_runs(&lab, 20, &[]).run().ok();
    let ids = operand(&outcome.stdout);
    let compared = lab.firebench(&["compare", "out", &ids, "--format", "json"]).at(&lab.path("")).run().ok();
    let json: serde_json::Value = serde_json::from_str(&compared.stdout).expect("JSON");
    assert_eq!((&json["footing"], &json["emulated"]), (&"several_runs".into(), &true.into()));
    assert_eq!(json["b"]["runs"].as_array().map(Vec::len), Some(3), "{ids}");
    assert_eq!(json["warnings"], serde_json::json!([]), "runs of other layouts repeat one another");
    lab.firebench(&["compare", &ids, &ids]).run().fails(2, &["are the same run, which cannot count twice"]);
}

#[test]
fn a_signal_ends_the_run_and_those_that_were_to_come() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = three_runs(&lab, 700, &["--out", "out"]).at(&lab.path("")).start();
    wait_for("the second run", Duration::from_secs(60), || running.stderr().contains("run 2 of 3").then_some(()));
    wait_for("its VM", Duration::from_secs(60), || (!lab.processes(&["fake-vmm", "-initrd"]).is_empty()).then_some(()));
    running.signal(Signal::SIGINT);
    let outcome = running.finish().stops(130, "stopped by Ctrl-C");
    assert!(!outcome.stderr.contains("run 3 of 3"), "{outcome}");
    assert_eq!(operand(&outcome.stdout), "out/1", "what was done is not lost: {outcome}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    let lab = Lab::without_vms();
    for (args, said) in [
        (&["run", "memory", "--repeat-run", "1"][..], "1 is not in 2.."),
        (&["run", "--resume", "latest", "--repeat-run", "2"], "cannot be used with"),
        (&["run", "memory", "--repeat-run", "2", "--junit", "x"], "cannot be used with"),
        (&["run", "memory", "--repeat-run", "2", "--no-store"], "--repeat-run with --no-store keeps none of the runs"),
    ] {
        let outcome = lab.firebench(args).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
}
