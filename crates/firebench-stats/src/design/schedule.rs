//! The state machine.

use super::{
    Boot, Costs, End, LEAST_BLOCKS, MOST_ITERATIONS, Milestone, Next, SCOUT_BLOCKS, SCOUT_ITERATIONS, Settings, Size,
    State, Turn, costs, seconds,
};
use crate::boot::log_mean;
use crate::moments::Moments;
use crate::rule::ALPHA_END;
use crate::scout::{self, Limits};
use crate::verdict::{Judgement, Scale, Verdict, judge};
use crate::{Error, Interval, Result, Rule, stein, williams};

/// A run from its first boot to its end: see the [module](super). Recording a boot takes constant time, whatever came
/// before.
#[derive(Debug, Clone)]
pub struct Schedule {
    settings: Settings,
    state: State,
    phase: Phase,
    orders: williams::Blocks,
    /// The block that runs, and its order.
    block: u32,
    order: Vec<usize>,
    /// Its boots so far, with their contenders.
    boots: Vec<(usize, Boot)>,
    /// Seconds: all boots; whole blocks of those that count or could have; how many blocks these are.
    elapsed: f64,
    counting_seconds: f64,
    counting_blocks: u32,
    /// The differences of the blocks that count, one entry a comparison; and those of the pilot, once it is complete.
    all: Vec<Moments>,
    pilot: Vec<Moments>,
    live: Option<Vec<Judgement>>,
    /// What the planned end says.
    planned: Option<Vec<Judgement>>,
    end: Option<End>,
}

/// What the block that runs is for.
#[derive(Debug, Clone)]
enum Phase {
    /// To learn what a block costs, and then to count if there is no scout.
    First,
    /// The scout. Of each contender, its boots so far.
    Scout(Vec<Vec<Boot>>),
    /// To count.
    Counting,
}

impl Schedule {
    /// A run before its first boot. Errors: as for [`Settings::check`].
    pub fn new(settings: Settings) -> Result<Schedule> {
        settings.check()?;
        let compares = settings.contenders > 1;
        let planned = match settings.size {
            Size::Blocks(blocks) => Some(blocks),
            Size::Precision { .. } if compares => None,
            Size::Precision { .. } => Some(LEAST_BLOCKS),
        };
        let rule = match planned {
            _ if settings.strict => Rule::BandAlone,
            Some(_) => Rule::Fixed,
            None => Rule::TwoStage,
        };
        let (warm_up, iterations) = (settings.warm_up(), settings.iterations());
        let mut orders = williams::blocks(settings.contenders, settings.seed);
        Ok(Schedule {
            state: State { scout_blocks: 0, warm_up, iterations, rule, planned, blocks: 0, void: 0 },
            phase: if planned.is_some() { Phase::Counting } else { Phase::First },
            block: 0,
            order: orders.next().unwrap_or_default(),
            orders,
            boots: Vec::new(),
            elapsed: 0.0,
            counting_seconds: 0.0,
            counting_blocks: 0,
            all: vec![Moments::default(); settings.contenders - 1],
            pilot: Vec::new(),
            live: None,
            planned: None,
            end: None,
            settings,
        })
    }

    /// What is to be done next. It stays the same until a boot is recorded.
    pub fn next(&self) -> Next {
        let position = self.boots.len();
        match (self.end, self.order.get(position)) {
            (None, Some(&contender)) => {
                let iterations = self.state.iterations;
                Next::Boot(Turn { block: self.block, position: position as u32, contender, iterations })
            }
            (end, _) => Next::End(end.unwrap_or(End::Planned)),
        }
    }

    /// Takes in the boot that [`next`](Schedule::next) asked for, and says what that decided.
    ///
    /// Errors, after which nothing has changed: the run has ended, another number of iterations than asked for (none at all
    /// are a [void](Boot::void) boot), values that are not finite and above zero, a life that is no positive number of
    /// seconds.
    pub fn record(&mut self, boot: Boot) -> Result<Vec<Milestone>> {
        let Next::Boot(turn) = self.next() else { return Err(Error::Ended) };
        seconds("boot", boot.seconds)?;
        if !boot.is_void() {
            if boot.iterations.len() != turn.iterations as usize {
                return Err(Error::Iterations { asked: turn.iterations, ran: boot.iterations.len() });
            }
            log_mean(&boot.iterations, 0)?;
        }
        self.elapsed += boot.seconds;
        self.boots.push((turn.contender, boot));
        if self.boots.len() < self.order.len() { Ok(Vec::new()) } else { self.end_of_block() }
    }

    /// Gives a run that aims at a precision another time from here on. What was decided before stays: whether there was a
    /// scout, the rule, the number of blocks that the pilot called for. A run that its time had ended goes on.
    ///
    /// Errors: a time that is no positive number.
    pub fn extend(&mut self, time: f64) -> Result<()> {
        let time = seconds("run", time)?;
        if let Size::Precision { max_seconds, .. } = &mut self.settings.size {
            *max_seconds = time;
        }
        if self.end == Some(End::TimeOver) {
            self.end = self.reason_to_end();
        }
        Ok(())
    }

    /// How far the run has come.
    pub fn state(&self) -> State {
        self.state
    }

    /// Seconds that the recorded boots took.
    pub fn elapsed(&self) -> f64 {
        self.elapsed
    }

    /// What may be shown now: one judgement for each contender after the first. None while fewer than two blocks count.
    pub fn live(&self) -> Option<Vec<Judgement>> {
        self.live.clone()
    }

    /// What the run says if it ends here: the interval of its planned end if that is reached, else the live one.
    pub fn last(&self) -> Option<Vec<Judgement>> {
        self.planned.as_ref().or(self.live.as_ref()).cloned()
    }

    /// Seconds until the planned number of blocks is reached, or the time is over. None while no number is planned, which
    /// is always so where the band alone decides, and before the first block that counts.
    pub fn eta_seconds(&self) -> Option<f64> {
        let left = self.state.planned?.saturating_sub(self.state.blocks);
        let begun: f64 = self.boots.iter().map(|(_, boot)| boot.seconds).sum();
        let eta = (f64::from(left) * self.mean_block()? - begun).max(0.0);
        Some(match self.settings.size {
            Size::Precision { max_seconds, .. } => eta.min((max_seconds - self.elapsed).max(0.0)),
            Size::Blocks(_) => eta,
        })
    }

    fn end_of_block(&mut self) -> Result<Vec<Milestone>> {
        let mut boots = std::mem::take(&mut self.boots);
        boots.sort_by_key(|(contender, _)| *contender);
        let boots: Vec<Boot> = boots.into_iter().map(|(_, boot)| boot).collect();
        let block = self.block;
        self.block += 1;
        self.order = self.orders.next().unwrap_or_default();
        let milestones = if boots.iter().any(Boot::is_void) {
            self.leave_out(&boots);
            vec![Milestone::Void { block }]
        } else {
            match &mut self.phase {
                Phase::First => self.first(&boots)?,
                Phase::Scout(_) => self.scout(boots)?,
                Phase::Counting => self.count(&boots)?,
            }
        };
        self.end = self.reason_to_end();
        Ok(milestones)
    }

    /// A block with a void boot.
    fn leave_out(&mut self, boots: &[Boot]) {
        self.state.void += 1;
        match self.phase {
            Phase::First => {}
            Phase::Scout(_) => self.state.scout_blocks += 1,
            Phase::Counting => self.time(boots),
        }
    }

    /// The first block of a run that aims at a precision: what comes next depends on what it cost.
    fn first(&mut self, boots: &[Boot]) -> Result<Vec<Milestone>> {
        let mut milestones = Vec::new();
        let costs = costs::of(boots);
        let pilot = |blocks: usize| blocks as f64 * self.block_seconds(costs, self.state.iterations);
        if self.settings.iterations.is_none() {
            let iterations = self.state.warm_up.saturating_add(SCOUT_ITERATIONS);
            let scout = f64::from(SCOUT_BLOCKS) * self.block_seconds(costs, iterations);
            if scout + pilot(stein::PILOT) <= self.time_left() {
                self.phase = Phase::Scout(vec![Vec::new(); self.settings.contenders]);
                self.state.scout_blocks = self.block + SCOUT_BLOCKS;
                self.state.iterations = iterations;
                return Ok(milestones);
            }
            milestones.push(Milestone::NoScout);
        }
        // This block is the first one of the pilot.
        if self.state.rule == Rule::TwoStage && pilot(stein::PILOT - 1) > self.time_left() {
            self.state.rule = Rule::BandAlone;
            milestones.push(Milestone::NoPilot);
        }
        self.phase = Phase::Counting;
        milestones.extend(self.count(boots)?);
        Ok(milestones)
    }

    /// A block of the scout; the last one chooses.
    fn scout(&mut self, block: Vec<Boot>) -> Result<Vec<Milestone>> {
        let Phase::Scout(contenders) = &mut self.phase else { return Ok(Vec::new()) };
        contenders.iter_mut().zip(block).for_each(|(boots, boot)| boots.push(boot));
        if contenders.iter().any(|boots| boots.len() < SCOUT_BLOCKS as usize) {
            return Ok(Vec::new());
        }
        let costs = costs::of(contenders.iter().flatten());
        let iterations = |boots: &Vec<Boot>| boots.iter().map(|boot| boot.iterations.clone()).collect();
        let scouted: Vec<Vec<Vec<f64>>> = contenders.iter().map(iterations).collect();
        let fitting = costs::iterations_that_fit(costs, self.settings.contenders, stein::PILOT, self.time_left());
        let limits = Limits {
            warm_up: self.settings.warm_up.map(|warm_up| warm_up as usize),
            iterations: fitting.min(MOST_ITERATIONS as usize),
            variance: self.enough()?,
        };
        let choice = scout::choose(&scouted, costs, limits)?;
        self.state.warm_up = saturated(choice.warm_up);
        self.state.iterations = saturated(choice.warm_up.saturating_add(choice.iterations));
        self.phase = Phase::Counting;
        Ok(vec![Milestone::Scouted { warm_up: self.state.warm_up, iterations: self.state.iterations }])
    }

    /// The variance of boots with which a pilot would be all that is needed: a difference has twice that of its boots.
    fn enough(&self) -> Result<f64> {
        let half_width = self.half_width().unwrap_or(f64::INFINITY);
        stein::deviation(stein::PILOT, half_width, ALPHA_END, self.all.len()).map(|deviation| deviation.powi(2) / 2.0)
    }

    /// A block that counts.
    fn count(&mut self, boots: &[Boot]) -> Result<Vec<Milestone>> {
        self.time(boots);
        let warm_up = self.state.warm_up as usize;
        let means: Vec<f64> = boots.iter().map(|boot| log_mean(&boot.iterations, warm_up)).collect::<Result<_>>()?;
        if let [baseline, contenders @ ..] = means.as_slice() {
            self.all.iter_mut().zip(contenders).for_each(|(all, contender)| all.push(contender - baseline));
        }
        self.state.blocks += 1;
        let mut milestones = Vec::new();
        let blocks = self.state.blocks as usize;
        if let (Rule::TwoStage, stein::PILOT, Some(half_width)) = (self.state.rule, blocks, self.half_width()) {
            let blocks = saturated(stein::size_of(&self.all, half_width, ALPHA_END)?);
            self.state.planned = Some(blocks);
            self.pilot.clone_from(&self.all);
            milestones.push(Milestone::Sized { blocks });
        }
        if blocks > 1 && !self.all.is_empty() {
            let rule = self.state.rule;
            self.live = Some(self.judge(|_, all| rule.live_of(all, self.all.len()))?);
            if self.planned_is_reached() {
                let pilot = |comparison: usize| self.pilot.get(comparison).copied();
                self.planned =
                    Some(self.judge(|comparison, all| rule.planned_of(all, pilot(comparison), self.all.len()))?);
            }
        }
        milestones.push(Milestone::Block { block: self.block - 1, live: self.live().unwrap_or_default() });
        Ok(milestones)
    }

    fn judge(&self, interval: impl Fn(usize, Moments) -> Result<Interval>) -> Result<Vec<Judgement>> {
        let judge = |(comparison, all): (usize, &Moments)| {
            judge(interval(comparison, *all)?, Scale::Ratio, self.settings.delta)
        };
        self.all.iter().enumerate().map(judge).collect()
    }

    fn reason_to_end(&self) -> Option<End> {
        let State { void, blocks, .. } = self.state;
        if self.planned_is_reached() {
            return Some(End::Planned);
        }
        if void >= LEAST_BLOCKS && void > self.block - void {
            return Some(End::Void);
        }
        if blocks < LEAST_BLOCKS {
            return None;
        }
        if self.is_decided() {
            return Some(End::Verdict);
        }
        let next = self.mean_block().unwrap_or_default();
        (next > self.time_left()).then_some(End::TimeOver)
    }

    fn planned_is_reached(&self) -> bool {
        self.state.planned.is_some_and(|planned| self.state.blocks >= planned)
    }

    /// Whether the band has said all that it is asked for.
    fn is_decided(&self) -> bool {
        let Some(live) = &self.live else { return false };
        let has_verdict = |judgement: &Judgement| judgement.verdict != Verdict::Inconclusive;
        let all_verdicts = self.settings.stop_on_verdict && live.iter().all(has_verdict);
        let all_done = match (self.state.rule, self.half_width()) {
            (Rule::BandAlone, Some(half_width)) => {
                live.iter().all(|judgement| has_verdict(judgement) || judgement.interval.half_width <= half_width)
            }
            _ => false,
        };
        all_verdicts || all_done
    }

    /// The half-width that the run aims at, on the scale of logarithms.
    fn half_width(&self) -> Option<f64> {
        match self.settings.size {
            Size::Precision { precision, .. } => Some(precision.ln_1p()),
            Size::Blocks(_) => None,
        }
    }

    fn time_left(&self) -> f64 {
        match self.settings.size {
            Size::Precision { max_seconds, .. } => max_seconds - self.elapsed,
            Size::Blocks(_) => f64::INFINITY,
        }
    }

    fn time(&mut self, boots: &[Boot]) {
        self.counting_seconds += boots.iter().map(|boot| boot.seconds).sum::<f64>();
        self.counting_blocks += 1;
    }

    fn mean_block(&self) -> Option<f64> {
        (self.counting_blocks > 0).then(|| self.counting_seconds / f64::from(self.counting_blocks))
    }

    fn block_seconds(&self, costs: Costs, iterations: u32) -> f64 {
        costs::block(costs, self.settings.contenders, iterations)
    }
}

fn saturated(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
