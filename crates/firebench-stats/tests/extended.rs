//! A run that is given more time goes on, and keeps what it had decided.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::boot::Difference;
use firebench_stats::design::{Boot, End, Next, Schedule, Settings, Size};
use firebench_stats::{Estimand, Ground, Rule, boot, order};

fn settings(max_seconds: f64) -> Settings {
    Settings {
        contenders: 2,
        estimand: Estimand::Typical,
        seed: 7,
        size: Size::Precision { precision: 0.001, max_seconds },
        iterations: None,
        warm_up: None,
        delta: 0.002,
        strict: false,
        stop_on_verdict: false,
        throw_away: false,
        duet: false,
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
        let boot = Boot::new(vec![level; turn.iterations as usize], 1.0);
        schedule.record(boot.clone()).expect("it was asked for");
        boots.push(boot);
    }
}

/// The differences of a run of two contenders all of whose blocks count.
fn differences(boots: &[Boot], warm_up: usize) -> Vec<Difference> {
    let value = |boot: &Boot| boot::log_mean(&boot.iterations, warm_up).expect("a boot");
    let difference = |(order, boots): (Vec<usize>, &[Boot])| {
        let [first, second] = [value(&boots[0]), value(&boots[1])];
        if order == [0, 1] {
            Difference { value: second - first, later: 1.0, baseline: 0.0 }
        } else {
            Difference { value: first - second, later: -1.0, baseline: 0.0 }
        }
    };
    order::blocks(2, 7).zip(boots.chunks(2)).map(difference).collect()
}

#[test]
fn a_run_whose_time_was_over_goes_on_with_more() {
    let (mut schedule, mut boots) = (Schedule::new(settings(12.0)).expect("good settings"), Vec::new());
    assert_eq!(run(&mut schedule, &mut boots), End::TimeOver);
    let (state, done) = (schedule.state(), boots.len());
    assert_eq!((state.rule, state.watched), (Rule::Precision, false));
    assert_ne!(schedule.last(), schedule.live(), "nobody has decided anything yet because of what was seen");
    schedule.extend(200.0).expect("a time");
    assert!(schedule.state().watched, "somebody has");
    assert_eq!(schedule.last(), schedule.live());
    assert_eq!(run(&mut schedule, &mut boots), End::TimeOver);
    assert!(boots.len() > 2 * done && schedule.elapsed() > 150.0, "{} {}", boots.len(), schedule.elapsed());
    let now = schedule.state();
    assert_eq!(
        (now.rule, now.scout_blocks, now.warm_up, now.iterations),
        (state.rule, state.scout_blocks, state.warm_up, state.iterations),
        "what was decided stays"
    );
    assert_eq!((now.watched, schedule.last()), (true, schedule.live()), "the band speaks, to the end");
    let interval = schedule.last().expect("judgements")[0].interval;
    let watched = Ground { watched: true, ..Ground::new(Estimand::Typical, Rule::Precision, 1) };
    let all = differences(&boots, now.warm_up as usize);
    assert_eq!(interval, watched.last(&all).expect("a band"));
    assert!(interval.half_width() > Ground { watched: false, ..watched }.last(&all).expect("one").half_width());

    // The same boots, the same times at the same places: the same run.
    let mut again = Schedule::new(settings(12.0)).expect("good settings");
    for (number, boot) in boots.iter().enumerate() {
        if number == done {
            again.extend(200.0).expect("a time");
        }
        again.record(boot.clone()).expect("the same boots");
    }
    assert_eq!((again.state(), again.next()), (schedule.state(), schedule.next()));
    assert_eq!((again.last(), again.live()), (schedule.last(), schedule.live()));
}

#[test]
fn a_run_that_reached_its_end_does_not_go_on() {
    let (mut schedule, mut boots) = (Schedule::new(settings(1e6)).expect("good settings"), Vec::new());
    let end = run(&mut schedule, &mut boots);
    assert_ne!(end, End::TimeOver);
    let (state, last) = (schedule.state(), schedule.last());
    schedule.extend(2e6).expect("a time");
    assert_eq!(schedule.next(), Next::End(end));
    assert_eq!((schedule.state(), schedule.last()), (state, last), "what it says is what it said");
    assert!(schedule.extend(0.0).is_err() && schedule.extend(f64::NAN).is_err());
}
