//! Every workload of the table as a text: what users see of it, what it needs, what it runs, and what it makes of outputs. The
//! outputs are the files in `golden/NAME/`: one at least that is right, and one that is not.

#![cfg(test)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use firebench_model::experiment::Experiment;
use firebench_model::plan::Inputs;
use firebench_model::record::PayloadRecord;
use firebench_protocol::{Counters, IterationReport};
use firebench_text::units::Size;
use firebench_workload::{ALL, Needs, Side, Speed, Workload, metrics, primary, read};

/// A SHA-256 that outputs can have.
const DIGEST: &str = "84549ba4553e9897c38062ede225c315d97bfbde06016470c174ba09f514fe64";

fn inputs(needs: Needs, bytes: u64) -> Inputs {
    let payload = |_: Size| PayloadRecord { bytes, sha256: DIGEST.to_owned(), source: "a stream".to_owned() };
    Inputs { payload: needs.payload.map(payload), ..Inputs::default() }
}

/// Where the outputs of a workload are.
fn outputs(workload: &dyn Workload) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(workload.name());
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn described(workload: &dyn Workload) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes everything");
    let mut experiment = Experiment::default();
    workload.choose(&mut experiment, Speed::Real);
    let hash_loop = experiment.hash_loop;
    line(format!("{}: {}", workload.name(), workload.about()));
    for flag in workload.flags() {
        line(format!("flag: --{} <{}>: {}", flag.name, flag.value, flag.help));
    }
    for metric in metrics(workload).filter(|metric| metric.shown) {
        line(format!("metric: {}: {}, {}", metric.name, metric.title, metric.meaning()));
    }
    line(format!("primary: {}", primary(workload, &experiment)));
    for speed in [Speed::Real, Speed::Emulated, Speed::Nested] {
        let needs = workload.needs(&experiment, speed);
        let payload = needs.payload.map_or("no payload".to_owned(), |size| format!("a payload of {size}"));
        let deadline = workload.deadline(&Inputs { hash_loop, ..inputs(needs, 1 << 30) }, speed);
        line(format!("{speed:?}: {payload}; with 1 GiB an iteration may take {} s", deadline.as_secs()));
        let blocks = Inputs { block: Some(Size(4096)), ..inputs(needs, 1 << 30) };
        let deadline = workload.deadline(&blocks, speed);
        line(format!("{speed:?}: in blocks of 4 KiB it may take {} s", deadline.as_secs()));
    }
    let payload = workload.needs(&experiment, Speed::Real).payload.is_some();
    let file = |path: &str| payload.then(|| path.to_owned());
    let own = || if workload.is_the_users() { vec!["/bin/tool".to_owned(), "-x".to_owned()] } else { Vec::new() };
    let guest = Side { own: own(), busybox: None, payload: file("/random.txt"), hash_loop, ..Side::default() };
    let busybox = Some("/b/busybox".to_owned());
    let host = Side { own: own(), busybox, payload: file("/c/random.txt"), hash_loop, ..Side::default() };
    let handicapped = Side { handicap: file("/handicap.bin"), ..guest.clone() };
    let blocks = Side { block: Some(Size(4096)), ..handicapped.clone() };
    let what = "guest with a handicap";
    for (side, what) in [(guest, "guest"), (host, "host"), (handicapped, what), (blocks, "the same in blocks")] {
        line(format!("command, {what}: {}", workload.command(&side).join(" ")));
    }
    for path in outputs(workload) {
        let stdout = fs::read_to_string(&path).expect("an output");
        let (stderr, counters) = (String::new(), Counters::default());
        let report = IterationReport {
            index: 0,
            real: 2.0,
            user: 1.5,
            sys: 0.25,
            status: 0,
            stdout,
            stderr,
            stdout_bytes: 0,
            stdout_sha256: Some(printed(&path)),
            counters,
        };
        let inputs = inputs(workload.needs(&experiment, Speed::Real), 1 << 20);
        let inputs = Inputs { answer: workload.answer(&experiment), ..inputs };
        let inputs = Inputs { stdout_sha256: workload.is_the_users().then(|| DIGEST.to_owned()), ..inputs };
        let read = read(workload, &inputs, &report);
        line(format!("{}: {read:?}", path.file_name().expect("a name").to_string_lossy()));
    }
    text
}

/// The digest that the agent tells of an output: the right one of the right output.
fn printed(path: &Path) -> String {
    if path.file_name().is_some_and(|name| name == "right") { DIGEST.to_owned() } else { "0".repeat(64) }
}

#[test]
fn workloads_are_what_they_were() {
    for workload in ALL {
        let text = described(*workload);
        assert!(
            text.contains(": Ok(") && text.contains(": Err("),
            "{}: a right output and a wrong one",
            workload.name()
        );
        insta::assert_snapshot!(workload.name(), text);
    }
}
