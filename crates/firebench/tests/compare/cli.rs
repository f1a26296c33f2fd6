//! `firebench compare` from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_report::json;

use crate::runs::{HOSTILE, run};

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

    /// `old.json`, and `new.json` whose firecracker is 5% slower.
    fn regression() -> Lab {
        let lab = Lab::new();
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
    let with = |args: &[&str], code| exits(&lab, &[&["old.json", "new.json"], args].concat(), code);
    let (stdout, stderr) = with(&[], 0);
    assert!(stdout.contains("firecracker is 5.0% slower than A's firecracker in real (95% CI "), "{stdout}");
    assert_eq!(stderr, "", "annotations are asked for, never guessed");
    with(&["--fail-if", "real > +3%"], 1);
    // The last one must not replace the first.
    with(&["--fail-if", "real > +3%", "--fail-if", "qemu: real > 50%"], 1);
    with(&["--fail-if", "qemu: real > 3%", "--require-verdict"], 0);
    with(&["--fail-if", "real > 5%"], 0);
    with(&["--fail-if", "real > 5%", "--require-verdict"], 4);
    with(&["--require-verdict"], 4);
    exits(&lab, &["new.json", "old.json", "--fail-if", "real > 3%"], 0);
    exits(&lab, &["new.json", "old.json", "--fail-if", "real < -3%"], 1);
    // One has a vCPU more than the other: the limit neither fails nor passes.
    let unlike = ["old.json:firecracker", "new.json:qemu", "--fail-if", "qemu: real > 3%"];
    let (stdout, stderr) = exits(&lab, &unlike, 5);
    assert!(stdout.contains("unfair: qemu ") && stdout.contains("does NOT compare like with like"), "{stdout}");
    assert!(stderr.contains("--allow-unfair"), "{stderr}");
    exits(&lab, &[&unlike[..], &["--allow-unfair"]].concat(), 0);
    exits(&lab, &["old.json:qemu", "new.json:firecracker", "--fail-if", "real > 3%", "--allow-unfair"], 1);
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
    let (stdout, _) = exits(&lab, &["a.json", "b.json", "--fail-if", "real > 3%"], 1);
    assert!(stdout.starts_with("IMPORTED figures: A from hyperfine (a.json), B from hyperfine (b.json)."), "{stdout}");
    assert!(stdout.contains("new tool is 50") && stdout.contains("4 and 4 boots"), "{stdout}");
    assert!(!stdout.contains("firebench memory") && !stdout.contains("user"), "{stdout}");
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
        (&["old.json", "hyperfine.json"], "one of the two was measured by firebench, the other was imported"),
    ] {
        let (stdout, stderr) = exits(&lab, args, 2);
        assert!(stdout.is_empty() && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn formats() {
    let lab = Lab::regression();
    let with = |format| exits(&lab, &["old.json", "new.json", "--fail-if", "real > 3%", "--format", format], 1).0;
    let json: serde_json::Value = serde_json::from_str(&with("json")).expect("JSON");
    assert_eq!((&json["schema"], &json["gates"][1]["gate"]), (&"firebench.compare/1".into(), &"beyond".into()));
    assert!(with("markdown").starts_with("# B against A: `/bin/sha256sum /random.txt`\n"));
    assert!(with("table").starts_with("firebench memory: /bin/sha256sum /random.txt\n"));
}

#[test]
fn annotations_and_junit() {
    let lab = Lab::new();
    for (name, real) in [("old.json", 20.0), ("new.json", 21.0)] {
        let mut report = run(20.0, real);
        report.contenders[1].name = HOSTILE.to_owned();
        lab.report(name, &report);
    }
    let args = ["--fail-if", "real > 3%", "--annotate", "github", "--junit", "gate.xml", "--format", "json"];
    let (stdout, stderr) = exits(&lab, &[&["old.json", "new.json"], &args[..]].concat(), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "annotations stay away from it");
    let lines: Vec<&str> = stderr.lines().collect();
    let [notice, error] = lines.as_slice() else { panic!("{stderr}") };
    assert!(notice.starts_with("::notice title=real > +3%25 passed::qemu"), "{notice}");
    assert!(error.starts_with("::error title=real > +3%25 failed::::error::<&\">|`x`"), "{error}");

    let xml = std::fs::read_to_string(lab.path("gate.xml")).expect("the file is there");
    let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    assert_eq!((suite.attribute("name"), suite.attribute("failures")), (Some("new.json against old.json"), Some("1")));
    let left: Vec<_> =
        std::fs::read_dir(lab.path("")).expect("a directory").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");

    let (_, stderr) = exits(&lab, &["old.json", "new.json", "--junit", "gone/gate.xml"], 2);
    assert!(stderr.contains("cannot write gone/gate.xml") && stderr.contains("hint: "), "{stderr}");
    assert!(!Path::new(&lab.path("gone")).exists());
}
