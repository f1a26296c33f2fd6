//! The state machine.

use super::scouting::Scouting;
use super::{
    Boot, End, LEAST_BLOCKS, LEAST_PRECISE, LEAST_STRICT, Milestone, Next, Settings, Size, State, Turn, precision,
    seconds,
};
use crate::boot::{Difference, Placed, log_mean};
use crate::verdict::{Judgement, Scale, Verdict, judge_of};
use crate::{Error, Ground, Interval, Result, Rule, order};

/// A run from its first boot to its end: see the [module](super).
#[derive(Debug, Clone)]
pub struct Schedule {
    settings: Settings,
    state: State,
    phase: Phase,
    orders: order::Blocks,
    /// The block that runs, and its order.
    block: u32,
    order: Vec<usize>,
    /// Who booted last in the block before it.
    before: Option<usize>,
    /// Its boots so far, in that order.
    boots: Vec<Boot>,
    /// Seconds: all boots; whole blocks of those that count or could have; how many blocks these are.
    elapsed: f64,
    counting_seconds: f64,
    counting_blocks: u32,
    /// Whether the scout saw the end of the warm-up.
    settled: bool,
    /// Blocks with a void boot.
    voids: Vec<u32>,
    /// The differences of the blocks that count, one list a comparison.
    differences: Vec<Vec<Difference>>,
    /// What may be shown now, and what is said if the run ends here and nobody watched.
    live: Option<Vec<Judgement>>,
    last: Option<Vec<Judgement>>,
    end: Option<End>,
}

/// What the block that runs is for.
#[derive(Debug, Clone)]
enum Phase {
    /// To learn what blocks cost, and how many iterations are worth it.
    Scouting(Scouting),
    /// To count, and nothing else.
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
            None => Rule::Precision,
        };
        let scouts = planned.is_none() && settings.iterations.is_none();
        let (warm_up, iterations) = (settings.warm_up(), settings.iterations());
        let mut orders = order::blocks(settings.contenders, settings.seed);
        Ok(Schedule {
            state: State { scout_blocks: 0, warm_up, iterations, rule, planned, blocks: 0, void: 0, watched: false },
            phase: if scouts { Phase::Scouting(Scouting::default()) } else { Phase::Counting },
            block: 0,
            order: orders.shuffled(),
            orders,
            before: None,
            boots: Vec::new(),
            elapsed: 0.0,
            counting_seconds: 0.0,
            counting_blocks: 0,
            settled: true,
            voids: Vec::new(),
            differences: vec![Vec::new(); settings.contenders - 1],
            live: None,
            last: None,
            end: None,
            settings,
        })
    }

    /// What is to be done next. It stays the same until a boot is recorded.
    pub fn next(&self) -> Next {
        self.rest_of_block().next().map_or(Next::End(self.end.unwrap_or(End::Planned)), Next::Boot)
    }

    /// The boots of the block that runs which are not recorded yet, in their order; none once the run has ended.
    pub fn rest_of_block(&self) -> impl Iterator<Item = Turn> {
        let order = if self.end.is_none() { self.order.as_slice() } else { &[] };
        let (block, iterations) = (self.block, self.state.iterations);
        let follows_itself = move |contender| self.before == Some(contender) || self.settings.contenders < 2;
        let turn = move |(position, &contender)| {
            let throw_away = self.settings.throw_away && position == 0 && !follows_itself(contender);
            Turn { block, position: position as u32, contender, iterations, throw_away }
        };
        order.iter().enumerate().skip(self.boots.len()).map(turn)
    }

    /// Takes in the boot that [`next`](Schedule::next) asked for, and says what that decided.
    ///
    /// Errors, after which nothing has changed: the run has ended, another number of iterations than asked for (none at all
    /// are a [void](Boot::void) boot), values that are not finite and above zero, a life that is no positive number of
    /// seconds.
    pub fn record(&mut self, boot: Boot) -> Result<Vec<Milestone>> {
        let Next::Boot(turn) = self.next() else { return Err(Error::Ended) };
        if boot.seconds != 0.0 || !boot.is_void() {
            seconds("boot", boot.seconds)?;
        }
        if !boot.is_void() {
            if boot.iterations.len() != turn.iterations as usize {
                return Err(Error::Iterations { asked: turn.iterations, ran: boot.iterations.len() });
            }
            log_mean(&boot.iterations, 0)?;
        }
        self.elapsed += if self.settings.duet { (boot.seconds - self.begun()).max(0.0) } else { boot.seconds };
        self.boots.push(boot);
        if self.boots.len() < self.order.len() { Ok(Vec::new()) } else { self.end_of_block() }
    }

    /// Gives a run that aims at a precision another time from here on. What was decided before stays. A run that its time had
    /// ended goes on; whoever lets it has seen what it found, so from here on the band speaks.
    ///
    /// A run that ended for another reason has reached its end, and more time is none of its business.
    ///
    /// Errors: a time that is no positive number.
    pub fn extend(&mut self, time: f64) -> Result<()> {
        let time = seconds("run", time)?;
        if let Size::Precision { max_seconds, .. } = &mut self.settings.size {
            *max_seconds = time;
        }
        self.state.watched |= matches!(self.end, None | Some(End::TimeOver));
        if self.end == Some(End::TimeOver) {
            self.end = self.reason_to_end();
        }
        Ok(())
    }

    /// How far the run has come.
    pub fn state(&self) -> State {
        self.state
    }

    /// Seconds that the recorded boots took: of those that ran at once, the longest one.
    pub fn elapsed(&self) -> f64 {
        self.elapsed
    }

    /// What may be shown now: one judgement for each contender after the first. None while fewer than two blocks count.
    pub fn live(&self) -> Option<Vec<Judgement>> {
        self.live.clone()
    }

    /// What the run says if it ends here: once it has ended, and not because of what was seen, the interval of its end; else the
    /// live one.
    pub fn last(&self) -> Option<Vec<Judgement>> {
        let unwatched = self.end.is_some_and(|end| end != End::Verdict) && !self.state.watched;
        if unwatched { self.last.clone() } else { self.live.clone() }
    }

    /// Seconds until about the planned number of blocks is reached, or the time is over. None while no number is known.
    pub fn eta_seconds(&self) -> Option<f64> {
        let left = self.state.planned?.saturating_sub(self.state.blocks);
        let eta = (f64::from(left) * self.mean_block()? - self.begun()).max(0.0);
        Some(match self.settings.size {
            Size::Precision { max_seconds, .. } => eta.min((max_seconds - self.elapsed).max(0.0)),
            Size::Blocks(_) => eta,
        })
    }

    fn end_of_block(&mut self) -> Result<Vec<Milestone>> {
        let order = std::mem::replace(&mut self.order, self.orders.shuffled());
        self.before = order.last().copied();
        let boots: Vec<(usize, Boot)> = order.into_iter().zip(std::mem::take(&mut self.boots)).collect();
        let block = self.block;
        self.block += 1;
        let mut milestones = Vec::new();
        if !self.is_whole(&boots) {
            milestones.push(self.leave_out(block));
            match self.phase {
                Phase::Scouting(_) => self.state.scout_blocks = self.block,
                Phase::Counting => {
                    self.time(&boots);
                    // It is missing, and that is part of what is known from here on.
                    self.look()?;
                }
            }
        } else if let Phase::Scouting(scouting) = &mut self.phase {
            scouting.push(block, boots);
            let time_left = time_left(&self.settings, self.elapsed);
            match scouting.next(&self.settings, time_left)? {
                Some(iterations) => {
                    self.state.iterations = iterations;
                    self.state.scout_blocks = self.block;
                }
                None => milestones.extend(self.scouted()?),
            }
        } else {
            milestones.extend(self.count(block, &boots)?);
        }
        self.end = self.reason_to_end();
        Ok(milestones)
    }

    /// The scout is over: what it chose decides which of its blocks count.
    fn scouted(&mut self) -> Result<Vec<Milestone>> {
        let Phase::Scouting(scouting) = std::mem::replace(&mut self.phase, Phase::Counting) else {
            return Ok(Vec::new());
        };
        let (choice, blocks) = scouting.choose(&self.settings, time_left(&self.settings, self.elapsed))?;
        let mut milestones = vec![match choice {
            Some(choice) => {
                (self.state.warm_up, self.state.iterations) = (choice.warm_up, choice.iterations);
                self.settled = choice.settled;
                Milestone::Scouted { warm_up: choice.warm_up, iterations: choice.iterations }
            }
            None => Milestone::NoScout,
        }];
        let counting: Vec<_> = blocks.into_iter().skip_while(|(_, boots)| !self.is_whole(boots)).collect();
        self.state.scout_blocks = counting.first().map_or(self.block, |(block, _)| *block);
        for (block, boots) in &counting {
            if self.is_whole(boots) {
                milestones.extend(self.count(*block, boots)?);
            } else {
                milestones.push(self.leave_out(*block));
                self.look()?;
            }
        }
        Ok(milestones)
    }

    /// Whether every boot of a block has something that counts.
    fn is_whole(&self, boots: &[(usize, Boot)]) -> bool {
        boots.iter().all(|(_, boot)| !boot.counted(self.state.warm_up as usize).is_empty())
    }

    /// A block that does not count.
    fn leave_out(&mut self, block: u32) -> Milestone {
        self.voids.push(block);
        self.state.void += 1;
        Milestone::Void { block }
    }

    /// A block that counts.
    fn count(&mut self, block: u32, boots: &[(usize, Boot)]) -> Result<Vec<Milestone>> {
        self.time(boots);
        let warm_up = self.state.warm_up as usize;
        let mut placed = vec![Placed { value: 0.0, place: 0 }; boots.len()];
        for (place, (contender, boot)) in boots.iter().enumerate() {
            let value = log_mean(&boot.counted(warm_up), 0)?;
            placed.get_mut(*contender).into_iter().for_each(|of| *of = Placed { value, place: place as u32 });
        }
        if let [baseline, contenders @ ..] = placed.as_slice() {
            let above = contenders.iter().map(|contender| contender.above(baseline));
            self.differences.iter_mut().zip(above).for_each(|(all, difference)| all.push(difference));
        }
        self.state.blocks += 1;
        self.look()?;
        Ok(vec![Milestone::Block { block, live: self.live().unwrap_or_default() }])
    }

    /// What the blocks by now come to.
    fn look(&mut self) -> Result<()> {
        if self.state.blocks > 1 && !self.differences.is_empty() {
            let ground = self.ground();
            self.live = Some(self.judge(|differences| ground.live(differences))?);
            let last = self.judge(|differences| ground.last(differences))?;
            self.last = Some(last);
            if let (Rule::Precision, Some(half_width), Some(speaks)) =
                (self.state.rule, self.half_width(), self.speaks())
            {
                let forecast = precision::blocks(speaks, half_width, self.state.blocks)?;
                self.state.planned = forecast.map(|blocks| blocks.min(self.blocks_in_time()));
            }
        }
        Ok(())
    }

    /// Blocks that there will be when the time is over.
    fn blocks_in_time(&self) -> u32 {
        let left = time_left(&self.settings, self.elapsed).max(0.0);
        let more = self.mean_block().map_or(0.0, |block| left / block);
        // A cast saturates.
        self.state.blocks.saturating_add(more as u32)
    }

    /// What the intervals depend on, as if the run had ended here for no reason of theirs.
    fn ground(&self) -> Ground {
        let State { rule, scout_blocks, .. } = self.state;
        let missing = self.voids.iter().filter(|block| **block >= scout_blocks).count();
        Ground { missing, ..Ground::new(self.settings.estimand, rule, self.differences.len()) }
    }

    fn judge(&self, interval: impl Fn(&[Difference]) -> Result<Interval>) -> Result<Vec<Judgement>> {
        let Settings { estimand, delta, .. } = self.settings;
        let judge = |all: &Vec<Difference>| judge_of(estimand, interval(all)?, Scale::Ratio, delta);
        self.differences.iter().map(judge).collect()
    }

    fn reason_to_end(&self) -> Option<End> {
        let State { void, blocks, rule, planned, .. } = self.state;
        if rule != Rule::Precision && planned.is_some_and(|planned| blocks >= planned) {
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
        if rule == Rule::Precision && blocks >= LEAST_PRECISE && self.is_precise(self.speaks()) {
            return Some(End::Planned);
        }
        let next = self.mean_block().unwrap_or_default();
        (next > time_left(&self.settings, self.elapsed)).then_some(End::TimeOver)
    }

    /// Whether the band has said all that it is asked for.
    fn is_decided(&self) -> bool {
        let Some(live) = &self.live else { return false };
        let has_verdict = |judgement: &Judgement| judgement.verdict != Verdict::Inconclusive;
        // What may not have settled needs the blocks that show whether it has.
        let seen = self.settled || self.state.blocks >= LEAST_PRECISE;
        if self.settings.stop_on_verdict && seen && live.iter().all(has_verdict) {
            return true;
        }
        let done = |judgement: &Judgement| has_verdict(judgement) || self.is_precise(Some(&[*judgement]));
        let enough = self.state.blocks >= LEAST_STRICT && self.half_width().is_some();
        self.state.rule == Rule::BandAlone && enough && live.iter().all(done)
    }

    /// What the run says if it ends by itself now.
    fn speaks(&self) -> Option<&[Judgement]> {
        if self.state.watched { self.live.as_deref() } else { self.last.as_deref() }
    }

    /// Whether all are as narrow as the run aims at.
    fn is_precise(&self, judgements: Option<&[Judgement]>) -> bool {
        let (Some(half_width), Some(judgements)) = (self.half_width(), judgements) else { return false };
        judgements.iter().all(|judgement| judgement.interval.half_width() <= half_width)
    }

    /// The half-width that the run aims at, on the scale of logarithms.
    fn half_width(&self) -> Option<f64> {
        match self.settings.size {
            Size::Precision { precision, .. } => Some(precision.ln_1p()),
            Size::Blocks(_) => None,
        }
    }

    fn time(&mut self, boots: &[(usize, Boot)]) {
        self.counting_seconds += self.settings.together(boots.iter().map(|(_, boot)| boot.seconds));
        self.counting_blocks += 1;
    }

    /// Seconds that the recorded boots of the block that runs took.
    fn begun(&self) -> f64 {
        self.settings.together(self.boots.iter().map(|boot| boot.seconds))
    }

    fn mean_block(&self) -> Option<f64> {
        (self.counting_blocks > 0).then(|| self.counting_seconds / f64::from(self.counting_blocks))
    }
}

fn time_left(settings: &Settings, elapsed: f64) -> f64 {
    match settings.size {
        Size::Precision { max_seconds, .. } => max_seconds - elapsed,
        Size::Blocks(_) => f64::INFINITY,
    }
}
