//! A run that is given more time goes on, and keeps what it had decided.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::Rule;
use firebench_stats::design::{Boot, End, Next, Schedule, Settings, Size};

fn settings(max_seconds: f64) -> Settings {
    Settings {
        contenders: 2,
        seed: 7,
        size: Size::Precision { precision: 0.001, max_seconds },
        iterations: None,
        warm_up: None,
        delta: 0.002,
        strict: false,
        stop_on_verdict: false,
    }
}

/// Boots of a second whose times vary by 20%, until the schedule ends.
fn run(schedule: &mut Schedule, boots: &mut Vec<Boot>) -> End {
    loop {
        let turn = match schedule.next() {
            Next::End(end) => return end,
            Next::Boot(turn) => turn,
        };
        let level = 0.1 * (1.0 + 0.2 * f64::from((turn.block * 7 + turn.contender as u32 * 3) % 5) / 5.0);
        let boot = Boot { iterations: vec![level; turn.iterations as usize], seconds: 1.0 };
        schedule.record(boot.clone()).expect("it was asked for");
        boots.push(boot);
    }
}

#[test]
fn a_run_whose_time_was_over_goes_on_with_more() {
    let (mut schedule, mut boots) = (Schedule::new(settings(12.0)).expect("good settings"), Vec::new());
    assert_eq!(run(&mut schedule, &mut boots), End::TimeOver);
    let (state, done) = (schedule.state(), boots.len());
    assert_eq!(state.rule, Rule::BandAlone, "12 s are too few for a pilot");
    schedule.extend(200.0).expect("a time");
    assert_eq!(run(&mut schedule, &mut boots), End::TimeOver);
    assert!(boots.len() > 2 * done && schedule.elapsed() > 150.0, "{} {}", boots.len(), schedule.elapsed());
    let now = schedule.state();
    assert_eq!(
        (now.rule, now.scout_blocks, now.warm_up, now.iterations),
        (state.rule, state.scout_blocks, state.warm_up, state.iterations),
        "what was decided stays"
    );

    // The same boots, the same times at the same places: the same run.
    let mut again = Schedule::new(settings(12.0)).expect("good settings");
    for (number, boot) in boots.iter().enumerate() {
        if number == done {
            again.extend(200.0).expect("a time");
        }
        again.record(boot.clone()).expect("the same boots");
    }
    assert_eq!((again.state(), again.next()), (schedule.state(), schedule.next()));
}

#[test]
fn a_run_that_reached_its_end_does_not_go_on() {
    let (mut schedule, mut boots) = (Schedule::new(settings(1e6)).expect("good settings"), Vec::new());
    let end = run(&mut schedule, &mut boots);
    assert_ne!(end, End::TimeOver);
    schedule.extend(2e6).expect("a time");
    assert_eq!(schedule.next(), Next::End(end));
    assert!(schedule.extend(0.0).is_err() && schedule.extend(f64::NAN).is_err());
}
