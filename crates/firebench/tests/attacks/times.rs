//! Guests that forge times, and what else a verdict rests on: played by the fake VMM, at real speed (in place of the agent on
//! the bare host) and emulated.

use std::path::PathBuf;

use firebench_model::record::{BootStatus, Report};
use serde_json::{Value, json};

use crate::require;
use crate::support::clean::assert_clean;
use crate::support::common::Lab;
use crate::support::fake::fake;
use crate::support::invocation::{Outcome, report};
use crate::support::need;
use crate::voids::no_boot_counts;

/// Where the guest lies.
#[derive(Debug, Clone, Copy)]
enum At {
    /// On the bare host.
    RealSpeed,
    /// Under what passes for QEMU's TCG.
    Emulated,
}

const BOTH: [At; 2] = [At::RealSpeed, At::Emulated];

/// A run of one boot of three iterations of so many ms, of a guest with these misdeeds and a clock that is so fast.
fn run(at: At, iteration_ms: u64, clock: f64, misdeeds: &Value) -> (Outcome, Report) {
    let lab = Lab::without_vms();
    let script =
        format!("\"boot_ms\": 5, \"iteration_ms\": {iteration_ms}, \"clock\": {clock}, \"misdeeds\": {misdeeds}");
    let fake: PathBuf = fake(&lab, &script);
    let out = lab.path("out");
    let args = ["run", "memory", "--size", "1MiB", "--boots", "1", "--iterations", "3", "--out"];
    let run = lab.firebench(&args).arg(&out);
    let outcome = match at {
        At::RealSpeed => run.arg("--contender=a=host").env("FIREBENCH_AGENT", &fake).run(),
        At::Emulated => run.args(["--accel", "tcg"]).arg(format!("--contender=a=qemu,binary={}", fake.display())).run(),
    };
    assert_clean(&lab, &outcome);
    let report = report(&out);
    (outcome, report)
}

/// No boot of such a run counts, and its boots say all of `words`.
#[track_caller]
fn voided(at: At, iteration_ms: u64, clock: f64, misdeeds: &Value, words: &[&str]) {
    let (outcome, report) = run(at, iteration_ms, clock, misdeeds);
    no_boot_counts(outcome, &report, words);
}

/// The boot counts; the report says all of `words`.
#[track_caller]
fn counts(at: At, iteration_ms: u64, misdeeds: &Value, words: &[&str]) {
    let (outcome, report) = run(at, iteration_ms, 1.0, misdeeds);
    let outcome = outcome.ok();
    assert_eq!(report.contenders[0].boots.last().map(|boot| boot.status), Some(BootStatus::Ok), "{outcome}");
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {outcome}");
}

/// Each iteration with these fields in place of its own.
fn altered(with: Value) -> Value {
    json!([{ "do": "alter", "event": "iteration", "with": with }])
}

#[test]
fn all_frames_in_one_write() {
    require!(need::image());
    for at in BOTH {
        for real in [900.0, 1.0, 1e-5] {
            let lie = json!([{ "do": "at_once" }, { "do": "alter", "event": "iteration", "with": { "real": real } }]);
            let words: &[&str] = if real > 10.0 { &[] } else { &["the host's clock measured no time in iteration 1"] };
            voided(at, 5, 1.0, &lie, words);
        }
    }
}

#[test]
fn iterations_longer_than_the_life_of_the_boot() {
    require!(need::image());
    for at in BOTH {
        voided(at, 20, 1.0, &altered(json!({ "real": 900.0 })), &["the guest reports 2700.0 s in its iterations"]);
    }
}

#[test]
fn a_clock_that_is_off() {
    require!(need::image());
    // At real speed a twentieth, a fifth and a quarter; emulated, a third and a quarter.
    voided(At::RealSpeed, 1000, 0.95, &json!([]), &["the guest's clock is slower than the host's by "]);
    voided(At::RealSpeed, 400, 0.8, &json!([]), &["the guest's clock is slower than the host's by "]);
    voided(At::RealSpeed, 280, 1.25, &json!([]), &["the guest's clock is faster than the host's by "]);
    voided(At::Emulated, 1500, 0.67, &json!([]), &["the guest's clock is slower than the host's by "]);
    voided(At::Emulated, 1200, 1.25, &json!([]), &["the guest's clock is faster than the host's by "]);
}

#[test]
fn short_iterations_that_are_told_shorter_or_longer() {
    require!(need::image());
    voided(At::RealSpeed, 80, 1.0, &altered(json!({ "real": 0.001 })), &["the guest's clock is slower"]);
    voided(At::RealSpeed, 20, 1.0, &altered(json!({ "real": 0.09 })), &["the guest's clock is faster"]);
    voided(At::Emulated, 600, 1.0, &altered(json!({ "real": 0.001 })), &["the guest's clock is slower"]);
}

/// Nothing shows that they took longer than they say; the report says that nothing does.
#[test]
fn iterations_too_short_to_be_checked() {
    require!(need::image());
    for at in BOTH {
        counts(
            at,
            10,
            &altered(json!({ "real": 0.0001 })),
            &["of the time cannot be checked", "Longer iterations can be checked"],
        );
    }
}

#[test]
fn bytes_that_no_computer_reads_so_fast() {
    require!(need::image());
    for at in BOTH {
        voided(at, 10, 1.0, &altered(json!({ "real": 2e-6 })), &["reports 1048576 bytes read in 0.000002 s"]);
    }
}

#[test]
fn cpu_time_that_no_cpu_gave() {
    require!(need::image());
    for at in BOTH {
        voided(at, 20, 1.0, &altered(json!({ "user": 50.0 })), &["iteration 1: the guest reports ", " s of CPU time"]);
        voided(at, 20, 1.0, &altered(json!({ "sys": 50.0 })), &["iteration 1: the guest reports ", " s of CPU time"]);
    }
    // Less than its CPUs could give, and more than all of its VMM used.
    let words = ["s of CPU time, but its whole VMM used only "];
    voided(At::RealSpeed, 400, 1.0, &altered(json!({ "user": 0.3 })), &words);
}

#[test]
fn counters_beyond_the_machine() {
    require!(need::image());
    let most = u64::MAX;
    for (counters, words) in [
        (json!({ "steal_us": most }), "s of stolen time in "),
        (json!({ "disk_read_bytes": most }), "bytes read from the disk in "),
        (json!({ "minor_faults": most }), "page faults in "),
        (json!({ "involuntary_switches": most }), "context switches in "),
    ] {
        for at in BOTH {
            voided(at, 5, 1.0, &altered(json!({ "counters": counters })), &["iteration 1: the guest counts ", words]);
        }
    }
    let memory = altered(json!({ "counters": { "max_rss_bytes": most } }));
    voided(At::Emulated, 5, 1.0, &memory, &["reports a command that used 18446744073709551615 bytes"]);
}

#[test]
fn a_machine_that_was_not_given() {
    require!(need::image());
    let facts = |with: Value| json!([{ "do": "alter", "event": "facts", "with": with }]);
    let most = u64::MAX;
    voided(
        At::Emulated,
        5,
        1.0,
        &facts(json!({ "cpu": { "online": 64 } })),
        &["the guest reports 64 CPUs, but it has "],
    );
    voided(At::Emulated, 5, 1.0, &facts(json!({ "cpu": { "mhz": 1e308 } })), &["a CPU of 1.0e308 MHz"]);
    voided(At::Emulated, 5, 1.0, &facts(json!({ "mem_total_bytes": most })), &["bytes of memory, but it has "]);
    let text = format!("MemTotal: {most} kB\n");
    let meminfo = json!([{ "do": "alter", "event": "meminfo", "with": { "text": text } }]);
    voided(At::Emulated, 5, 1.0, &meminfo, &["bytes of memory, but it has "]);
}

#[test]
fn work_behind_the_beginning_of_a_report() {
    require!(need::image());
    let lie = json!([{ "do": "stretch", "event": "iteration", "ms": 600 }]);
    voided(At::RealSpeed, 20, 1.0, &lie, &["the report of iteration 1 took ", " s to arrive"]);
}

#[test]
fn work_before_the_start_of_an_iteration() {
    require!(need::image());
    for (at, ms) in [(At::RealSpeed, 600), (At::Emulated, 5500)] {
        let lie = json!([{ "do": "sleep", "ms": ms, "at": "prepared" }]);
        voided(at, 20, 1.0, &lie, &[" s passed before iteration 1 began"]);
    }
}

/// It sleeps, and answers with a digest that it knows. No clock sees that; its CPU time does, if anybody looks.
#[test]
fn a_guest_that_knows_the_digest_and_does_no_work() {
    require!(need::image());
    for at in BOTH {
        counts(at, 300, &json!([]), &["waits", "of its time, and not for its disk"]);
    }
}
