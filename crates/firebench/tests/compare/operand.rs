//! How a run and a contender of it are named.

use std::path::Path;

use firebench_analysis::findings::Findings;
use firebench_model::record::Report;
use firebench_report::{json, write_atomic};
use firebench_store::operand::{OperandError, load};
use firebench_store::store::StoreError;
use miette::Diagnostic;

use crate::runs::{HOSTILE, run};

/// A directory with report.json and report.md, and the JSON under names that are harder to take apart.
fn reports() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let mut report = run(20.0, 20.0);
    report.contenders[0].name = HOSTILE.to_owned();
    write_atomic(dir.path(), &Findings::of(&report)).expect("a report");
    let json = json::to_json(&Findings::of(&report)).expect("JSON");
    std::fs::write(dir.path().join("a:b.json"), &json).expect("a file");
    std::fs::write(dir.path().join("newer.json"), json.replace("firebench.report/2", "firebench.report/9"))
        .expect("a file");
    std::fs::write(dir.path().join("cut.json"), json.get(..1000).expect("a long report")).expect("a file");
    dir
}

fn no_store(_: &str) -> Result<Option<Report>, StoreError> {
    Ok(None)
}

/// The contender that is named.
fn contender(dir: &Path, name: &str) -> Result<Option<String>, OperandError> {
    let given = dir.join(name);
    let operand = load(given.to_str().expect("UTF-8"), &no_store)?;
    assert_eq!(operand.report().contenders[1].name, "firecracker");
    Ok(operand.contender)
}

#[test]
fn files_directories_and_contenders() {
    let dir = reports();
    for (name, expected) in [
        ("", None),
        ("report.json", None),
        ("report.json:firecracker", Some("firecracker")),
        (":firecracker", Some("firecracker")),
        (&format!("report.json:{HOSTILE}"), Some(HOSTILE)),
        ("a:b.json", None),
        ("a:b.json:firecracker", Some("firecracker")),
        (&format!("a:b.json:{HOSTILE}"), Some(HOSTILE)),
    ] {
        let found = contender(dir.path(), name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.as_deref(), expected, "{name}");
    }
}

#[test]
fn mistakes_say_what_to_give() {
    let dir = reports();
    let error = |name: &str| contender(dir.path(), name).expect_err(name);
    let hint = |error: &OperandError| error.help().expect("a hint").to_string();
    let nothing = error("nothing.json");
    assert!(matches!(nothing, OperandError::Nothing(_)) && hint(&nothing).contains("RUN:CONTENDER"), "{nothing}");
    let markdown = error("report.md");
    assert!(matches!(markdown, OperandError::Markdown(_)) && hint(&markdown).contains("report.json"), "{markdown}");
    let unknown = error("report.json:crosvm");
    assert!(
        unknown.to_string().contains("does not have a contender 'crosvm'") && hint(&unknown).ends_with("firecracker"),
        "{unknown}"
    );
    assert!(!hint(&unknown).contains(char::is_control));
    for name in ["newer.json", "cut.json"] {
        assert!(matches!(error(name), OperandError::Report { .. }), "{name}");
    }
    assert!(matches!(load("", &no_store), Err(OperandError::Nothing(_))));
}

#[test]
fn runs_of_the_store() {
    let store = |name: &str| match name {
        "latest" | "id:1" => Ok(Some(run(20.0, 20.0))),
        "id" => Err(StoreError::StillRunning(name.to_owned())),
        _ => Ok(None),
    };
    let contender = |given| load(given, &store).map(|operand| operand.contender);
    assert_eq!(contender("latest").expect("a run"), None);
    assert_eq!(contender("latest:qemu").expect("a contender").as_deref(), Some("qemu"));
    assert_eq!(contender("id:1:qemu").expect("a contender").as_deref(), Some("qemu"));
    assert!(matches!(contender("id:qemu"), Err(OperandError::Store(error)) if error.to_string() == "run id is still \
        running"));
    assert!(matches!(contender("other:qemu"), Err(OperandError::Nothing(_))));
}
