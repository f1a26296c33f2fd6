//! What a run found is the same in every format.

use firebench_analysis::findings::Findings;
use firebench_model::record::{BootStatus, Report};
use firebench_report::findings::{self, Found};
use firebench_report::json::to_json;
use firebench_report::style::Style;
use firebench_report::{markdown, terminal};
use firebench_stats::Better;
use firebench_store::import::{self, Options};
use firebench_vmm::{CpuLimit, Missing};
use serde_json::{Value, json};

use crate::fixture::{failed, nested, published};
use crate::pairs::{matched, template, twins, with_host};

fn reports() -> Vec<Report> {
    let mut all = vec![published(), nested(), failed(), with_host(), matched(), template(), twins()];
    all.extend([unlike(), unseen(), limited()]);
    all.extend(imports());
    all
}

fn csv(text: &str, metric: Option<&str>) -> Report {
    let options = Options { metric: metric.map(str::to_owned), better: Some(Better::Less), ..Options::default() };
    import::parse_with(text, "mine.csv", "2025-06-01T12:00:00Z", &options).unwrap()
}

/// Figures of others: apart, apart with zeros, in blocks, in an unknown unit with zeros, one boot each.
fn imports() -> Vec<Report> {
    let head = "contender,boot,iteration,metric,value";
    let apart = format!("{head}\na,1,1,real,0.0071\na,2,1,real,0.0072\nb,1,1,real,0.0081\nb,2,1,real,0.0083\n");
    let zeros = format!("{head}\na,1,1,real,0\na,2,1,real,0.001\nb,1,1,real,0.001\nb,2,1,real,0.002\n");
    let blocks = format!("{head},block\na,1,1,real,1,1\na,2,1,real,2,2\nb,1,1,real,2,1\nb,2,1,real,3,2\n");
    let unknown = format!("{head}\na,1,1,faults,0\na,2,1,faults,7\nb,1,1,faults,900\nb,2,1,faults,901\n");
    let few = format!("{head}\na,1,1,real,1\nb,1,1,real,2\n");
    let mut all: Vec<Report> = [apart, zeros, blocks, few].iter().map(|text| csv(text, None)).collect();
    all.push(csv(&unknown, Some("faults")));
    all
}

/// One of the two has a CPU more.
fn unlike() -> Report {
    let mut report = with_host();
    report.contenders.truncate(2);
    report.contenders[1].vcpus = 4;
    for facts in report.contenders[1].boots.iter_mut().filter_map(|boot| boot.facts.as_mut()) {
        facts.cpu.online = 4;
    }
    report
}

/// One of the two never had a good boot.
fn unseen() -> Report {
    let mut report = with_host();
    report.contenders.truncate(2);
    for boot in &mut report.contenders[1].boots {
        (boot.status, boot.message) = (BootStatus::VmmExited, Some("killed by SIGKILL".to_owned()));
    }
    report
}

/// A quota held for all.
fn limited() -> Report {
    let mut report = with_host();
    report.host.cpu_limit =
        Some(CpuLimit { quota: Some(0.5), group: Some("/ci".to_owned()), hidden: false, throttled_seconds: Some(1.0) });
    report
}

fn flat(text: &str) -> String {
    text.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn json_terminal_and_markdown_say_the_same() {
    for report in reports() {
        let json: Value = serde_json::from_str(&to_json(&Findings::of(&report)).unwrap()).unwrap();
        let pairs = json["findings"]["pairs"].as_array().expect("pairs");
        assert_eq!(pairs.len(), report.contenders.len() - 1);
        let texts = [
            terminal::render(&Findings::of(&report), Style { color: false, width: 100 }),
            markdown::render(&Findings::of(&report)),
        ];
        for text in texts.map(|text| flat(&text)) {
            for pair in pairs {
                let fairness = Some(&pair["fairness"]["sentence"]).filter(|_| report.imported.is_none());
                for sentence in [Some(&pair["sentence"]), fairness].into_iter().flatten() {
                    let sentence = flat(sentence.as_str().expect("a sentence"));
                    assert!(text.contains(&sentence), "{sentence:?} is not in\n{text}");
                }
            }
            for found in
                ["caveats", "limits"].iter().flat_map(|list| json["findings"][list].as_array().expect("a list"))
            {
                assert!(text.contains(&flat(found.as_str().expect("a sentence"))), "{found} is not in\n{text}");
            }
        }
    }
}

#[test]
fn a_verdict_has_its_ratio_interval_level_and_method() {
    let found = Found::of(&Findings::of(&with_host()));
    let json = serde_json::to_value(&found).unwrap();
    let pair = &json["pairs"][0];
    let number = |value: &Value| value.as_f64().expect("a number");
    assert_eq!((&pair["method"], number(&pair["level"]), number(&pair["blocks"])), (&"signed_rank".into(), 0.95, 24.0));
    let ratio = &pair["ratio"];
    assert!(
        number(&ratio["low"]) <= number(&ratio["estimate"]) && number(&ratio["estimate"]) <= number(&ratio["high"])
    );
    assert!(pair["verdict"].is_string() && pair["fairness"]["judgement"].is_string());

    let emulated = serde_json::to_value(Found::of(&Findings::of(&nested()))).unwrap();
    assert!(emulated["emulated"].is_string());
    assert_eq!((&emulated["pairs"][0]["verdict"], &emulated["pairs"][0]["ratio"]), (&Value::Null, &Value::Null));
}

#[test]
fn figures_of_others_have_an_interval_and_its_unit_in_json_too() {
    let found = |report: &Report| serde_json::to_value(findings::of_pairs(&Findings::of(report))).unwrap()[0].clone();
    let [apart, zeros, blocks, few, unknown] = imports().try_into().expect("five");
    let pair = found(&apart);
    assert_eq!((&pair["method"], &pair["boots"], &pair["unit"]), (&"welch".into(), &json!([2, 2]), &"s".into()));
    assert!(pair["ratio"]["low"].as_f64() < pair["ratio"]["high"].as_f64() && pair["difference"].is_null());
    let pair = found(&zeros);
    assert!(pair["ratio"].is_null() && pair["difference"]["estimate"].as_f64() > Some(0.0), "{pair:#}");
    let pair = found(&blocks);
    assert_eq!((&pair["boots"], &pair["blocks"], &pair["method"]), (&Value::Null, &2.into(), &"student".into()));
    let pair = found(&few);
    assert_eq!((&pair["verdict"], &pair["boots"]), (&Value::Null, &json!([1, 1])));
    let pair = found(&unknown);
    assert_eq!((&pair["unit"], &pair["metric"]), (&Value::Null, &"faults".into()));
    assert_eq!(found(&unlike())["unlike"].as_array().map(Vec::is_empty), Some(false));
    assert_eq!(found(&unseen())["fairness"]["judgement"], "unseen");
}

#[test]
fn figures_of_others_are_written_in_their_unit_everywhere() {
    let all = imports();
    let (apart, unknown) = (&all[0], &all[4]);
    let terminal = |report: &Report| terminal::render(&Findings::of(report), Style { color: false, width: 100 });
    let (shown, page) = (terminal(apart), markdown::render(&Findings::of(apart)));
    assert!(shown.contains("real, in milliseconds") && shown.contains("7.150"), "{shown}");
    assert!(page.contains("(ms) | 7.150 (7.100 to 7.200) |"), "{page}");
    // Nothing says that these are seconds.
    for text in [terminal(unknown), markdown::render(&Findings::of(unknown))] {
        assert!(text.contains("as in the file") && text.contains("+897.000"), "{text}");
        assert!(!text.contains("897.000 s") && !text.contains("897 s"), "{text}");
    }
}

#[test]
fn an_aim_that_was_missed_is_said_everywhere() {
    let mut report = with_host();
    report.design.precision = Some(0.0001);
    report.design.end = Some(firebench_model::record::RunEnd::TimeOver);
    report.design.planned = None;
    let found = Found::of(&Findings::of(&report));
    let aim = found.aim.expect("an aim");
    assert!(!aim.reached && aim.half_width.is_some_and(|half| half > 0.0001), "{aim:?}");
    for text in [
        terminal::render(&Findings::of(&report), Style { color: false, width: 100 }),
        markdown::render(&Findings::of(&report)),
    ] {
        let text = flat(&text);
        assert!(
            text.contains("ended when the time was over after 231.0 s; the aim of ±0.01% was NOT reached: ±"),
            "{text}"
        );
    }
    assert!(
        flat(&terminal::render(&Findings::of(&report), Style { color: false, width: 100 })).contains("more --max-time")
    );
    report.id = Some("0123abcd".to_owned());
    let text = flat(&terminal::render(&Findings::of(&report), Style { color: false, width: 100 }));
    assert!(text.contains("(`firebench run --resume 0123abcd --max-time TIME` gives it more)"), "{text}");
    report.design.precision = Some(0.5);
    assert!(Found::of(&Findings::of(&report)).aim.expect("an aim").reached);
    let text = flat(&terminal::render(&Findings::of(&report), Style { color: false, width: 100 }));
    assert!(text.contains("; the aim of ±50% was reached: ±"), "{text}");
    // Nothing to compare: nothing to reach.
    report.contenders.truncate(1);
    assert!(Found::of(&Findings::of(&report)).aim.is_none());
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
    let text = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(text.contains("\nmilliseconds "), "{text}");
    assert!(text.contains("7.563") && text.contains("4.12 ms") && !text.contains("\nseconds"), "{text}");
    let text = markdown::render(&Findings::of(&report));
    assert!(text.contains("median (ms)") && text.contains("real    0m 0.007563s"), "{text}");
}

#[test]
fn a_narrow_terminal_gets_everything_in_lines_that_fit() {
    let mut report = published();
    report.contenders[1].name = "firecracker-with-a-name-of-forty-letters".to_owned();
    report.command = vec!["/bin/sha256sum".to_owned(), "/a/very/long/path/".repeat(8)];
    for width in [44, 60, 80] {
        let text = terminal::render(&Findings::of(&report), Style { color: false, width });
        assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
        assert!(!text.contains("…"), "nothing is cut off\n{text}");
        let whole: String = text.split_whitespace().collect();
        assert!(whole.contains("from2blocks") && whole.contains(&"/a/very/long/path/".repeat(8)), "{text}");
        assert!(text.contains("firecracker-with-a-name-") && text.contains("of-forty-letters"), "{text}");
    }
}

#[test]
fn figures_of_others_fit_a_narrow_terminal() {
    for report in imports() {
        for width in [42, 60, 80, 100] {
            let text = terminal::render(&Findings::of(&report), Style { color: false, width });
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert!(text.contains("mean") && text.contains("real, in") == (report.design.primary == "real"), "{text}");
        }
    }
}

#[test]
fn a_sentence_fits_where_a_table_does_not() {
    let text = terminal::render(&Findings::of(&published()), Style { color: false, width: 36 });
    let prose = text.split("Ratio to").nth(1).expect("ratios");
    assert!(prose.lines().all(|line| line.chars().count() <= 36), "{text}");
}

#[test]
fn the_head_says_what_the_bare_host_really_had() {
    let mut report = with_host();
    let host = report.contenders.last_mut().expect("the host");
    host.vcpus = 2;
    let text = flat(&terminal::render(&Findings::of(&report), Style { color: false, width: 100 }));
    assert!(text.contains("host: 2 CPUs, 1024 MiB at most"), "{text}");
    let host = report.contenders.last_mut().expect("the host");
    host.boots[0].without.push(Missing::MemoryLimit("no control group".to_owned()));
    let text = flat(&terminal::render(&Findings::of(&report), Style { color: false, width: 100 }));
    assert!(text.contains("host: 2 CPUs, memory not limited"), "{text}");
}

#[test]
fn a_run_that_was_stopped_says_so_once() {
    let mut report = published();
    let boot = report.contenders[1].boots.last_mut().expect("a boot");
    (boot.status, boot.message) = (BootStatus::Interrupted, Some("the run was stopped".to_owned()));
    report.design.end = Some(firebench_model::record::RunEnd::Interrupted);
    let text = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(text.contains("interrupted after 251.2 s") && !text.contains("the run was stopped"), "{text}");
}
