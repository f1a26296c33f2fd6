//! Holds everything that has a formula against a second computation of it: `reference/make.py` writes the numbers, with
//! SciPy.
#![cfg(test)]

use std::path::Path;

use firebench_stats::{interval, quantile, stein, unpaired, williams};
use serde_json::Value;

/// Relative agreement asked for.
const TOLERANCE: f64 = 1e-9;

fn reference(key: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/reference.json");
    let text = std::fs::read_to_string(path).expect("the reference is there");
    let all: Value = serde_json::from_str(&text).expect("the reference is JSON");
    let entries = all[key].as_array().expect("the reference has this list").clone();
    assert!(!entries.is_empty(), "{key} holds cases");
    entries
}

fn float(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn count(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(float).collect()
}

#[track_caller]
fn assert_close(value: f64, expected: f64, case: &Value) {
    let scale = expected.abs().max(f64::MIN_POSITIVE);
    assert!((value - expected).abs() <= TOLERANCE * scale, "{value} is not {expected}: {case}");
}

#[test]
fn quantiles() {
    for case in reference("quantiles") {
        let tail = float(&case["tail"]);
        let value = quantile::student_upper(tail, float(&case["df"])).expect("a quantile");
        assert_close(value, float(&case["value"]), &case);
    }
}

#[test]
fn intervals_and_bands() {
    let data: Vec<Vec<f64>> = reference("data").iter().map(floats).collect();
    let mut infinite = 0;
    for case in reference("intervals") {
        let differences = &data[count(&case["data"])];
        let (alpha, comparisons) = (float(&case["alpha"]), count(&case["comparisons"]));
        let (low, high) = (float(&case["low"]), float(&case["high"]));
        let fixed = interval::fixed(differences, alpha, comparisons).expect("an interval");
        let half_width = (high - low) / 2.0;
        // Ends near zero are differences of larger numbers: held to the tolerance of these.
        let scale = low.abs().max(high.abs());
        assert!((fixed.low() - low).abs() <= TOLERANCE * scale, "{fixed:?}: {case}");
        assert!((fixed.high() - high).abs() <= TOLERANCE * scale, "{fixed:?}: {case}");
        assert!((fixed.half_width - half_width).abs() <= TOLERANCE * scale, "{fixed:?}: {case}");
        assert_close(fixed.confidence, 1.0 - alpha, &case);

        let band = interval::band(differences, alpha, comparisons).expect("a band");
        assert_eq!((band.centre, band.blocks), (fixed.centre, differences.len()));
        match &case["band_half_width"] {
            Value::Null => {
                assert_eq!(band.half_width, f64::INFINITY, "{case}");
                infinite += 1;
            }
            expected => assert_close(band.half_width, float(expected), &case),
        }
    }
    assert!(infinite > 0, "short series are among the cases");
}

#[test]
fn stein_sizes() {
    for case in reference("stein_sizes") {
        let pilots: Vec<Vec<f64>> = case["pilots"].as_array().expect("pilots").iter().map(floats).collect();
        let size = stein::size(&pilots, float(&case["half_width"]), float(&case["alpha"])).expect("a size");
        assert_eq!(size, count(&case["size"]), "{case}");
    }
}

#[test]
fn stein_intervals() {
    for case in reference("stein_intervals") {
        let (alpha, comparisons) = (float(&case["alpha"]), count(&case["comparisons"]));
        let pilot = count(&case["pilot"]);
        let interval = stein::interval(&floats(&case["differences"]), pilot, alpha, comparisons).expect("an interval");
        assert_close(interval.centre, float(&case["centre"]), &case);
        assert_close(interval.half_width, float(&case["half_width"]), &case);
        assert_eq!(interval.df, (pilot - 1) as f64);
    }
}

#[test]
fn intervals_of_contenders_that_ran_apart() {
    let data = reference("apart_data");
    for case in reference("apart") {
        let boots = &data[count(&case["data"])];
        let (contender, baseline) = (floats(&boots[0]), floats(&boots[1]));
        let (alpha, comparisons) = (float(&case["alpha"]), count(&case["comparisons"]));
        let interval = unpaired::welch(&contender, &baseline, alpha, comparisons).expect("an interval");
        assert_close(interval.df, float(&case["df"]), &case);
        assert_close(interval.centre / interval.std_error, float(&case["statistic"]), &case);
        let (low, high) = (float(&case["low"]), float(&case["high"]));
        // Ends near zero are differences of larger numbers: held to the tolerance of these.
        let scale = low.abs().max(high.abs());
        assert!((interval.low() - low).abs() <= TOLERANCE * scale, "{interval:?}: {case}");
        assert!((interval.high() - high).abs() <= TOLERANCE * scale, "{interval:?}: {case}");
        assert_close(interval.confidence, 1.0 - alpha, &case);
        assert_eq!((interval.blocks, interval.baseline_boots), (contender.len(), Some(baseline.len())));
    }
}

#[test]
fn orders_are_the_documented_ones() {
    for case in reference("orders") {
        let seed = case["seed"].as_u64().expect("a seed");
        let expected: Vec<Vec<usize>> = case["orders"]
            .as_array()
            .expect("orders")
            .iter()
            .map(|order| order.as_array().expect("an order").iter().map(count).collect())
            .collect();
        let orders: Vec<Vec<usize>> = williams::blocks(count(&case["contenders"]), seed).take(expected.len()).collect();
        assert_eq!(orders, expected, "{} contenders, seed {seed}", case["contenders"]);
    }
}
