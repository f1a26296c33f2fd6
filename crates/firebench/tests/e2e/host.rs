//! The bare host as a contender: real comparisons, on whatever machine this is.

use std::time::Duration;

use firebench_analysis::summary::summarize;
use firebench_model::record::{BootStatus, RunEnd};
use firebench_stats::Verdict;
use firebench_vmm::{Accel, VmmKind};

use crate::require;
use crate::support::common::{Lab, say, test_name};
use crate::support::fake::fake;
use crate::support::invocation::{Outcome, report};
use crate::support::need;

/// Runs it until the computer was quiet enough to tell; for the last time, whatever comes of it. `None` where even then a
/// hypervisor gave so much of its CPUs to others that nothing is believed, and rightly so.
fn in_peace(run: impl Fn() -> Outcome, cannot_tell: impl Fn(&Outcome) -> bool) -> Option<Outcome> {
    let stolen = |outcome: &Outcome| {
        let void = outcome.stderr.contains("error: too many blocks were left out");
        outcome.status.code() == Some(3) && void && outcome.stderr.contains("was stolen")
    };
    for pause in [5, 15, 30] {
        let outcome = run();
        if !stolen(&outcome) && !cannot_tell(&outcome) {
            return Some(outcome);
        }
        std::thread::sleep(Duration::from_secs(pause));
    }
    let outcome = run();
    if stolen(&outcome) {
        say(&format!("NOT JUDGED: {}: the CPUs of this computer are given to others\n{}", test_name(), outcome.stderr));
        return None;
    }
    Some(outcome)
}

/// A/A and A/B in one run: b is a again, c does twice the work, which is to be seen on machines whose speed wanders by a fifth (for
/// 5% there is `calibrate`). In CPU time, which other tests beside this one disturb least. An iteration is long enough for dozens of
/// the kernel's ticks: it divides CPU time by them, and where all of them fall into the kernel, user time is zero, of which there is
/// no ratio.
#[test]
fn equal_hosts_are_not_told_apart_and_more_work_is_found() {
    require!(need::busybox());
    let lab = Lab::new();
    let out = lab.path("out");
    let contenders = ["--contender=a=host", "--contender=b=host", "--contender=c=host,handicap=100%"];
    let junit = lab.path("junit.xml");
    let gates = ["--fail-if", "c: user > +5%", "--fail-if", "b: user > +60%", "--annotate", "github", "--junit"];
    let run = || {
        let run = lab
            .firebench(&[
                "run",
                "memory",
                "--size",
                "16MiB",
                "--blocks",
                "30",
                "--iterations",
                "2",
                "--primary",
                "user",
            ])
            .args(contenders);
        run.args(gates).arg(&junit).arg("--out").arg(&out).run()
    };
    // Where something else kept the computer busy, the run says that it cannot tell.
    let undecided = |outcome: &Outcome| outcome.stdout.contains("%: undecided");
    let Some(outcome) = in_peace(run, undecided) else { return };
    assert_eq!(outcome.status.code(), Some(1), "the gate of c fails\n{outcome}");
    assert!(outcome.stderr.contains("::error ") && outcome.stdout.contains("c: user > +5%: failed"), "{outcome}");
    assert!(outcome.stdout.contains("b: user > +60%: passed"), "{outcome}");
    assert!(std::fs::read_to_string(&junit).expect("junit.xml").contains("failures=\"1\""));
    let report = report(&out);
    assert_eq!((report.accelerator, report.emulated), (Accel::Native, false));
    assert!(matches!(report.design.end, Some(RunEnd::Planned)), "{:?}", report.design);
    let work: Vec<_> = report.contenders.iter().map(|c| c.launch.argv.clone()).collect();
    assert!(work.iter().all(|argv| argv.get(1).is_some_and(|word| word == "host")), "{work:?}");
    let summary = summarize(&report);
    let [equal, more] = summary.pairs.as_slice() else { panic!("two pairs: {summary:?}") };
    let (equal, more) = (equal.judgement.expect("a verdict"), more.judgement.expect("a verdict"));
    say(&format!("    b: {:?} {:?}\n    c: {:?} {:?}", equal.verdict, equal.effect(), more.verdict, more.effect()));
    // One run of twenty may see a difference between equals, but none that matters.
    let seen = equal.effect();
    assert!(
        matches!(equal.verdict, Verdict::Equivalent | Verdict::Inconclusive) || seen.estimate.abs() < 0.2,
        "{equal:?}\n{outcome}"
    );
    assert_eq!(more.verdict, Verdict::Higher, "{outcome}");
    // Where it is noisy, the interval is wide.
    let found = more.effect();
    let covered = found.low < 1.0 && 1.0 < found.high;
    assert!(covered || (0.7..1.4).contains(&found.estimate), "{more:?}\n{outcome}");
    assert!(outcome.stderr.contains("so far: b "), "{outcome}");
}

#[test]
fn a_host_takes_part_as_a_vm_does() {
    require!(need::busybox());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    let args = [
        "run",
        "memory",
        "--vmm",
        "host",
        "--size",
        "1MiB",
        "--boots",
        "2",
        "--iterations",
        "2",
        "--cold",
        "--settle",
        "1s",
    ];
    lab.firebench(&args).args(["--memory", "256MiB", "--vcpus", "1", "--out"]).arg(&out).run().ok();
    let report = report(&out);
    let [host] = report.contenders.as_slice() else { panic!("one contender") };
    assert_eq!(
        (host.vmm, host.accel, host.memory_mib, host.vcpus),
        (VmmKind(&firebench_vmm::host::KIND), Accel::Native, 256, 1)
    );
    assert_eq!(host.launch.memory_limit, Some(256 << 20));
    assert_eq!(host.launch.cpus.as_ref().map(Vec::len), Some(1));
    assert_eq!(host.boots.len(), 2);
    assert!(report.duration >= 1.0, "it settles between two boots: {}", report.duration);
    for boot in &host.boots {
        assert_eq!(boot.status, BootStatus::Ok);
        assert!(boot.iterations.iter().all(|i| i.digest == report.payload.sha256 && i.metrics["real"] > 0.0));
        // Cold: the file is read again each time, by this very process.
        assert!(boot.iterations.iter().all(|i| i.counters.disk_read_bytes >= 1 << 20), "{:?}", boot.iterations);
        assert!(boot.facts.as_ref().is_some_and(|facts| !facts.kernel_release.is_empty()));
    }
}

#[test]
fn a_live_calibration_says_what_it_found_and_whether_that_is_right() {
    require!(need::busybox());
    let lab = Lab::new();
    let args = ["calibrate", "--live", "--effect", "0.5", "--blocks", "3", "--format", "json"];
    // Where too many blocks had to be left out, there is no interval.
    let undecided = |outcome: &Outcome| outcome.stdout.contains("\"judgement\": null");
    let Some(outcome) = in_peace(|| lab.firebench(&args).run(), undecided) else { return };
    let outcome = outcome.ok();
    let table: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let rows = table["rows"].as_array().expect("rows");
    let kinds: Vec<_> = rows.iter().map(|row| (row["kind"].as_str(), row["truth"].as_f64())).collect();
    assert_eq!(kinds, [(Some("aa"), Some(0.0)), (Some("ab"), Some(0.5))]);
    let interval = |part: &str| rows[1]["judgement"]["interval"][part].as_f64().expect("an estimate");
    let [low, centre, high] = ["low", "centre", "high"].map(interval);
    // On a busy machine the interval is wide, and says so; one of twenty misses, and not by that much.
    let right = (1.05..2.3).contains(&centre.exp()) || (low..high).contains(&1.5_f64.ln());
    assert!(right, "half as much again: {}\n{outcome}", centre.exp());
    lab.firebench(&["calibrate", "--live", "--precision", "0"]).run().fails(2, &["--precision", "invalid share"]);
}

/// An agent whose clock runs at half speed: nothing that it measures counts.
#[test]
fn boots_whose_clock_is_wrong_are_void() {
    require!(need::busybox());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    let agent = fake(&lab, "\"boot_ms\": 5, \"iteration_ms\": 600, \"clock\": 0.5");
    let args = ["run", "memory", "--contender=a=host", "--contender=b=host", "--size", "1MiB", "--boots", "2", "--out"];
    let outcome = lab.firebench(&args).arg(&out).env("FIREBENCH_AGENT", agent).run();
    let outcome = outcome.fails(3, &["too many blocks were left out"]);
    let report = report(&out);
    assert_eq!(report.design.end, Some(RunEnd::Void));
    let boots: Vec<_> = report.contenders.iter().flat_map(|c| &c.boots).collect();
    assert!(boots.len() >= 6 && boots.iter().all(|boot| boot.status == BootStatus::Void), "{outcome}");
    assert!(boots.iter().all(|boot| boot.message.as_deref().is_some_and(|why| why.contains("clock"))), "{outcome}");
    assert!(outcome.stdout.contains("VOID"), "{outcome}");
}
