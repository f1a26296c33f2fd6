//! Taking up a run that was cut off: which of its boots are there already? Pure.

use firebench_model::plan::Plan;
use firebench_run::runner;
use firebench_stats::design::{self, Next, Schedule};
use firebench_store::store::Done;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ResumeError {
    /// It would be another run.
    #[error("cannot resume run {id}: the setup has changed: {}", changed.join("; "))]
    #[diagnostic(help("undo the change, or start a new run with `firebench run --from` its report"))]
    Changed {
        /// The run.
        id: String,
        /// What changed.
        changed: Vec<String>,
    },
    /// A time for a run that has none.
    #[error("cannot resume run {0} with --max-time: it aims at a number of boots, not at a precision")]
    #[diagnostic(help(
        "leave out --max-time, or start a new run with another number of boots: `firebench run --from` its report \
        with --boots"
    ))]
    NoTime(String),
    /// The boots that are there are not those of its design.
    #[error("cannot resume run {0}: its boots do not follow its design")]
    #[diagnostic(help("start a new run: the store may have been edited (`firebench show` prints what is in it)"))]
    Foreign(String),
}

/// What the design knows after the boots that are `done`, which must be the first ones that it wants.
///
/// # Errors
/// [`ResumeError::Foreign`].
pub fn replay(id: &str, plan: &Plan, done: &[Done]) -> Result<Vec<design::Boot>, ResumeError> {
    let foreign = || ResumeError::Foreign(id.to_owned());
    let mut schedule = Schedule::new(plan.design.clone()).map_err(|_| foreign())?;
    let mut boots = Vec::with_capacity(done.len());
    for (number, Done { contender, boot, seconds }) in done.iter().enumerate() {
        plan.extend(&mut schedule, number).map_err(|_| foreign())?;
        let place = (boot.block, boot.position, *contender);
        match schedule.next() {
            Next::Boot(turn) if (turn.block, turn.position, turn.contender) == place => {}
            _ => return Err(foreign()),
        }
        let measured = design::Boot { seconds: *seconds, ..runner::measured(boot, &plan.primary) };
        schedule.record(measured.clone()).map_err(|_| foreign())?;
        boots.push(measured);
    }
    Ok(boots)
}
