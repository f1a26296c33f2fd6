//! `firebench compare` from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_report::json;

use crate::runs::{HOSTILE, run, runs};

/// A directory with reports.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Lab {
        Lab(tempfile::tempdir().expect("a directory"))
    }

    fn report(&self, name: &str, report: &Report) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, json::to_json(&Findings::of(report)).expect("JSON")).expect("a file");
        path
    }

    /// Runs that repeat one another, as `firebench run --repeat-run` leaves them: `name/1/report.json` and so on.
    fn runs(&self, name: &str, reports: &[Report]) {
        for (number, report) in (1..).zip(reports) {
            std::fs::create_dir_all(self.path(&format!("{name}/{number}"))).expect("a directory");
            self.report(&format!("{name}/{number}/report.json"), report);
        }
    }

    /// Six runs in `old`, and in `new` six whose firecracker is 5% slower; one of each in `old.json` and `new.json`.
    fn regression() -> Lab {
        let lab = Lab::new();
        lab.runs("old", &runs(20.0, 20.0));
        lab.runs("new", &runs(20.0, 21.0));
        lab.report("old.json", &run(20.0, 20.0));
        lab.report("new.json", &run(20.0, 21.0));
        lab
    }

    /// `firebench compare` in the directory.
    fn compare(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firebench"));
        command.arg("compare").args(args).current_dir(self.0.path());
        command.env("GITHUB_ACTIONS", "true").output().expect("firebench runs")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Compares, and looks at the exit code.
#[track_caller]
fn exits(lab: &Lab, args: &[&str], code: i32) -> (String, String) {
    let output = lab.compare(args);
    let (stdout, stderr) = (text(&output.stdout).to_owned(), text(&output.stderr).to_owned());
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
    (stdout, stderr)
}

#[test]
fn exit_codes() {
    let lab = Lab::regression();
    let with = |args: &[&str], code| exits(&lab, &[&["old", "new"], args].concat(), code);
    let (stdout, stderr) = with(&[], 0);
    assert!(stdout.contains("firecracker is 5.0% slower than A's firecracker in real (95% CI "), "{stdout}");
    assert!(stdout.contains(", 6 and 6 runs)"), "{stdout}");
    assert_eq!(stderr, "", "annotations are asked for, never guessed");
    with(&["--fail-if", "real > +3%"], 1);
    // The last one must not replace the first.
    with(&["--fail-if", "real > +3%", "--fail-if", "qemu: real > 50%"], 1);
    with(&["--fail-if", "qemu: real > 3%", "--require-verdict"], 0);
    with(&["--fail-if", "real > 5%"], 0);
    with(&["--fail-if", "real > 5%", "--require-verdict"], 4);
    with(&["--require-verdict"], 4);
    exits(&lab, &["new", "old", "--fail-if", "real > 3%"], 0);
    exits(&lab, &["new", "old", "--fail-if", "real < -3%"], 1);
    // One has a vCPU more than the other: the limit neither fails nor passes.
    let unlike = ["old:firecracker", "new:qemu", "--fail-if", "qemu: real > 3%"];
    let (stdout, stderr) = exits(&lab, &unlike, 5);
    assert!(stdout.contains("unfair: qemu ") && stdout.contains("does NOT compare like with like"), "{stdout}");
    assert!(stderr.contains("--allow-unfair"), "{stderr}");
    exits(&lab, &[&unlike[..], &["--allow-unfair"]].concat(), 0);
    exits(&lab, &["old:qemu", "new:firecracker", "--fail-if", "real > 3%", "--allow-unfair"], 1);
}

#[test]
fn one_run_each_is_described_and_decides_nothing() {
    let lab = Lab::regression();
    let with = |args: &[&str], code| exits(&lab, &[&["old.json", "new.json"], args].concat(), code).0;
    let why = "no verdict: one run a side cannot tell the contenders from what else differs between two runs";
    let described = with(&[], 0);
    let flat = described.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(why) && flat.contains("20.999 1.0500") && !flat.contains("slower than"), "{described}");
    assert!(flat.contains("or run both as contenders of one run, in which they take turns"), "{described}");
    // By whatever much it is slower: nothing fails, nothing passes.
    for limit in ["real > +3%", "real > +50%", "sys > 0.1s"] {
        with(&["--fail-if", limit], 0);
        let said = with(&["--fail-if", limit, "--require-verdict"], 4);
        assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(": undecided: firecracker"), "{said}");
    }
    with(&["--require-verdict"], 4);
    with(&["--fail-if", "real > 3%", "--junit", "gate.xml"], 0);
    let xml = std::fs::read_to_string(lab.path("gate.xml")).expect("the file is there");
    assert!(xml.contains("skipped=\"2\"") && xml.contains(why), "{xml}");
    // One on one side are too few whatever the other has.
    let (stdout, _) = exits(&lab, &["old", "new.json", "--fail-if", "real > 3%", "--require-verdict"], 4);
    let flat = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("no verdict: it takes two runs on each side at least"), "{stdout}");
}

#[test]
fn lists_of_runs_and_one_contender_of_each() {
    let lab = Lab::regression();
    let list = |name: &str| (1..=6).map(|number| format!("{name}/{number}")).collect::<Vec<_>>().join(",");
    let (old, new) = (list("old"), list("new"));
    let (of_lists, _) = exits(&lab, &[&old, &new, "--format", "json"], 0);
    let (of_directories, _) = exits(&lab, &["old", "new", "--format", "json"], 0);
    let read = |text: &str| -> serde_json::Value { serde_json::from_str(text).expect("JSON") };
    let (of_lists, of_directories) = (read(&of_lists), read(&of_directories));
    assert_eq!((&of_lists["pairs"], &of_lists["a"]["runs"][5]["given"]), (&of_directories["pairs"], &"old/6".into()));
    let (stdout, _) = exits(&lab, &[&format!("{old}:firecracker"), "new:firecracker"], 0);
    assert!(stdout.contains(", 6 and 6 runs)") && !stdout.contains("qemu"), "{stdout}");
    let (_, stderr) = exits(&lab, &["old/1,gone", "new"], 2);
    assert!(stderr.contains("'gone' of the list 'old/1,gone' is neither a report file nor a stored run"), "{stderr}");
    // What has a comma in its name and is a run is no list.
    std::fs::rename(lab.path("old.json"), lab.path("old/1,old")).expect("it has another name");
    let (stdout, _) = exits(&lab, &["old/1,old", "new.json"], 0);
    assert!(stdout.contains("one run a side"), "{stdout}");
}

fn hyperfine(command: &str, time: f64) -> String {
    let times = [time, time * 1.01, time * 0.99, time * 1.002];
    format!(r#"{{"results": [{{"command": "{command}", "times": {times:?}}}]}}"#)
}

#[test]
fn files_of_hyperfine_are_compared_and_said_to_be_imported() {
    let lab = Lab::new();
    std::fs::write(lab.path("a.json"), hyperfine("old tool", 1.0)).expect("a file");
    std::fs::write(lab.path("b.json"), hyperfine("new tool", 1.5)).expect("a file");
    std::fs::write(lab.path("c.csv"), "contender,boot,iteration,metric,value\nx,1,1,real,1\nx,2,1,real,1.01\n")
        .expect("a file");
    let (stdout, _) = exits(&lab, &["a.json", "b.json", "--fail-if", "real > 3%"], 0);
    assert!(stdout.starts_with("IMPORTED figures: A from hyperfine (a.json), B from hyperfine (b.json)."), "{stdout}");
    let flat = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("1.5000 - 4, 4") && flat.contains("new tool and A's old tool in real: no verdict"),
        "{stdout}"
    );
    assert!(flat.contains("compare them within one file"), "{stdout}");
    assert!(!stdout.contains("firebench memory") && !stdout.contains("user"), "{stdout}");
    for (number, off) in [(1, 0.0), (2, 0.01), (3, 0.02)] {
        std::fs::write(lab.path(&format!("a{number}.json")), hyperfine("old tool", 1.0 + off)).expect("a file");
        std::fs::write(lab.path(&format!("b{number}.json")), hyperfine("new tool", 1.5 + off)).expect("a file");
    }
    let several = ["a1.json,a2.json,a3.json", "b1.json,b2.json,b3.json", "--fail-if", "real > 3%"];
    let (stdout, _) = exits(&lab, &several, 1);
    assert!(stdout.contains("new tool is 49") && stdout.contains("3 and 3 runs"), "{stdout}");
    let (markdown, _) = exits(&lab, &["a.json", "c.csv", "--format", "markdown"], 0);
    assert!(
        markdown.starts_with("# B against A: imported figures\n\n> IMPORTED figures: A from hyperfine"),
        "{markdown}"
    );
    let (_, stderr) = exits(&lab, &["a.json", "b.json", "--fail-if", "sys > 1s"], 2);
    assert!(stderr.contains("hint: the metrics are real\n"), "{stderr}");
    exits(&lab, &["a.json:old tool", "a.json:old tool"], 2);
}

#[test]
fn mistakes_are_usage() {
    let lab = Lab::regression();
    let mut other = run(20.0, 20.0);
    other.payload.bytes = 1;
    lab.report("other.json", &other);
    lab.report("copy.json", &run(20.0, 20.0));
    std::fs::write(lab.path("hyperfine.json"), hyperfine("true", 1.0)).expect("a file");
    for (args, said) in [
        (&["old.json"][..], "required"),
        (&["old.json", "gone.json"], "'gone.json' is neither a report file nor a stored run\nhint: "),
        (&["old.json", "other.json"], "same bytes: in A 1 GiB of SHA-256"),
        (&["old.json", "new.json", "--fail-if", "real >> 3%"], "real >> 3%\n         ^\n"),
        (&["old.json", "new.json", "--fail-if", "crosvm: real > 3%"], "hint: qemu, firecracker"),
        (&["old.json", "new.json", "--fail-if", "boot > 3%"], "hint: the metrics are real, user, sys"),
        (&["old.json", "old.json"], "A and B are the same run"),
        (&["old.json", "copy.json"], "A and B are the same run"),
        (&["old/1/report.json", "old"], "old/1/report.json and old/1 are the same run"),
        (&["old,other.json", "new"], "the runs of A are not alike in their payload: 1 GiB of SHA-256"),
        (&["old", "new:crosvm"], "'new' does not have a contender 'crosvm'\nhint: it has qemu, firecracker"),
        (&["old.json", "hyperfine.json"], "one of the two was measured by firebench, the other was imported"),
    ] {
        let (stdout, stderr) = exits(&lab, args, 2);
        assert!(stdout.is_empty() && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn formats() {
    let lab = Lab::regression();
    let with = |format| exits(&lab, &["old", "new", "--fail-if", "real > 3%", "--format", format], 1).0;
    let json: serde_json::Value = serde_json::from_str(&with("json")).expect("JSON");
    assert_eq!((&json["schema"], &json["gates"][1]["gate"]), (&"firebench.compare/2".into(), &"beyond".into()));
    assert!(with("markdown").starts_with("# B against A: `/bin/sha256sum /random.txt`\n"));
    assert!(with("table").starts_with("firebench memory: /bin/sha256sum /random.txt\n"));
}

#[test]
fn annotations_and_junit() {
    let lab = Lab::new();
    for (name, real) in [("old", 20.0), ("new", 21.0)] {
        let mut reports = runs(20.0, real);
        reports.iter_mut().for_each(|report| report.contenders[1].name = HOSTILE.to_owned());
        lab.runs(name, &reports);
    }
    let args = ["--fail-if", "real > 3%", "--annotate", "github", "--junit", "gate.xml", "--format", "json"];
    let (stdout, stderr) = exits(&lab, &[&["old", "new"], &args[..]].concat(), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "annotations stay away from it");
    let lines: Vec<&str> = stderr.lines().collect();
    let [notice, error] = lines.as_slice() else { panic!("{stderr}") };
    assert!(notice.starts_with("::notice title=real > +3%25 passed::qemu"), "{notice}");
    assert!(error.starts_with("::error title=real > +3%25 failed::::error::<&\">|`x`"), "{error}");

    let xml = std::fs::read_to_string(lab.path("gate.xml")).expect("the file is there");
    let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    assert_eq!((suite.attribute("name"), suite.attribute("failures")), (Some("new against old"), Some("1")));
    let left: Vec<_> =
        std::fs::read_dir(lab.path("")).expect("a directory").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let (_, stderr) = exits(&lab, &["old", "new", "--junit", "gone/gate.xml"], 2);
    assert!(stderr.contains("cannot write gone/gate.xml") && stderr.contains("hint: "), "{stderr}");
    assert!(!Path::new(&lab.path("gone")).exists());
}
