//! One simulated run.

use super::noise::Noise;
use super::{Case, Kind, Settings};
use crate::design::{self, Boot, Milestone, Next, Schedule, Turn};
use crate::random::Random;
use crate::verdict::{Judgement, Verdict};
use crate::{Result, stein};

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
        seed: random.number(),
        size: settings.size,
        iterations: None,
        warm_up: None,
        delta: settings.delta,
        strict: case.strict,
        stop_on_verdict: false,
    })?;
    let mut machine = Machine { truth: truth(case, settings), noise: Noise::new(case.shape), settings, random };
    let mut false_alarm = false;
    while let Next::Boot(turn) = schedule.next() {
        let after_pilot = schedule.state().blocks as usize >= stein::PILOT;
        for milestone in schedule.record(machine.boot(turn, after_pilot))? {
            if let Milestone::Block { live, .. } = milestone {
                false_alarm |= machine.is_false(&live);
            }
        }
    }
    let last = schedule.last().unwrap_or_default();
    let truth = &machine.truth;
    Ok(Outcome {
        false_alarm: false_alarm || machine.is_false(&last),
        covered: last.iter().zip(truth.iter().skip(1)).all(|(judgement, truth)| judgement.interval.contains(*truth)),
        found: last.iter().zip(truth.iter().skip(1)).any(|(j, truth)| *truth > 0.0 && j.verdict == Verdict::Higher),
        equivalent: last.iter().all(|judgement| judgement.verdict == Verdict::Equivalent),
        blocks: schedule.state().blocks,
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
    noise: Noise,
    settings: &'a Settings,
    random: Random,
}

impl Machine<'_> {
    fn boot(&mut self, turn: Turn, after_pilot: bool) -> Boot {
        let odd = turn.contender + 1 == self.truth.len();
        let noise = self.settings.noise;
        let level = self.truth.get(turn.contender).copied().unwrap_or_default()
            + noise * self.noise.next(odd, after_pilot, &mut self.random);
        let mut cold = COLD;
        let mut iteration = || {
            let cold = std::mem::take(&mut cold);
            ITERATION * (level + cold + WITHIN * noise * self.random.normal()).exp()
        };
        let iterations: Vec<f64> = (0..turn.iterations).map(|_| iteration()).collect();
        Boot { seconds: BOOT + iterations.iter().sum::<f64>(), iterations }
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
