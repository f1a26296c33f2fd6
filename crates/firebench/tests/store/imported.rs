//! Figures of others: what becomes of them, and what of files that are not what they should be.

use firebench_analysis::findings::Findings;
use firebench_analysis::judged::Unjudged;
use firebench_analysis::summary::{Comparison, Pair, summarize};
use firebench_model::metric::Unit;
use firebench_model::record::{BootStatus, ContenderRecord, ImportFormat, Report};
use firebench_report::style::Style;
use firebench_report::{json, markdown, terminal};
use firebench_stats::{Better, Scale, Verdict, unpaired};
use firebench_store::experiment_file::load_experiment;
use firebench_store::import::{Accepted, Options, parse, parse_with};
use firebench_store::store::Store;
use firebench_text::errors::sentence;
use miette::Diagnostic;
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
pub const NOW: &str = "2025-06-02T08:00:00Z";

pub fn import(text: &str, name: &str) -> Report {
    parse(text, name, NOW).unwrap()
}

/// The values of a metric of a contender, with the numbers of their boots.
fn samples(contender: &ContenderRecord, metric: &str) -> Vec<(u32, f64)> {
    let samples = contender.figures.as_ref().unwrap().metrics[metric].samples();
    samples.iter().map(|sample| (sample.boot, sample.value)).collect()
}

pub fn notices(report: &Report) -> String {
    report.notices.join("\n")
}

#[test]
fn an_execution_of_hyperfine_is_a_boot() {
    let report = import(HYPERFINE, "results.json");
    let [first, second] = report.contenders.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("sleep 0.1", "nap (n=0.2)"));
    assert_eq!(samples(first, "real"), [(1, 0.1018), (2, 0.1021), (3, 0.1035), (4, 0.1024)]);
    assert_eq!(samples(first, "max_rss_bytes")[2], (3, 2097152.0));
    let failed = &second.figures.as_ref().unwrap().failed;
    assert_eq!(failed.iter().map(|f| (f.boot, f.exit_code)).collect::<Vec<_>>(), [(3, None), (4, Some(3))]);
    assert_eq!(report.imported.as_ref().unwrap().format, ImportFormat::Hyperfine);
    assert_eq!(report.design.planned, None, "nothing was measured side by side");
    let said = notices(&report);
    assert!(said.contains("sleep 0.1: user 0.0005 s and system 0.0012 s in the mean"), "{said}");
    assert!(said.contains("2 of 4 executions failed and do not count (1 by a signal, 1 with exit code 3)"), "{said}");
}

#[test]
fn executions_that_failed_count_where_their_exit_codes_are_accepted() {
    let failed = |accepted: &str| {
        let options = Options { accepted: accepted.parse().unwrap(), ..Options::default() };
        let report = parse_with(HYPERFINE, "results.json", NOW, &options).unwrap();
        report.contenders[1].figures.as_ref().unwrap().failed.len()
    };
    assert_eq!([failed("all"), failed("3"), failed("1, 3"), failed("1")], [0, 1, 1, 2]);
    for wrong in ["", "some", "1;3", "1,"] {
        assert!(wrong.parse::<Accepted>().is_err(), "{wrong}");
    }
}

#[test]
fn the_columns_of_a_csv_may_stand_in_any_order() {
    let report = import(CSV, "mine.csv");
    let [first, second] = report.contenders.as_slice() else { panic!("{report:?}") };
    assert_eq!((first.name.as_str(), second.name.as_str()), ("a, b", "other"));
    assert_eq!((samples(first, "real"), samples(first, "user")), (vec![(0, 2.5), (0, 1.25)], vec![(0, 1.5)]));
    assert_eq!((samples(second, "real"), samples(second, "latency_us")), (vec![(0, 2.0)], vec![(1, 1000.0)]));
    assert_eq!((report.design.primary.as_str(), report.design.warm_up), ("real", 1));
    assert!(
        notices(&report).contains("latency_us is in us, less is better, guessed from its name"),
        "{:?}",
        report.notices
    );

    let windows = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    assert_eq!(import(&windows, "mine.csv"), report);
}

#[test]
fn a_csv_may_be_written_in_other_ways() {
    let plain = "contender,boot,iteration,metric,value\na,1,1,real,0.161\nb,1,1,real,1.5\n";
    let contenders = import(plain, "x").contenders;
    for other in [
        plain.replace(',', ";").replace('.', ","),
        plain.replace(',', ";"),
        plain.replace(',', "\t"),
        plain.replace("contender,boot", " Contender , BOOT"),
        format!("# measured by hand\n\n{}# the end\n", plain.replace("b,1", "# another one\nb,1")),
        plain.replace('\n', ",extra\n"),
        plain.replace("value\n", "value,unit\n").replace("161\n", "161,s\n").replace("5\n", "5,s\n"),
    ] {
        assert_eq!(import(&other, "x").contenders, contenders, "{other}");
    }
    let more = import(&plain.replace('\n', ",extra\n"), "x");
    assert!(notices(&more).contains("firebench did not read these columns of the file: extra"), "{:?}", more.notices);
}

#[test]
fn boots_are_shown_with_the_numbers_that_they_have_in_the_file() {
    let report = import("contender,boot,iteration,metric,value\na,7,1,real,1\na,9,1,real,2\n", "x");
    let terminal = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(terminal.contains("2 (7 to 9)"), "{terminal}");
    assert!(markdown::render(&Findings::of(&report)).contains("| 7 | 1 | 1 |"));
    let hyperfine = import(HYPERFINE, "x");
    assert!(terminal::render(&Findings::of(&hyperfine), Style { color: false, width: 100 }).contains("4 (1 to 4)"));
}

/// What the summary says of the second contender beside the first one.
fn pair(text: &str) -> (Report, Pair) {
    let report = import(text, "x");
    let mut pairs = summarize(&report).pairs;
    (report, pairs.remove(0))
}

#[test]
fn what_was_not_measured_side_by_side_is_not_paired() {
    let text = r#"{"results": [{"command": "fast", "times": [1.0, 1.1, 1.05, 1.02, 1.07, 1.01]},
                               {"command": "slow", "times": [2.0, 2.2, 2.1]}]}"#;
    let (report, found) = pair(text);
    assert_eq!((found.blocks, found.blocks_left_out, found.apart), (0, 0, Some([3, 6])));
    let logs = |times: &[f64]| times.iter().map(|time| f64::ln(*time)).collect::<Vec<_>>();
    let (slow, fast) = (logs(&[2.0, 2.2, 2.1]), logs(&[1.0, 1.1, 1.05, 1.02, 1.07, 1.01]));
    let welch = unpaired::welch(&slow, &fast, 0.05, 1).unwrap();
    // It describes them, and judges nothing.
    let described = found.described.unwrap();
    assert!((described.interval.half_width() - welch.half_width()).abs() < 1e-12, "{described:?}");
    assert_eq!((described.verdict, described.interval.baseline_boots), (Verdict::Higher, Some(6)));
    assert_eq!((found.judgement, found.unjudged), (None, Some(Unjudged::Apart)));
    let terminal = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(terminal.contains("unpaired, from 3 and 6 boots") && terminal.contains("Unpaired: "), "{terminal}");
    assert!(!terminal.contains("left out") && !terminal.contains("cannot decide anything"), "{terminal}");

    // The same numbers of boots in a CSV are no pairs either.
    let csv = "contender,boot,iteration,metric,value\na,1,1,real,1\na,2,1,real,2\nb,1,1,real,1\nb,2,1,real,2\n";
    assert_eq!(pair(csv).1.apart, Some([2, 2]));
}

#[test]
fn boots_are_paired_where_the_file_has_blocks() {
    let mut text = "contender,block,boot,iteration,metric,value\n".to_owned();
    for (block, drift) in [(1, 1.0), (2, 3.0), (3, 9.0), (4, 27.0), (5, 2.0)] {
        text += &format!("a,{block},{block},1,real,{drift}\n");
        if block != 5 {
            text += &format!("b,{block},{},1,real,{}\n", 20 - block, drift * (1.1 + f64::from(block) / 1000.0));
        }
    }
    let (report, found) = pair(&text);
    assert_eq!((found.blocks, found.blocks_left_out, found.apart), (4, 1, None));
    // The drift is in both and cancels.
    assert_eq!(found.judgement.unwrap().verdict, Verdict::Higher);
    let terminal = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(terminal.contains("from 4 blocks") && !terminal.contains("npaired"), "{terminal}");
    for (line, expected) in [
        ("a,1,9,1,real,1", "line 11: block 1 has two boots of a, 1 and 9: only one is allowed"),
        ("a,9,1,2,real,1", "line 11: boot 1 of a is in block 9 here, but in block 1 in line 2"),
        ("a,,9,1,real,1", "line 11: the block \"\" is not a whole number"),
    ] {
        assert_eq!(refused(&format!("{text}{line}\n")), expected);
    }
}

#[test]
fn zeros_are_compared_by_difference() {
    let text = r#"{"results": [{"command": "builtin", "times": [0.0, 0.001, 0.0005]},
                               {"command": "tool", "times": [0.5, 0.501, 0.502]}]}"#;
    let (report, found) = pair(text);
    assert!(matches!(found.metrics[0].1, Comparison::Difference(difference) if (difference - 0.5005).abs() < 1e-9));
    let described = found.described.unwrap();
    assert_eq!((described.scale, described.verdict), (Scale::Raw, Verdict::Higher));
    let said = terminal::render(&Findings::of(&report), Style { color: false, width: 200 });
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("(Welch's 95% CI 0.498 to 0.503)"), "{said}");
    let nothing = r#"{"results": [{"command": "a", "times": [0, 0]}, {"command": "b", "times": [0, 0]}]}"#;
    assert!(pair(nothing).1.judgement.is_none());
}

/// A CSV with one sample of each of two contenders.
fn two(metric: &str) -> String {
    format!("contender,boot,iteration,metric,value\na,1,1,{metric},1\nb,1,1,{metric},2\n")
}

#[test]
fn a_metric_that_says_nothing_of_itself_is_refused_until_somebody_does() {
    let text = two("widgets");
    assert_eq!(refused(&text), "firebench cannot know whether less or more of 'widgets' is better");
    let hint = parse(&text, "x", NOW).unwrap_err().help().unwrap().to_string();
    assert!(hint.contains("--better less or --better more") && hint.contains("--unit"), "{hint}");
    for (better, unit, title) in [
        (Better::Less, None, "widgets, as in the file"),
        (Better::More, Some("W"), "widgets, in W"),
        (Better::Less, Some("ms"), "widgets, in milliseconds"),
    ] {
        let options = Options { better: Some(better), unit: unit.map(Unit::new), ..Options::default() };
        let taken = parse_with(&text, "x", NOW, &options).unwrap();
        assert_eq!((taken.design.primary.as_str(), taken.primary().better), ("widgets", better));
        let shown = terminal::render(&Findings::of(&taken), Style { color: false, width: 100 });
        assert!(shown.contains(title), "{shown}");
    }
    let with_unit = "contender,boot,iteration,metric,value,unit\na,1,1,widgets,1,W\n";
    assert_eq!(refused(with_unit), "firebench cannot know whether less or more of 'widgets' is better");
}

#[test]
fn what_is_read_from_a_name_or_a_unit_is_said() {
    for (metric, meaning) in [
        (
            "triad_mbps",
            "triad_mbps is in an unknown unit, more is better, guessed from its name (--better and --unit change that)",
        ),
        ("requests/sec", "requests/sec is in an unknown unit, more is better, guessed from its name"),
        ("latency_us", "latency_us is in us, less is better, guessed from its name"),
    ] {
        let taken = import(&two(metric), "x");
        assert_eq!(taken.design.primary, metric);
        assert!(notices(&taken).contains(meaning), "{:?}", taken.notices);
        let options = Options { better: Some(Better::Less), ..Options::default() };
        let said = parse_with(&two(metric), "x", NOW, &options).unwrap();
        assert!(said.primary().better == Better::Less && !notices(&said).contains(", guessed from"), "{said:?}");
    }
    let unit = "contender,boot,iteration,metric,value,unit\na,1,1,triad,5,MB/s\nb,1,1,triad,6,MB/s\n";
    let taken = import(unit, "x");
    assert_eq!((taken.primary().sign(), taken.primary().better), ("MB/s", Better::More));
    assert!(notices(&taken).contains("triad is in MB/s, more is better, guessed from its unit"));
    let boot = import(&two("boot"), "x");
    assert!(!notices(&boot).contains(", guessed from"), "a time in seconds goes without saying");
    let shown = terminal::render(&Findings::of(&boot), Style { color: false, width: 100 });
    assert!(shown.contains("boot, in seconds") && !shown.contains("real") && !shown.contains("  -"), "{shown}");
}

#[test]
fn the_metric_may_be_chosen() {
    let text = "contender,boot,iteration,metric,value\na,1,1,boot,1\na,1,1,load_time,2\n";
    assert_eq!(
        refused(text),
        "it has several metrics and none is 'real': firebench cannot tell which one to compare by"
    );
    let by = |metric: &str| {
        let options = Options { metric: Some(metric.to_owned()), ..Options::default() };
        parse_with(text, "x", NOW, &options).map(|report| report.design.primary).map_err(|error| sentence(&error))
    };
    assert_eq!(by("load_time"), Ok("load_time".to_owned()));
    assert_eq!(by("real"), Err("it does not have the metric 'real'".to_owned()));
}

#[test]
fn figures_that_an_older_firebench_imported_are_still_there() {
    let mut old = import(HYPERFINE, "results.json");
    for contender in &mut old.contenders {
        contender.figures = None;
        contender.boots = (0..2).map(|block| crate::fixture::boot(block, 0, &[[1.0, 0.5, 0.0]])).collect();
    }
    old.contenders[0].boots[1].status = BootStatus::CommandFailed;
    old.contenders[0].boots[1].message = Some("exit code 7".to_owned());
    let report = firebench_model::json::from_json(&json::to_json(&Findings::of(&old)).unwrap()).unwrap();
    assert_eq!(samples(&report.contenders[1], "real"), [(0, 1.0), (1, 1.0)]);
    let failed = report.contenders[0].figures.as_ref().unwrap().failed[0];
    assert_eq!((failed.boot, failed.exit_code), (1, Some(7)));
}

#[test]
fn many_samples_are_few_rows_of_the_store_and_come_back() {
    let mut text = "contender,boot,iteration,metric,value\n".to_owned();
    (0..100_000).for_each(|boot| text += &format!("{},{boot},1,real,0.{boot}\n", boot % 2));
    let report = import(&text, "mine.csv");
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut store = Store::open(&path).unwrap();
    let id = store.import(report.clone()).unwrap();
    assert_eq!(store.load("latest").unwrap(), Report { id: Some(id.to_string()), ..report });
    let rows = |table: &str| -> i64 {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!((rows("figures"), rows("boots"), rows("samples")), (10, 0, 0));
    let mut csv = Vec::new();
    store.export_csv("latest", &mut csv).unwrap();
    assert_eq!(csv.iter().filter(|byte| **byte == b'\n').count(), 100_001);
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
        let terminal = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
        let markdown = markdown::render(&Findings::of(&report));
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
    std::fs::write(&path, json::to_json(&Findings::of(&import(CSV, "mine.csv"))).unwrap()).unwrap();
    let refused = load_experiment(&path).unwrap_err().to_string();
    assert!(refused.contains("this report does not contain an experiment"), "{refused}");
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
    let text = json::to_json(&Findings::of(&report)).unwrap();
    assert_eq!(parse(&text, "report.json", NOW).unwrap(), report);
    // Options that say what it says itself change nothing, and others are not ignored.
    let with = |options: Options| parse_with(&text, "report.json", NOW, &options);
    let same = Options { metric: Some("real".to_owned()), better: Some(Better::Less), ..Options::default() };
    assert_eq!(with(same).unwrap(), report);
    for other in [
        Options { metric: Some("user".to_owned()), ..Options::default() },
        Options { better: Some(Better::More), ..Options::default() },
        Options { unit: Some(Unit::new("ms")), ..Options::default() },
    ] {
        let said = with(other).unwrap_err().to_string();
        assert!(said.starts_with("this report compares by real (in s, less is better), and --metric"), "{said}");
    }
}

#[test]
fn names_that_come_twice_are_told_apart() {
    let text = r#"{"results": [
        {"command": "true", "user": 0, "system": 0, "times": [1]},
        {"command": "true", "user": 0, "system": 0, "times": [1]},
        {"command": "true", "user": 0, "system": 0, "times": [1]}]}"#;
    let names =
        |text: &str| import(text, "x").contenders.into_iter().map(|contender| contender.name).collect::<Vec<_>>();
    assert_eq!(names(text), ["true", "true (2)", "true (3)"]);
    // A command of nothing but space has a name, and what was imported can be read again.
    let blank = text.replacen("\"true\"", "\"  \"", 1);
    assert_eq!(names(&blank), ["(no command)", "true", "true (2)"]);
    let report = import(&blank, "x");
    assert_eq!(parse(&json::to_json(&Findings::of(&report)).unwrap(), "report.json", NOW).unwrap(), report);
}

/// What is said of a text that is not imported.
pub fn refused(text: &str) -> String {
    sentence(&parse(text, "file", NOW).unwrap_err())
}
