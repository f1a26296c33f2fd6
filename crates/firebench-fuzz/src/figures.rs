//! Figures that others bring: reports, results of hyperfine, CSV.

use std::cell::RefCell;

use firebench_analysis::compare::{self, Operand};
use firebench_analysis::gate::Limit;
use firebench_model::record::Report;
use firebench_report as report;
use firebench_store::import;
use firebench_store::store::Store;
use tempfile::TempDir;

use crate::clean::{self, clean};
use crate::heap;

/// When an import takes place.
const NOW: &str = "2025-01-01T00:00:00Z";
/// A file's name belongs to whoever made the file.
const NAME: &str = "figures \x1b[31m\u{202e}.csv";

/// What may be held while a text is imported: so many times its size, and some room for what has none.
fn bound(text: &str) -> usize {
    20 * text.len() + (1 << 20)
}

/// Imports the text, renders it in every format, compares it with itself, and puts it through a store.
pub fn import(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match heap::bounded(bound(text), || import::parse(text, NAME, NOW)) {
        Ok(report) => {
            clean::report(&report);
            compared(&report);
            stored(report);
        }
        Err(error) => clean::error(&error),
    }
}

/// Compares the contenders of a report with each other, and it with one that is nearly the same, under limits.
fn compared(report: &Report) {
    let names: Vec<Option<String>> = report.contenders.iter().map(|contender| Some(contender.name.clone())).collect();
    if let [first, .., last] = names.as_slice() {
        let operand = |given: &str, name: &Option<String>| Operand::of_run(given, report.clone(), name.clone());
        beside(&operand("a\x1b[1m", first), &operand("b", last));
    }
    let mut other = report.clone();
    if let Some(contender) = other.contenders.last_mut() {
        contender.name.push('x');
    }
    let [a, mut b] = [report, &other].map(|report| Operand::of_run("a\x1b[1m", report.clone(), None));
    beside(&a, &b);
    b.further.push(b.first.clone());
    beside(&a, &b);
}

/// Compares two sides, under limits.
fn beside(a: &Operand, b: &Operand) {
    let limits: Vec<Limit> = ["real > +3%", "sys > +0.1s"].map(|limit| limit.parse().expect("a limit")).to_vec();
    match compare::compare(a, b, &limits) {
        Ok(comparison) => {
            clean("the comparison", &report::compare::terminal::render(&comparison));
            clean("the comparison in Markdown", &report::compare::markdown::render(&comparison));
            clean("GitHub's annotations", &report::gate::github(&comparison.gates));
            clean("JUnit's file", &report::gate::junit(&comparison.gates, "x", true));
        }
        Err(error) => clean::error(&error),
    }
}

thread_local! {
    /// One store for all inputs: to make one takes longer than to fill it.
    static STORE: RefCell<(Store, TempDir)> = RefCell::new({
        let dir = tempfile::tempdir().expect("room for a directory");
        (Store::open(&dir.path().join("store.db")).expect("room for a store"), dir)
    });
}

/// Stores a report, exports it, and takes it out again.
fn stored(report: Report) {
    STORE.with_borrow_mut(|(store, _)| {
        let id = match store.import(report.clone()) {
            Ok(id) => id,
            Err(error) => return clean::error(&error),
        };
        let loaded = store.load(id.as_str()).expect("what was stored is there");
        assert_eq!(Report { id: report.id.clone(), ..loaded }, report, "a report comes out as it went in");
        let mut csv = Vec::new();
        store.export_csv(id.as_str(), &mut csv).expect("it is written to memory");
        clean("the CSV", std::str::from_utf8(&csv).expect("text"));
        let mut lines = Vec::new();
        store.export_jsonl(id.as_str(), &mut lines).expect("it is written to memory");
        clean("the JSON Lines", std::str::from_utf8(&lines).expect("text"));
        store.delete(&id).expect("it was there");
    });
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use firebench_report::style::Style;
    use firebench_report::terminal;
    use firebench_store::import;
    use firebench_store::store::Store;

    use crate::heap::bounded;

    /// So many samples.
    const SAMPLES: usize = 200_000;

    /// As short as samples can be written.
    fn csv() -> String {
        let mut text = "contender,boot,iteration,metric,value\n".to_owned();
        (0..SAMPLES).for_each(|boot| writeln!(text, "{},{boot},1,s,{}", boot % 2, boot % 10).expect("memory"));
        text
    }

    fn hyperfine() -> String {
        let times = ["1"; SAMPLES / 2].join(",");
        let codes = ["0"; SAMPLES / 2].join(",");
        let result = format!(r#"{{"command": "true", "times": [{times}], "exit_codes": [{codes}]}}"#);
        format!(r#"{{"results": [{result}, {result}]}}"#)
    }

    #[test]
    fn many_samples_take_twenty_times_the_size_of_their_file_at_most() {
        for text in [csv(), hyperfine()] {
            let limit = 20 * text.len();
            let dir = tempfile::tempdir().expect("a directory");
            let path = dir.path().join("store.db");
            let id = bounded(limit, || {
                let report = import::parse(&text, "x", "now").expect("samples");
                Store::open(&path).expect("a store").import(report).expect("a run")
            });
            bounded(limit, || {
                let report = Store::open(&path).expect("a store").load(id.as_str()).expect("the run");
                terminal::render(
                    &firebench_analysis::findings::Findings::of(&report),
                    Style { color: false, width: 100 },
                )
            });
            bounded(limit, || {
                let store = Store::open(&path).expect("a store");
                store.export_csv(id.as_str(), &mut std::io::sink()).expect("it is taken");
            });
        }
    }
}
