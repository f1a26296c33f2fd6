//! `firebench history`: a store with many runs, and what is found in it.

use firebench_model::record::{BootRecord, ImportFormat, Imported, Report};
use firebench_vmm::{Accel, VmmKind};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;

use crate::commands::Lab;
use crate::fixture::{boot, published};

/// A small wave, which is no change: hundredths of a second around twenty.
const WAVE: [f64; 10] = [3.0, -1.0, 4.0, -4.0, 1.0, -2.0, 2.0, -3.0, 0.0, -1.5];

/// The run of a day, whose qemu takes so long; firecracker always takes a little less.
fn run(day: usize, qemu: f64) -> Report {
    let mut report = published();
    report.id = Some(format!("{day:08x}"));
    report.started = format!("2026-{:02}-{:02}T12:00:00Z", 1 + day / 28, 1 + day % 28);
    let noise = WAVE[day * 7 % WAVE.len()] / 100.0;
    for (contender, real) in report.contenders.iter_mut().zip([qemu + noise, 19.5 + WAVE[day * 3 % WAVE.len()] / 100.0])
    {
        contender.boots = (0..4).map(|block| boot(block, 0, &[[real + 1.0, 17.0, 1.5], [real, 17.0, 1.5]])).collect();
    }
    report.notices.clear();
    report
}

/// Forty runs, of which the last eighteen are 4% slower with qemu, which is a new version from then on.
fn step(day: usize) -> Report {
    let mut report = run(day, if day < 22 { 20.0 } else { 20.8 });
    if day >= 22 {
        report.contenders[0].version = "QEMU emulator version 10.1.0".to_owned();
    }
    report
}

fn lab(reports: impl IntoIterator<Item = Report>) -> Lab {
    let lab = Lab::new();
    let mut store = lab.store();
    reports.into_iter().for_each(|report| drop(store.import(report).unwrap()));
    lab
}

fn json(lab: &Lab, args: &[&str]) -> Value {
    let output = lab.run(&[&["history", "real", "--format", "json"], args].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn code(lab: &Lab, args: &[&str]) -> i32 {
    lab.run(&[&["history", "real"], args].concat()).status.code().unwrap()
}

#[test]
fn a_step_is_found_in_the_run_that_made_it() {
    // Reports come in any order.
    let lab = lab((0..40).rev().map(step));
    let said = lab.good(&["history", "real"]);
    assert!(said.contains("from run 00000016 of 2026-01-23 on: 4% slower (22 runs before, 18 after;"), "{said}");
    insta::assert_snapshot!("history", said);
    insta::assert_snapshot!("history.md", lab.good(&["history", "real", "--format", "markdown"]));
    let found = json(&lab, &[]);
    assert_eq!(found["contenders"][1]["changes"], Value::Array(Vec::new()), "firecracker is as ever");
    insta::assert_snapshot!("history.json", lab.good(&["history", "real", "--format", "json", "--last", "26"]));
}

#[test]
fn a_limit_is_held_against_the_last_change() {
    let lab = lab((0..40).map(step));
    for (limit, expected) in [
        ("> +3%", 1),
        ("real > +3%", 1),
        ("qemu: real > +3%", 1),
        ("firecracker: real > +3%", 0),
        ("> +5%", 0),
        ("< -3%", 0),
        ("user > +3%", 2),
        ("nobody: real > +3%", 2),
        ("> +0.1s", 2),
        ("> much", 2),
    ] {
        assert_eq!(code(&lab, &["--fail-if", limit, "--require-verdict"]), expected, "{limit}");
    }
    assert_eq!(code(&lab, &["--fail-if", "> +3%", "--contender", "firecracker"]), 0);
    let found = json(&lab, &["--fail-if", "> +3%"]);
    let gates: Vec<&Value> = found["gates"].as_array().unwrap().iter().collect();
    assert_eq!((&gates[0]["gate"], &gates[0]["run"]), (&"beyond".into(), &"00000016".into()));
    assert_eq!((&gates[1]["gate"], &gates[1]["run"]), (&"within".into(), &Value::Null));
    let said = String::from_utf8(lab.run(&["history", "real", "--fail-if", "> +3%"]).stdout).unwrap();
    assert!(said.contains("real > +3%: failed: qemu: +4.00% from run 00000016 on."), "{said}");
    // After so few runs nothing can be said, and nothing fails.
    assert_eq!(code(&lab, &["--fail-if", "> +3%", "--last", "7"]), 0);
    assert_eq!(code(&lab, &["--fail-if", "> +3%", "--last", "7", "--require-verdict"]), 4);
    assert_eq!(code(&lab, &["--last", "0"]), 2);
}

#[test]
fn an_account_of_its_own_has_no_history() {
    let gvisor = VmmKind(&firebench_vmm::gvisor::KIND);
    let as_gvisor = |mut report: Report| {
        report.contenders[0].vmm = gvisor;
        report.contenders[0].settings = None;
        report
    };
    let lab = lab((0..40).map(step).map(as_gvisor));
    let said = lab.good(&["history", "user"]);
    assert!(said.contains("an account of CPU time of its own") && said.contains("firecracker"), "{said}");
    assert!(lab.good(&["history", "real"]).contains("4% slower"), "its clock is another matter");
}

#[test]
fn no_run_and_one_run_are_no_history() {
    let lab = Lab::new();
    let said = lab.good(&["history", "real"]);
    assert_eq!(said, "real: no run to look at: 0 runs belong together.\n");
    assert_eq!(json(&lab, &[])["contenders"], Value::Array(Vec::new()));
    assert_eq!(code(&lab, &["--fail-if", "> 3%"]), 0);
    assert_eq!(code(&lab, &["--fail-if", "> 3%", "--require-verdict"]), 4);
    lab.store().import(run(0, 20.0)).unwrap();
    let said = lab.good(&["history", "real"]);
    assert!(said.contains("1 run, which is no history yet.") && said.contains("qemu: 1 run, 2026-01-01"), "{said}");
    assert!(said.contains("Too few runs for a change to be seen: it takes 8."), "{said}");
    let (exit, said) = lab.bad(&["history", "reel"]);
    assert!(
        exit == 2
            && said.contains("no run has the metric \"reel\"\nhint: the latest run has the metrics real, user, sys"),
        "{said}"
    );
    let (exit, said) = lab.bad(&["history", "real", "--contender", "nobody"]);
    assert!(exit == 2 && said.contains("the latest run has the contenders qemu, firecracker"), "{said}");
}

#[test]
fn what_does_not_belong_is_counted_by_reason() {
    let other = |day: usize, change: fn(&mut Report)| {
        let mut report = run(day, 40.0);
        change(&mut report);
        report
    };
    let lab = lab((0..30).map(|day| match day {
        10 => other(day, |report| report.host.cpu_model = Some("Another CPU".to_owned())),
        11 | 12 => other(day, |report| report.emulated = true),
        13 => other(day, |report| report.payload.sha256 = "00".repeat(32)),
        14 => other(day, |report| report.command.push("--slowly".to_owned())),
        15 => other(day, |report| report.accelerator = Accel::Tcg),
        16 => other(day, |report| report.failure = Some("it failed".to_owned())),
        17 => other(day, |report| report.metrics.retain(|metric| metric.name != "real")),
        18 => other(day, |report| report.contenders[0].vcpus = 7),
        19 => other(day, |report| {
            report.imported = Some(Imported { format: ImportFormat::Csv, name: "x.csv".to_owned() });
        }),
        _ => run(day, 20.0),
    }));
    let found = json(&lab, &[]);
    assert_eq!(found["runs"], 21);
    let reasons = |left_out: &Value| -> Vec<String> {
        let each = left_out.as_array().unwrap().iter();
        let mut reasons: Vec<String> =
            each.map(|left| format!("{} {}", left["runs"], left["reason"].as_str().unwrap())).collect();
        reasons.sort();
        reasons
    };
    assert_eq!(
        reasons(&found["left_out"]),
        [
            "1 another accelerator",
            "1 another command",
            "1 another host CPU",
            "1 another payload",
            "1 imported figures",
            "1 not finished",
            "1 without the metric",
            "2 emulated",
        ]
    );
    let qemu = &found["contenders"][0];
    assert_eq!(reasons(&qemu["left_out"]), ["1 another vCPUs"]);
    assert_eq!(qemu["points"].as_array().unwrap().len(), 20);
    assert_eq!(qemu["changes"], Value::Array(Vec::new()), "none of the slow ones is in it");
    let last = json(&lab, &["--last", "5"]);
    assert_eq!((&last["runs"], &last["older"]), (&5.into(), &25.into()));
}

#[test]
fn names_from_elsewhere_do_no_harm() {
    const EVIL: &str = "::error::\u{1b}[31m`|<b>\u{202e}";
    let lab = lab((0..10).map(|day| {
        let mut report = run(day, if day < 5 { 20.0 } else { 25.0 });
        report.contenders[0].name = EVIL.to_owned();
        report.contenders[0].version = if day < 5 { "1" } else { EVIL }.to_owned();
        report
    }));
    for format in ["terminal", "markdown", "json"] {
        let said = lab.good(&["history", "real", "--format", format, "--contender", EVIL]);
        assert!(said.contains("00000005"), "{said}");
        assert!(!said.chars().any(|c| c != '\n' && firebench_text::is_hidden(c)), "{said}");
        assert!(!said.lines().any(|line| line.trim_start().starts_with("::")), "{said}");
    }
}

#[test]
fn a_damaged_run_is_named_and_not_passed_over() {
    let lab = lab((0..12).map(|day| run(day, 20.0)));
    let connection = rusqlite::Connection::open(lab.path("data/runs.db")).unwrap();
    connection.execute_batch("UPDATE boots SET boot_seconds = 9 WHERE run = 3").unwrap();
    drop(connection);
    let output = lab.run(&["history", "real"]);
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(3), "{out}{err}");
    assert!(out.contains("11 runs belong together; left out: 1 (unreadable)."), "{out}");
    assert!(err.contains("00000002"), "{err}");
}

/// What docs/history.md says of its cost: `cargo test -p firebench --test store a_thousand -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes, and prints"]
#[allow(clippy::print_stdout, reason = "what it is for")]
fn a_thousand_runs_of_twenty_boots() {
    let lab = lab((0..1000).map(|day| {
        let mut report = run(day % 300, if day < 600 { 20.0 } else { 20.8 });
        report.id = Some(format!("{day:08x}"));
        report.started = format!("2026-01-01T{:02}:{:02}:00Z", day / 60, day % 60);
        for contender in &mut report.contenders {
            let boots = contender.boots.clone();
            contender.boots = (0..20).map(|block| BootRecord { block, ..boots[block as usize % 4].clone() }).collect();
        }
        report
    }));
    let begun = std::time::Instant::now();
    let said = lab.good(&["history", "real"]);
    let seconds = begun.elapsed().as_secs_f64();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let cpu = used.user_time().tv_sec() as f64 + used.user_time().tv_usec() as f64 / 1e6;
    println!("{seconds:.1} s, {cpu:.1} s of CPU, at most {} KiB\n{said}", used.max_rss());
}
