//! Throw-away boots: who boots right after whom, and what a boot that leaves something behind comes to.

use firebench_stats::design::{Next, Schedule, Settings, Size, Turn};

use super::machine::{MACHINE, SETTINGS, run};

/// Runs, and blocks of each.
const RUNS: u64 = 400;
const BLOCKS: u32 = 15;

/// The contenders of all boots of many runs, a list each, throw-away ones included; those are marked.
fn boots(contenders: usize, throw_away: bool) -> Vec<Vec<(usize, bool)>> {
    let of_turn = |turn: Turn| {
        let thrown = turn.throw_away.then_some((turn.contender, true));
        thrown.into_iter().chain([(turn.contender, false)])
    };
    let size = Size::Blocks(BLOCKS);
    let settings = |seed| Settings { contenders, size, seed, iterations: Some(1), throw_away, ..SETTINGS };
    (0..RUNS).map(|seed| run(&settings(seed), MACHINE).turns.into_iter().flat_map(of_turn).collect()).collect()
}

#[test]
fn whoever_boots_boots_after_everybody_alike() {
    for contenders in [2, 3, 5] {
        let runs = boots(contenders, true);
        let mut after = vec![vec![0.0; contenders]; contenders];
        for pair in runs.iter().flat_map(|run| run.windows(2)) {
            if let [(before, _), (contender, false)] = *pair {
                after[contender][before] += 1.0;
            }
        }
        let blocks = RUNS as f64 * f64::from(BLOCKS);
        let each = blocks / contenders as f64;
        // Five standard deviations of a count.
        let bound = 5.0 * each.sqrt();
        assert!(after.iter().flatten().all(|count: &f64| (count - each).abs() < bound), "{after:?}");
        let thrown = runs.iter().flatten().filter(|(_, thrown)| *thrown).count() as f64;
        let saved = (blocks - RUNS as f64) / contenders as f64;
        assert!((thrown - (blocks - saved)).abs() < bound, "{thrown}: the last of the block before saves some");
    }
}

/// Equal contenders, and whoever boots right after the last one takes one more: what that makes of the difference of the two on average.
fn left_behind(contenders: usize, throw_away: bool) -> f64 {
    let mut sums = vec![0.0; contenders];
    for run in boots(contenders, throw_away) {
        let mut before = None;
        for (contender, thrown) in run {
            if !thrown && before == Some(contenders - 1) {
                sums[contender] += 1.0;
            }
            before = Some(contender);
        }
    }
    (sums[contenders - 1] - sums[0]) / (RUNS as f64 * f64::from(BLOCKS))
}

#[test]
fn what_is_left_behind_is_in_no_difference() {
    for contenders in [2, 3, 5] {
        let noise = 5.0 / (RUNS as f64 * f64::from(BLOCKS)).sqrt();
        let (with, without) = (left_behind(contenders, true), left_behind(contenders, false));
        assert!(with.abs() < noise, "{contenders}: {with}");
        assert!(without < -0.15, "{contenders}: {without}");
    }
    assert!(left_behind(2, false) < -0.45, "half of it");
}

#[test]
fn it_comes_first_and_costs_its_time() {
    let settings = Settings { contenders: 2, size: Size::Blocks(4), throw_away: true, ..SETTINGS };
    let mut schedule = Schedule::new(settings.clone()).expect("the settings are fine");
    let mut last = None;
    while let Next::Boot(turn) = schedule.next() {
        assert_eq!(turn.throw_away, turn.position == 0 && last != Some(turn.contender), "{turn:?}");
        last = Some(turn.contender);
        schedule.record(MACHINE.boot(turn)).expect("the boot is fine");
    }
    let alone = run(&Settings { contenders: 1, ..settings.clone() }, MACHINE);
    assert!(alone.turns.iter().all(|turn| !turn.throw_away), "nobody else is there");
    let without = run(&Settings { throw_away: false, ..settings }, MACHINE);
    assert!(without.turns.iter().all(|turn| !turn.throw_away));
}
