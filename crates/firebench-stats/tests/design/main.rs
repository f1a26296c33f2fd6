//! The schedule of a run: numbers of blocks, what is void, what is refused, what is stored.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod always;
mod duet;
mod ends;
mod machine;
mod scout;
mod throw_away;

use firebench_stats::design::{Boot, End, Milestone, Next, Schedule, Settings, Size, State};
use firebench_stats::{Error, Estimand, Rule, order};

use machine::{MACHINE, Machine, SETTINGS, differences, ground, run};

#[test]
fn numbers_of_blocks_are_kept() {
    for (contenders, blocks) in [(1, 4), (2, 1), (2, 7), (3, 13)] {
        let settings = Settings { contenders, size: Size::Blocks(blocks), ..SETTINGS };
        let course = run(&settings, MACHINE);
        let orders: Vec<usize> = order::blocks(contenders, 7).take(blocks as usize).flatten().collect();
        assert_eq!(course.turns.iter().map(|turn| turn.contender).collect::<Vec<_>>(), orders);
        for (index, turn) in course.turns.iter().enumerate() {
            assert_eq!((turn.block as usize, turn.position as usize), (index / contenders, index % contenders));
            assert_eq!(turn.iterations, 3);
        }
        assert_eq!(course.end, End::Planned);
        let state = State {
            scout_blocks: 0,
            warm_up: 1,
            iterations: 3,
            rule: Rule::Fixed,
            planned: Some(blocks),
            blocks,
            void: 0,
            watched: false,
        };
        assert_eq!(course.state, state);
        assert_eq!(course.last.is_some(), contenders > 1 && blocks > 1);
        if let Some(last) = &course.last {
            assert_eq!(last.len(), contenders - 1);
            let live = course.live.as_ref().expect("a band");
            for (index, (last, live)) in last.iter().zip(live).enumerate() {
                let all = differences(&course, index + 1);
                let ground = ground(&course, &settings);
                assert_eq!(last.interval, ground.last(&all).expect("an interval"));
                assert_eq!(live.interval, ground.live(&all).expect("a band"));
                assert!(last.interval.half_width() < live.interval.half_width());
            }
        }
    }
}

/// The mean is there for whoever asks for it: the same boots, another interval.
#[test]
fn the_estimand_is_that_of_the_settings() {
    let of = |estimand| run(&Settings { estimand, size: Size::Blocks(12), ..SETTINGS }, MACHINE);
    let (typical, mean) = (of(Estimand::Typical), of(Estimand::Mean));
    assert_eq!(typical.boots, mean.boots);
    let interval = |course: &machine::Course| course.last.as_ref().expect("judgements")[0].interval;
    assert_ne!(interval(&typical), interval(&mean));
    let values: Vec<f64> = differences(&mean, 1).iter().map(|difference| difference.value).collect();
    machine::assert_close(interval(&mean).centre, values.iter().sum::<f64>() / 12.0);
}

#[test]
fn the_only_iteration_counts() {
    for size in [Size::Blocks(3), SETTINGS.size] {
        let course = run(&Settings { size, iterations: Some(1), ..SETTINGS }, MACHINE);
        assert_eq!((course.state.warm_up, course.state.iterations, course.state.scout_blocks), (0, 1, 0));
    }
    let course = run(&Settings { size: Size::Blocks(3), warm_up: Some(4), ..SETTINGS }, MACHINE);
    assert_eq!((course.state.warm_up, course.state.iterations), (4, 6));
}

#[test]
fn lone_contenders_have_three_blocks() {
    let course = run(&Settings { contenders: 1, ..SETTINGS }, MACHINE);
    assert_eq!((course.end, course.turns.len(), course.last, course.live), (End::Planned, 3, None, None));
}

#[test]
fn blocks_with_a_void_boot_are_left_out_and_made_up_for() {
    let machine = Machine { void_every: Some(4), ..MACHINE };
    let course = run(&Settings { size: Size::Blocks(9), ..SETTINGS }, machine);
    assert_eq!((course.end, course.state.blocks, course.state.void, course.turns.len()), (End::Planned, 9, 2, 22));
    assert_eq!(course.last.as_ref().expect("judgements")[0].interval.blocks, differences(&course, 1).len());
    assert!(course.milestones.contains(&Milestone::Void { block: 3 }));
    // Block 3 is of the scout: block 4 takes its place, and both those before and those after count. With a quarter of the blocks
    // missing, no number of them is precise.
    let course = run(&Settings { size: Size::Precision { precision: 0.02, max_seconds: 1e3 }, ..SETTINGS }, machine);
    assert_eq!((course.end, course.state.scout_blocks), (End::TimeOver, 0));
    let lengths: Vec<u32> = course.turns.iter().step_by(2).map(|turn| turn.iterations).collect();
    assert_eq!(lengths[..5], [3, 8, 8, 8, 8]);
    assert_eq!(differences(&course, 1).len(), course.state.blocks as usize);
    for size in [Size::Blocks(9), SETTINGS.size] {
        let course = run(&Settings { size, ..SETTINGS }, Machine { void_every: Some(1), ..MACHINE });
        assert_eq!((course.end, course.state.void, course.state.blocks, course.last), (End::Void, 3, 0, None));
    }
}

/// What a void boot would have said is not known: the same good blocks say less beside void ones.
#[test]
fn void_blocks_widen_the_interval() {
    for estimand in [Estimand::Typical, Estimand::Mean] {
        let settings = Settings { size: Size::Blocks(24), estimand, ..SETTINGS };
        let course = run(&settings, Machine { void_every: Some(12), ..MACHINE });
        assert_eq!((course.state.blocks, course.state.void), (24, 2));
        let [last, live] = [&course.last, &course.live].map(|of| of.as_ref().expect("judgements")[0].interval);
        let (all, with) = (differences(&course, 1), ground(&course, &settings));
        assert_eq!(with.missing, 2);
        let without = firebench_stats::Ground { missing: 0, ..with };
        assert_eq!((last, live), (with.last(&all).expect("one"), with.live(&all).expect("one")));
        let whole = without.last(&all).expect("an interval");
        assert!(last.low < whole.low && last.high > whole.high && last.is_finite(), "{last:?} {whole:?}");
        assert!(live.low <= last.low && live.high >= last.high, "the band holds what is missing, too");
    }
}

#[test]
fn boots_that_nobody_asked_for_change_nothing() {
    let mut schedule = Schedule::new(SETTINGS).expect("the settings are fine");
    for _ in 0..7 {
        let Next::Boot(turn) = schedule.next() else { panic!("the run has just begun") };
        let fine = MACHINE.boot(turn);
        let bad = |iterations: Vec<f64>, seconds: f64| Boot::new(iterations, seconds);
        let with = |value: f64| std::iter::once(value).chain(fine.iterations[1..].iter().copied()).collect::<Vec<_>>();
        let before = format!("{schedule:?}");
        assert!(matches!(schedule.record(bad(vec![1.0], 9.0)), Err(Error::Iterations { ran: 1, .. })));
        assert!(matches!(schedule.record(bad(with(f64::NAN), 9.0)), Err(Error::NotFinite { .. })));
        assert!(matches!(schedule.record(bad(with(0.0), 9.0)), Err(Error::NotPositive { .. })));
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(schedule.record(bad(with(1.0), seconds)), Err(Error::BadCost { what: "boot", .. })));
        }
        assert_eq!(format!("{schedule:?}"), before);
        schedule.record(fine).expect("the boot is fine");
    }
}

#[test]
fn settings_without_a_run_are_errors() {
    let precision = |precision, max_seconds| Size::Precision { precision, max_seconds };
    for settings in [
        Settings { contenders: 0, ..SETTINGS },
        Settings { size: Size::Blocks(0), ..SETTINGS },
        Settings { size: precision(0.0, 300.0), ..SETTINGS },
        Settings { size: precision(f64::NAN, 300.0), ..SETTINGS },
        Settings { size: precision(0.01, 0.0), ..SETTINGS },
        Settings { size: precision(0.01, f64::INFINITY), ..SETTINGS },
        Settings { delta: 0.0, ..SETTINGS },
        Settings { iterations: Some(0), ..SETTINGS },
        Settings { iterations: Some(3), warm_up: Some(3), ..SETTINGS },
    ] {
        assert!(Schedule::new(settings.clone()).is_err(), "{settings:?}");
    }
}

#[test]
fn what_is_stored_comes_back() {
    let course = run(&Settings { contenders: 3, size: Size::Blocks(3), ..SETTINGS }, MACHINE);
    let infinite = course.live.as_ref().is_some_and(|live| live[0].interval.half_width().is_infinite());
    assert!(infinite, "three blocks have no band at 1%");
    let json = serde_json::to_string(&(SETTINGS, course.state, course.end, &course.milestones, &course.boots));
    let json = json.expect("JSON");
    assert!(json.contains(r#""low":null,"high":null"#), "{json}");
    let back: (Settings, State, End, Vec<Milestone>, Vec<Boot>) = serde_json::from_str(&json).expect("JSON");
    assert_eq!(back, (SETTINGS, course.state, course.end, course.milestones, course.boots));
}

/// Reports of older versions call the rule otherwise.
#[test]
fn the_rule_of_older_reports_is_read() {
    assert_eq!(serde_json::from_str::<Rule>(r#""two_stage""#).expect("a rule"), Rule::Precision);
    for rule in [Rule::Precision, Rule::Fixed, Rule::BandAlone] {
        let json = serde_json::to_string(&rule).expect("JSON");
        assert_eq!(serde_json::from_str::<Rule>(&json).expect("a rule"), rule);
    }
}
