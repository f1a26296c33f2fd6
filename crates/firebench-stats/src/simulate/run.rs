//! One simulated run.

use std::collections::BTreeSet;

use super::noise::{self, Noise};
use super::{BLOCKS, Case, Judged, Kind, Settings};
use crate::Result;
use crate::checks::{self, Ran};
use crate::design::Size;
use crate::design::{self, Boot, Milestone, Next, Schedule, Turn};
use crate::random::Random;
use crate::verdict::{Judgement, Verdict};

/// Seconds of a boot without its iterations.
const BOOT: f64 = 0.5;
/// Seconds of an iteration, as long as nothing slows it down.
const ITERATION: f64 = 0.5;
/// By how much the first iteration of a boot is slower, in ln(t).
const COLD: f64 = 0.05;
/// Deviation of an iteration from its boot, in deviations of boots.
const WITHIN: f64 = 0.5;

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub false_alarm: bool,
    /// The checks took every verdict its ground.
    pub refused: bool,
    pub covered: bool,
    pub found: bool,
    pub equivalent: bool,
    /// Blocks that counted.
    pub blocks: u32,
}

/// Carries out run number `run` of a case.
pub(super) fn simulate(case: Case, settings: &Settings, run: usize) -> Result<Outcome> {
    let mut random = Random::new(settings.seed, run as u64);
    let mut schedule = Schedule::new(design::Settings {
        contenders: case.contenders,
        estimand: case.rule.estimand(),
        seed: random.number(),
        size: if case.rule.estimand().has_band() { settings.size } else { Size::Blocks(BLOCKS) },
        iterations: None,
        warm_up: None,
        delta: settings.delta,
        strict: case.rule == Judged::Strict,
        // As in real runs: whoever gives a number of blocks gets it.
        stop_on_verdict: case.rule == Judged::Default && matches!(settings.size, Size::Precision { .. }),
        throw_away: settings.throw_away,
        duet: false,
    })?;
    let noise = Noise::new(case.shape, &mut random);
    let mut machine = Machine { truth: truth(case, settings), case, noise, settings, random };
    let mut ran = Vec::new();
    let mut false_alarm = false;
    while let Next::Boot(turn) = schedule.next() {
        let mut spent = 0.0;
        if turn.throw_away {
            spent = machine.boot(turn).seconds;
            ran.push((turn, None));
        }
        let boot = machine.boot(turn);
        let boot = Boot { seconds: boot.seconds + spent, ..boot };
        ran.push((turn, Some(boot.iterations.clone())));
        for milestone in schedule.record(boot)? {
            if let Milestone::Block { live, .. } = milestone {
                false_alarm |= machine.is_false(&live);
            }
        }
    }
    let last = schedule.last().unwrap_or_default();
    let truth = &machine.truth;
    let refused = is_refused(&ran, &schedule, &last, case, settings);
    Ok(Outcome {
        false_alarm: !refused && (false_alarm || machine.is_false(&last)),
        refused,
        covered: last.iter().zip(truth.iter().skip(1)).all(|(judgement, truth)| judgement.interval.contains(*truth)),
        found: last.iter().zip(truth.iter().skip(1)).any(|(j, truth)| *truth > 0.0 && j.verdict == Verdict::Higher),
        equivalent: last.iter().all(|judgement| judgement.verdict == Verdict::Equivalent),
        blocks: schedule.state().blocks,
    })
}

/// Whether the report says something against its verdicts: that the blocks are too few to rely on, or what the checks find in what ran,
/// throw-away boots (which have no iterations) included.
fn is_refused(
    ran: &[(Turn, Option<Vec<f64>>)],
    schedule: &Schedule,
    last: &[Judgement],
    case: Case,
    settings: &Settings,
) -> bool {
    let state = schedule.state();
    if last.iter().any(|judgement| judgement.interval.is_of_too_few_blocks()) {
        return true;
    }
    let is_void = |boot: &Option<Vec<f64>>| boot.as_ref().is_some_and(Vec::is_empty);
    let void: BTreeSet<u32> = ran.iter().filter(|(_, boot)| is_void(boot)).map(|(turn, _)| turn.block).collect();
    let counts = |block: u32| block >= state.scout_blocks && !void.contains(&block);
    let boots: Vec<Ran> = ran
        .iter()
        .map(|(turn, iterations)| {
            let iterations = iterations.as_deref().unwrap_or_default();
            let after_warm_up = iterations.get(state.warm_up as usize..).filter(|_| counts(turn.block));
            Ran { block: turn.block, contender: turn.contender, counted: after_warm_up.unwrap_or_default() }
        })
        .collect();
    let comparisons = case.contenders - 1;
    (1..case.contenders).any(|contender| {
        let matters = checks::matters(settings.delta, last.get(contender - 1));
        let found = checks::of_pair(&boots, [0, contender], comparisons, matters);
        found.trend.is_some() || found.carry_over.is_some() && !settings.throw_away
    })
}

/// What each contender's ln(t) truly is, relative to the first one's.
fn truth(case: Case, settings: &Settings) -> Vec<f64> {
    let mut truth = vec![0.0; case.contenders];
    if let (Kind::Ab, Some(last)) = (case.kind, truth.last_mut()) {
        *last = settings.effect.ln_1p();
    }
    truth
}

/// A machine that boots contenders.
struct Machine<'a> {
    truth: Vec<f64>,
    case: Case,
    noise: Noise,
    settings: &'a Settings,
    random: Random,
}

impl Machine<'_> {
    fn boot(&mut self, turn: Turn) -> Boot {
        let odd = turn.contender + 1 == self.truth.len();
        let noise = self.settings.noise;
        let boot = self.noise.next(noise::Turn { odd, block: turn.block, place: turn.position }, &mut self.random);
        // Where the cost is judged, it is the cost that is equal.
        let is_dearer = odd && self.case.rule == Judged::Cost;
        let dearer = if is_dearer { noise::dearer(self.case.shape, noise) } else { 0.0 };
        let truth = self.truth.get(turn.contender).copied().unwrap_or_default() - dearer;
        let level = truth + noise * boot.deviations + boot.shift;
        let mut iteration = |index: u32| {
            let cold = if index == 0 { COLD } else { noise::warmth(self.case.shape, odd, index) };
            ITERATION * (level + cold + WITHIN * noise * self.random.normal()).exp()
        };
        let iterations: Vec<f64> = (0..turn.iterations).map(&mut iteration).collect();
        let seconds = BOOT + iterations.iter().sum::<f64>();
        if boot.is_void { Boot::void(seconds) } else { Boot::new(iterations, seconds) }
    }

    /// Whether something is claimed that is not so.
    fn is_false(&self, judgements: &[Judgement]) -> bool {
        judgements.iter().zip(self.truth.iter().skip(1)).any(|(judgement, truth)| match judgement.verdict {
            Verdict::Higher => *truth <= 0.0,
            Verdict::Lower => *truth >= 0.0,
            Verdict::Equivalent => truth.abs() >= self.settings.delta.ln_1p(),
            Verdict::Inconclusive => false,
        })
    }
}
