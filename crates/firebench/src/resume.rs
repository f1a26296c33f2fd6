//! Taking up a run that was cut off: is it still the same one, and which of its boots are there already? Pure.

use firebench_model::plan::Plan;
use firebench_model::record::{ContenderRecord, Report};
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

/// In what a run that is prepared `now` differs from the `stored` one, of all that its results depend on.
pub fn changes(stored: &Report, now: &Report) -> Vec<String> {
    let mut changed = Vec::new();
    let mut differs = |what: String, was: &dyn std::fmt::Debug, is: &dyn std::fmt::Debug| {
        let (was, is) = (format!("{was:?}"), format!("{is:?}"));
        if was != is {
            changed.push(format!("{what} was {was} and is {is}"));
        }
    };
    differs("the accelerator".to_owned(), &stored.accelerator, &now.accelerator);
    differs("the emulation".to_owned(), &stored.emulated, &now.emulated);
    differs("the payload".to_owned(), &stored.payload.sha256, &now.payload.sha256);
    differs("the seed".to_owned(), &stored.design.seed, &now.design.seed);
    differs("the host's kernel".to_owned(), &stored.host.kernel, &now.host.kernel);
    differs("the host's CPU".to_owned(), &stored.host.cpu_model, &now.host.cpu_model);
    let names = |report: &Report| report.contenders.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    differs("the contenders".to_owned(), &names(stored), &names(now));
    for (was, is) in stored.contenders.iter().zip(&now.contenders) {
        let of = |what: &str| format!("{what} of {}", was.name);
        let machine = |c: &ContenderRecord| (c.vcpus, c.memory_mib, c.settings.clone());
        differs(of("the program"), &was.sha256, &is.sha256);
        differs(of("the machine"), &machine(was), &machine(is));
        differs(of("the kernel command line"), &was.cmdline, &is.cmdline);
    }
    let files = |report: &Report| {
        let mut files: Vec<_> = report.artifacts.iter().map(|file| (file.role.clone(), file.sha256.clone())).collect();
        files.sort();
        files
    };
    let (was, is) = (files(stored), files(now));
    for (role, _) in is.iter().filter(|file| !was.contains(file)) {
        changed.push(format!("the {role} is a different file"));
    }
    changed
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
