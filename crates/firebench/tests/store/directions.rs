//! A metric of which more is better goes the whole way, beside one of which less is: nothing on it knows either by its name.

use firebench::cli::gate::exit_code;
use firebench_analysis::compare::{Operand, compare};
use firebench_analysis::findings::Findings;
use firebench_analysis::gate::Limit;
use firebench_model::json::from_json;
use firebench_model::metric::{Unit, find};
use firebench_model::record::Report;
use firebench_report::json::to_json;
use firebench_report::style::Style;
use firebench_report::{self as report, markdown, terminal};
use firebench_stats::verdict::Gate;
use firebench_stats::{Better, Standing};
use firebench_store::import::{self, Options};
use firebench_store::store::Store;
use serde_json::Value;
use tempfile::tempdir;

/// `b` has a fifth more of triad than `a` has, and takes a tenth more of pause.
fn text(triad: [f64; 2], pause: [f64; 2]) -> String {
    let mut text = "contender,block,boot,iteration,metric,value,unit\n".to_owned();
    for (name, place) in [("a", 0), ("b", 1)] {
        for boot in 0..8 {
            let noise = 1.0 + f64::from(boot % 4) / 1000.0;
            text += &format!("{name},{boot},{boot},0,triad,{},MB/s\n", triad[place] * noise);
            text += &format!("{name},{boot},{boot},0,pause,{},ms\n", pause[place] * noise);
        }
    }
    text
}

fn import(text: &str) -> Report {
    let options = Options { metric: Some("triad".to_owned()), ..Options::default() };
    import::parse_with(text, "streams.csv", "2025-06-02T08:00:00Z", &options).unwrap()
}

fn streams() -> Report {
    import(&text([10_000.0, 12_000.0], [20.0, 22.0]))
}

/// One blank in place of many, and no escapes.
fn flat(text: &str) -> String {
    text.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

const VERDICT: &str = "b is 20.00% higher than a in triad, which is better (95% CI 19.99% to 20.01%, 8 blocks)";

#[test]
fn the_report_declares_both() {
    let report = streams();
    let [triad, pause] = ["triad", "pause"].map(|name| find(&report.metrics, name).unwrap());
    assert_eq!((triad.better, triad.unit.clone()), (Better::More, Some(Unit::new("MB/s"))));
    assert_eq!((pause.better, pause.unit.clone()), (Better::Less, Some(Unit::new("ms"))));
    assert_eq!(report.metrics[0].name, "triad", "the primary one comes first");
}

#[test]
fn every_format_says_which_is_better() {
    let report = streams();
    let findings = Findings::of(&report);
    let terminal = terminal::render(&findings, Style { color: false, width: 100 });
    for said in [
        "triad, in MB/s",
        "pause, in milliseconds",
        "Ratio to a (above 1: is higher: better in triad, worse in pause)",
        "triad 1.200 pause 1.100",
        VERDICT,
    ] {
        assert!(flat(&terminal).contains(said), "{said}\n{terminal}");
    }
    let markdown = markdown::render(&findings);
    for said in ["triad: mean boot (min to max) (MB/s)", "pause: mean boot (min to max) (ms)", VERDICT] {
        assert!(flat(&markdown).contains(said), "{said}\n{markdown}");
    }
    assert!(!terminal.contains("faster") && !markdown.contains("faster"));
    let json: Value = serde_json::from_str(&to_json(&findings).unwrap()).unwrap();
    let pair = &json["findings"]["pairs"][0];
    assert_eq!((&pair["verdict"], &pair["standing"]), (&"higher".into(), &"better".into()));
    assert_eq!((&pair["better"], &pair["unit"]), (&"more".into(), &"MB/s".into()));
    assert_eq!(json["metrics"][0]["better"], "more");
    assert_eq!(from_json(&to_json(&findings).unwrap()).unwrap(), report);
}

#[test]
fn a_fall_of_what_should_be_high_is_worse() {
    let report = import(&text([12_000.0, 10_000.0], [20.0, 20.0]));
    let said = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(flat(&said).contains("b is 16.67% lower than a in triad, which is worse"), "{said}");
}

#[test]
fn the_store_keeps_it_and_says_it_in_short() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let report = streams();
    let id = store.import(report.clone()).unwrap();
    assert_eq!(store.load("latest").unwrap(), Report { id: Some(id.to_string()), ..report });
    assert_eq!(store.run_line("latest").unwrap().verdict.as_deref(), Some("b 20.0% higher (better)"));
    let mut csv = Vec::new();
    store.export_csv("latest", &mut csv).unwrap();
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("b,0,0,triad,12000.0,0,MB/s,more\n") && csv.contains("a,0,0,pause,20.0,0,ms,less\n"), "{csv}");
    assert_eq!(import(&csv).contenders, import(&text([10_000.0, 12_000.0], [20.0, 22.0])).contenders);
    assert_eq!(import(&csv).metrics, streams().metrics);
}

/// Neither its name nor a unit says it, so the file must.
#[test]
fn a_direction_that_only_the_file_says_survives_a_round_trip() {
    let mut figures = "contender,boot,iteration,metric,value,better\n".to_owned();
    for (name, score) in [("a", 100.0), ("b", 120.0)] {
        for boot in 0..8 {
            figures += &format!("{name},{boot},0,score,{},More\n", score + f64::from(boot % 2) / 100.0);
        }
    }
    let import = |text: &str| import::parse(text, "scores.csv", "2025-06-02T08:00:00Z").unwrap();
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    store.import(import(&figures)).unwrap();
    let mut csv = Vec::new();
    store.export_csv("latest", &mut csv).unwrap();
    let again = import(&String::from_utf8(csv).unwrap());
    for report in [import(&figures), again] {
        assert_eq!((report.primary().better, report.primary().unit.clone()), (Better::More, None));
        let comparison = compare(&operand(&report, "a"), &operand(&report, "b"), &[]).unwrap();
        assert!(flat(&report::compare::terminal::render(&comparison)).contains("which is better"));
    }
}

/// Names that say something else than the file, and names that a CSV cannot hold as they are.
#[test]
fn what_a_name_suggests_does_not_survive_what_the_file_says() {
    let figures = "contender,boot,iteration,metric,value,unit,better\n\
        \"a\tb\",0,0,p_iops,10,s,less\n\"a\tb\",1,0,p_iops,11,s,less\n\
        \"a\nb\",0,0,p_iops,20,s,less\n\"a\nb\",1,0,p_iops,21,s,less\n";
    let import = |text: &str| import::parse(text, "p.csv", "2025-06-02T08:00:00Z").unwrap();
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let report = import(figures);
    store.import(report.clone()).unwrap();
    let mut csv = Vec::new();
    store.export_csv("latest", &mut csv).unwrap();
    let again = import(&String::from_utf8(csv).unwrap());
    assert_eq!(again.metrics, report.metrics);
    let figures = |report: &Report| report.contenders.iter().map(|c| c.figures.clone()).collect::<Vec<_>>();
    assert_eq!(figures(&again), figures(&report));
    let names: Vec<&str> = again.contenders.iter().map(|contender| contender.name.as_str()).collect();
    assert_eq!(names, ["a b", "a b (2)"]);
}

fn operand(report: &Report, contender: &str) -> Operand {
    Operand::of_run(contender, report.clone(), Some(contender.to_owned()))
}

/// What comes of limits on `to` against `from`, contenders of the same figures.
fn gates(from: &str, to: &str, limits: &[&str]) -> (Vec<(Gate, Standing)>, u8, String) {
    let report = streams();
    let limits: Vec<Limit> = limits.iter().map(|limit| limit.parse().unwrap()).collect();
    let comparison = compare(&operand(&report, from), &operand(&report, to), &limits).unwrap();
    let gates = comparison.gates.iter().map(|outcome| (outcome.gate, outcome.standing())).collect();
    let junit = report::gate::junit(&comparison.gates, "suite", false);
    (gates, exit_code(&comparison.gates, false), junit)
}

#[test]
fn a_gate_fails_by_what_becomes_worse_and_passes_by_what_becomes_better() {
    // From a to b, triad rises: nothing that may not fall has fallen.
    let (rise, code, _) = gates("a", "b", &["triad < -3%"]);
    assert_eq!((rise.as_slice(), code), (&[(Gate::Within, Standing::Worse)][..], 0));
    // From b to a it falls by a sixth.
    let (fall, code, junit) = gates("b", "a", &["triad < -3%"]);
    assert_eq!((fall.as_slice(), code), (&[(Gate::Beyond, Standing::Worse)][..], 1));
    assert!(junit.contains("type=\"regression\"") && junit.contains("lower than b in triad, which is worse"));
    // A limit on how much better it may become is one, too, and no regression.
    let (surprise, code, junit) = gates("a", "b", &["triad > 3%"]);
    assert_eq!((surprise.as_slice(), code), (&[(Gate::Beyond, Standing::Better)][..], 1));
    assert!(junit.contains("type=\"improvement\"") && !junit.contains("regression"), "{junit}");
    // Of pause, less is better.
    let (slower, code, junit) = gates("a", "b", &["pause > 3%", "pause > 20%"]);
    assert_eq!(slower, [(Gate::Beyond, Standing::Worse), (Gate::Within, Standing::Worse)]);
    assert!(code == 1 && junit.contains("slower than a in pause"), "{junit}");
}

/// Contenders of one file are judged as the import judges them, side by side where the file says so, and apart where it does not.
#[test]
fn contenders_of_one_import_are_judged_as_the_import_judges_them() {
    let mut in_blocks = "contender,boot,iteration,block,metric,value,unit\n".to_owned();
    for (name, time, off) in [("a", 1.0, 0.0), ("b", 1.1, 0.001)] {
        for boot in 0..10 {
            let drift = 1.0 + f64::from(boot) / 10.0 + off * f64::from(boot % 3);
            in_blocks += &format!("{name},{boot},0,{boot},triad,{},MB/s\n", time * drift);
        }
    }
    for report in [streams(), import(&in_blocks)] {
        let findings = Findings::of(&report);
        let comparison = compare(&operand(&report, "a"), &operand(&report, "b"), &[]).unwrap();
        let judged: Vec<_> = comparison.verdicts().cloned().collect();
        assert_eq!(judged, findings.judgements);
        assert!(judged[0].judgement.is_ok() && comparison.advice.is_none(), "{judged:?}");
        let real = &comparison.pairs[0].metrics[0];
        let estimates: Vec<_> = findings.summary.contenders.iter().map(|c| c.metrics[0].estimate.unwrap()).collect();
        for (found, expected) in [(real.a, estimates[0]), (real.b, estimates[1])] {
            assert!((found.unwrap() / expected - 1.0).abs() < 1e-12, "{found:?} {expected}");
        }
    }
}

#[test]
fn no_time_is_a_share_of_a_throughput() {
    let mut figures = text([10_000.0, 12_000.0], [20.0, 22.0]);
    for name in ["a", "b"] {
        for boot in 0..8 {
            figures += &format!("{name},{boot},{boot},0,sys,{},s\n", f64::from(boot % 2) / 100.0);
        }
    }
    let report = import(&figures);
    let limit = "sys > +1s".parse().unwrap();
    let comparison = compare(&operand(&report, "a"), &operand(&report, "b"), &[limit]).unwrap();
    let sys = comparison.pairs[0].metrics.iter().find(|compared| compared.metric == "sys").unwrap();
    let judgement = sys.judged.as_ref().unwrap().judgement.unwrap();
    // A hundredth of its own 5 ms, and not of 10000 MB/s.
    assert!((judgement.delta - 0.01 * 0.005).abs() < 1e-9, "{}", judgement.delta);
}

#[test]
fn a_comparison_says_which_is_better() {
    let report = streams();
    let comparison = compare(&operand(&report, "a"), &operand(&report, "b"), &[]).unwrap();
    let table = report::compare::terminal::render(&comparison);
    for said in [
        "triad in MB/s and pause in milliseconds",
        "B is higher: better in triad, worse in pause",
        "b is 20.00% higher than a in triad, which is better",
    ] {
        assert!(flat(&table).contains(said), "{said}\n{table}");
    }
    let page = report::compare::markdown::render(&comparison);
    assert!(flat(&page).contains("b is 20.00% higher than a in triad, which is better"), "{page}");
    let json = serde_json::to_value(&comparison).unwrap();
    let judgement = &json["pairs"][0]["metrics"][0]["judged"]["judgement"];
    assert_eq!((&judgement["verdict"], &judgement["standing"]), (&"higher".into(), &"better".into()));
    assert_eq!(json["metrics"][0]["unit"], "MB/s");
}

#[test]
fn what_is_not_meant_alike_is_not_compared() {
    let other = |from: &str, to: &str| import(&text([10_000.0, 12_000.0], [20.0, 22.0]).replace(from, to));
    let against = |report: &Report| compare(&operand(&streams(), "a"), &operand(report, "b"), &[]);
    let error = against(&other("MB/s", "GB/s")).unwrap_err().to_string();
    let expected = "triad is not the same in both: in A in MB/s, more is better, in B in GB/s, more is better";
    assert_eq!(error, expected);
    let comparison = against(&other("ms", "s")).unwrap();
    assert_eq!(comparison.metrics.len(), 1, "pause is left out");
    let warning = "Not compared, because its unit or which values are better is not the same in A and B: pause.";
    assert!(comparison.warnings.iter().any(|said| said == warning), "{:?}", comparison.warnings);
}
