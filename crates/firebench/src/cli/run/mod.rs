//! `firebench run`: the main job.

mod args;
mod keep;
mod session;

use std::io::IsTerminal;

pub(super) use args::RunArgs;
use firebench_stats::{Judgement, Verdict};
pub(super) use session::{Session, style};

use super::{EXIT_OK, Failure, Places};
use crate::record::Report;
use crate::report::{self, Written, terminal};
use crate::summary::METRICS;
use crate::{dry_run, gate};
use keep::Keeper;

/// Returns the exit code.
pub(super) fn main(args: &RunArgs, places: &Places) -> Result<u8, Failure> {
    let cut_off = args.resume.as_deref().map(|which| keep::cut_off(which, places)).transpose()?;
    let experiment = match &cut_off {
        Some(stored) => args.borne(stored.report.experiment.clone()),
        None => {
            let file = args.file().map_err(Failure::usage)?;
            let base = file.as_deref().map(report::load_experiment).transpose().map_err(Failure::usage)?;
            args.experiment(base).map_err(Failure::usage)?
        }
    };
    gate::check_metrics(&args.gate.fail_if, &METRICS.map(str::to_owned)).map_err(Failure::usage)?;
    let session = Session::open(places, args.quiet)?;
    let mut prepared = session.prepare(&experiment, places)?;
    if args.dry_run {
        super::print(&dry_run::render(&prepared, &session.cache)?)?;
        return Ok(EXIT_OK);
    }
    if let Some(lack) = prepared.no_kvm.take() {
        return Err(lack.into());
    }
    let compared = prepared.plan.contenders.iter().skip(1).map(|planned| planned.name.as_str());
    gate::check(&args.gate.fail_if, compared).map_err(Failure::usage)?;
    if let Some(dir) = &args.out {
        report::check_directory(dir)?;
    }
    let mut keeper = match cut_off {
        Some(stored) => stored.go_on(&mut prepared)?,
        None if args.no_store => Keeper::none(),
        None => Keeper::begin(&mut prepared.report, places)?,
    };
    let (report, result) = session.carry_out(&prepared, &mut keeper.recorder());
    let kept = keeper.finish(&report);
    let mut text = terminal::render(&report, style(std::io::stdout().is_terminal()));
    // Neither waits for the other: what cannot be shown is in the files, and what cannot be saved is on the terminal.
    let saved = args.out.as_ref().map_or(Ok(()), |dir| {
        let Written { markdown, json } = report::write_atomic(dir, &report)?;
        text.push_str(&format!("{}\n{}\n", markdown.display(), json.display()));
        Ok(())
    });
    let shown = super::print(&text);
    all([result, saved, kept, shown])?;
    hold(args, &report)
}

/// The first failure; those after it are told here.
fn all<const N: usize>(results: [Result<(), Failure>; N]) -> Result<(), Failure> {
    let mut failures = results.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    for failure in failures {
        super::tell(&failure.render());
    }
    Err(first)
}

/// Holds the limits against the run, tells what came of them, and gives the exit code.
fn hold(args: &RunArgs, report: &Report) -> Result<u8, Failure> {
    let judged = gate::of_run(report, &args.gate.fail_if);
    let mut outcomes = gate::judge(&args.gate.fail_if, &judged);
    args.gate.settle(&mut outcomes);
    super::print(&outcomes.iter().map(|outcome| format!("{outcome}\n")).collect::<String>())?;
    let said = |judgement: &Judgement| judgement.verdict != Verdict::Inconclusive;
    let mut primary = judged.iter().filter(|judged| judged.metric == report.design.primary);
    let conclusive = primary.all(|judged| judged.judgement.as_ref().is_ok_and(said));
    args.gate.finish(&outcomes, report.experiment.workload.name(), conclusive)
}
