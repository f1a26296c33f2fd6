//! Files of others that are not what they should be.

use firebench_analysis::findings::Findings;
use firebench_report::json;
use firebench_store::import::{ImportError, parse};

use crate::fixture::published;
use crate::imported::{HYPERFINE, NOW, import, notices, refused};

#[test]
fn what_is_wrong_with_a_csv_is_told_with_its_line() {
    let header = "contender,boot,iteration,metric,value\n";
    let good = "a,0,0,real,1\n";
    let cases = [
        ("name,boot\n", "line 1: the column contender is missing; the columns are name, boot"),
        (
            "contender,boot,iteration,metric\na,0,0,real\n",
            "line 1: the column value is missing; the columns are contender, boot, iteration, metric",
        ),
        ("contender,boot,iteration,metric,value,boot\n", "line 1: the file has the column boot twice"),
        ("just some text\n", "line 1: the column contender is missing; the columns are just some text"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected);
    }
    let lines = [
        ("a,0,0,real,NaN", "line 3: the value NaN is not a possible measurement"),
        ("a,0,0,real,inf", "line 3: the value inf is not a possible measurement"),
        ("a,0,0,real,-1", "line 3: the value -1 is not a possible measurement"),
        ("a,0,0,real,1e999", "line 3: the value inf is not a possible measurement"),
        ("a,0,0,real,fast", r#"line 3: the value "fast" is not a number"#),
        ("a,0,0,real,", r#"line 3: the value "" is not a number"#),
        ("a,one,0,real,1", r#"line 3: the boot "one" is not a whole number"#),
        ("a,0,-1,real,1", r#"line 3: the iteration "-1" is not a whole number"#),
        ("a,0,0.5,real,1", r#"line 3: the iteration "0.5" is not a whole number"#),
        ("a,99999999999,0,real,1", r#"line 3: the boot "99999999999" is not a whole number"#),
        (",0,0,real,1", "line 3: the contender is missing"),
        ("a,0,0,,1", "line 3: the metric is missing"),
        ("a,0,0,real", "line 3: it has 4 fields, but the header has 5"),
        ("a,0,0,real,1,2", "line 3: it has 6 fields, but the header has 5"),
        ("a;0,0,real", "line 3: it has 3 fields, but the header has 5"),
        ("a,0,0,real,1", "line 3: line 2 already has a real for a, boot 0, iteration 0"),
        ("\u{1b}[2J,0,0,real,x", "line 3: the value \"x\" is not a number"),
    ];
    for (line, expected) in lines {
        assert_eq!(refused(&format!("{header}{good}{line}\n")), expected);
    }
    let mixed = "contender;boot;iteration;metric;value\na;1;1;real;0,5\na;2;1;real;0.5\n";
    assert_eq!(refused(mixed), "line 3: ambiguous decimals: line 2 uses a comma, and line 3 a point");
    let better = "contender,boot,iteration,metric,value,better\na,1,1,x,5,less\na,2,1,x,5,";
    assert_eq!(refused(&format!("{better}more\n")), "line 3: more of x is better here, but less in line 2");
    assert_eq!(
        refused(&format!("{better}faster\n")),
        "line 3: \"faster\" in the column better is neither less nor more"
    );
    let unit = "contender,boot,iteration,metric,value,unit\na,1,1,real,5,ms\na,2,1,real,5,s\n";
    assert_eq!(
        refused(unit),
        "line 3: the unit of real is \"s\" here, but \"ms\" in line 2: convert the values to one unit"
    );
    for empty in ["", " \n\n", header] {
        assert_eq!(refused(empty), "it does not contain a measurement");
    }
}

#[test]
fn what_is_wrong_with_a_json_is_told_with_its_field() {
    let result = |times: &str| format!(r#"{{"results": [{{"command": "true", "user": 0, "system": 0, {times}}}]}}"#);
    let not = "this is not in hyperfine's format: ";
    let cases = [
        (r#"{"results": []}"#.to_owned(), "it does not contain a measurement".to_owned()),
        (
            r#"{"data": []}"#.to_owned(),
            "this JSON is an object of an unknown kind: neither a report of firebench nor results of hyperfine"
                .to_owned(),
        ),
        (
            r#"[{"label": "vm-a", "samples_ms": [310.1]}]"#.to_owned(),
            "this JSON is a list: neither a report of firebench nor results of hyperfine".to_owned(),
        ),
        (result(r#""times": []"#), format!("{not}results[0].times is empty")),
        (
            result(r#""times": [1, -2]"#),
            format!(
                "{not}execution 2 of results[0].times: -2 is not a possible \
        measurement"
            ),
        ),
        (
            result(r#""times": [1, 2], "exit_codes": [0]"#),
            format!("{not}results[0].exit_codes has 1 entries for 2 times"),
        ),
        (
            result(r#""mean": 1"#),
            "this is hyperfine's summary: it has means, but not the time of each execution".to_owned(),
        ),
        (result(r#""times": ["fast"]"#), format!("{not}line 1, column 73: found string \"fast\" in place of a number")),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(&text), expected);
    }
    let unknown = r#"{"results": [{"command": "a", "user": null, "system": null, "times": [1.0, 1.01]}]}"#;
    assert!(!notices(&import(unknown, "x")).contains("in the mean"), "what is null is not told");
    let summary = "command,mean,stddev,median,user,system,min,max\ntrue,1,0,1,1,1,1,1\n";
    assert_eq!(refused(summary), "this is hyperfine's summary: it has means, but not the time of each execution");
    let truncated = refused(HYPERFINE.get(..600).unwrap());
    assert!(truncated.starts_with("the JSON is broken at line "), "{truncated}");
    let report = json::to_json(&Findings::of(&published())).unwrap();
    for text in [report.get(..3000).unwrap(), "{", "[1, 2", &report.replace("\"real\": 20.42", "\"real\": NaN")] {
        assert!(matches!(parse(text, "file", NOW), Err(ImportError::BrokenJson { .. })), "{}", refused(text));
    }
    let newer = refused(&report.replace("firebench.report/2", "firebench.report/9"));
    assert!(newer.contains("firebench.report/9"), "{newer}");
}

#[test]
fn a_crowd_of_samples_is_refused() {
    let mut text = "contender,boot,iteration,metric,value\n".to_owned();
    for boot in 0..=firebench_store::import::MAX_SAMPLES {
        text.push_str(&format!("a,{boot},0,r,1\n"));
    }
    assert!(matches!(parse(&text, "file", NOW), Err(ImportError::TooMany { .. })));
}
