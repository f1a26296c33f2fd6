//! Scouts: which blocks of theirs count, and what they choose.

use firebench_stats::Rule;
use firebench_stats::design::{Boot, End, Milestone, Next, Schedule, Settings, Size, State, Turn};

use super::machine::{MACHINE, SETTINGS, chance, differences, run};

fn within(max_seconds: f64) -> Size {
    Size::Precision { precision: 0.01, max_seconds }
}

#[test]
fn scouts_choose_and_their_blocks_count() {
    let settings = Settings { size: within(3e4), ..SETTINGS };
    let course = run(&settings, MACHINE);
    let State { scout_blocks, warm_up, iterations, rule, blocks, .. } = course.state;
    assert_eq!((scout_blocks, warm_up, rule, course.end), (0, 1, Rule::Precision, End::Planned));
    for turn in &course.turns {
        let expected = match turn.block {
            0 => 3,
            1..4 => 8,
            _ => iterations,
        };
        assert_eq!(turn.iterations, expected, "{turn:?}");
    }
    // The first milestone comes after the fourth block, and then all four count at once.
    assert_eq!(course.milestones[0], Milestone::Scouted { warm_up, iterations });
    for (number, milestone) in course.milestones[1..5].iter().enumerate() {
        let Milestone::Block { block, live } = milestone else { panic!("{milestone:?}") };
        assert_eq!((*block as usize, live.is_empty()), (number, number == 0));
    }
    assert_eq!(course.turns.len() / 2, blocks as usize, "no block is lost");
    assert_eq!(differences(&course, 1).len(), blocks as usize);
}

/// A machine whose iterations vary more than its boots, and whose warm-up has a length.
struct Slow {
    warm_up: u32,
    /// Range of ln(t) from iteration to iteration; the warm-up falls by more than that with each.
    noise: f64,
}

impl Slow {
    fn boot(&self, turn: Turn) -> Boot {
        let value = |i: u32| {
            // Falls all the way, so that each is above the ones after it.
            let warm_up = if i < self.warm_up { 1.5 * self.noise * f64::from(self.warm_up - i) } else { 0.0 };
            (warm_up + self.noise * chance(turn.block, turn.contender, i)).exp()
        };
        let iterations: Vec<f64> = (0..turn.iterations).map(value).collect();
        let seconds = 4.0 + iterations.iter().sum::<f64>();
        Boot::new(iterations, seconds)
    }

    /// The schedule right after its scout, and the iterations of each block by then.
    fn scouted(&self, settings: Settings) -> (Schedule, Vec<u32>, Vec<Milestone>) {
        let mut schedule = Schedule::new(settings).expect("the settings are fine");
        let mut lengths = Vec::new();
        while let Next::Boot(turn) = schedule.next() {
            if turn.position == 0 {
                lengths.push(turn.iterations);
            }
            let milestones = schedule.record(self.boot(turn)).expect("the boot is fine");
            if let [Milestone::Scouted { .. } | Milestone::NoScout, ..] = milestones[..] {
                return (schedule, lengths, milestones);
            }
        }
        panic!("no scout");
    }
}

/// Block 0 has three iterations a boot: where three or more are warm-up, it has nothing that counts.
#[test]
fn blocks_that_are_all_warm_up_do_not_count() {
    let (schedule, lengths, milestones) =
        Slow { warm_up: 3, noise: 0.2 }.scouted(Settings { size: within(1e6), ..SETTINGS });
    let state = schedule.state();
    assert_eq!(lengths, [3, 8, 8, 8]);
    assert_eq!((state.warm_up, state.scout_blocks, state.blocks), (3, 1, 3));
    let counted = milestones.iter().filter_map(|milestone| match milestone {
        Milestone::Block { block, .. } => Some(*block),
        _ => None,
    });
    assert_eq!(counted.collect::<Vec<_>>(), [1, 2, 3]);
    let (schedule, ..) = Slow { warm_up: 2, noise: 0.2 }.scouted(Settings { size: within(1e6), ..SETTINGS });
    let state = schedule.state();
    assert_eq!((state.warm_up, state.scout_blocks, state.blocks), (2, 0, 4), "the third iteration counts");
}

#[test]
fn warm_ups_at_their_most_make_scouts_longer() {
    let settled = |warm_up: u32, max_seconds| {
        Slow { warm_up, noise: 0.02 }.scouted(Settings { size: within(max_seconds), ..SETTINGS })
    };
    // Four of eight are the most: twice as many show where it ends.
    let (schedule, lengths, _) = settled(6, 1e6);
    assert_eq!(lengths, [3, 8, 8, 8, 16, 16, 16]);
    // Blocks of eight are longer than the warm-up, and count.
    assert_eq!((schedule.state().warm_up, schedule.state().scout_blocks, schedule.state().blocks), (6, 1, 6));
    let (schedule, lengths, _) = settled(12, 1e6);
    assert_eq!(lengths, [3, 8, 8, 8, 16, 16, 16, 32, 32, 32]);
    assert_eq!((schedule.state().warm_up, schedule.state().scout_blocks, schedule.state().blocks), (12, 4, 6));
    // It never ends; the scout does.
    let (schedule, lengths, _) = settled(100, 1e6);
    assert_eq!((lengths.len(), lengths.last()), (13, Some(&64)));
    let state = schedule.state();
    assert_eq!((state.warm_up, state.scout_blocks, state.blocks), (32, 10, 3));
    assert!(state.iterations >= 64, "for as long again: {state:?}");
    // Without the time for it, the first scout has to do.
    let (schedule, lengths, _) = settled(6, 400.0);
    assert_eq!((lengths, schedule.state().warm_up), (vec![3, 8, 8, 8], 4));
    // A warm-up that was given stays, and is no reason to look further.
    let settings = Settings { size: within(1e6), warm_up: Some(2), ..SETTINGS };
    let (schedule, lengths, _) = Slow { warm_up: 12, noise: 0.02 }.scouted(settings);
    assert_eq!((lengths, schedule.state().warm_up, schedule.state().scout_blocks), (vec![4, 9, 9, 9], 2, 0));
}

#[test]
fn iterations_that_vary_are_repeated_as_far_as_the_time_goes() {
    let choice = |max_seconds: f64| {
        let (schedule, ..) =
            Slow { warm_up: 3, noise: 0.2 }.scouted(Settings { size: within(max_seconds), ..SETTINGS });
        let State { warm_up, iterations, .. } = schedule.state();
        assert_eq!(warm_up, 3);
        (iterations, (max_seconds - schedule.elapsed()) / 20.0)
    };
    let (iterations, _) = choice(1e5);
    assert!((5..=100).contains(&iterations), "{iterations}");
    let (iterations, boot_seconds) = choice(600.0);
    assert!(f64::from(iterations) < boot_seconds - 3.5, "{iterations} fit into {boot_seconds} s");
}

#[test]
fn given_iterations_need_no_scout() {
    let settings = Settings { iterations: Some(5), warm_up: Some(2), ..SETTINGS };
    let course = run(&settings, MACHINE);
    assert_eq!((course.state.scout_blocks, course.state.warm_up, course.state.iterations), (0, 2, 5));
    assert_eq!(course.state.rule, Rule::Precision);
    assert!(course.turns.iter().all(|turn| turn.iterations == 5));
    assert!(matches!(course.milestones[0], Milestone::Block { block: 0, .. }));
    assert_eq!(differences(&course, 1).len(), course.state.blocks as usize);
}

#[test]
fn short_times_do_without_a_scout() {
    // A block takes about 5.4 s, one of the scout 10.4 s.
    let course = run(&Settings { size: within(110.0), ..SETTINGS }, MACHINE);
    assert!(matches!(course.milestones[0], Milestone::Scouted { .. }));
    let course = run(&Settings { size: within(50.0), ..SETTINGS }, MACHINE);
    assert_eq!((&course.milestones[0], course.state.scout_blocks), (&Milestone::NoScout, 0));
    assert!(matches!(course.milestones[1], Milestone::Block { block: 0, .. }), "the block that said so counts");
    assert!(course.turns.iter().all(|turn| turn.iterations == 3));
}
