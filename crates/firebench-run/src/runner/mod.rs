//! The runner: carries out a plan, boot by boot, and reports to a listener what happens.

mod boot;
mod error;
mod failure_budget;
mod job;
mod surroundings;

use boot::Boot;
use failure_budget::FailureBudget;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::Plan;
use firebench_model::record::{BootRecord, BootStatus, DesignRecord, RunEnd};
use firebench_model::throttle;
use firebench_stats::design::{self, End, Next, Schedule, Turn};
use firebench_workload::Workload;

pub use error::RunError;
pub use job::{CONTAINED_AGENT, nonce, planned_launch, seed, write_job, write_with_job};
pub use surroundings::Surroundings;

/// Carries out `plan`: boots as its design says, after those that are done already. Where a boot fails for good, its block is
/// left out and the run goes on, until too many boots have failed.
///
/// # Errors
/// [`RunError`]; the listener has by then got the failed boot's record.
pub fn run(plan: &Plan, around: &Surroundings<'_>, listener: &mut dyn Listener) -> Result<(), RunError> {
    let mut schedule = Schedule::new(plan.design.clone())?;
    let mut budget = FailureBudget::new(plan.max_failures, plan.contenders.len());
    for (boots, boot) in plan.done.iter().enumerate() {
        plan.extend(&mut schedule, boots)?;
        let Next::Boot(turn) = schedule.next() else { return Err(RunError::Foreign) };
        budget.saw(turn.contender, boot);
        schedule.record(boot.clone())?;
    }
    plan.extend(&mut schedule, plan.done.len())?;
    let workload = firebench_workload::of(&plan.workload)?;
    let mut boots = Boots { plan, workload, around, number: 0, held_up: None };
    let mut block = None;
    let mut last_void = None;
    loop {
        match schedule.next() {
            Next::End(end) => {
                progress(plan, &schedule, Some(ended(end)), listener);
                return match (end, boots.held_up) {
                    (End::Void, Some(reason)) => Err(RunError::HeldUp(reason)),
                    (End::Void, None) => Err(RunError::Void(last_void)),
                    _ => Ok(()),
                };
            }
            Next::Boot(turn) => {
                if block.is_some_and(|block| block != turn.block) {
                    progress(plan, &schedule, None, listener);
                }
                block = Some(turn.block);
                let Booted { boot, failure, void } = boots.boot(&turn, listener)?;
                budget.saw(turn.contender, &boot);
                failure.map_or(Ok(()), |failure| budget.spend(turn.contender, failure))?;
                schedule.record(boot)?;
                last_void = void.or(last_void);
            }
        }
    }
}

/// What the design learns from a boot that is over: if it is not a good one, only the time that it took.
pub fn measured(record: &BootRecord, primary: &str) -> design::Boot {
    if record.status != BootStatus::Ok {
        return design::Boot::void(record.life_seconds);
    }
    let value = |iteration: &firebench_model::record::IterationRecord| iteration.metrics.get(primary).copied();
    design::Boot {
        iterations: record.iterations.iter().map(|iteration| value(iteration).unwrap_or(f64::NAN)).collect(),
        seconds: record.life_seconds,
    }
}

fn ended(end: End) -> RunEnd {
    match end {
        End::Planned => RunEnd::Planned,
        End::TimeOver => RunEnd::TimeOver,
        End::Verdict => RunEnd::Verdict,
        End::Void => RunEnd::Void,
    }
}

/// A design for the report, as far as it is known.
pub fn recorded(settings: &design::Settings, primary: &str, state: &design::State) -> DesignRecord {
    let (precision, max_seconds) = match settings.size {
        design::Size::Blocks(_) => (None, None),
        design::Size::Precision { precision, max_seconds } => (Some(precision), Some(max_seconds)),
    };
    DesignRecord {
        primary: primary.to_owned(),
        seed: settings.seed,
        estimand: settings.estimand,
        rule: state.rule,
        precision,
        max_seconds,
        delta: settings.delta,
        scout_blocks: state.scout_blocks,
        warm_up: state.warm_up,
        iterations: state.iterations,
        planned: state.planned,
        end: None,
        extended: Vec::new(),
    }
}

/// Reports the estimates after a block.
fn progress(plan: &Plan, schedule: &Schedule, end: Option<RunEnd>, listener: &mut dyn Listener) {
    let state = schedule.state();
    let known = recorded(&plan.design, &plan.primary, &state);
    let last = plan.extended.last().map(|extension| extension.max_seconds);
    let (max_seconds, extended) = (last.or(known.max_seconds), plan.extended.clone());
    let design = DesignRecord { end, max_seconds, extended, ..known };
    // At the end, what the report will say.
    let known = if end.is_some() { schedule.last() } else { schedule.live() };
    let live = known.filter(|_| !plan.emulated && state.blocks >= SHOWN_FROM);
    listener.on_event(&RunEvent::Progress {
        design: Box::new(design),
        blocks: state.blocks,
        live: live.unwrap_or_default(),
        eta_seconds: if end.is_some() { None } else { schedule.eta_seconds() },
    });
}

/// Blocks from which on an estimate is shown.
const SHOWN_FROM: u32 = 3;

/// The boots of a run.
struct Boots<'a> {
    plan: &'a Plan,
    workload: &'a dyn Workload,
    around: &'a Surroundings<'a>,
    /// Boots so far, attempts included.
    number: u32,
    /// Why the last boot was void, if a CPU quota held it up.
    held_up: Option<String>,
}

/// A boot that is over, with the attempts before it.
struct Booted {
    boot: design::Boot,
    /// Why it failed for good, if it did.
    failure: Option<RunError>,
    /// Why it cannot be trusted, if it cannot.
    void: Option<String>,
}

impl Boots<'_> {
    /// Repeats a boot until it is good or void, or no attempt is left.
    fn boot(&mut self, turn: &Turn, listener: &mut dyn Listener) -> Result<Booted, RunError> {
        let Some(contender) = self.plan.contenders.get(turn.contender) else { return Err(RunError::Foreign) };
        let run_dir = self.around.run_dir;
        let mut spent = 0.0;
        let mut attempt = 0_u32;
        loop {
            attempt = attempt.saturating_add(1);
            let io = |action, path: &std::path::Path| {
                let path = path.to_owned();
                move |source| RunError::Io { action, path, source }
            };
            if self.number > 0 {
                self.around.wait(self.plan.settle);
                spent += self.plan.settle.as_secs_f64();
            }
            let dir = run_dir.boot_dir(self.number).map_err(io("make", run_dir.path()))?;
            self.number = self.number.saturating_add(1);
            let Boots { plan, workload, around, .. } = *self;
            let boot = Boot { plan, workload, turn, contender, attempt, around, dir: &dir };
            let record = boot.run(listener);
            let removed = std::fs::remove_dir_all(&dir);
            let record = record?;
            let retried = record.status.worth_a_retry() && attempt < self.plan.attempts;
            let told = RunEvent::BootDone { contender: turn.contender, boot: Box::new(record.clone()), retried };
            listener.on_event(&told);
            removed.map_err(io("remove", &dir))?;
            if retried {
                spent += record.life_seconds;
                continue;
            }
            if record.status == BootStatus::Void {
                let held_up =
                    record.throttled_seconds.is_some_and(|seconds| seconds > throttle::SHARE * record.life_seconds);
                self.held_up = record.message.clone().filter(|_| held_up);
            }
            let boot = measured(&record, &self.plan.primary);
            let boot = design::Boot { seconds: boot.seconds + spent, ..boot };
            let void = record
                .message
                .as_ref()
                .filter(|_| record.status == BootStatus::Void)
                .map(|message| format!("{}, boot {}: {message}", contender.name, turn.block.saturating_add(1)));
            let failure = match record.status {
                BootStatus::Ok | BootStatus::Void => None,
                BootStatus::Interrupted => return Err(RunError::interrupted(self.around.interrupt)),
                status => Some(RunError::Boot {
                    contender: contender.name.clone(),
                    boot: turn.block.saturating_add(1),
                    attempts: attempt,
                    status,
                    message: record.message.unwrap_or_default(),
                    help: error::help(status),
                }),
            };
            return Ok(Booted { boot, failure, void });
        }
    }
}
