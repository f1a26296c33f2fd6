//! A comparison as text.

use firebench_analysis::compare::{self, Comparison, Operand};
use firebench_model::record::Report;
use firebench_report::compare::{markdown, terminal};

use crate::runs::{HOSTILE, compare, compare_runs, limits, run, runs, side};

/// A regression, an equivalence and a limit that is undecided, from six runs a side.
fn ordinary() -> Comparison {
    let mut b = runs(20.0, 21.0);
    for (number, run) in (1..).zip(&mut b) {
        run.id = Some(format!("20250602-{number}"));
        run.contenders[1].version = "Firecracker v1.13.0".to_owned();
    }
    let hard = ["real > +3%", "firecracker: sys > 0.1s"];
    compare_runs(runs(20.0, 20.0), b, &hard)
}

/// One run a side: a description, and what would decide.
fn described() -> Comparison {
    let mut b = run(20.0, 21.0);
    b.id = Some("20250602-1".to_owned());
    b.contenders[1].version = "Firecracker v1.13.0".to_owned();
    b.contenders[1].binary = "/opt/new one/firecracker".into();
    b.contenders[1].sha256 = "cd".repeat(32);
    compare(run(20.0, 20.0), b, &["real > +3%"])
}

/// The contenders of one run.
fn within() -> Comparison {
    let [a, b] = ["qemu", "firecracker"].map(|name| Operand::of_run("latest", run(20.0, 21.0), Some(name.to_owned())));
    compare::compare(&a, &b, &limits(&["real > +3%"])).expect("they are of one run")
}

/// The contenders of six runs.
fn turns() -> Comparison {
    let runs = runs(20.0, 21.0);
    let [a, b] =
        ["qemu", "firecracker"].map(|name| Operand { contender: Some(name.to_owned()), ..side("new", runs.clone()) });
    compare::compare(&a, &b, &limits(&["real > +3%"])).expect("they are of the same runs")
}

fn emulated() -> Comparison {
    let mut b = run(20.0, 21.0);
    b.emulated = true;
    compare(run(20.0, 20.0), b, &["real > +3%"])
}

/// Everything in it that a report can say is hostile.
fn hostile() -> Comparison {
    let spoil = |mut report: Report, mark: &str| {
        let text = format!("{HOSTILE}{mark}");
        report.contenders[0].name = HOSTILE.to_owned();
        for field in [&mut report.firebench, &mut report.started] {
            *field = text.clone();
        }
        report.id = Some(text.clone());
        report.failure = Some(text.clone());
        report.command = vec![HOSTILE.to_owned()];
        report.host.cpu_model = Some(text.clone());
        report.contenders[0].version = text.clone();
        report.contenders[0].cmdline = text;
        report.contenders[1].boots.clear();
        report
    };
    let spoil = |runs: Vec<Report>, mark: &str| {
        (1..).zip(runs).take(2).map(|(number, run)| spoil(run, &format!("{mark}{number}"))).collect()
    };
    compare_runs(spoil(runs(20.0, 20.0), "a"), spoil(runs(30.0, 20.0), "b"), &[&format!("{HOSTILE}: real > 3%")])
}

#[test]
fn a_comparison_fits_the_terminal() {
    for comparison in [ordinary(), within(), emulated()] {
        for width in [40, 60, 80, 100] {
            let text = terminal::render_in(&comparison, width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains("interval") && flat.contains("real"), "{text}");
        }
    }
}

#[test]
fn tables() {
    insta::assert_snapshot!("table", terminal::render(&ordinary()));
    insta::assert_snapshot!("table_described", terminal::render(&described()));
    insta::assert_snapshot!("table_within", terminal::render(&within()));
    insta::assert_snapshot!("table_turns", terminal::render(&turns()));
    insta::assert_snapshot!("table_emulated", terminal::render(&emulated()));
    insta::assert_snapshot!("table_hostile", terminal::render(&hostile()));
}

#[test]
fn pages() {
    insta::assert_snapshot!("markdown", markdown::render(&ordinary()));
    insta::assert_snapshot!("markdown_described", markdown::render(&described()));
    insta::assert_snapshot!("markdown_hostile", markdown::render(&hostile()));
}

#[test]
fn json() {
    let mut json = serde_json::to_value(ordinary()).expect("JSON");
    round(&mut json);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"));
}

/// To nine decimals: the last digits of logarithms are the CPU's.
fn round(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Number(number) if number.is_f64() => {
            *json = ((number.as_f64().expect("a float") * 1e9).round() / 1e9).into();
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(round),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[test]
fn lines_fit_and_hold_nothing_that_a_terminal_or_a_ci_obeys() {
    for comparison in [ordinary(), described(), within(), turns(), emulated(), hostile()] {
        for text in [terminal::render(&comparison), markdown::render(&comparison)] {
            let bad = text.chars().find(|&c| (c.is_control() && c != '\n') || c == '\u{202e}');
            assert_eq!(bad, None);
            assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
        }
        let commands = comparison.advice.iter().flat_map(|advice| &advice.commands).collect::<Vec<_>>();
        for line in terminal::render(&comparison).lines() {
            let is_command = commands.iter().any(|command| line.trim_start() == command.as_str());
            assert!(is_command || line.chars().count() <= 100, "{line}");
        }
        let mut columns = None;
        for line in markdown::render(&comparison).lines() {
            if !line.starts_with('|') {
                columns = None;
                continue;
            }
            let pipes = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            assert_eq!(*columns.get_or_insert(pipes), pipes, "{line}");
        }
    }
}
