//! `firebench run`: the main job.

mod args;
mod session;

use std::io::IsTerminal;
use std::path::Path;

pub(super) use args::RunArgs;
pub(super) use session::{Session, style};

use firebench_stats::{Judgement, Verdict};

use super::{EXIT_OK, Failure, Places};
use crate::events::RunEvent;
use crate::record::Report;
use crate::report::{self, terminal};
use crate::{dry_run, gate};

/// Returns the exit code.
pub(super) fn main(args: &RunArgs, places: &Places) -> Result<u8, Failure> {
    let file = args.file().map_err(Failure::usage)?;
    let base = file.as_deref().map(report::load_experiment).transpose().map_err(Failure::usage)?;
    let experiment = args.experiment(base).map_err(Failure::usage)?;
    let session = Session::open(places, args.quiet)?;
    let prepared = session.prepare(&experiment, places)?;
    if args.dry_run {
        super::print(&dry_run::render(&prepared, &session.cache)?)?;
        return Ok(EXIT_OK);
    }
    let compared = prepared.plan.contenders.iter().skip(1).map(|planned| planned.name.as_str());
    gate::check(&args.gate.fail_if, compared).map_err(Failure::usage)?;
    if let Some(dir) = &args.out {
        report::check_directory(dir)?;
    }
    let (report, result) = session.carry_out(&prepared, &mut |_: &RunEvent| {});
    super::print(&terminal::render(&report, style(std::io::stdout().is_terminal())))?;
    match (args.out.as_ref().map_or(Ok(()), |dir| save(&report, dir)), result) {
        (Err(unsaved), Err(failed)) => {
            eprint!("{}", unsaved.render());
            Err(failed)
        }
        (saved, result) => result.and(saved),
    }?;
    hold(args, &report)
}

/// Holds the limits against the run, tells what came of them, and gives the exit code.
fn hold(args: &RunArgs, report: &Report) -> Result<u8, Failure> {
    let judged = gate::of_run(report, &args.gate.fail_if);
    let outcomes = gate::judge(&args.gate.fail_if, &judged);
    super::print(&outcomes.iter().map(|outcome| format!("{outcome}\n")).collect::<String>())?;
    let said = |judgement: &Judgement| judgement.verdict != Verdict::Inconclusive;
    let mut primary = judged.iter().filter(|judged| judged.metric == report.design.primary);
    let conclusive = primary.all(|judged| judged.judgement.as_ref().is_ok_and(said));
    args.gate.finish(&outcomes, report.experiment.workload.name(), conclusive)
}

/// Writes the report's files and tells where they are.
fn save(report: &Report, dir: &Path) -> Result<(), Failure> {
    let written = report::write_atomic(dir, report)?;
    super::print(&format!("{}\n{}\n", written.markdown.display(), written.json.display()))
}
