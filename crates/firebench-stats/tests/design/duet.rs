//! Duets: all contenders of a block boot at once.

use firebench_stats::boot::log_mean;
use firebench_stats::design::{Boot, Milestone, Next, Schedule, Settings, Size};

use crate::machine::{MACHINE, Machine, SETTINGS, assert_close, run};

const DUET: Settings = Settings { duet: true, size: Size::Blocks(6), ..SETTINGS };

/// A boot whose iterations of these indices ran while the other contender did not.
fn alone(boot: Boot, alone: &[usize]) -> Boot {
    Boot { alone: alone.to_vec(), ..boot }
}

#[test]
fn a_block_takes_as_long_as_its_longest_boot() {
    let mut schedule = Schedule::new(DUET).expect("the settings are fine");
    let iterations = vec![0.5; 5];
    for (seconds, elapsed) in [(5.0, 5.0), (7.0, 7.0), (4.0, 11.0), (3.0, 11.0)] {
        schedule.record(Boot::new(iterations.clone(), seconds)).expect("the boot is fine");
        assert_close(schedule.elapsed(), elapsed);
    }
    // Four blocks are left, of 5.5 seconds.
    assert_close(schedule.eta_seconds().expect("two blocks say"), 22.0);
    schedule.record(Boot::new(iterations, 1.5)).expect("the boot is fine");
    assert_close(schedule.eta_seconds().expect("two blocks say"), 20.5);
}

#[test]
fn the_time_suffices_for_twice_as_many_blocks() {
    let noisy = Machine { noise: 1.0, ..MACHINE };
    let size = Size::Precision { precision: 0.001, max_seconds: 300.0 };
    let blocks = |duet| run(&Settings { size, duet, iterations: Some(3), ..SETTINGS }, noisy).state.blocks;
    let (in_turn, at_once) = (blocks(false), blocks(true));
    assert!((f64::from(at_once) / f64::from(in_turn) - 2.0).abs() < 0.3, "{at_once} and {in_turn}");
}

#[test]
fn all_turns_of_a_block_are_known_at_once() {
    let mut schedule = Schedule::new(Settings { contenders: 3, ..DUET }).expect("the settings are fine");
    let turns: Vec<_> = schedule.rest_of_block().collect();
    assert_eq!(turns.iter().map(|turn| (turn.block, turn.position)).collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2)]);
    assert!(turns.iter().all(|turn| turn.iterations == 5), "so that some run beside each other");
    for (place, turn) in turns.iter().enumerate() {
        assert_eq!(schedule.next(), Next::Boot(*turn));
        assert_eq!(schedule.rest_of_block().collect::<Vec<_>>(), turns[place..]);
        schedule.record(MACHINE.boot(*turn)).expect("the boot is fine");
    }
    assert_eq!(schedule.rest_of_block().next().map(|turn| turn.block), Some(1));
}

/// Runs six blocks in which these iterations of the second contender were alone, and are far from the others.
fn with_alone(indices: &[usize]) -> (Schedule, Vec<Milestone>) {
    let mut schedule = Schedule::new(DUET).expect("the settings are fine");
    let mut milestones = Vec::new();
    while let Next::Boot(turn) = schedule.next() {
        let mut boot = MACHINE.boot(turn);
        if turn.contender == 1 {
            indices.iter().for_each(|&index| boot.iterations[index] *= 100.0);
            boot = alone(boot, indices);
        }
        milestones.extend(schedule.record(boot).expect("the boot is fine"));
    }
    (schedule, milestones)
}

#[test]
fn iterations_that_ran_alone_do_not_count() {
    let (schedule, _) = with_alone(&[0, 3, 4]);
    assert_eq!(schedule.state().blocks, 6);
    let estimate = schedule.last().expect("judgements")[0].interval.centre;
    assert!(estimate.abs() < 0.1, "{estimate}");
    let (other, _) = with_alone(&[]);
    assert_ne!(other.last().expect("judgements")[0].interval.centre, estimate);
}

#[test]
fn a_boot_none_of_whose_iterations_counts_is_void() {
    let (schedule, milestones) = with_alone(&[1, 2, 3, 4]);
    assert_eq!((schedule.state().blocks, schedule.state().void), (0, 3));
    assert!(matches!(milestones[0], Milestone::Void { block: 0 }), "{milestones:?}");
    let boot = alone(Boot::new(vec![1.0, 2.0], 3.0), &[1]);
    assert!(!boot.is_void(), "it ran, and what it measured is to be believed");
}

/// The scout finds that two iterations are warm-up; in its second block, one contender had no more beside the other.
#[test]
fn the_scouts_blocks_without_a_counted_iteration_are_left_out() {
    let size = Size::Precision { precision: 0.01, max_seconds: 300.0 };
    let mut schedule = Schedule::new(Settings { size, ..DUET }).expect("the settings are fine");
    let mut milestones = Vec::new();
    while let Next::Boot(turn) = schedule.next() {
        if turn.block == 4 {
            break;
        }
        let mut boot = MACHINE.boot(turn);
        boot.iterations[1] *= 3.0;
        let indices: Vec<usize> = if turn.block == 2 { (2..turn.iterations as usize).collect() } else { Vec::new() };
        milestones.extend(schedule.record(alone(boot, &indices)).expect("the boot is fine"));
    }
    assert!(matches!(milestones[0], Milestone::Scouted { warm_up: 2, .. }), "{milestones:?}");
    assert!(milestones.contains(&Milestone::Void { block: 2 }), "{milestones:?}");
    assert_eq!((schedule.state().scout_blocks, schedule.state().blocks, schedule.state().void), (0, 3, 1));
}

#[test]
fn void_boots_that_never_began_take_no_time() {
    let mut schedule = Schedule::new(DUET).expect("the settings are fine");
    schedule.record(Boot::new(vec![0.5; 5], 5.0)).expect("the boot is fine");
    assert!(matches!(schedule.record(Boot::void(0.0)).expect("it never began")[0], Milestone::Void { block: 0 }));
    assert_close(schedule.elapsed(), 5.0);
}

/// What a boot comes to is the mean over those that count alone.
#[test]
fn values_are_those_of_the_counted_iterations() {
    let mut schedule =
        Schedule::new(Settings { size: Size::Blocks(2), iterations: Some(8), ..DUET }).expect("the settings are fine");
    let (one, other) = ([9.0, 1.0, 2.0, 4.0, 1.0, 1.0, 1.0, 9.0], [9.0, 2.0, 4.0, 8.0, 2.0, 2.0, 2.0, 9.0]);
    while let Next::Boot(turn) = schedule.next() {
        let boot = Boot::new(if turn.contender == 0 { one } else { other }.to_vec(), 40.0);
        schedule.record(alone(boot, &[7])).expect("the boot is fine");
    }
    let counted = |all: &[f64; 8]| log_mean(&all[1..7], 0).expect("a mean");
    assert_close(schedule.last().expect("judgements")[0].interval.centre, counted(&other) - counted(&one));
}
