//! Exports: what others read of a run.

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, BootStatus, Report};
use firebench_model::runs::RunId;
use firebench_store::import;
use firebench_store::store::{Outcome, Store, StoreError};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::fixture::boot;
use crate::recorded::{done, head};

/// A run with a scout, a boot that was repeated, one that failed, and a notice between them.
fn eventful() -> (TempDir, Store, RunId) {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    let mut begun: Report = head();
    begun.design.scout_blocks = 1;
    begun.contenders[1].name = "a \"b\", c".to_owned();
    let id = store.begin(&begun).unwrap();
    let mut recorder = store.recorder(&id);
    let good = |block| boot(block, 0, &[[1.5, 1.0, 0.0], [0.1 + 0.2, 1e-7, 2.0]]);
    let bad = |status| BootRecord { status, ..good(1) };
    recorder.on_event(&done(0, good(0), false));
    recorder.on_event(&RunEvent::Notice { text: "between".to_owned() });
    recorder.on_event(&done(1, bad(BootStatus::NeverStarted), true));
    recorder.on_event(&done(1, good(1), false));
    recorder.on_event(&done(0, good(1), false));
    recorder.on_event(&done(0, BootRecord { block: 2, ..bad(BootStatus::WrongDigest) }, false));
    recorder.finish().unwrap();
    let report = store.load(id.as_str()).unwrap();
    store.finish(&id, &report, Outcome::Failed).unwrap();
    (dir, store, id)
}

fn csv(store: &Store, which: &str) -> String {
    let mut out = Vec::new();
    store.export_csv(which, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_csv_has_the_samples_that_count() {
    let (_dir, store, id) = eventful();
    let text = csv(&store, id.as_str());
    insta::assert_snapshot!("csv", text);
    let back = import::parse(&text, "run.csv", "now").unwrap();
    // The baseline stays the baseline, though the other one booted first.
    assert_eq!(back.contenders[0].name, head().contenders[0].name);
    for figures in back.contenders.iter().map(|contender| contender.figures.as_ref().unwrap()) {
        assert_eq!(figures.blocks, [(1, 1)], "what was measured side by side stays so");
        let value = |metric: &str, index: usize| figures.metrics[metric].samples()[index].value;
        assert_eq!((value("real", 1), value("user", 1), value("sys", 0)), (0.1 + 0.2, 1e-7, 0.0), "bit for bit");
    }
}

#[test]
fn the_csv_of_figures_of_others_is_the_one_that_they_came_in() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    for text in [
        "contender,boot,iteration,metric,value\na,1,1,real,0.5\na,2,1,real,1.0\n\"#b\",1,1,real,2.0\n",
        "contender,boot,iteration,metric,value,block\na,3,1,real,0.5,1\nb,9,1,real,2.0,1\n",
    ] {
        store.import(import::parse(text, "x", "now").unwrap()).unwrap();
        assert_eq!(csv(&store, "latest"), text);
    }
}

#[test]
fn the_lines_have_everything_in_order() {
    let (_dir, store, id) = eventful();
    let mut out = Vec::new();
    store.export_jsonl(id.as_str(), &mut out).unwrap();
    let lines: Vec<Value> = out.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let kind = |line: &Value| -> String {
        let boot = |name: &str| line["boot"][name].to_string();
        match line {
            _ if line["run"].is_object() => format!("run {}", line["run"]["id"].as_str().unwrap()),
            _ if line["event"].is_object() => format!("event {}", line["event"]["text"].as_str().unwrap()),
            _ => format!(
                "{} {} {} {}",
                line["contender"].as_str().unwrap(),
                boot("block"),
                boot("status"),
                line["retried"]
            ),
        }
    };
    assert_eq!(
        lines.iter().map(kind).collect::<Vec<_>>(),
        [
            format!("run {id}").as_str(),
            "qemu 0 \"ok\" false",
            "event between",
            "a \"b\", c 1 \"never_started\" true",
            "a \"b\", c 1 \"ok\" false",
            "qemu 1 \"ok\" false",
            "qemu 2 \"wrong_digest\" false",
        ]
    );
    let report = store.load(id.as_str()).unwrap();
    let expected = serde_json::to_value(&report.contenders[0].boots[1]).unwrap();
    assert_eq!(lines[5]["boot"], expected, "a boot is whole");
}

/// Takes a few bytes, and no more.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => self.0 = left,
            None => return Err(std::io::ErrorKind::StorageFull.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_does_not_take_the_export_is_told() {
    let (_dir, store, id) = eventful();
    for room in [0, 100] {
        for written in [store.export_csv(id.as_str(), &mut Full(room)), store.export_jsonl("latest", &mut Full(room))] {
            match written {
                Err(StoreError::Output(error)) => assert_eq!(error.kind(), std::io::ErrorKind::StorageFull),
                other => panic!("{other:?}"),
            }
        }
    }
}
