//! The commands around the store, as a user types them.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_model::runs::{RunId, RunLine, RunState};
use firebench_report::{json, runs};
use firebench_store::import::parse;
use firebench_store::store::Store;
use tempfile::{TempDir, tempdir};

use crate::fixture::{nested, published};
use crate::imported::{CSV, HYPERFINE};
use crate::recorded::head;

pub(crate) struct Lab {
    dir: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Lab { dir: tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firebench"));
        command.args(args).env("FIREBENCH_DATA", self.path("data")).env_remove("FIREBENCH_STORE").stdin(Stdio::null());
        command.output().unwrap()
    }

    pub(crate) fn good(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and what was said.
    pub(crate) fn bad(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.path("data/runs.db")).unwrap()
    }
}

#[test]
fn a_report_goes_in_and_out_again() {
    let lab = Lab::new();
    assert!(lab.good(&["runs"]).starts_with("no runs yet"));
    assert_eq!(lab.good(&["runs", "--format", "json"]), "[]\n");
    let text = json::to_json(&Findings::of(&Report { id: Some("0123abcd".to_owned()), ..published() })).unwrap();
    let file = lab.file("report.json", &text);
    let said = lab.good(&["import", &file]);
    assert!(said.starts_with("0123abcd (memory: qemu, firecracker) from "), "{said}");
    assert_eq!(lab.good(&["export"]), text);
    assert_eq!(lab.good(&["show", "--format", "json", "01"]), text);
    assert!(lab.good(&["show"]).starts_with("firebench memory: /bin/sha256sum"));
    assert!(lab.good(&["show", "latest", "--format", "markdown"]).starts_with("# Memory benchmark"));
    assert!(
        lab.good(&["export", "0123abcd", "--format", "csv"])
            .starts_with("contender,boot,iteration,metric,value,block\nqemu,0,0,")
    );
    let emulated = lab.store().import(nested()).unwrap();
    let output = lab.run(&["export", emulated.as_str(), "--format", "csv"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("EMULATED"), "{output:?}");
    let out = lab.path("out.jsonl");
    assert_eq!(lab.good(&["export", "0123abcd", "--format", "jsonl", "-o", out.to_str().unwrap()]), "");
    assert_eq!(std::fs::read_to_string(&out).unwrap().lines().count(), 5);

    let (code, said) = lab.bad(&["import", &file]);
    assert_eq!(code, 2);
    assert!(
        said.contains("run 0123abcd is already in the store") && said.contains("firebench delete 0123abcd"),
        "{said}"
    );
    let (code, said) = lab.bad(&["show", "ff"]);
    assert_eq!(code, 2);
    assert!(said.starts_with("error: no run \"ff\" in the store\nhint: `firebench runs` lists all runs"), "{said}");
    let (code, said) = lab.bad(&["export", "-o", lab.path("nowhere/x").to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot write the export"), "{said}");
}

#[test]
fn as_many_runs_are_listed_as_are_asked_for_with_what_they_found() {
    let lab = Lab::new();
    for _ in 0..25 {
        lab.store().import(published()).unwrap();
    }
    assert_eq!(lab.good(&["runs"]).lines().count(), 26, "all, where nobody looks at a terminal");
    assert_eq!(lab.good(&["runs", "-n", "0"]).lines().count(), 26);
    let few = lab.good(&["runs", "--limit", "3"]);
    assert!(
        few.lines().count() == 5 && few.ends_with("22 older runs: `firebench runs --limit 0` shows all\n"),
        "{few}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&lab.good(&["runs", "--limit", "2", "--format", "json"])).unwrap();
    let runs = json.as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let pair = &runs[0]["pairs"][0];
    assert_eq!((&pair["contender"], &pair["verdict"]), (&"firecracker".into(), &"inconclusive".into()));
    assert_eq!(pair["fairness"]["judgement"], "void");
    assert!(pair["ratio"]["low"].is_number() && pair["sentence"].is_string(), "{pair}");
}

#[test]
fn another_store_may_be_named() {
    let lab = Lab::new();
    let (file, other) = (lab.file("results.json", HYPERFINE), lab.path("other.db"));
    lab.good(&["import", &file, "--store", other.to_str().unwrap()]);
    assert!(!lab.path("data").exists());
    let lines = Store::open(&other).unwrap().list().unwrap();
    assert_eq!((lines.len(), lines[0].workload.as_str()), (1, "hyperfine"));
    let (code, said) = lab.bad(&["show"]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot find the store"), "{said}");
    let (code, said) = lab.bad(&["runs", "--store", &file]);
    assert_eq!(code, 2);
    assert!(said.contains("is not a firebench store"), "{said}");
}

#[test]
fn of_several_files_all_are_stored_or_none() {
    let lab = Lab::new();
    let (good, bad) = (lab.file("good.csv", CSV), lab.file("bad.csv", "contender,boot\n"));
    let (code, said) = lab.bad(&["import", &good, &bad]);
    assert_eq!(code, 2);
    assert!(
        said.starts_with("error: cannot import ")
            && said
                .contains("bad.csv: line 1: the column iteration is missing; the columns are contender, boot\nhint: "),
        "{said}"
    );
    assert!(!lab.path("data").exists(), "not even a store is made");
    let (code, said) = lab.bad(&["import", &good, lab.path("none").to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("none: it cannot be read: No such file"), "{said}");
    std::fs::write(lab.path("bytes"), [0xff, 0xfe, 0x00]).unwrap();
    let (code, said) = lab.bad(&["import", lab.path("bytes").to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(said.contains("it is UTF-16 text"), "{said}");
}

#[test]
fn a_damaged_run_is_named_beside_the_others_and_can_be_deleted() {
    let lab = Lab::new();
    let ids: Vec<RunId> = [published(), nested()].map(|report| lab.store().import(report).unwrap()).into();
    let connection = rusqlite::Connection::open(lab.path("data/runs.db")).unwrap();
    connection.execute_batch("UPDATE runs SET blocks = 3 WHERE run = 2").unwrap();
    drop(connection);
    for format in ["table", "json"] {
        let output = lab.run(&["runs", "--format", format]);
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(3), "{out}{err}");
        assert!(out.contains(ids[0].as_str()) && !out.contains(ids[1].as_str()), "{out}");
        assert!(err.contains(&format!("the entry of run {} does not match its checksum", ids[1])), "{err}");
        assert!(err.contains(&format!("remove this run with `firebench delete {}`", ids[1])), "{err}");
    }
    assert!(lab.good(&["show", ids[0].as_str()]).starts_with("firebench memory"));
    let doctor = String::from_utf8(lab.run(&["doctor"]).stdout).unwrap();
    assert!(doctor.contains(&format!("remove this run with `firebench delete {}`", ids[1])), "{doctor}");
    let said = lab.good(&["delete", "--yes", ids[1].as_str()]);
    assert_eq!(said, format!("deleted {} (unreadable), 4 boots\n", ids[1]));
    assert!(lab.good(&["runs"]).contains(ids[0].as_str()));
}

#[test]
fn comparing_blames_the_store_as_every_other_command_does() {
    let lab = Lab::new();
    let other = lab.file("other.db", "no store, but long enough to be taken for one ".repeat(100).as_str());
    for args in [["compare", "latest", "0123"].as_slice(), &["show", "latest"], &["export"]] {
        let (code, said) = lab.bad(&[args, &["--store", &other]].concat());
        assert!(code == 2 && said.contains("is not a firebench store"), "{code}: {said}");
    }
}

#[test]
fn deleting_asks_or_is_told() {
    let lab = Lab::new();
    let ids: Vec<RunId> = [published(), nested(), published()].map(|report| lab.store().import(report).unwrap()).into();
    let [first, second, third] = [0, 1, 2].map(|place| ids[place].as_str());
    let (code, said) = lab.bad(&["delete", first]);
    assert_eq!(code, 2);
    assert!(said.contains("cannot ask for confirmation without a terminal"), "{said}");
    let (code, _) = lab.bad(&["delete", "--yes", first, "nobody"]);
    assert_eq!((code, lab.store().list().unwrap().len()), (2, 3), "all are known, or none is deleted");
    let said = lab.good(&["delete", "--yes", first, first, second]);
    assert_eq!(
        said,
        format!(
            "deleted {first} (memory: qemu, firecracker), 4 boots\ndeleted {second} (memory: qemu, firecracker), 4 boots\n"
        )
    );
    let left: Vec<RunId> = lab.store().list().unwrap().into_iter().map(|line| line.id).collect();
    assert_eq!(left, [ids[2].clone()]);
    let mut running = lab.store();
    let id = running.begin(&head()).unwrap();
    let (code, said) = lab.bad(&["delete", "--yes", id.as_str()]);
    assert_eq!(code, 2);
    assert!(said.contains("is still running"), "{said}");
    assert!(lab.good(&["runs"]).contains("running"), "{third}");
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    // The one is written at its end, the other one goes out on the way.
    let rows = (0..10_000).map(|boot| format!("a,{boot},0,real,1.5\n"));
    let long = format!("contender,boot,iteration,metric,value\n{}", rows.collect::<String>());
    for report in [published(), parse(&long, "long.csv", "2025-06-02T08:00:00Z").unwrap()] {
        let lab = Lab::new();
        lab.store().import(report).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_firebench"));
        command.args(["export", "--format", "csv"]).env("FIREBENCH_DATA", lab.path("data"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

#[test]
fn the_table_of_runs() {
    let lab = Lab::new();
    lab.store().import(published()).unwrap();
    let [line] = lab.store().list().unwrap().try_into().unwrap();
    let id = |id: &str| serde_json::from_value::<RunId>(id.into()).unwrap();
    let lines = [
        RunLine { id: id("00000001"), state: RunState::Running, blocks: 7, verdict: None, ..line.clone() },
        RunLine { id: id("00000002"), state: RunState::Interrupted, blocks: 0, verdict: None, ..line.clone() },
        RunLine { id: id("00000003"), emulated: true, ..line.clone() },
        RunLine { id: id("00000004"), state: RunState::Failed, workload: "hyperfine".to_owned(), ..line.clone() },
        RunLine {
            id: id("00000005"),
            contenders: vec!["a contender with a very long name".to_owned(), "\u{1b}[31mred".to_owned()],
            verdict: Some("host 12.3% faster; other equivalent".to_owned()),
            ..line
        },
    ];
    insta::assert_snapshot!("runs", runs::table(&lines));
    assert_eq!(runs::listing(&lines, None), runs::table(&lines));
    assert_eq!(runs::listing(&lines, Some(500)), runs::table(&lines));
    for width in [40, 60, 80] {
        let listing = runs::listing(&lines, Some(width));
        assert!(listing.lines().all(|line| line.chars().count() <= width), "{width}\n{listing}");
        let whole = listing.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            whole.contains("host 12.3% faster; other equivalent") && whole.contains("a very long name"),
            "{listing}"
        );
        assert!(!listing.contains('…'), "{listing}");
    }
    assert_eq!(runs::older(980, None), "980 older runs: `firebench runs --limit 0` shows all\n");
}
