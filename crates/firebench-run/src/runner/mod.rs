//! The runner: carries out a plan, boot by boot, and reports to a listener what happens.

mod at_once;
mod beside;
mod boot;
mod boots;
mod duet;
mod error;
mod failure_budget;
mod job;
mod surroundings;
mod together;

use boots::{Booted, Boots};
use failure_budget::FailureBudget;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::Plan;
use firebench_model::record::{DesignRecord, RunEnd};
use firebench_stats::design::{self, End, Next, Schedule};

pub use boots::measured;
pub use error::RunError;
pub use job::{CONTAINED_AGENT, CONTAINED_JOB, nonce, planned_launch, seed, write_job, write_with_job};
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
    let mut boots = Boots::new(plan, workload, around);
    let mut block = None;
    let mut last_void = None;
    loop {
        match schedule.next() {
            Next::End(end) => {
                progress(plan, &schedule, Some(ended(end)), listener);
                return match (end, boots.held_up()) {
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
                let booted = if plan.design.duet {
                    boots.at_once(&schedule.rest_of_block().collect::<Vec<_>>(), schedule.state().warm_up, listener)?
                } else {
                    vec![boots.boot(&turn, listener)?]
                };
                for Booted { contender, boot, failure, void } in booted {
                    budget.saw(contender, &boot);
                    failure.map_or(Ok(()), |failure| budget.spend(contender, failure))?;
                    schedule.record(boot)?;
                    last_void = void.or(last_void);
                }
            }
        }
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
        duet: settings.duet,
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
