//! What is found in series of which it is known where they change, and how often something is found where nothing changes. Fixed
//! seeds: the same numbers every time.

use super::*;

/// How values come about that do not change.
#[derive(Debug, Clone, Copy)]
enum Noise {
    Gaussian,
    /// Each value is 0.3 of the one before it, and new for the rest.
    Autocorrelated,
    /// Student's t with three degrees of freedom.
    HeavyTail,
    /// Every twentieth value, by chance, is far above.
    SlowMode,
    /// Gaussian, rounded to halves of its deviation.
    Coarse,
}

fn noise(noise: Noise, length: usize, random: &mut Random) -> Vec<f64> {
    let mut last = random.normal();
    let mut next = || match noise {
        Noise::Gaussian => random.normal(),
        Noise::Autocorrelated => {
            last = 0.3 * last + (1.0 - 0.3_f64 * 0.3).sqrt() * random.normal();
            last
        }
        Noise::HeavyTail => {
            let square: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
            random.normal() / (square / 3.0).sqrt()
        }
        Noise::SlowMode => random.normal() + if random.unit() < 0.05 { 10.0 } else { 0.0 },
        Noise::Coarse => (random.normal() * 2.0).round() / 2.0,
    };
    (0..length).map(|_| 100.0 + next()).collect()
}

/// The share of series of which `is_so` holds.
fn rate(series: u64, is_so: impl Fn(&mut Random, u64) -> bool) -> f64 {
    let so = (0..series).filter(|&number| is_so(&mut Random::new(20_260_101, number), number)).count();
    so as f64 / series as f64
}

/// How often a change is found where there is none.
fn false_alarms(of: Noise, length: usize, series: u64) -> f64 {
    rate(series, |random, seed| !changes(&noise(of, length, random), seed).unwrap().is_empty())
}

/// How often a step is found, and nothing else, within two values of its place.
fn power(before: usize, after: usize, step: f64, series: u64) -> f64 {
    rate(series, |random, seed| {
        let series = stepped(random, &[(before, 0.0), (after, step)]);
        changes(&series, seed).unwrap().iter().any(|change| change.at.abs_diff(before) <= 2)
    })
}

/// Gaussian noise around levels.
fn stepped(random: &mut Random, levels: &[(usize, f64)]) -> Vec<f64> {
    let levels = levels.iter().flat_map(|&(count, level)| std::iter::repeat_n(level, count));
    levels.map(|level| 100.0 + level + random.normal()).collect()
}

#[test]
fn nothing_is_found_where_nothing_changes_in_95_of_100_series() {
    for of in [Noise::Gaussian, Noise::HeavyTail, Noise::SlowMode, Noise::Coarse] {
        let rate = false_alarms(of, 50, 400);
        // 5%, and three standard errors.
        assert!(rate <= 0.083, "{of:?}: {rate}");
    }
    // Not exchangeable: docs/history.md says so.
    let rate = false_alarms(Noise::Autocorrelated, 50, 400);
    assert!((0.05..0.35).contains(&rate), "{rate}");
}

#[test]
fn a_step_of_three_deviations_is_found_where_it_is() {
    let found = power(20, 20, 3.0, 200);
    assert!(found >= 0.97, "{found}");
}

#[test]
fn a_step_that_is_taken_back_is_found_twice() {
    let found = rate(100, |random, seed| {
        let series = stepped(random, &[(20, 0.0), (10, 4.0), (20, 0.0)]);
        let found: Vec<usize> = changes(&series, seed).unwrap().iter().map(|change| change.at).collect();
        matches!(found.as_slice(), [up, down] if up.abs_diff(20) <= 2 && down.abs_diff(30) <= 2)
    });
    assert!(found >= 0.8, "{found}");
}

#[test]
fn a_change_says_what_lies_on_both_sides_of_it() {
    let series = [10.0, 10.2, 10.1, 9.9, 10.0, 10.1, 9.8, 10.3, 12.0, 12.1, 11.9, 12.2, 5.0, 5.1, 4.9, 5.0, 5.2];
    let found = changes(&series, 0).unwrap();
    let [up, down] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((up.at, up.count_before, up.count_after), (8, 8, 4));
    assert_eq!((down.at, down.count_before, down.count_after), (12, 4, 5));
    assert!((up.before - 10.05).abs() < 1e-9 && (up.after - 12.05).abs() < 1e-9, "{up:?}");
    assert_eq!((down.before, down.after), (up.after, 5.0));
    assert!((up.relative().unwrap() - 0.199).abs() < 1e-3 && (up.difference() - 2.0).abs() < 1e-9, "{up:?}");
    assert!(up.p_value >= 0.001 && up.p_value <= ALPHA, "{up:?}");
    assert_eq!(changes(&series, 0).unwrap(), found, "the same again");
    let zero = Change { before: 0.0, ..*up };
    assert_eq!(zero.relative(), None);
}

#[test]
fn an_outlier_is_no_change() {
    for size in [10.0, 1000.0] {
        let found = rate(400, |random, number| {
            let mut series = noise(Noise::Gaussian, 20, random);
            series[number as usize % 20] += size;
            !changes(&series, number).unwrap().is_empty()
        });
        assert!(found <= 0.083, "{size}: {found}");
    }
    let mut series = [10.0, 10.1].repeat(10);
    for at in 0..series.len() {
        let value = std::mem::replace(&mut series[at], 1000.0);
        assert_eq!(changes(&series, 0), Ok(Vec::new()), "{at}");
        series[at] = value;
    }
}

#[test]
fn what_does_not_vary_does_not_change() {
    for length in [0, 1, 7, 8, 100] {
        assert_eq!(changes(&vec![0.1; length], 0), Ok(Vec::new()));
    }
    let exact: Vec<f64> = [vec![1.0; 4], vec![2.0; 4]].concat();
    assert_eq!(changes(&exact, 0).unwrap().iter().map(|change| change.at).collect::<Vec<_>>(), [4]);
    assert_eq!(changes(&exact[..FEWEST - 1], 0), Ok(Vec::new()), "too few to say anything");
}

#[test]
fn what_is_no_series_is_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let series = [1.0, value, 2.0];
        assert!(matches!(changes(&series, 0), Err(Error::NotFinite { position: 1, .. })));
    }
    let large: Vec<f64> = [f64::MAX, f64::MIN].repeat(10);
    assert!(matches!(changes(&large, 0), Err(Error::TooLarge { .. })));
    assert!(matches!(changes(&vec![1.0; LONGEST + 1], 0), Err(Error::TooMany { count: 1001, most: 1000, .. })));
}

/// The tables of docs/history.md: `cargo test --release -p firebench-stats --lib change -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes, and prints"]
#[allow(clippy::print_stdout, reason = "what it is for")]
fn rates_of_false_alarms() {
    for of in [Noise::Gaussian, Noise::HeavyTail, Noise::SlowMode, Noise::Coarse, Noise::Autocorrelated] {
        let rates = [(10, 4000), (20, 4000), (50, 4000), (200, 500)]
            .map(|(length, series)| format!("{:5.1}%", 100.0 * false_alarms(of, length, series)));
        println!("false {of:?} 10/20/50/200: {}", rates.join(" "));
    }
    for of in [Noise::Gaussian, Noise::Autocorrelated] {
        for limit in [0.0, 1.0, 2.0, 3.0] {
            // A gate after each of 50 runs.
            let fails = |series: &[f64], seed: u64| {
                changes(series, seed).unwrap().last().is_some_and(|change| change.difference() > limit)
            };
            let some_time = rate(300, |random, seed| {
                let series = noise(of, 50, random);
                (FEWEST..=series.len()).any(|runs| fails(&series[..runs], seed))
            });
            println!(
                "gate after each run {of:?}, limit {limit} deviations: fails at some time {:.1}%",
                100.0 * some_time
            );
        }
    }
}

#[test]
#[ignore = "takes minutes, and prints"]
#[allow(clippy::print_stdout, reason = "what it is for")]
fn rates_of_what_is_found() {
    for before in [5, 20, 50] {
        for step in [1.0, 2.0, 3.0, 5.0] {
            let rates = [3, 4, 5, 7, 10, 20].map(|after| format!("{:4.0}%", 100.0 * power(before, after, step, 500)));
            println!("power before {before} step {step}, after 3/4/5/7/10/20: {}", rates.join(" "));
        }
    }
    for (levels, name) in [
        ([(20, 0.0), (10, 3.0), (20, 0.0)], "bump of 3 for 10 of 50"),
        ([(20, 0.0), (5, 3.0), (20, 0.0)], "bump of 3 for 5 of 45"),
        ([(20, 0.0), (20, 3.0), (20, 6.0)], "stairs of 3, 20 each"),
        ([(20, 0.0), (20, 3.0), (5, 0.0)], "3 for 20, back for 5"),
    ] {
        let ends = [levels[0].0, levels[0].0 + levels[1].0];
        let found = |random: &mut Random, seed: u64| changes(&stepped(random, &levels), seed).unwrap();
        let both = rate(500, |random, seed| {
            let found = found(random, seed);
            ends.iter().all(|end| found.iter().any(|change| change.at.abs_diff(*end) <= 2))
        });
        let more = rate(500, |random, seed| found(random, seed).len() > 2);
        println!("{name}: both {:.0}%, more than two {:.1}%", 100.0 * both, 100.0 * more);
    }
    for sd in [1.0, 2.0, 4.0] {
        let drift = |random: &mut Random, seed: u64| {
            let series: Vec<f64> = (0..50).map(|i| 100.0 + sd * f64::from(i) / 50.0 + random.normal()).collect();
            !changes(&series, seed).unwrap().is_empty()
        };
        println!("drift by {sd} deviations over 50: {:.0}%", 100.0 * rate(500, drift));
    }
}
