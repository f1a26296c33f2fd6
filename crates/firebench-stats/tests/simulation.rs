//! The error rates that firebench promises, measured by simulation. Fixed seeds: the same numbers every time.
#![cfg(test)]

use firebench_stats::design::Size;
use firebench_stats::simulate::{Case, Judged, Kind, Row, Settings, Shape, cases, simulate, simulate_case};

/// Enough for rates to be right within about a hundredth.
const SETTINGS: Settings = Settings {
    runs: 500,
    seed: 20_240_601,
    noise: 0.01,
    effect: 0.02,
    delta: 0.02,
    size: FIVE_MINUTES,
    throw_away: true,
    threads: 2,
};

const FIVE_MINUTES: Size = Size::Precision { precision: 0.01, max_seconds: 300.0 };

/// 5% and three standard errors of a rate measured with so many runs.
fn five_percent(runs: usize) -> f64 {
    0.05 + 3.0 * (0.05 * 0.95 / runs as f64).sqrt()
}

fn rows(settings: &Settings, wanted: impl Fn(&Case) -> bool) -> Vec<Row> {
    let row = |case: Case| {
        // What takes many blocks errs so rarely that few runs show it.
        let runs = if case.rule.estimand().has_band() { settings.runs } else { settings.runs / 10 };
        simulate_case(case, &Settings { runs, ..*settings }).expect("a row")
    };
    let rows: Vec<Row> = cases().into_iter().filter(wanted).map(row).collect();
    assert!(!rows.is_empty(), "there are such cases");
    rows
}

/// Where a difference is there that is none of the contenders': it must be refused, or not seen.
fn is_unfair(shape: Shape) -> bool {
    matches!(shape, Shape::Warm | Shape::Bias)
}

#[test]
fn equal_contenders_are_called_different_in_at_most_five_runs_of_a_hundred() {
    for row in rows(&SETTINGS, |case| case.kind == Kind::Aa && !is_unfair(case.shape)) {
        assert!(row.false_alarm <= five_percent(SETTINGS.runs), "{row:?}");
        assert!(row.coverage >= 1.0 - five_percent(SETTINGS.runs), "{row:?}");
        assert!(row.refused <= 0.12, "checks that find what is not there cry wolf: {row:?}");
        assert_eq!(row.power, None);
    }
}

#[test]
fn differences_that_are_none_of_the_contenders_are_refused() {
    for row in rows(&SETTINGS, |case| case.kind == Kind::Aa && is_unfair(case.shape)) {
        let at_most = five_percent(SETTINGS.runs);
        assert!(row.refused >= 1.0 - at_most || row.false_alarm <= at_most, "{row:?}");
    }
}

/// Without throw-away boots, what a boot leaves behind for the next one is refused where it is seen, and makes false alarms where it is
/// not; with them there is nothing to refuse, and no more false alarms than without it.
#[test]
fn throw_away_boots_take_out_what_is_left_behind() {
    let of = |settings: &Settings, shape| {
        rows(settings, |case| case.kind == Kind::Aa && case.shape == shape && case.contenders == 2)
    };
    let kept = Settings { throw_away: false, ..SETTINGS };
    assert!(of(&kept, Shape::Carry).iter().all(|row| row.refused > 0.9));
    let trace = of(&kept, Shape::Trace);
    assert!(trace[0].false_alarm > five_percent(SETTINGS.runs) && trace[0].coverage < 0.9, "{trace:?}");
    for shape in [Shape::Carry, Shape::Trace] {
        let rows = of(&SETTINGS, shape);
        assert!(rows.iter().all(|row| row.refused < five_percent(SETTINGS.runs)), "{rows:?}");
        assert!(rows.iter().all(|row| row.coverage > 0.95 && row.equivalent > 0.95), "{rows:?}");
    }
}

/// Calm shapes reach a verdict, and it is that there is no difference.
#[test]
fn equal_contenders_are_called_equal() {
    let calm = [Shape::Gaussian, Shape::HeavyTail, Shape::Drift, Shape::Autocorrelation, Shape::Skewed];
    for row in
        rows(&SETTINGS, |case| case.kind == Kind::Aa && calm.contains(&case.shape) && case.rule.estimand().has_band())
    {
        assert!(row.equivalent > 0.9, "{row:?}");
    }
}

/// The ways around a scout: no time for it, numbers of blocks.
#[test]
fn small_runs_keep_the_promise_too() {
    let precision = |max_seconds| Size::Precision { precision: 0.01, max_seconds };
    let settings = Settings { runs: 300, ..SETTINGS };
    for size in [precision(5.0), precision(30.0), precision(60.0), Size::Blocks(2), Size::Blocks(3), Size::Blocks(25)] {
        for row in rows(&Settings { size, ..settings }, |case| {
            case.kind == Kind::Aa && !is_unfair(case.shape) && case.rule == Judged::Default && case.contenders == 2
        }) {
            assert!(row.false_alarm <= five_percent(settings.runs), "{size:?}: {row:?}");
            assert!(row.coverage >= 1.0 - five_percent(settings.runs), "{size:?}: {row:?}");
        }
    }
}

#[test]
fn twice_the_noise_is_found_in_at_least_ninety_five_runs_of_a_hundred() {
    // What is steeper, larger or rarer than the noise takes more blocks than five minutes have; and void boots leave little to say.
    let calm = [
        Shape::Gaussian,
        Shape::HeavyTail,
        Shape::Drift,
        Shape::Autocorrelation,
        Shape::Skewed,
        Shape::Burst,
        Shape::Place,
        Shape::Slow,
    ];
    for row in
        rows(&SETTINGS, |case| case.kind == Kind::Ab && case.rule == Judged::Default && calm.contains(&case.shape))
    {
        assert!(row.power.is_some_and(|power| power >= 0.95), "{row:?}");
        assert!(row.false_alarm <= five_percent(SETTINGS.runs), "{row:?}");
    }
}

/// Whatever the noise, no wrong verdict.
#[test]
fn different_contenders_have_no_wrong_verdict() {
    let settings = Settings { runs: 100, ..SETTINGS };
    for row in rows(&settings, |case| case.kind == Kind::Ab) {
        assert!(row.false_alarm <= five_percent(settings.runs), "{row:?}");
    }
}

/// Boots that are slow now and then keep the band wide, which is of the mean, too; not the interval at the end.
#[test]
fn one_percent_noise_takes_about_thirteen_blocks() {
    let plain = |case: &Case| case.kind == Kind::Aa && case.shape == Shape::Gaussian && case.rule == Judged::Default;
    let blocks: Vec<f64> = rows(&SETTINGS, plain).iter().map(|row| row.blocks).collect();
    assert!((12.0..15.0).contains(&blocks[0]) && (15.0..20.0).contains(&blocks[1]), "{blocks:?}");
}

/// A simulation that cannot fail shows nothing: without the effect, and with too much noise, there is no power.
#[test]
fn small_effects_are_not_found() {
    let case = Case { kind: Kind::Ab, shape: Shape::Gaussian, rule: Judged::Default, contenders: 2 };
    let settings = Settings { effect: 0.0005, ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert!(row.power.is_some_and(|power| power < 0.1), "{row:?}");
    let settings = Settings { noise: 0.1, ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert!(row.power.is_some_and(|power| power < 0.2) && row.blocks > 30.0, "{row:?}");
    let settings = Settings { noise: 0.1, size: Size::Blocks(12), ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert!(row.power.is_some_and(|power| power < 0.2) && row.blocks > 11.5, "{row:?}");
}

/// Nor does it show anything if nothing is ever wrong: at another level of truth, half of the runs are.
#[test]
fn wrong_verdicts_are_seen() {
    let case = Case { kind: Kind::Ab, shape: Shape::Gaussian, rule: Judged::Default, contenders: 2 };
    let settings = Settings { effect: 0.02, delta: 0.02, noise: 0.001, size: Size::Blocks(12), ..SETTINGS };
    let row = simulate_case(case, &settings).expect("a row");
    assert_eq!((row.power, row.false_alarm), (Some(1.0), 0.0), "{row:?}");
    // Equal but for chance, and what is left behind is called a difference by all that the checks miss.
    let carry = Case { kind: Kind::Aa, shape: Shape::Carry, ..case };
    let row = simulate_case(carry, &Settings { throw_away: false, ..SETTINGS }).expect("a row");
    assert!(row.coverage < 0.1 && row.refused > 0.9, "{row:?}");
}

#[test]
fn threads_and_repetition_change_nothing() {
    let settings = |threads, seed| Settings { runs: 10, threads, seed, ..SETTINGS };
    let rows = |threads, seed| simulate(&settings(threads, seed)).expect("a table");
    let table = rows(1, 1);
    assert_eq!(table.len(), cases().len());
    assert_eq!(table, rows(1, 1));
    assert_eq!(table, rows(3, 1));
    assert_ne!(table, rows(1, 2));
}

#[test]
fn all_shapes_are_cases_in_the_order_of_the_table() {
    let cases = cases();
    let (equal, unequal) = cases.split_at(cases.len() / 2);
    for (kind, cases) in [(Kind::Aa, equal), (Kind::Ab, unequal)] {
        assert!(cases.iter().all(|case| case.kind == kind));
        for (index, case) in cases.iter().take(4 * Shape::ALL.len()).enumerate() {
            assert_eq!(case.shape, Shape::ALL[index / 4]);
            let rule = if index % 4 > 1 { Judged::Strict } else { Judged::Default };
            assert_eq!((case.rule, case.contenders), (rule, 2 + index % 2));
        }
        let others: Vec<&str> = cases.iter().skip(4 * Shape::ALL.len()).map(|case| case.rule.name()).collect();
        assert_eq!(
            others,
            ["cost", "cost", "cost", "cost", "cost", "p95", "p95", "p95", "p95", "one_run", "five_runs"]
        );
    }
    let mut names: Vec<&str> = Shape::ALL.map(Shape::name).to_vec();
    for shape in Shape::ALL {
        assert_eq!(serde_json::to_value(shape).expect("JSON"), shape.name());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Shape::ALL.len());
}

#[test]
fn impossible_settings_are_errors() {
    for settings in [
        Settings { runs: 0, ..SETTINGS },
        Settings { noise: f64::NAN, ..SETTINGS },
        Settings { effect: 0.0, ..SETTINGS },
        Settings { delta: -1.0, ..SETTINGS },
        Settings { size: Size::Blocks(0), ..SETTINGS },
        Settings { size: Size::Precision { precision: -1.0, max_seconds: 300.0 }, ..SETTINGS },
        Settings { size: Size::Precision { precision: 0.01, max_seconds: 0.0 }, ..SETTINGS },
    ] {
        assert!(simulate(&settings).is_err(), "{settings:?}");
    }
    let alone = Case { kind: Kind::Aa, shape: Shape::Gaussian, rule: Judged::Default, contenders: 1 };
    assert!(simulate_case(alone, &SETTINGS).is_err());
}

#[test]
fn rows_are_flat_in_json() {
    let row = simulate_case(cases()[0], &Settings { runs: 3, ..SETTINGS }).expect("a row");
    let json = serde_json::to_value(row).expect("JSON");
    let object = json.as_object().expect("an object");
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected =
        ["blocks", "contenders", "coverage", "equivalent", "false_alarm", "kind", "noise", "power", "refused", "rule"];
    assert_eq!(keys, expected);
    assert_eq!([&json["kind"], &json["noise"], &json["rule"]], ["aa", "gaussian", "default"]);
}
