//! The tables of the reference, and how near a value must be to them.

use std::path::Path;

use firebench_stats::Interval;
use serde_json::Value;

/// Relative agreement asked for.
const TOLERANCE: f64 = 1e-9;

pub fn reference(key: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/reference.json");
    let text = std::fs::read_to_string(path).expect("the reference is there");
    let all: Value = serde_json::from_str(&text).expect("the reference is JSON");
    let entries = all[key].as_array().expect("the reference has this list").clone();
    assert!(!entries.is_empty(), "{key} holds cases");
    entries
}

pub fn float(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

pub fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

pub fn floats(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(float).collect()
}

#[track_caller]
pub fn assert_close(value: f64, expected: f64, case: &Value) {
    let scale = expected.abs().max(f64::MIN_POSITIVE);
    assert!((value - expected).abs() <= TOLERANCE * scale, "{value} is not {expected}: {case}");
}

/// Both ends of the interval. Those near zero are differences of larger numbers, and held to the tolerance of these; null stands for no
/// end.
#[track_caller]
pub fn assert_ends(interval: &Interval, case: &Value) {
    let [low, high] = ["low", "high"].map(|end| case[end].as_f64());
    let scale = [low, high].iter().flatten().fold(interval.centre.abs(), |scale, end| scale.max(end.abs()));
    for (value, expected, none) in [(interval.low, low, f64::NEG_INFINITY), (interval.high, high, f64::INFINITY)] {
        match expected {
            Some(expected) => assert!((value - expected).abs() <= TOLERANCE * scale, "{interval:?}: {case}"),
            None => assert_eq!(value, none, "{interval:?}: {case}"),
        }
    }
}
