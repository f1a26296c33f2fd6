//! One simulated run.

use super::noise::Noise;
use super::{Case, Kind, Rule, Scale, Settings};
use crate::random::Random;
use crate::rule::ALPHA_END;
use crate::verdict::{Judgement, Verdict, judge};
use crate::{Interval, Result, boot, stein, williams};

/// Iterations of a boot that count.
const ITERATIONS: usize = 4;
/// By how much the warm-up iteration is slower, in ln(t).
const COLD: f64 = 0.05;
/// Deviation of an iteration from its boot, in deviations of a boot's mean.
const WITHIN: f64 = 0.5;

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub false_alarm: bool,
    pub covered: bool,
    pub found: bool,
    pub blocks: usize,
}

/// Carries out run number `run` of a case.
pub(super) fn simulate(case: Case, settings: &Settings, run: usize) -> Result<Outcome> {
    let truth = truth(case, settings);
    let rule = if case.strict { Rule::BandAlone } else { Rule::TwoStage };
    let half_width = stein::log_half_width(settings.precision)?;
    let judge_all = |intervals: Vec<Interval>| -> Result<Vec<Judgement>> {
        intervals.into_iter().map(|interval| judge(interval, Scale::Ratio, settings.precision)).collect()
    };
    let mut machine = Machine::new(case, settings, run);
    let mut planned = None;
    let mut false_alarm = false;
    loop {
        machine.block()?;
        let blocks = machine.blocks();
        if !case.strict && blocks == stein::PILOT {
            planned = Some(stein::size(&machine.differences, half_width, ALPHA_END)?);
        }
        if blocks < 2 {
            continue;
        }
        let live = judge_all(machine.each(|differences, m| rule.live(differences, m))?)?;
        false_alarm |= is_false(&live, &truth);
        let decided = live.iter().all(|j| j.verdict != Verdict::Inconclusive || j.interval.half_width <= half_width);
        let done = if case.strict { decided } else { planned.is_some_and(|planned| blocks >= planned) };
        if done || blocks >= settings.max_blocks {
            let last = judge_all(machine.each(|differences, m| rule.last(differences, planned, m))?)?;
            return Ok(Outcome {
                false_alarm: false_alarm || is_false(&last, &truth),
                covered: last.iter().zip(&truth).all(|(judgement, truth)| judgement.interval.contains(*truth)),
                found: last.iter().zip(&truth).any(|(j, truth)| *truth > 0.0 && j.verdict == Verdict::Slower),
                blocks,
            });
        }
    }
}

/// The true difference in ln(t) of each comparison.
fn truth(case: Case, settings: &Settings) -> Vec<f64> {
    let mut truth = vec![0.0; case.contenders - 1];
    if let (Kind::Ab, Some(last)) = (case.kind, truth.last_mut()) {
        *last = settings.effect.ln_1p();
    }
    truth
}

/// Whether a difference is claimed that is not there.
fn is_false(judgements: &[Judgement], truth: &[f64]) -> bool {
    judgements.iter().zip(truth).any(|(judgement, truth)| match judgement.verdict {
        Verdict::Slower => *truth <= 0.0,
        Verdict::Faster => *truth >= 0.0,
        Verdict::Equivalent | Verdict::Inconclusive => false,
    })
}

/// A machine that boots contenders, and what was measured on it.
struct Machine {
    truth: Vec<f64>,
    noise: Noise,
    /// Standard deviations: of boots, and of iterations within them.
    between: f64,
    within: f64,
    random: Random,
    orders: Box<dyn Iterator<Item = Vec<usize>>>,
    /// One list a comparison.
    differences: Vec<Vec<f64>>,
}

impl Machine {
    fn new(case: Case, settings: &Settings, run: usize) -> Machine {
        let within = WITHIN * settings.noise;
        // A boot's mean has the deviation that the settings name, its iterations included.
        let between = (settings.noise.powi(2) - within.powi(2) / ITERATIONS as f64).sqrt();
        let mut random = Random::new(settings.seed, run as u64);
        let orders = Box::new(williams::blocks(case.contenders, random.number()));
        let noise = Noise::new(case.shape, case.contenders);
        let differences = vec![Vec::new(); case.contenders - 1];
        Machine { truth: truth(case, settings), noise, between, within, random, orders, differences }
    }

    /// Boots every contender once.
    fn block(&mut self) -> Result<()> {
        let mut boots = vec![0.0; self.truth.len() + 1];
        for contender in self.orders.next().unwrap_or_default() {
            let odd = contender == self.truth.len();
            let effect = contender.checked_sub(1).map_or(0.0, |comparison| self.truth[comparison]);
            let level = effect + self.between * self.noise.next(odd, &mut self.random);
            let cold = std::iter::once(COLD).chain([0.0; ITERATIONS]);
            let iterations: Vec<f64> =
                cold.map(|cold| (level + cold + self.within * self.random.normal()).exp()).collect();
            boots[contender] = boot::log_mean(&iterations, 1)?;
        }
        for (differences, contender) in self.differences.iter_mut().zip(&boots[1..]) {
            differences.extend(boot::differences(&[*contender], &boots[..1])?);
        }
        Ok(())
    }

    fn blocks(&self) -> usize {
        self.differences.first().map_or(0, Vec::len)
    }

    /// One interval a comparison.
    fn each(&self, interval: impl Fn(&[f64], usize) -> Result<Interval>) -> Result<Vec<Interval>> {
        self.differences.iter().map(|differences| interval(differences, self.differences.len())).collect()
    }
}
