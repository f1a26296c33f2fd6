//! A machine on which schedules run, and what comes of it.

use firebench_stats::boot::{Difference, Placed, log_mean};
use firebench_stats::design::{Boot, End, Milestone, Next, Schedule, Settings, Size, State, Turn};
use firebench_stats::{Error, Estimand, Ground, Judgement};
use proptest::prelude::*;

pub const SETTINGS: Settings = Settings {
    contenders: 2,
    estimand: Estimand::Typical,
    seed: 7,
    size: Size::Precision { precision: 0.01, max_seconds: 300.0 },
    iterations: None,
    warm_up: None,
    delta: 0.02,
    strict: false,
    stop_on_verdict: false,
    throw_away: false,
    duet: false,
};

/// A machine whose noise is a function of the turn.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Range of ln(t) from boot to boot.
    pub noise: f64,
    /// By how much each contender is slower than the one before, in ln(t).
    pub effect: f64,
    /// Seconds of a boot without its iterations, and of an iteration.
    pub costs: (f64, f64),
    /// Every so many blocks, one is void.
    pub void_every: Option<u32>,
}

pub const MACHINE: Machine = Machine { noise: 0.05, effect: 0.0, costs: (1.0, 0.5), void_every: None };

impl Machine {
    pub fn boot(&self, turn: Turn) -> Boot {
        let Turn { block, contender, iterations, .. } = turn;
        let level = contender as f64 * self.effect + self.noise * chance(block, contender, 0);
        let iteration = |i: u32| {
            let cold = if i == 0 { 0.3 } else { 0.0 };
            let within = 0.3 * self.noise * chance(block, contender, i + 1);
            self.costs.1 * (level + cold + within).exp()
        };
        let iterations: Vec<f64> = (0..iterations).map(iteration).collect();
        let seconds = self.costs.0 + iterations.iter().sum::<f64>();
        let void = self.void_every.is_some_and(|every| block % every == every - 1 && contender == 0);
        if void { Boot::void(seconds) } else { Boot::new(iterations, seconds) }
    }
}

/// A number between -0.5 and 0.5 that looks like chance (the mixing of splitmix64), always the same in the same place.
pub fn chance(block: u32, contender: usize, iteration: u32) -> f64 {
    let place = (u64::from(block) << 32) + ((contender as u64) << 16) + u64::from(iteration);
    let mut x = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
}

/// Everything that a run did and said.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    pub turns: Vec<Turn>,
    pub boots: Vec<Boot>,
    pub milestones: Vec<Milestone>,
    pub end: End,
    pub state: State,
    pub last: Option<Vec<Judgement>>,
    pub live: Option<Vec<Judgement>>,
}

/// Lets a schedule run to its end.
pub fn go_on(mut schedule: Schedule, machine: Machine) -> Course {
    let (mut turns, mut boots, mut milestones) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        match schedule.next() {
            Next::Boot(turn) => {
                let boot = machine.boot(turn);
                milestones.extend(schedule.record(boot.clone()).expect("the boot is fine"));
                turns.push(turn);
                boots.push(boot);
            }
            Next::End(end) => {
                let (state, last, live) = (schedule.state(), schedule.last(), schedule.live());
                assert_eq!(schedule.record(MACHINE.boot(turns[0])), Err(Error::Ended));
                return Course { turns, boots, milestones, end, state, last, live };
            }
        }
        assert!(turns.len() < 100_000, "the run does not end");
    }
}

pub fn run(settings: &Settings, machine: Machine) -> Course {
    go_on(Schedule::new(settings.clone()).expect("the settings are fine"), machine)
}

/// The differences of the blocks that count, of one contender to the first, computed a second time.
pub fn differences(course: &Course, contender: usize) -> Vec<Difference> {
    let contenders = course.turns.iter().map(|turn| turn.contender).max().expect("there are turns") + 1;
    let blocks = course.turns.chunks(contenders).zip(course.boots.chunks(contenders));
    let placed = |of: usize, turns: &[Turn], boots: &[Boot]| {
        let place = turns.iter().position(|turn| turn.contender == of)?;
        let value = log_mean(&boots[place].iterations, course.state.warm_up as usize).ok()?;
        Some(Placed { value, place: place as u32 })
    };
    let difference = |(turns, boots): (&[Turn], &[Boot])| {
        let all: Option<Vec<Placed>> = (0..contenders).map(|of| placed(of, turns, boots)).collect();
        all.map(|all| all[contender].above(&all[0]))
    };
    blocks.skip(course.state.scout_blocks as usize).filter_map(difference).collect()
}

/// What the intervals of a run depend on, as somebody would put it together who has the boots and the state alone.
pub fn ground(course: &Course, settings: &Settings) -> Ground {
    let whole = course.turns.len() / settings.contenders - course.state.scout_blocks as usize;
    let watched = course.state.watched || course.end == End::Verdict;
    let missing = whole - course.state.blocks as usize;
    Ground { watched, missing, ..Ground::new(settings.estimand, course.state.rule, settings.contenders - 1) }
}

pub fn assert_close(left: f64, right: f64) {
    assert!((left - right).abs() <= 1e-9 * left.abs().max(right.abs()), "{left} is not {right}");
}

pub fn settings() -> impl Strategy<Value = Settings> {
    let size = prop_oneof![
        (1..20_u32).prop_map(Size::Blocks),
        (0.002..0.1_f64, 1.0..400.0_f64)
            .prop_map(|(precision, max_seconds)| Size::Precision { precision, max_seconds }),
    ];
    let iterations = prop::option::of(1..6_u32);
    let estimand = prop::sample::select(vec![Estimand::Typical, Estimand::Mean]);
    let (strict, stop_on_verdict) = (any::<bool>(), any::<bool>());
    (1..5_usize, estimand, any::<u64>(), size, iterations, strict, stop_on_verdict).prop_map(
        |(contenders, estimand, seed, size, iterations, strict, stop_on_verdict)| Settings {
            contenders,
            estimand,
            seed,
            size,
            iterations,
            strict,
            stop_on_verdict,
            ..SETTINGS
        },
    )
}

pub fn machine() -> impl Strategy<Value = Machine> {
    let void_every = prop::option::weighted(0.3, 2..9_u32);
    (0.0..0.1_f64, -0.1..0.1_f64, 0.01..5.0_f64, 0.01..5.0_f64, void_every).prop_map(
        |(noise, effect, boot, iteration, void_every)| Machine { noise, effect, costs: (boot, iteration), void_every },
    )
}
