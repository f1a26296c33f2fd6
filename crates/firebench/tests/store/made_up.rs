//! A workload that firebench does not have, with metrics of its own and no payload, goes the whole way from its output to the
//! reports: nothing on it knows either metric, or the workload, by name.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use firebench_analysis::compare::{Operand, Run, compare};
use firebench_analysis::findings::Findings;
use firebench_analysis::gate::{self, Limit};
use firebench_model::events::Listener;
use firebench_model::experiment::{Experiment, WorkloadName};
use firebench_model::json::from_json;
use firebench_model::metric::{Metric, Unit};
use firebench_model::plan::{Deadlines, Inputs};
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, IterationRecord, PayloadRecord, Report};
use firebench_protocol::codec::Item;
use firebench_protocol::{Counters, Event, IterationReport, Moment, PROTOCOL_VERSION};
use firebench_report::json::to_json;
use firebench_report::style::Style;
use firebench_report::{compare as side_by_side, markdown, terminal};
use firebench_run::console::Arrived;
use firebench_run::observe::{Expected, Observer, Step};
use firebench_stats::verdict::Gate;
use firebench_stats::{Better, Standing};
use firebench_store::store::Store;
use firebench_workload::{Fault, Needs, Reading, Side, Speed, Workload, metrics, primary};
use serde_json::Value;
use tempfile::tempdir;

use crate::fixture::{boot, published};
use crate::recorded::done;

struct Spinner;

static METRICS: [Metric; 2] = [
    Metric::of_output("ops_per_s", "Operations a second", Unit::PER_SECOND, Better::More),
    Metric::of_output("latency_ms", "Time of an operation", Unit::of("ms"), Better::Less),
];

/// Its output is a table: a name and a value a line.
impl Workload for Spinner {
    fn says_nothing_of(&self) -> &'static str {
        "anything"
    }

    fn name(&self) -> &'static str {
        "spinner"
    }

    fn about(&self) -> &'static str {
        "turns"
    }

    fn metrics(&self) -> &'static [Metric] {
        &METRICS
    }

    fn needs(&self, _: &Experiment, _: Speed) -> Needs {
        Needs::default()
    }

    fn command(&self, side: &Side) -> Vec<String> {
        side.applet("spin")
    }

    fn deadline(&self, _: &Inputs, _: Speed) -> Duration {
        Duration::from_secs(60)
    }

    fn read(&self, _: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        let row = |name: &'static str| {
            let mut rows = output.stdout.lines().filter_map(|line| line.split_once(' '));
            Some((name, rows.find(|(known, _)| *known == name)?.1.parse().ok()?))
        };
        let values: BTreeMap<_, _> = ["ops_per_s", "latency_ms"].into_iter().filter_map(row).collect();
        Ok(Reading { values, ..Reading::default() })
    }
}

/// What the runner makes of a boot whose iterations print this.
fn observed(outputs: &[String]) -> Result<Vec<IterationRecord>, (BootStatus, String)> {
    let (inputs, start) = (Inputs::default(), Instant::now());
    let deadlines = Deadlines { boot: 60, iteration: 60, power_off: 60 };
    let iterations = u32::try_from(outputs.len()).unwrap();
    let mut observer =
        Observer::new(Expected { iterations, workload: &Spinner, inputs: &inputs, deadlines, prepares: false }, start);
    let hello = Event::Hello { protocol: PROTOCOL_VERSION, agent: String::new(), uptime: 1.0, awake: 0.0 };
    let meminfo = |moment| Event::Meminfo { moment, text: "MemTotal: 1 kB\n".to_owned() };
    let mut events = vec![hello, Event::Facts(Box::default()), meminfo(Moment::Before)];
    for (index, output) in (0..).zip(outputs) {
        let (stdout, stderr, counters) = (output.clone(), String::new(), Counters::default());
        let report = IterationReport {
            index,
            real: 1.0,
            user: 0.9,
            sys: 0.05,
            status: 0,
            stdout,
            stderr,
            stdout_bytes: 0,
            stdout_sha256: None,
            counters,
        };
        events.extend([Event::IterationStart { index }, Event::Iteration(Box::new(report))]);
    }
    events.extend([meminfo(Moment::After), Event::Done]);
    let mut at = start;
    for (seq, event) in (0..).zip(events) {
        at += if matches!(event, Event::Iteration(_)) { Duration::from_secs(1) } else { Duration::from_millis(1) };
        if let Step::Failed(status, message) =
            observer.on_arrival(Arrived { begun: at, ended: at, item: Item::Event { seq, event } })
        {
            return Err((status, message));
        }
    }
    assert!(observer.done());
    Ok(observer.iterations)
}

fn output(ops: f64, latency: f64) -> String {
    format!("# a table\nops_per_s {ops}\nlatency_ms {latency}\n")
}

/// Boots of a contender that does so many operations a second.
fn boots(ops: f64) -> Vec<BootRecord> {
    let boot = |block: u32| {
        let ops = ops * (1.0 + f64::from(block % 4) / 1000.0);
        let iterations = observed(&vec![output(ops, 1000.0 / ops); 3]).unwrap();
        BootRecord { iterations, facts: None, ..boot(block, 0, &[]) }
    };
    (0..8).map(boot).collect()
}

fn report(baseline: f64, other: f64) -> Report {
    let mut report = published();
    report.experiment.workload = WorkloadName::try_from(Spinner.name().to_owned()).unwrap();
    report.experiment.design.primary = None;
    report.design.primary = primary(&Spinner, &report.experiment).to_owned();
    report.design.planned = Some(8);
    report.metrics = metrics(&Spinner).cloned().collect();
    report.payload = PayloadRecord::default();
    report.command = Spinner.command(&Side::default());
    report.contenders[1] = ContenderRecord { name: "other".to_owned(), ..report.contenders[0].clone() };
    for (contender, ops) in report.contenders.iter_mut().zip([baseline, other]) {
        contender.boots = boots(ops);
    }
    report
}

/// One blank in place of many, and no escapes.
fn flat(text: &str) -> String {
    text.replace('\\', "").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn values_come_from_the_output_beside_the_times() {
    let iterations = observed(&[output(1000.0, 1.0)]).unwrap();
    let names: Vec<&str> = iterations[0].metrics.keys().map(String::as_str).collect();
    assert_eq!(names, ["host_gap", "host_real", "host_report", "latency_ms", "ops_per_s", "real", "sys", "user"]);
    assert_eq!((iterations[0].metrics["ops_per_s"], iterations[0].digest.as_str()), (1000.0, ""));
}

#[test]
fn an_output_without_its_values_fails_the_boot() {
    for (output, said) in [
        ("", "iteration 1: the output has no value of ops_per_s"),
        ("ops_per_s 5\n", "iteration 1: the output has no value of latency_ms"),
        ("ops_per_s NaN\nlatency_ms 1\n", "iteration 1: the output says ops_per_s = NaN 1/s, which cannot be"),
        ("ops_per_s 0\nlatency_ms 1\n", "iteration 1: the output says ops_per_s = 0.0 1/s, which cannot be"),
        ("ops_per_s 5\nlatency_ms -1\n", "iteration 1: the output says latency_ms = -1.0 ms, which cannot be"),
    ] {
        assert_eq!(observed(&[output.to_owned()]), Err((BootStatus::WrongOutput, said.to_owned())), "{output}");
    }
}

#[test]
fn verdicts_and_reports_go_by_what_it_declares() {
    let report = report(1000.0, 1200.0);
    let findings = Findings::of(&report);
    assert_eq!((report.design.primary.as_str(), findings.judgements.len()), ("ops_per_s", 1));
    let terminal = terminal::render(&findings, Style { color: false, width: 100 });
    let markdown = markdown::render(&findings);
    for text in [&terminal, &markdown] {
        let text = flat(text);
        assert!(text.contains("other is 20.00% higher than qemu in ops_per_s, which is better"), "{text}");
        assert!(text.contains("is bound by its own computing: 90% of its time in user mode"), "{text}");
        for false_of_it in ["hashing", "tests memory", "its file", "What it reads", "payload bytes", "faster", "digest"]
        {
            assert!(!text.contains(false_of_it), "{false_of_it}\n{text}");
        }
    }
    assert!(flat(&terminal).contains("ops_per_s 1.200 latency_ms 0.833"), "{terminal}");
    let json: Value = serde_json::from_str(&to_json(&findings).unwrap()).unwrap();
    let pair = &json["findings"]["pairs"][0];
    assert_eq!((&pair["standing"], &pair["unit"], &pair["better"]), (&"better".into(), &"1/s".into(), &"more".into()));
    assert_eq!(from_json(&json.to_string()).unwrap(), report, "it comes back");
}

#[test]
fn gate_and_comparison_know_which_values_are_the_better_ones() {
    let limits = |text: &str| vec![text.parse::<Limit>().unwrap()];
    for (limit, gate) in [
        ("ops_per_s < -3%", Gate::Within),
        ("ops_per_s > +3%", Gate::Beyond),
        ("latency_ms > +3%", Gate::Within),
        ("latency_ms < -3%", Gate::Beyond),
    ] {
        let (limits, report) = (limits(limit), report(1000.0, 1200.0));
        let outcomes = gate::judge(&limits, &gate::of_run(&Findings::of(&report), &limits));
        assert_eq!(outcomes.iter().map(|outcome| outcome.gate).collect::<Vec<_>>(), [gate], "{limit}");
    }
    let side = |given: &str, of_other: f64| {
        let run = |off: f64| Run {
            given: format!("{given}/{off}"),
            file: None,
            report: report(1000.0 * off, of_other * off),
        };
        let [first, further @ ..] = [0.99, 1.0, 1.01].map(run);
        Operand { given: given.to_owned(), first, further: further.to_vec(), contender: None }
    };
    let found = compare(&side("a", 1000.0), &side("b", 800.0), &limits("ops_per_s < -3%")).unwrap();
    assert_eq!((found.primary.as_str(), found.workload.as_str()), ("ops_per_s", "spinner"));
    let of_other = found.pairs.iter().find(|pair| pair.b == "other").unwrap();
    let judged = of_other.metrics.iter().find_map(|metric| metric.judged.as_ref()).unwrap();
    assert_eq!(judged.judgement.unwrap().verdict.standing(judged.metric.better), Some(Standing::Worse));
    let text = flat(&side_by_side::terminal::render(&found));
    assert!(text.contains("ops_per_s") && text.contains("latency_ms"), "{text}");
}

#[test]
fn the_export_has_its_values() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let mut head = report(1000.0, 1200.0);
    let boots: Vec<Vec<BootRecord>> = head.contenders.iter_mut().map(|c| std::mem::take(&mut c.boots)).collect();
    let id = store.begin(&head).unwrap();
    let mut recorder = store.recorder(&id);
    for (contender, boot) in boots.iter().enumerate() {
        recorder.on_event(&done(contender, boot[0].clone(), false));
    }
    recorder.finish().unwrap();
    let mut out = Vec::new();
    store.export_csv(id.as_str(), &mut out).unwrap();
    let csv = String::from_utf8(out).unwrap();
    assert!(csv.lines().any(|line| line.contains("ops_per_s,1200")), "{csv}");
    assert!(csv.lines().any(|line| line.contains("latency_ms,1")), "{csv}");
    assert_eq!(store.load(id.as_str()).unwrap().experiment.workload.name(), "spinner");
}
