//! What a run found is the same in every format.

use firebench::record::{BootStatus, Report};
use firebench::report::terminal::Style;
use firebench::report::{findings, json, markdown, terminal};
use serde_json::Value;

use crate::fixture::{failed, nested, published};
use crate::pairs::{matched, template, twins, with_host};

fn reports() -> Vec<Report> {
    vec![published(), nested(), failed(), with_host(), matched(), template(), twins()]
}

fn flat(text: &str) -> String {
    text.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn json_terminal_and_markdown_say_the_same() {
    for report in reports() {
        let json: Value = serde_json::from_str(&json::to_json(&report).unwrap()).unwrap();
        let pairs = json["findings"]["pairs"].as_array().expect("pairs");
        assert_eq!(pairs.len(), report.contenders.len() - 1);
        let texts = [terminal::render(&report, Style { color: false, width: 100 }), markdown::render(&report)];
        for text in texts.map(|text| flat(&text)) {
            for pair in pairs {
                for sentence in [&pair["sentence"], &pair["fairness"]["sentence"]] {
                    let sentence = flat(sentence.as_str().expect("a sentence"));
                    assert!(text.contains(&sentence), "{sentence:?} is not in\n{text}");
                }
            }
            for caveat in json["findings"]["caveats"].as_array().expect("caveats") {
                assert!(text.contains(&flat(caveat.as_str().expect("a sentence"))), "{caveat} is not in\n{text}");
            }
        }
    }
}

#[test]
fn a_verdict_has_its_ratio_interval_level_and_method() {
    let found = findings::findings(&with_host());
    let json = serde_json::to_value(&found).unwrap();
    let pair = &json["pairs"][0];
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!((&pair["method"], number(&pair["level"]), number(&pair["blocks"])), (&"two_stage".into(), 0.95, 24.0));
    let ratio = &pair["ratio"];
    assert!(
        number(&ratio["low"]) <= number(&ratio["estimate"]) && number(&ratio["estimate"]) <= number(&ratio["high"])
    );
    assert!(pair["verdict"].is_string() && pair["fairness"]["judgement"].is_string());

    let emulated = serde_json::to_value(findings::findings(&nested())).unwrap();
    assert!(emulated["emulated"].is_string());
    assert_eq!((&emulated["pairs"][0]["verdict"], &emulated["pairs"][0]["ratio"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_aim_that_was_missed_is_said_everywhere() {
    let mut report = with_host();
    report.design.precision = Some(0.0001);
    report.design.end = Some(firebench::record::RunEnd::TimeOver);
    report.design.planned = None;
    let found = findings::findings(&report);
    let aim = found.aim.expect("an aim");
    assert!(!aim.reached && aim.half_width.is_some_and(|half| half > 0.0001), "{aim:?}");
    for text in [terminal::render(&report, Style { color: false, width: 100 }), markdown::render(&report)] {
        let text = flat(&text);
        assert!(
            text.contains("ended when the time was over after 231.0 s; the aim of ±0.01% was NOT reached: ±"),
            "{text}"
        );
    }
    assert!(flat(&terminal::render(&report, Style { color: false, width: 100 })).contains("more --max-time"));
    report.id = Some("0123abcd".to_owned());
    let text = flat(&terminal::render(&report, Style { color: false, width: 100 }));
    assert!(text.contains("(`firebench run --resume 0123abcd --max-time TIME` gives it more)"), "{text}");
    report.design.precision = Some(0.5);
    assert!(findings::findings(&report).aim.expect("an aim").reached);
    let text = flat(&terminal::render(&report, Style { color: false, width: 100 }));
    assert!(text.contains("; the aim of ±50% was reached: ±"), "{text}");
    // Nothing to compare: nothing to reach.
    report.contenders.truncate(1);
    assert!(findings::findings(&report).aim.is_none());
}

#[test]
fn short_times_have_a_unit_in_which_they_have_digits() {
    let mut report = published();
    for boot in report.contenders.iter_mut().flat_map(|contender| &mut contender.boots) {
        boot.boot_seconds = Some(0.004_123);
        for iteration in &mut boot.iterations {
            iteration.metrics.values_mut().for_each(|seconds| *seconds /= 2700.0);
        }
    }
    let text = terminal::render(&report, Style { color: false, width: 100 });
    assert!(text.contains("\nmilliseconds "), "{text}");
    assert!(text.contains("7.563") && text.contains("4.12 ms") && !text.contains("\nseconds"), "{text}");
    let text = markdown::render(&report);
    assert!(text.contains("median (ms)") && text.contains("real    0m 0.007563s"), "{text}");
}

#[test]
fn a_narrow_terminal_gets_everything_in_lines_that_fit() {
    let mut report = published();
    report.contenders[1].name = "firecracker-with-a-name-of-forty-letters".to_owned();
    report.command = vec!["/bin/sha256sum".to_owned(), "/a/very/long/path/".repeat(8)];
    for width in [44, 60, 80] {
        let text = terminal::render(&report, Style { color: false, width });
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
        assert!(!text.contains("…"), "nothing is cut off\n{text}");
        let whole: String = text.split_whitespace().collect();
        assert!(whole.contains("from2blocks") && whole.contains(&"/a/very/long/path/".repeat(8)), "{text}");
        assert!(text.contains("firecracker-with-a-name-") && text.contains("of-forty-letters"), "{text}");
    }
}

#[test]
fn the_head_says_what_the_bare_host_really_had() {
    let mut report = with_host();
    let host = report.contenders.last_mut().expect("the host");
    host.vcpus = 2;
    let text = flat(&terminal::render(&report, Style { color: false, width: 100 }));
    assert!(text.contains("host: 2 CPUs, 1024 MiB at most"), "{text}");
    let host = report.contenders.last_mut().expect("the host");
    host.boots[0].without.push("without a limit of memory: no control group".to_owned());
    let text = flat(&terminal::render(&report, Style { color: false, width: 100 }));
    assert!(text.contains("host: 2 CPUs, memory not limited"), "{text}");
}

#[test]
fn a_run_that_was_stopped_says_so_once() {
    let mut report = published();
    let boot = report.contenders[1].boots.last_mut().expect("a boot");
    (boot.status, boot.message) = (BootStatus::Interrupted, Some("the run was stopped".to_owned()));
    report.design.end = Some(firebench::record::RunEnd::Interrupted);
    let text = terminal::render(&report, Style { color: false, width: 100 });
    assert!(text.contains("interrupted after 251.2 s") && !text.contains("the run was stopped"), "{text}");
}
