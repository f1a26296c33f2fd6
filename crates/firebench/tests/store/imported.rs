//! Figures of others: what becomes of them, and what of files that are not what they should be.

use firebench::errors::sentence;
use firebench::import::{ImportError, parse};
use firebench::record::{BootStatus, ImportFormat, Report};
use firebench::report::terminal::Style;
use firebench::report::{json, load_experiment, markdown, terminal};
use firebench::store::Store;
use tempfile::tempdir;

use crate::fixture::published;

pub const HYPERFINE: &str = include_str!("hyperfine.json");
pub const CSV: &str = "\
value,metric,iteration,boot,contender
2.5,real,0,0,\"a, b\"
1.5,user,0,0,\"a, b\"
1.25,real,1,0,\"a, b\"
2,real,0,0,other
1e3,latency_us,0,1,other
";
const NOW: &str = "2025-06-02T08:00:00Z";

fn import(text: &str, name: &str) -> Report {
    parse(text, name, NOW).unwrap()
}

#[test]
fn an_execution_of_hyperfine_is_a_boot() {
    let report = import(HYPERFINE, "results.json");
    let [first, second] = report.contenders.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("sleep 0.1", "nap (n=0.2)"));
    let real: Vec<f64> = first.boots.iter().map(|boot| boot.iterations[0].metrics["real"]).collect();
    assert_eq!(real, [0.1018, 0.1021, 0.1035, 0.1024]);
    assert_eq!(first.boots[2].iterations[0].counters.max_rss_bytes, 2 << 20);
    let ended: Vec<_> = second.boots.iter().map(|boot| (boot.status, boot.message.as_deref())).collect();
    let (ok, bad) = (BootStatus::Ok, BootStatus::CommandFailed);
    assert_eq!(ended, [(ok, None), (ok, None), (bad, Some("a signal ended it")), (bad, Some("exit code 3"))]);
    assert_eq!(report.imported.as_ref().unwrap().format, ImportFormat::Hyperfine);
    assert_eq!(report.design.planned, Some(4));
    let user = "sleep 0.1: user 0.0005 s and system 0.0012 s in the mean";
    assert!(report.notices.iter().any(|notice| notice.starts_with(user)), "{:?}", report.notices);
}

#[test]
fn the_columns_of_a_csv_may_stand_in_any_order() {
    let report = import(CSV, "mine.csv");
    let [first, second] = report.contenders.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("a, b", "other"));
    let metrics = |boot: usize, iteration: usize| &second.boots[boot].iterations[iteration].metrics;
    assert_eq!((first.boots.len(), first.boots[0].iterations.len(), second.boots.len()), (1, 2, 2));
    assert_eq!(first.boots[0].iterations[0].metrics.len(), 2);
    assert_eq!((metrics(0, 0)["real"], metrics(1, 0)["latency_us"]), (2.0, 1000.0));
    assert_eq!((report.design.primary.as_str(), report.design.warm_up), ("real", 1));
    assert!(report.notices.iter().any(|notice| notice.contains("latency_us")), "{:?}", report.notices);

    let windows = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    assert_eq!(import(&windows, "mine.csv"), report);
    let other = import("contender,boot,iteration,metric,value\na,0,0,latency,1\n", "mine.csv");
    assert_eq!((other.design.primary.as_str(), other.design.warm_up), ("latency", 0));
}

/// What a run of firebench has and figures of others do not.
const MADE_UP: [&str; 12] = [
    "vCPU",
    "MiB",
    "payload",
    "SHA-256",
    "accelerator",
    "Accelerator",
    "native",
    "kernel",
    "VMM",
    "time /",
    "preset",
    "0.0 MB/s",
];

#[test]
fn nothing_is_made_up_for_them() {
    for (name, report) in [("hyperfine", import(HYPERFINE, "results.json")), ("csv", import(CSV, "mine.csv"))] {
        let terminal = terminal::render(&report, Style { color: false, width: 100 });
        let markdown = markdown::render(&report);
        for text in [&terminal, &markdown] {
            assert!(text.contains("firebench did not measure this"), "{text}");
            for word in MADE_UP {
                assert!(!text.contains(word), "{word} in\n{text}");
            }
        }
        insta::assert_snapshot!(format!("terminal_{name}"), terminal);
        insta::assert_snapshot!(format!("markdown_{name}"), markdown);
    }
}

#[test]
fn they_are_no_experiment() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("report.json");
    std::fs::write(&path, json::to_json(&import(CSV, "mine.csv")).unwrap()).unwrap();
    let refused = load_experiment(&path).unwrap_err().to_string();
    assert!(refused.contains("there is no experiment in it"), "{refused}");
}

#[test]
fn imports_come_back_from_the_store() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    for report in [import(HYPERFINE, "results.json"), import(CSV, "mine.csv")] {
        let id = store.import(report.clone()).unwrap();
        assert_eq!(store.load("latest").unwrap(), Report { id: Some(id.to_string()), ..report });
    }
    let workloads: Vec<String> = store.list().unwrap().into_iter().map(|line| line.workload).collect();
    assert_eq!(workloads, ["CSV", "hyperfine"]);
}

#[test]
fn a_report_is_taken_as_it_is() {
    let report = published();
    assert_eq!(parse(&json::to_json(&report).unwrap(), "report.json", NOW).unwrap(), report);
}

#[test]
fn names_that_come_twice_are_told_apart() {
    let text = r#"{"results": [
        {"command": "true", "user": 0, "system": 0, "times": [1]},
        {"command": "true", "user": 0, "system": 0, "times": [1]},
        {"command": "true", "user": 0, "system": 0, "times": [1]}]}"#;
    let names: Vec<String> = import(text, "x").contenders.into_iter().map(|contender| contender.name).collect();
    assert_eq!(names, ["true", "true #2", "true #3"]);
}

fn refused(text: &str) -> String {
    sentence(&parse(text, "file", NOW).unwrap_err())
}

#[test]
fn what_is_wrong_with_a_csv_is_told_with_its_line() {
    let header = "contender,boot,iteration,metric,value\n";
    let good = "a,0,0,real,1\n";
    let cases = [
        ("name,boot\n", r#"line 1: the column "name" is not known"#),
        ("contender,boot,iteration,metric\na,0,0,real\n", "line 1: the column value is missing"),
        ("contender,boot,iteration,metric,value,boot\n", "line 1: the column boot is there twice"),
        ("just some text\n", r#"line 1: the column "just some text" is not known"#),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected);
    }
    let lines = [
        ("a,0,0,real,NaN", "line 3: the value NaN cannot have been measured"),
        ("a,0,0,real,inf", "line 3: the value inf cannot have been measured"),
        ("a,0,0,real,-1", "line 3: the value -1 cannot have been measured"),
        ("a,0,0,real,1e999", "line 3: the value inf cannot have been measured"),
        ("a,0,0,real,fast", r#"line 3: the value "fast" is no number"#),
        ("a,0,0,real,", r#"line 3: the value "" is no number"#),
        ("a,one,0,real,1", r#"line 3: the boot "one" is no whole number"#),
        ("a,0,-1,real,1", r#"line 3: the iteration "-1" is no whole number"#),
        ("a,0,0.5,real,1", r#"line 3: the iteration "0.5" is no whole number"#),
        ("a,99999999999,0,real,1", r#"line 3: the boot "99999999999" is no whole number"#),
        (",0,0,real,1", "line 3: no contender"),
        ("a,0,0,,1", "line 3: no metric"),
        ("a,0,0,real", "line 3: 4 fields in place of 5"),
        ("a,0,0,real,1,2", "line 3: 6 fields in place of 5"),
        ("a,0,0,real,1", "line 3: a, boot 0, iteration 0 has a real already"),
        ("\u{1b}[2J,0,0,real,x", "line 3: the value \"x\" is no number"),
    ];
    for (line, expected) in lines {
        assert_eq!(refused(&format!("{header}{good}{line}\n")), expected);
    }
    for empty in ["", " \n\n", header] {
        assert_eq!(refused(empty), "it holds no measurement");
    }
}

#[test]
fn what_is_wrong_with_a_json_is_told_with_its_field() {
    let result = |times: &str| format!(r#"{{"results": [{{"command": "true", "user": 0, "system": 0, {times}}}]}}"#);
    let cases = [
        (r#"{"results": []}"#.to_owned(), "it holds no measurement"),
        (r#"{"data": []}"#.to_owned(), "this JSON is neither a report of firebench nor results of hyperfine"),
        (result(r#""times": []"#), "these are no results of hyperfine: results[0].times is empty"),
        (
            result(r#""times": [1, -2]"#),
            "these are no results of hyperfine: results[0].times[1]: -2 cannot have been measured",
        ),
        (
            result(r#""times": [1, 2], "exit_codes": [0]"#),
            "these are no results of hyperfine: results[0].exit_codes has 1 entries for 2 times",
        ),
        (result(r#""mean": 1"#), "these are no results of hyperfine: missing field `times` at line 1 column 67"),
        (
            result(r#""times": ["fast"]"#),
            "these are no results of hyperfine: invalid type: string \"fast\", expected f64 at line 1 column 73",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected);
    }
    let truncated = refused(HYPERFINE.get(..600).unwrap());
    assert!(truncated.contains("EOF while parsing") && truncated.contains("line "), "{truncated}");
    let report = json::to_json(&published()).unwrap();
    for text in [report.get(..3000).unwrap(), "[1, 2]", "{", &report.replace("\"real\": 20.42", "\"real\": NaN")] {
        assert!(matches!(parse(text, "file", NOW), Err(ImportError::Report(_))), "{}", refused(text));
    }
    let newer = refused(&report.replace("firebench.report/1", "firebench.report/9"));
    assert!(newer.contains("firebench.report/9"), "{newer}");
}

#[test]
fn a_crowd_of_samples_is_refused() {
    let mut text = "contender,boot,iteration,metric,value\n".to_owned();
    for boot in 0..=firebench::import::MAX_SAMPLES {
        text.push_str(&format!("a,{boot},0,r,1\n"));
    }
    assert!(matches!(parse(&text, "file", NOW), Err(ImportError::TooMany)));
}
