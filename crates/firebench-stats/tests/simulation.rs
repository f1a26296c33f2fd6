//! The error rates that firebench promises, measured by simulation. Fixed seeds: the same numbers every time.

use firebench_stats::simulate::{Case, Kind, Row, Settings, Shape, cases, simulate, simulate_case};

/// Enough for rates to be right within about a hundredth.
const SETTINGS: Settings =
    Settings { runs: 2_000, seed: 20_240_601, noise: 0.01, effect: 0.02, precision: 0.01, max_blocks: 200, threads: 2 };

/// 5% and three standard errors of a rate measured with so many runs.
fn five_percent() -> f64 {
    0.05 + 3.0 * (0.05 * 0.95 / SETTINGS.runs as f64).sqrt()
}

fn rows(wanted: impl Fn(&Case) -> bool) -> Vec<Row> {
    let rows: Vec<Row> =
        cases().into_iter().filter(wanted).map(|case| simulate_case(case, &SETTINGS).expect("a row")).collect();
    assert!(!rows.is_empty(), "there are such cases");
    rows
}

#[test]
fn equal_contenders_are_called_different_in_at_most_five_runs_of_a_hundred() {
    for row in rows(|case| case.kind == Kind::Aa && (!case.skewed || case.strict)) {
        assert!(row.false_alarm <= five_percent(), "{row:?}");
        assert!(row.coverage >= 1.0 - five_percent(), "{row:?}");
        assert_eq!(row.power, None);
    }
}

/// Growing noise is left out: it is no longer the 1% that the promise is about.
#[test]
fn twice_the_noise_is_found_in_at_least_ninety_five_runs_of_a_hundred() {
    for row in rows(|case| case.kind == Kind::Ab && case.shape != Shape::Growth) {
        assert!(row.power.is_some_and(|power| power >= 0.95), "{row:?}");
        assert!(row.false_alarm <= five_percent(), "{row:?}");
    }
}

#[test]
fn pilots_of_one_percent_noise_ask_for_thirteen_blocks() {
    let plain = |case: &Case| case.shape == Shape::Gaussian && !case.strict && case.contenders == 2;
    for row in rows(plain) {
        assert!((12.5..14.0).contains(&row.blocks), "{row:?}");
    }
}

/// A simulation that cannot fail shows nothing: without the effect, and with too much noise, there is no power.
#[test]
fn small_effects_are_not_found() {
    let case = Case { kind: Kind::Ab, shape: Shape::Gaussian, skewed: false, strict: false, contenders: 2 };
    let settings = Settings { effect: 0.0005, ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert!(row.power.is_some_and(|power| power < 0.1), "{row:?}");
    let settings = Settings { noise: 0.1, max_blocks: 12, ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert!(row.power.is_some_and(|power| power < 0.2) && row.blocks == 12.0, "{row:?}");
}

#[test]
fn threads_and_repetition_change_nothing() {
    let settings = |threads, seed| Settings { runs: 50, threads, seed, ..SETTINGS };
    let rows = |threads, seed| simulate(&settings(threads, seed)).expect("a table");
    let table = rows(1, 1);
    assert_eq!(table.len(), 2 * Shape::ALL.len() * 2 * 2);
    assert_eq!(table, rows(1, 1));
    assert_eq!(table, rows(3, 1));
    assert_ne!(table, rows(1, 2));
}

#[test]
fn impossible_settings_are_errors() {
    for settings in [
        Settings { runs: 0, ..SETTINGS },
        Settings { noise: f64::NAN, ..SETTINGS },
        Settings { effect: 0.0, ..SETTINGS },
        Settings { precision: -1.0, ..SETTINGS },
        Settings { max_blocks: 1, ..SETTINGS },
    ] {
        assert!(simulate(&settings).is_err(), "{settings:?}");
    }
    let alone = Case { kind: Kind::Aa, shape: Shape::Gaussian, skewed: false, strict: false, contenders: 1 };
    assert!(simulate_case(alone, &SETTINGS).is_err());
}

#[test]
fn rows_are_flat_in_json() {
    let row = simulate_case(cases()[0], &Settings { runs: 3, ..SETTINGS }).expect("a row");
    let json = serde_json::to_value(row).expect("JSON");
    let object = json.as_object().expect("an object");
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = ["blocks", "contenders", "coverage", "false_alarm", "kind", "power", "shape", "skewed", "strict"];
    assert_eq!(keys, expected);
    assert_eq!((json["kind"].as_str(), json["shape"].as_str()), (Some("aa"), Some("gaussian")));
}
