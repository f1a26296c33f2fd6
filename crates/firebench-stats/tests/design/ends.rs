//! When a run ends, and which interval speaks then.

use firebench_stats::design::{End, LEAST_PRECISE, Milestone, Next, Schedule, Settings, Size};
use firebench_stats::{Judgement, Rule, Verdict};

use super::machine::{MACHINE, Machine, SETTINGS, differences, ground, run};

const LONG: f64 = 3e4;

fn precision(precision: f64, max_seconds: f64) -> Size {
    Size::Precision { precision, max_seconds }
}

#[test]
fn precise_runs_end_when_the_interval_is_narrow_enough() {
    for contenders in [2, 3] {
        let settings = Settings { contenders, size: precision(0.01, LONG), ..SETTINGS };
        let course = run(&settings, MACHINE);
        assert_eq!((course.end, course.state.rule), (End::Planned, Rule::Precision));
        assert!(course.state.blocks > LEAST_PRECISE, "{:?}", course.state);
        let width = |of: &[Judgement]| of.iter().map(|j| j.interval.half_width()).fold(0.0, f64::max);
        let last = course.last.clone().expect("judgements");
        assert!(width(&last) <= 0.01_f64.ln_1p());
        for (index, judgement) in last.iter().enumerate() {
            let (ground, all) = (ground(&course, &settings), differences(&course, index + 1));
            assert_eq!(all.len(), course.state.blocks as usize);
            assert_eq!(judgement.interval, ground.last(&all).expect("an interval"));
            assert_eq!(judgement.delta, 0.02);
        }
        // Without its last block, it would not have been.
        let before = |index: usize| {
            let all = differences(&course, index);
            ground(&course, &settings).last(&all[..all.len() - 1]).expect("an interval").half_width()
        };
        assert!((1..contenders).any(|index| before(index) > 0.01_f64.ln_1p()));
    }
}

#[test]
fn no_run_is_precise_before_ten_blocks() {
    let settings = Settings { size: precision(0.01, LONG), ..SETTINGS };
    for noise in [0.0, 0.002] {
        let course = run(&settings, Machine { noise, ..MACHINE });
        assert_eq!((course.end, course.state.blocks), (End::Planned, LEAST_PRECISE));
    }
}

#[test]
fn the_time_ends_what_the_precision_asks_for() {
    let settings = Settings { size: precision(0.001, 300.0), ..SETTINGS };
    let course = run(&settings, MACHINE);
    assert_eq!((course.end, course.state.rule), (End::TimeOver, Rule::Precision));
    assert_eq!(course.state.planned, Some(course.state.blocks), "no more than the time allows");
    let [last, live] = [&course.last, &course.live].map(|of| of.as_ref().expect("judgements")[0].interval);
    assert!(last.half_width() < live.half_width(), "time alone ended it: nobody watched");
    assert_eq!(last, ground(&course, &settings).last(&differences(&course, 1)).expect("an interval"));
}

#[test]
fn short_times_still_have_three_blocks() {
    for max_seconds in [0.1, 20.0, 50.0, 80.0, 110.0] {
        let course = run(&Settings { size: precision(0.01, max_seconds), delta: 1e-4, ..SETTINGS }, MACHINE);
        let spent: f64 = course.boots.iter().map(|boot| boot.seconds).sum();
        assert!(spent <= max_seconds || course.state.blocks == 3, "{spent} s of {max_seconds}");
        assert!(course.state.blocks >= 3);
        let is_precise = course.end == End::Planned && course.state.blocks >= 10;
        assert!(is_precise || course.end == End::TimeOver, "{max_seconds} s: {:?}", course.state);
    }
}

#[test]
fn strict_runs_end_when_all_is_decided_or_precise() {
    let decided = Settings { strict: true, ..SETTINGS };
    let course = run(&decided, Machine { effect: 0.1, ..MACHINE });
    assert_eq!((course.end, course.state.rule), (End::Verdict, Rule::BandAlone));
    assert!((8..12).contains(&course.state.blocks), "{:?}", course.state);
    assert_eq!(course.last, course.live, "the band speaks alone");
    assert_eq!(course.last.expect("judgements")[0].verdict, Verdict::Higher);
    let course = run(&Settings { size: Size::Blocks(5), ..decided }, Machine { effect: 0.1, ..MACHINE });
    assert_eq!((course.end, course.state.rule, course.state.blocks), (End::Planned, Rule::BandAlone, 5));
    let wide = Settings { size: precision(0.2, 300.0), delta: 1e-6, ..decided };
    let course = run(&wide, MACHINE);
    assert_eq!(course.end, End::Verdict);
    let last = course.last.expect("judgements");
    assert_eq!(last[0].verdict, Verdict::Inconclusive);
    assert!(last[0].interval.half_width() <= 0.2_f64.ln_1p());
}

#[test]
fn verdicts_end_a_run_when_asked_to() {
    let machine = Machine { effect: 0.1, ..MACHINE };
    for size in [precision(0.01, LONG), Size::Blocks(40)] {
        for (contenders, most) in [(2, 7), (3, 10)] {
            let settings = Settings { size, contenders, stop_on_verdict: true, ..SETTINGS };
            let course = run(&settings, machine);
            assert_eq!(course.end, End::Verdict);
            assert!((3..=most).contains(&course.state.blocks), "{:?}", course.state);
            assert_eq!(course.last, course.live, "whoever stops because of what was seen has the band");
            assert!(course.last.expect("judgements").iter().all(|j| j.verdict == Verdict::Higher));
            let patient = run(&Settings { stop_on_verdict: false, ..settings }, machine);
            assert_eq!(patient.end, End::Planned);
        }
    }
}

/// A gap of 10% with 1% of noise, as users meet it.
#[test]
fn a_gap_of_ten_percent_is_found_within_seven_blocks() {
    let machine = Machine { effect: 0.095, noise: 0.035, ..MACHINE };
    let settings = Settings { size: precision(0.01, 300.0), stop_on_verdict: true, ..SETTINGS };
    for seed in 0..20 {
        let course = run(&Settings { seed, ..settings.clone() }, machine);
        assert_eq!(course.end, End::Verdict, "seed {seed}");
        assert!((3..=7).contains(&course.state.blocks), "seed {seed}: {:?}", course.state);
        assert_eq!(course.last.expect("judgements")[0].verdict, Verdict::Higher, "seed {seed}");
    }
}

/// The forecast: none before there are differences, then near what it comes to.
#[test]
fn times_to_go_are_known_once_there_are_differences() {
    let mut schedule = Schedule::new(Settings { size: precision(0.01, LONG), ..SETTINGS }).expect("fine");
    let mut forecasts = Vec::new();
    while let Next::Boot(turn) = schedule.next() {
        let (state, eta) = (schedule.state(), schedule.eta_seconds());
        assert_eq!(eta.is_some(), state.planned.is_some());
        let milestones = schedule.record(MACHINE.boot(turn)).expect("the boot is fine");
        let counts = milestones.iter().any(|milestone| matches!(milestone, Milestone::Block { .. }));
        forecasts.extend(schedule.state().planned.filter(|_| counts && schedule.state().blocks >= 10));
    }
    let blocks = f64::from(schedule.state().blocks);
    assert!(forecasts.len() > 1);
    for forecast in &forecasts {
        assert!((0.5..2.0).contains(&(f64::from(*forecast) / blocks)), "{forecast} of {blocks}");
    }
    assert_eq!(schedule.eta_seconds(), Some(0.0));
}

#[test]
fn times_to_go_of_a_number_of_blocks_are_known_from_the_first_on() {
    let mut schedule = Schedule::new(Settings { size: Size::Blocks(9), ..SETTINGS }).expect("fine");
    while let Next::Boot(turn) = schedule.next() {
        if let Some(eta) = schedule.eta_seconds() {
            let blocks = 9.0 - f64::from(turn.block) - f64::from(turn.position) / 2.0;
            assert!((eta - 2.0 * 2.67 * blocks).abs() < 1.0, "{eta} s for {blocks} blocks");
        } else {
            assert_eq!(turn.block, 0);
        }
        schedule.record(MACHINE.boot(turn)).expect("the boot is fine");
    }
    assert_eq!(schedule.eta_seconds(), Some(0.0));
}

/// A void block that is the last of its run is as missing as any other.
#[test]
fn void_blocks_at_the_end_count_as_missing() {
    let machine = Machine { void_every: Some(21), ..MACHINE };
    let settings = Settings { size: precision(0.001, 300.0), iterations: Some(3), ..SETTINGS };
    let whole = run(&settings, machine);
    // The time is over after block 20, which is void.
    let spent: f64 = whole.boots[..42].iter().map(|boot| boot.seconds).sum();
    let course = run(&Settings { size: precision(0.001, spent + 1.0), ..settings.clone() }, machine);
    assert_eq!((course.end, course.state.blocks, course.state.void), (End::TimeOver, 20, 1));
    let interval = ground(&course, &settings).last(&differences(&course, 1)).expect("an interval");
    assert_eq!(course.last.expect("judgements")[0].interval, interval);
}
