//! Places where a plan is carried out: one file each.
//!
//! | module | where |
//! |---|---|
//! | [`local`] | on this machine |
//! | [`nested`] | in an emulated machine with a KVM of its own |

mod error;
pub mod local;
pub mod nested;
mod place;

use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::Plan;
use firebench_model::record::BootStatus;
use firebench_stats::design;

use crate::runner::{Surroundings, measured};

pub use error::ExecutorError;
pub use place::{Executor, Place};

/// Executors that break down, one after the other, before the run is given up.
const ATTEMPTS: u32 = 3;

/// Carries out a plan. Where the executor's place breaks down, the boots that are left run in a new one.
///
/// # Errors
/// [`ExecutorError`]: the run failed or was stopped, or three places broke down one after the other.
pub fn run(
    executor: &dyn Executor,
    plan: &Plan,
    around: &Surroundings<'_>,
    listener: &mut dyn Listener,
) -> Result<(), ExecutorError> {
    let mut plan = plan.clone();
    for attempt in 1.. {
        let (mut done, mut failures, mut spent) = (Vec::new(), 0, 0.0);
        let mut counting = |event: &RunEvent| {
            match event {
                RunEvent::BootDone { boot, retried: true, .. } => spent += boot.life_seconds,
                RunEvent::BootDone { boot, .. } => {
                    if boot.status != BootStatus::Interrupted {
                        let boot = measured(boot, &plan.primary);
                        done.push(design::Boot { seconds: boot.seconds + std::mem::take(&mut spent), ..boot });
                    }
                    failures = u32::saturating_add(failures, boot.status.is_failure().into());
                }
                _ => {}
            }
            listener.on_event(event);
        };
        let result = executor.run(&plan, attempt, around, &mut counting);
        plan.done.extend(done);
        plan.max_failures = plan.max_failures.saturating_sub(failures);
        match result.as_ref().err().and_then(ExecutorError::breakdown).filter(|_| attempt < ATTEMPTS) {
            Some(reason) => {
                let text = format!("{} {attempt} broke down and was replaced: {reason}", executor.place().name);
                listener.on_event(&RunEvent::Notice { text });
            }
            None => return result,
        }
    }
    Ok(())
}
