//! Holds everything that has a formula against a second computation of it: `make.py` writes the numbers, with
//! SciPy.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod ranks;
mod table;

use firebench_stats::{interval, order, quantile, unpaired};
use serde_json::Value;

use table::{assert_close, assert_ends, count, float, floats, reference};

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
        let student = interval::student(differences, alpha, comparisons).expect("an interval");
        assert_ends(&student, &case);
        assert_close(student.confidence, 1.0 - alpha, &case);

        let band = interval::band(differences, alpha, comparisons).expect("a band");
        assert_eq!((band.centre, band.blocks), (student.centre, differences.len()));
        match &case["band_half_width"] {
            Value::Null => {
                assert_eq!(band.half_width(), f64::INFINITY, "{case}");
                infinite += 1;
            }
            expected => assert_close(band.half_width(), float(expected), &case),
        }
    }
    assert!(infinite > 0, "short series are among the cases");
}

#[test]
fn intervals_of_contenders_that_ran_apart() {
    let data = reference("apart_data");
    for case in reference("apart") {
        let boots = &data[count(&case["data"])];
        let (contender, baseline) = (floats(&boots[0]), floats(&boots[1]));
        let (alpha, comparisons) = (float(&case["alpha"]), count(&case["comparisons"]));
        let interval = unpaired::welch(&contender, &baseline, alpha, comparisons).expect("an interval");
        assert_ends(&interval, &case);
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
        let orders: Vec<Vec<usize>> = order::blocks(count(&case["contenders"]), seed).take(expected.len()).collect();
        assert_eq!(orders, expected, "{} contenders, seed {seed}", case["contenders"]);
    }
}
