//! Reports of schema 1, which a firebench wrote that knew only times and did not declare its metrics.

use firebench_analysis::findings::Findings;
use firebench_model::json::from_json;
use firebench_model::metric::{OF_A_COMMAND, find};
use firebench_model::record::{Report, SCHEMA};
use firebench_report::json::to_json;
use firebench_stats::Better;
use firebench_store::store::Store;
use serde_json::Value;
use tempfile::tempdir;

/// A run of two bare hosts, without what its guests told.
const MEASURED: &str = include_str!("schema-1.json");

/// A CSV with the metrics faults, real and user, of which faults was compared with `--less-is-better`.
const IMPORTED: &str = include_str!("schema-1-imported.json");

fn names(report: &Report) -> Vec<&str> {
    report.metrics.iter().map(|metric| metric.name.as_ref()).collect()
}

#[test]
fn a_run_gets_the_declarations_of_its_metrics() {
    let report = from_json(MEASURED).unwrap();
    assert_eq!(report.metrics, OF_A_COMMAND);
    assert_eq!(report.schema, SCHEMA);
}

#[test]
fn figures_of_others_get_what_was_known_of_them() {
    let report = from_json(IMPORTED).unwrap();
    assert_eq!(names(&report), ["faults", "real", "user"]);
    let faults = report.primary();
    assert_eq!((faults.better, faults.unit.as_ref(), faults.shown), (Better::Less, None, true));
    assert_eq!(find(&report.metrics, "real").map(|real| real.sign()), Some("s"));
}

#[test]
fn what_they_found_is_what_it_was() {
    for text in [MEASURED, IMPORTED] {
        let then: Value = serde_json::from_str(text).unwrap();
        let report = from_json(text).unwrap();
        let now: Value = serde_json::from_str(&to_json(&Findings::of(&report)).unwrap()).unwrap();
        assert_eq!((&then["schema"], &now["schema"]), (&"firebench.report/1".into(), &"firebench.report/2".into()));
        let (then, now) = (&then["findings"]["pairs"][0], &now["findings"]["pairs"][0]);
        // Figures that were not measured side by side were judged then, and are described now.
        let judged = if report.imported.is_some() { Value::Null } else { then["verdict"].clone() };
        assert_eq!(now["verdict"], judged);
        for field in ["ratio", "unit", "metrics", "blocks", "boots"] {
            assert_eq!(now[field], then[field], "{field}");
        }
        // And what is written now is read as it is.
        let again = from_json(&to_json(&Findings::of(&report)).unwrap()).unwrap();
        assert_eq!(again, report);
    }
}

#[test]
fn they_come_back_from_the_store() {
    let dir = tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("runs.db")).unwrap();
    for text in [MEASURED, IMPORTED] {
        let report = from_json(text).unwrap();
        let id = store.import(report.clone()).unwrap();
        assert_eq!(store.load(id.as_str()).unwrap(), Report { id: Some(id.to_string()), ..report });
    }
}
