//! The schedule of a run.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod machine;

use firebench_stats::design::{Boot, End, Milestone, Next, Schedule, Settings, Size, State, Turn};
use firebench_stats::{Error, Rule, Verdict, stein, verdict, williams};
use proptest::prelude::*;

use machine::{MACHINE, Machine, SETTINGS, assert_close, chance, differences, go_on, machine, run, settings};

#[test]
fn numbers_of_blocks_are_kept() {
    for (contenders, blocks) in [(1, 4), (2, 1), (2, 7), (3, 13)] {
        let settings = Settings { contenders, size: Size::Blocks(blocks), ..SETTINGS };
        let course = run(&settings, MACHINE);
        let orders: Vec<usize> = williams::blocks(contenders, 7).take(blocks as usize).flatten().collect();
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
        };
        assert_eq!(course.state, state);
        assert_eq!(course.last.is_some(), contenders > 1 && blocks > 1);
        if let Some(last) = &course.last {
            let fixed = Rule::Fixed.last(&differences(&course), Some(blocks as usize), contenders - 1);
            let expected = fixed.expect("an interval");
            assert_eq!((last.len(), last[0].interval), (contenders - 1, expected));
            assert!(last[0].interval.half_width < course.live.expect("a band")[0].interval.half_width);
        }
    }
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
fn scouts_choose_and_pilots_give_the_size() {
    for contenders in [2, 3] {
        let settings = Settings { contenders, size: Size::Precision { precision: 0.01, max_seconds: 3e3 }, ..SETTINGS };
        let course = run(&settings, MACHINE);
        let State { scout_blocks, warm_up, iterations, rule, planned, blocks, .. } = course.state;
        assert_eq!((scout_blocks, rule, course.end), (4, Rule::TwoStage, End::Planned));
        for turn in &course.turns {
            let expected = if turn.block == 0 {
                3
            } else if turn.block < 4 {
                8
            } else {
                iterations
            };
            assert_eq!(turn.iterations, expected, "{turn:?}");
        }
        // The first milestone, after the fourth block.
        assert_eq!(course.milestones[0], Milestone::Scouted { warm_up, iterations });
        assert!(iterations - warm_up <= 2, "boots vary more than the iterations in them: {iterations}");
        let sized = course.milestones.iter().filter_map(|m| match m {
            Milestone::Sized { blocks } => Some(*blocks),
            _ => None,
        });
        assert_eq!(sized.collect::<Vec<_>>(), [blocks]);
        assert_eq!(planned, Some(blocks));
        let differences = differences(&course);
        assert_eq!(differences.len(), blocks as usize);
        if contenders == 2 {
            let size = stein::size(&[&differences[..10]], 0.01_f64.ln_1p(), 0.04).expect("a size");
            assert_eq!(size, blocks as usize);
            assert!(size > 10);
        }
        let expected = Rule::TwoStage.last(&differences, Some(blocks as usize), contenders - 1).expect("an interval");
        let last = course.last.expect("judgements");
        assert_close(last[0].interval.half_width, expected.half_width);
        assert_close(last[0].interval.centre, expected.centre);
        assert_eq!((last[0].interval.df, last[0].interval.blocks), (9.0, blocks as usize));
        assert_eq!(last[0].delta, 0.02);
    }
}

#[test]
fn iterations_that_vary_are_repeated_and_long_warm_ups_found() {
    struct Slow;
    impl Slow {
        fn boot(turn: Turn) -> Boot {
            let value = |i: u32| {
                let warm_up = if i < 3 { 0.5 } else { 0.0 };
                (warm_up + 0.2 * chance(turn.block, turn.contender, i)).exp()
            };
            let iterations: Vec<f64> = (0..turn.iterations).map(value).collect();
            Boot { seconds: 4.0 + iterations.iter().sum::<f64>(), iterations }
        }
    }
    let size = |max_seconds| Size::Precision { precision: 0.01, max_seconds };
    let choice = |max_seconds, warm_up| {
        let mut schedule = Schedule::new(Settings { size: size(max_seconds), warm_up, ..SETTINGS }).expect("fine");
        while let Next::Boot(turn) = schedule.next() {
            let milestones = schedule.record(Slow::boot(turn)).expect("fine");
            if let [Milestone::Scouted { warm_up, iterations }] = milestones[..] {
                let left = max_seconds - schedule.elapsed();
                return (warm_up, iterations, left / 20.0);
            }
        }
        panic!("no scout");
    };
    let (warm_up, iterations, _) = choice(1e5, None);
    assert_eq!(warm_up, 3);
    assert!((5..100).contains(&iterations), "{iterations}");
    let (warm_up, iterations, boot_seconds) = choice(400.0, None);
    assert_eq!(warm_up, 3);
    assert!(f64::from(iterations) < boot_seconds - 3.5, "{iterations} fit into {boot_seconds} s");
    assert_eq!(choice(1e5, Some(2)).0, 2);
}

#[test]
fn given_iterations_need_no_scout() {
    let settings = Settings { iterations: Some(5), warm_up: Some(2), ..SETTINGS };
    let course = run(&settings, MACHINE);
    assert_eq!((course.state.scout_blocks, course.state.warm_up, course.state.iterations), (0, 2, 5));
    assert_eq!(course.state.rule, Rule::TwoStage);
    assert!(course.turns.iter().all(|turn| turn.iterations == 5));
    assert_eq!(differences(&course).len(), course.state.blocks as usize);
}

#[test]
fn short_times_do_without_scout_or_pilot() {
    // A block takes about 5.4 s, one of the scout 10.4 s.
    let with = |max_seconds| {
        let size = Size::Precision { precision: 0.01, max_seconds };
        let course = run(&Settings { size, delta: 1e-4, ..SETTINGS }, MACHINE);
        let spent: f64 = course.boots.iter().map(|boot| boot.seconds).sum();
        assert!(spent <= max_seconds || course.state.blocks == 3, "{spent} s of {max_seconds}");
        assert!(course.state.blocks >= 3);
        course
    };
    let course = with(110.0);
    assert_eq!(course.state.scout_blocks, 4);
    let course = with(80.0);
    assert_eq!((course.state.scout_blocks, course.state.rule), (0, Rule::TwoStage));
    assert_eq!(course.milestones[0], Milestone::NoScout);
    let course = with(50.0);
    assert_eq!((course.state.scout_blocks, course.state.rule), (0, Rule::BandAlone));
    assert_eq!(course.milestones[..2], [Milestone::NoScout, Milestone::NoPilot]);
    assert_eq!((course.end, course.state.planned), (End::TimeOver, None));
    assert_eq!(course.state.blocks, 9);
    assert_eq!(course.last, course.live);
    let band = Rule::BandAlone.live(&differences(&course), 1).expect("a band");
    assert_close(course.last.expect("judgements")[0].interval.half_width, band.half_width);
    let course = with(0.1);
    assert_eq!((course.end, course.state.blocks, course.turns.len()), (End::TimeOver, 3, 6));

    let given = |max_seconds| {
        let size = Size::Precision { precision: 0.01, max_seconds };
        run(&Settings { size, iterations: Some(3), ..SETTINGS }, MACHINE)
    };
    assert_eq!(given(80.0).state.rule, Rule::TwoStage);
    let course = given(50.0);
    assert_eq!((course.milestones[0].clone(), course.state.rule), (Milestone::NoPilot, Rule::BandAlone));
}

#[test]
fn the_time_ends_what_the_pilot_asks_for() {
    let size = Size::Precision { precision: 0.001, max_seconds: 300.0 };
    let course = run(&Settings { size, ..SETTINGS }, MACHINE);
    assert_eq!((course.end, course.state.rule), (End::TimeOver, Rule::TwoStage));
    assert!(course.state.planned.is_some_and(|planned| planned > course.state.blocks));
    assert_eq!(course.last, course.live, "the band speaks");
}

#[test]
fn strict_runs_end_when_all_is_decided_or_precise() {
    let decided = Settings { strict: true, ..SETTINGS };
    let course = run(&decided, Machine { effect: 0.1, ..MACHINE });
    assert_eq!((course.end, course.state.rule, course.state.planned), (End::Verdict, Rule::BandAlone, None));
    assert_eq!(course.state.scout_blocks, 4, "strict runs have a scout too");
    assert!(course.state.blocks < 10);
    assert_eq!(course.last.expect("judgements")[0].verdict, Verdict::Higher);
    let course = run(&Settings { size: Size::Blocks(5), ..decided }, Machine { effect: 0.1, ..MACHINE });
    assert_eq!((course.end, course.state.rule, course.state.blocks), (End::Planned, Rule::BandAlone, 5));
    let wide = Settings { size: Size::Precision { precision: 0.2, max_seconds: 300.0 }, delta: 1e-6, ..decided };
    let course = run(&wide, MACHINE);
    assert_eq!(course.end, End::Verdict);
    let last = course.last.expect("judgements");
    assert_eq!(last[0].verdict, Verdict::Inconclusive);
    assert!(last[0].interval.half_width <= 0.2_f64.ln_1p());
}

#[test]
fn verdicts_end_a_run_when_asked_to() {
    let machine = Machine { effect: 0.1, ..MACHINE };
    for size in [Size::Precision { precision: 0.01, max_seconds: 3e3 }, Size::Blocks(40)] {
        let settings = Settings { size, contenders: 3, stop_on_verdict: true, ..SETTINGS };
        let course = run(&settings, machine);
        assert_eq!(course.end, End::Verdict);
        assert!((3..10).contains(&course.state.blocks), "{:?}", course.state);
        assert_eq!(course.last, course.live);
        assert!(course.last.expect("judgements").iter().all(|j| j.verdict == Verdict::Higher));
        let patient = run(&Settings { stop_on_verdict: false, ..settings }, machine);
        assert_eq!(patient.end, End::Planned);
    }
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
    assert_eq!(course.last.as_ref().expect("judgements")[0].interval.blocks, differences(&course).len());
    assert!(course.milestones.contains(&Milestone::Void { block: 3 }));
    // Block 3 is of the scout: block 4 takes its place.
    let course = run(&Settings { size: Size::Precision { precision: 0.01, max_seconds: 3e3 }, ..SETTINGS }, machine);
    assert_eq!((course.end, course.state.scout_blocks), (End::Planned, 5));
    assert_eq!(differences(&course).len(), course.state.blocks as usize);
    for size in [Size::Blocks(9), SETTINGS.size] {
        let course = run(&Settings { size, ..SETTINGS }, Machine { void_every: Some(1), ..MACHINE });
        assert_eq!((course.end, course.state.void, course.state.blocks, course.last), (End::Void, 3, 0, None));
    }
}

#[test]
fn times_to_go_are_known_once_the_size_is() {
    let mut schedule = Schedule::new(SETTINGS).expect("the settings are fine");
    while let Next::Boot(turn) = schedule.next() {
        let (state, eta) = (schedule.state(), schedule.eta_seconds());
        assert_eq!(eta.is_some(), state.planned.is_some());
        if let Some(eta) = eta {
            let blocks = f64::from(state.planned.unwrap_or_default() - state.blocks) - f64::from(turn.position) / 2.0;
            assert!((eta - 2.0 * 2.15 * blocks).abs() < 0.5, "{eta} s for {blocks} blocks");
        }
        schedule.record(MACHINE.boot(turn)).expect("the boot is fine");
    }
    assert_eq!(schedule.eta_seconds(), Some(0.0));
}

#[test]
fn boots_that_nobody_asked_for_change_nothing() {
    let mut schedule = Schedule::new(SETTINGS).expect("the settings are fine");
    for _ in 0..7 {
        let Next::Boot(turn) = schedule.next() else { panic!("the run has just begun") };
        let fine = MACHINE.boot(turn);
        let bad = |iterations: Vec<f64>, seconds: f64| Boot { iterations, seconds };
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
    let infinite = course.live.as_ref().is_some_and(|live| live[0].interval.half_width.is_infinite());
    assert!(infinite, "three blocks have no band at 1%");
    let json = serde_json::to_string(&(SETTINGS, course.state, course.end, &course.milestones, &course.boots));
    let json = json.expect("JSON");
    assert!(json.contains(r#""half_width":null"#) && json.contains(r#""detectable":null"#), "{json}");
    let back: (Settings, State, End, Vec<Milestone>, Vec<Boot>) = serde_json::from_str(&json).expect("JSON");
    assert_eq!(back, (SETTINGS, course.state, course.end, course.milestones, course.boots));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A run that was killed after any boot goes on as if it had not been.
    #[test]
    fn killed_runs_go_on(settings in settings(), machine in machine(), cut in any::<prop::sample::Index>()) {
        let whole = run(&settings, machine);
        let cut = cut.index(whole.turns.len() + 1);
        let mut schedule = Schedule::new(settings).expect("the settings are fine");
        let mut milestones = Vec::new();
        for boot in &whole.boots[..cut] {
            milestones.extend(schedule.record(boot.clone()).expect("the boot is fine"));
        }
        if cut < whole.turns.len() {
            let rest = go_on(schedule, machine);
            milestones.extend(rest.milestones.clone());
            prop_assert_eq!(&rest.turns[..], &whole.turns[cut..]);
            prop_assert_eq!((rest.end, rest.state, &rest.last), (whole.end, whole.state, &whole.last));
        }
        prop_assert_eq!(milestones, whole.milestones);
    }

    /// What every run keeps to, whatever the settings and the machine.
    #[test]
    fn runs_keep_to_their_design(settings in settings(), machine in machine()) {
        let course = run(&settings, machine);
        let state = course.state;
        let blocks = course.turns.len() / settings.contenders;
        prop_assert_eq!(course.turns.len() % settings.contenders, 0, "only whole blocks");
        let orders: Vec<usize> = williams::blocks(settings.contenders, settings.seed).take(blocks).flatten().collect();
        prop_assert_eq!(course.turns.iter().map(|turn| turn.contender).collect::<Vec<_>>(), orders);
        prop_assert!(state.warm_up < state.iterations);
        let counted = course.turns.iter().filter(|turn| turn.block >= state.scout_blocks);
        prop_assert!(counted.clone().all(|turn| turn.iterations == state.iterations));
        let spent: f64 = course.boots.iter().map(|boot| boot.seconds).sum();
        match (course.end, settings.size) {
            (End::Planned, _) => prop_assert_eq!(state.planned, Some(state.blocks)),
            (End::Void, _) => prop_assert!(state.void >= 3),
            (_, Size::Blocks(_)) => prop_assert!(settings.stop_on_verdict && state.blocks >= 3),
            (End::Verdict, _) => prop_assert!(state.blocks >= 3),
            (End::TimeOver, Size::Precision { max_seconds, .. }) => {
                prop_assert!(state.blocks >= 3);
                let mean = spent / blocks as f64;
                // Scout and noise make blocks unequal; but no time is thrown away.
                prop_assert!(spent + 4.0 * mean > max_seconds, "{} of {}", spent, max_seconds);
            }
        }
        let judged = course.last.as_ref().map(Vec::len);
        let comparisons = settings.contenders - 1;
        prop_assert_eq!(judged, (comparisons > 0 && state.blocks > 1).then_some(comparisons));
        if let (Some(last), 2) = (&course.last, settings.contenders) {
            // The same from the differences, by way of the functions for finished runs.
            let planned = state.planned.map(|planned| planned as usize);
            let interval = state.rule.last(&differences(&course), planned, 1)?;
            let expected = verdict::judge(interval, last[0].scale, settings.delta)?;
            prop_assert_eq!(last[0], expected);
        }
    }
}
