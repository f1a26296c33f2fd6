//! The report's files: written, read again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use firebench_analysis::findings::Findings;
use firebench_model::experiment::{PayloadSpec, Preset};
use firebench_model::json::from_json;
use firebench_model::markdown_block::{MARKER, experiment_from_markdown};
use firebench_model::record::SCHEMA;
use firebench_model::report_error::ReportError;
use firebench_report::json::to_json;
use firebench_report::{markdown, write_atomic};
use firebench_store::experiment_file::load_experiment;
use miette::Diagnostic;

use crate::fixture::{failed, nested, published};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn hint(error: &ReportError) -> String {
    error.help().map(|help| help.to_string()).unwrap_or_default()
}

#[test]
fn json_comes_back_bit_for_bit() {
    for mut report in [published(), nested(), failed()] {
        report.duration = 0.1 + 0.2;
        report.contenders[0].boots[0].life_seconds = 1.0 / 3.0 * 1e-7;
        assert_eq!(from_json(&to_json(&Findings::of(&report)).unwrap()).unwrap(), report);
    }
}

#[test]
fn unknown_fields_are_ignored_and_unknown_schemas_are_not() {
    let text = to_json(&Findings::of(&published())).unwrap();
    let more = text.replacen('{', "{ \"colour\": \"red\",", 1);
    assert_eq!(from_json(&more).unwrap(), published());

    let newer = text.replace(SCHEMA, "firebench.report/3");
    let error = from_json(&newer).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the report has the schema \"firebench.report/3\", but this firebench reads \"firebench.report/2\""
    );
    assert!(hint(&error).contains("update"), "{error}");
    let other = from_json("{\"schema\": \"another\"}").unwrap_err();
    assert!(matches!(other, ReportError::Schema { .. }) && !hint(&other).contains("update"));
    for text in ["", "{}", "[]", "{\"schema\": \"firebench.report/1\"}", &text[..text.len() / 2]] {
        assert!(matches!(from_json(text), Err(ReportError::Json(_))), "{text}");
    }
    let mut twice = published();
    twice.metrics.push(twice.metrics[1].clone());
    let error = from_json(&to_json(&Findings::of(&twice)).unwrap()).unwrap_err();
    assert!(error.to_string().ends_with("two metrics have the name \"user\""), "{error}");
}

#[test]
fn the_experiment_comes_back_from_every_file() {
    let dir = tempfile::tempdir().unwrap();
    for report in [published(), nested(), failed()] {
        let written = write_atomic(dir.path(), &Findings::of(&report)).unwrap();
        assert_eq!(load_experiment(&written.markdown).unwrap(), report.experiment);
        assert_eq!(load_experiment(&written.json).unwrap(), report.experiment);
        let toml = dir.path().join("experiment.toml");
        fs::write(&toml, toml::to_string(&report.experiment).unwrap()).unwrap();
        assert_eq!(load_experiment(&toml).unwrap(), report.experiment);
    }
}

#[test]
fn a_short_toml_is_an_experiment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine");
    fs::write(&path, "workload = \"memory\"\npreset = \"published\"\n").unwrap();
    let experiment = load_experiment(&path).unwrap();
    assert_eq!((experiment.preset, experiment.payload), (Preset::Published, PayloadSpec::default()));
}

#[test]
fn what_is_no_experiment_is_named_with_a_hint() {
    let dir = tempfile::tempdir().unwrap();
    let load = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        load_experiment(&path).unwrap_err()
    };
    let block = format!("{MARKER}\n```toml\nworkload = \"memory\"\n```\n");
    let cases = [
        ("empty.md", String::new(), "no experiment in this document"),
        ("fenced.md", format!("````\n{block}````\n"), "no experiment in this document"),
        ("apart.md", block.replace("```toml", "words\n```toml"), "no experiment in this document"),
        ("two.md", format!("{block}{block}"), "this document contains 2 experiments"),
        ("bad.md", block.replace("\"memory\"", "3"), "this is not an experiment: "),
        ("bad.toml", "workload = \"memory\"\nspeed = 9\n".to_owned(), "this is not an experiment: "),
        ("evil.toml", "workload = \"\\u001b[31m\"".to_owned(), "this is not an experiment: "),
        (
            "bad.json",
            "{\"schema\":\"firebench.report/1\"}".to_owned(),
            "this is not a report of firebench: missing field",
        ),
        ("newer.json", "{\"schema\":\"firebench.report/9\"}".to_owned(), "the report has the schema"),
    ];
    for (name, text, message) in cases {
        let error = load(name, &text);
        assert!(error.to_string().starts_with(message), "{name}: {error}");
        assert!(!hint(&error).is_empty() && !error.to_string().contains('\u{1b}'), "{name}");
    }
    let missing = load_experiment(&dir.path().join("missing")).unwrap_err();
    assert!(matches!(missing, ReportError::Read { .. }) && !hint(&missing).is_empty());
}

#[test]
fn the_experiment_survives_an_editor() {
    let text = markdown::render(&Findings::of(&published()));
    let windows = text.replace('\n', "\r\n");
    let tildes = text.replace("```toml", "~~~~ toml").replace("\n```\n\nWritten", "\n~~~~\n\nWritten");
    let spaced = text.replace(MARKER, &format!("  {MARKER}  \n\n"));
    for edited in [windows, tildes, spaced] {
        assert_eq!(experiment_from_markdown(&edited).unwrap(), published().experiment);
    }
}

#[test]
fn writes_both_files_and_nothing_else_and_replaces_old_ones() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a/b");
    for report in [published(), nested()] {
        let written = write_atomic(&out, &Findings::of(&report)).unwrap();
        assert_eq!(names(&out), ["report.json", "report.md"]);
        assert_eq!(from_json(&fs::read_to_string(&written.json).unwrap()).unwrap(), report);
        assert_eq!(fs::read_to_string(&written.markdown).unwrap(), markdown::render(&Findings::of(&report)));
    }
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode();
    fs::write(out.join("plain"), "").unwrap();
    assert_eq!([mode("report.md"), mode("report.json")], [mode("plain"); 2]);
}

#[test]
fn a_failure_is_explained_and_leaves_no_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write_atomic(&file, &Findings::of(&published())).unwrap_err();
    assert!(hint(&error).contains("in the way"), "{error}: {}", hint(&error));

    let out = dir.path().join("out");
    fs::create_dir_all(out.join("report.md/occupied")).unwrap();
    let error = write_atomic(&out, &Findings::of(&published())).unwrap_err();
    assert!(error.to_string().contains("report.md"), "{error}");
    assert!(hint(&error).contains("directory where the report's file belongs"), "{error}: {}", hint(&error));
    assert!(names(&out).iter().all(|name| !name.starts_with('.')), "{:?}", names(&out));
}

#[test]
fn a_full_disk_and_a_foreign_directory_have_their_own_hints() {
    let hint_of =
        |errno: i32| hint(&ReportError::Write { path: "out".into(), source: std::io::Error::from_raw_os_error(errno) });
    let [no_space, no_access, read_only, over_quota] = [28, 13, 30, 122];
    assert!(hint_of(no_space).contains("full") && hint_of(over_quota).contains("full"));
    assert!(hint_of(no_access).contains("may not write") && hint_of(read_only).contains("may not write"));
}
