//! The audit of imports: the flaws of the lists from which firebench's own story began, with made-up numbers; and figures in order.

use firebench_analysis::findings::{Caveat, Findings};
use firebench_analysis::oddities::Odd;
use firebench_model::metric::names;
use firebench_model::record::{ImportFormat, Report};
use firebench_report::style::Style;
use firebench_report::{json, markdown, terminal};
use firebench_store::import::{ImportError, Options, of_lists, parse, read};
use firebench_text::errors::sentence;

use crate::commands::Lab;
use crate::imported::{CSV, HYPERFINE, NOW};

/// A directory of lists of milliseconds, one a contender.
const LISTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/origin-lists");

fn in_ms() -> Options {
    Options { metric: Some("service".to_owned()), unit: Some(names::unit("ms")), ..Options::default() }
}

fn lists() -> Report {
    read(LISTS.as_ref(), NOW, &Options { better: Some(firebench_stats::Better::Less), ..in_ms() }).expect("lists")
}

/// What is odd, by name, with the contenders that it is about.
fn odd(report: &Report) -> Vec<(&'static str, Vec<String>)> {
    let findings = Findings::of(report);
    let odd = findings.caveats.into_iter().filter_map(|caveat| match caveat {
        Caveat::Odd(oddity) => Some((oddity.what.name(), oddity.contenders)),
        _ => None,
    });
    odd.collect()
}

#[test]
fn the_flaws_of_the_origin_are_found_and_named() {
    let report = lists();
    assert_eq!(report.imported.as_ref().map(|imported| imported.format), Some(ImportFormat::List));
    let names: Vec<&str> = report.contenders.iter().map(|contender| contender.name.as_str()).collect();
    assert_eq!(names, ["fc", "fc-c3", "fc-default", "fc-x20", "qemu", "qemu-x20"]);
    let found = odd(&report);
    let shared: Vec<Vec<&str>> = found
        .iter()
        .filter(|(what, _)| *what == "shared_samples")
        .map(|(_, who)| who.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(shared, [["fc", "fc-c3"], ["fc", "fc-default"]]);
    let others: Vec<&str> = found.iter().map(|(what, _)| *what).filter(|what| *what != "shared_samples").collect();
    assert_eq!(others, ["piles", "unequal_boots"]);
    let findings = Findings::of(&report);
    let terminal = terminal::render(&findings, Style { color: false, width: 100 });
    let said = terminal.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "fc and fc-c3 share measurements: 20 values of service are in both (40 and 20 in all), which chance does not explain.",
        "lie right after multiples of 100 ms, around 1.00 s, 2.00 s and 2.30 s: whoever waited and looked again was measured",
        "do not have equally many boots with a value of service: fc 40, fc-c3 20, fc-default 20, fc-x20 16, qemu 20 and qemu-x20 20.",
        "fc-c3 and fc in service: no verdict: 20 of the 20 values of one are values of the other, too",
    ] {
        assert!(said.contains(words), "{words}\n{terminal}");
    }
    let json: serde_json::Value = serde_json::from_str(&json::to_json(&findings).expect("JSON")).expect("JSON");
    let first = &json["findings"]["oddities"][0];
    assert_eq!((first["what"].as_str(), first["metric"].as_str()), (Some("shared_samples"), Some("service")));
    assert!(markdown::render(&findings).contains("share measurements"));
}

/// Even where a file says that its boots were measured side by side, the same measurements are no comparison.
#[test]
fn shared_measurements_have_no_verdict() {
    let mut csv = "contender,boot,iteration,metric,value,block\n".to_owned();
    for boot in 0..12_u32 {
        let value = 0.8 + f64::from(boot * 37 % 101) / 1000.0;
        let other = 0.9 + f64::from(boot * 53 % 97) / 1000.0;
        for (contender, value) in [("a", value), ("copy", value), ("b", other)] {
            csv += &format!("{contender},{boot},1,real,{value},{boot}\n");
        }
    }
    let report = parse(&csv, "x.csv", NOW).expect("a CSV");
    let judged = Findings::of(&report).judgements;
    let [copy, other] = judged.as_slice() else { panic!("{judged:?}") };
    assert!(copy.to_string().contains("no verdict: 12 of the 12 values of one"), "{copy}");
    assert!(other.judgement.is_ok(), "{other}");
    assert_eq!(odd(&report), [("shared_samples", vec!["a".to_owned(), "copy".to_owned()])]);
}

/// Where somebody looked every 100 ms, a difference of 30 ms is none.
#[test]
fn a_verdict_knows_with_what_period_somebody_looked() {
    let csv = |piled: bool| {
        let mut csv = "contender,boot,iteration,metric,value,block\n".to_owned();
        for boot in 0..30_u32 {
            let tick = if piled { f64::from(10 + boot % 4) / 10.0 } else { 1.0 + f64::from(boot % 4) * 0.1137 };
            for (contender, more) in [("a", 0.0), ("b", 0.002)] {
                let value = tick + more + f64::from(boot * 37 % 11) / 10_000.0;
                csv += &format!("{contender},{boot},1,real,{value:.5},{boot}\n");
            }
        }
        csv
    };
    let width = |piled: bool| {
        let report = parse(&csv(piled), "x.csv", NOW).expect("a CSV");
        assert_eq!(odd(&report).iter().any(|(what, _)| *what == "piles"), piled, "{:?}", odd(&report));
        Findings::of(&report).judgements[0].judgement.expect("a judgement").interval.half_width()
    };
    assert!(width(true) > 0.05 && width(false) < 0.01, "{} {}", width(true), width(false));
}

#[test]
fn boots_that_were_left_out_are_missed() {
    let mut csv = "contender,boot,iteration,metric,value\n".to_owned();
    for boot in 1..=20_u32 {
        csv += &format!("vm,{boot},1,real,{}\n", 2.0 + f64::from(boot * 37 % 101) / 100.0);
        if boot % 5 != 0 {
            csv += &format!("vm,{boot},1,user,{}\n", 1.0 + f64::from(boot * 41 % 101) / 100.0);
        }
    }
    let report = parse(&csv, "x.csv", NOW).expect("a CSV");
    let findings = Findings::of(&report);
    let partial = findings.caveats.iter().find_map(|caveat| match caveat {
        Caveat::Odd(oddity) => Some((oddity.metric.name.to_string(), oddity.what.clone())),
        _ => None,
    });
    assert_eq!(partial, Some(("user".to_owned(), Odd::Partial { has: 16, of: 20 })));
    let terminal = terminal::render(&findings, Style { color: false, width: 100 });
    assert!(terminal.contains("vm: 16 of 20 boots have a value of user"), "{terminal}");
}

#[test]
fn figures_in_order_are_not_odd() {
    for (text, name) in [(CSV, "x.csv"), (HYPERFINE, "x.json")] {
        let report = parse(text, name, NOW).expect("figures");
        let found = odd(&report);
        // The CSV leaves boots out.
        let left_out = |what: &str| what.ends_with("_boots") && name == "x.csv";
        assert!(found.iter().all(|(what, _)| left_out(what)), "{name}: {found:?}");
    }
    // Coarse ones, in whole milliseconds, of two contenders that are alike.
    let list = |k: u32| (0..40).map(|i| format!("{}\n", 800 + i * k % 23)).collect::<String>();
    let (one, other) = (list(7), list(5));
    let report = of_lists(&[("a.txt", &one), ("b.txt", &other)], "x", NOW, &Options { metric: None, ..in_ms() });
    assert_eq!(odd(&report.expect("lists")), []);
}

#[test]
fn lists_are_read_as_people_write_them() {
    let one = |text: &str| of_lists(&[("vm.txt", text)], "vm.txt", NOW, &Options { metric: None, ..in_ms() });
    let report = one("\u{feff}# ms\r\n\r\n 808.5 \r\n9e2\r\n").expect("a list");
    let figures = report.contenders[0].figures.as_ref().expect("figures");
    let values: Vec<f64> = figures.metrics["real"].samples().iter().map(|sample| sample.value).collect();
    assert_eq!((report.contenders[0].name.as_str(), values), ("vm", vec![808.5, 900.0]));
    assert_eq!(report.metrics[0].unit.as_ref().map(|unit| unit.sign()), Some("ms"));
    // By its content, whatever its name.
    let by_content = parse("1.5\n2.5\n", "x.csv", NOW).expect("a list");
    assert_eq!(by_content.imported.map(|imported| imported.format), Some(ImportFormat::List));
    for (text, words) in [
        ("1\nx\n", "line 2: \"x\" is not a number"),
        ("1\n\n1 2\n", "line 3: \"1 2\" is not a number"),
        ("1\nnan\n", "line 2: \"nan\" is not a number"),
        ("1\n-1\n", "line 2: the value -1 is not a possible measurement"),
        ("1\n1e999\n", "line 2: the value inf is not a possible measurement"),
        ("# nothing\n", "does not contain a measurement"),
    ] {
        let error = sentence(&one(text).expect_err(text));
        assert!(error.contains(words), "{text:?}: {error}");
    }
    let two = of_lists(&[("a.txt", "1\n"), ("b.txt", "1\nx\n")], "d", NOW, &in_ms());
    assert!(
        matches!(&two, Err(ImportError::List { name, problem }) if name == "b.txt" && problem.contains("line 2")),
        "{two:?}"
    );
    let twice = of_lists(&[("a.txt", "1\n"), ("a.text", "1\n")], "d", NOW, &in_ms());
    assert!(matches!(twice, Err(ImportError::List { .. })), "{twice:?}");
    let empty = tempfile::tempdir().expect("a directory");
    std::fs::write(empty.path().join("list.csv"), "1\n").expect("a file");
    let error = read(empty.path(), NOW, &in_ms()).expect_err("no list");
    assert!(sentence(&error).contains("no file in it ends in .txt"), "{}", sentence(&error));
}

#[test]
fn a_directory_of_lists_goes_into_the_store() {
    let lab = Lab::new();
    let said = lab.good(&["import", LISTS, "--metric", "service", "--unit", "ms", "--better", "less"]);
    assert!(said.contains("from ") && said.contains("origin-lists"), "{said}");
    let shown = lab.good(&["show", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(report["findings"]["oddities"].as_array().map(Vec::len), Some(4));
    assert_eq!(report["imported"]["format"].as_str(), Some("list"));
}

/// A gate on the same measurements decides nothing.
#[test]
fn a_gate_on_shared_measurements_is_undecided() {
    let lab = Lab::new();
    let mut csv = "contender,boot,iteration,metric,value,block\n".to_owned();
    for boot in 0..12_u32 {
        let value = 0.8 + f64::from(boot * 37 % 101) / 1000.0;
        csv += &format!("a,{boot},1,real,{value},{boot}\ncopy,{boot},1,real,{value},{boot}\n");
    }
    let file = lab.path("x.csv");
    std::fs::write(&file, csv).expect("a file");
    let [a, copy] = ["a", "copy"].map(|name| format!("{}:{name}", file.display()));
    let output = lab.run(&["compare", &a, &copy, "--fail-if", "real > +3%", "--require-verdict"]);
    let said = String::from_utf8(output.stdout).expect("text");
    let said = said.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("undecided: copy and ") && said.contains("share measurements"), "{said}");
    assert_eq!(output.status.code(), Some(4), "{said}");
}
