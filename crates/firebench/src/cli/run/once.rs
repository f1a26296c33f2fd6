//! One run, from the command line to its exit code.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use firebench_analysis::{counted, gate};
use firebench_model::experiment::Experiment;
use firebench_model::metric::Metric;
use firebench_model::record::{Report, RunEnd};
use firebench_report::{self as report, Written, terminal};
use firebench_stats::{Judgement, Verdict};
use firebench_store::experiment_file::load_experiment;
use firebench_text::VERBATIM;
use firebench_vmm::quote;
use miette::Diagnostic;

use super::super::exit_codes::EXIT_OK;
use super::super::failure::Failure;
use super::super::storage_args::StorageArgs;
use super::super::style::style;
use super::super::{output, trust};
use super::args::RunArgs;
use super::keep::{self, CutOff, Keeper};
use super::selection;
use super::session::Session;
use crate::dry_run;
use firebench_analysis::findings::Findings;

/// What is to be carried out.
pub(super) struct Job {
    /// The stored run that goes on.
    pub(super) cut_off: Option<CutOff>,
    /// The experiment.
    pub(super) experiment: Experiment,
    /// Where the report goes, if it is to be written to files.
    pub(super) out: Option<PathBuf>,
}

impl Job {
    /// A new run.
    pub(super) fn new(experiment: Experiment, out: Option<PathBuf>) -> Job {
        Job { cut_off: None, experiment, out }
    }
}

/// What became of it.
pub(super) struct Done {
    /// The exit code.
    pub(super) code: u8,
    /// What `firebench compare` finds the run by: the directory of its report, or its id in the store.
    pub(super) name: Option<String>,
    /// Its contenders, the baseline first.
    pub(super) contenders: Vec<String>,
    /// Its report; None of a dry run.
    pub(super) report: Option<Box<Report>>,
}

/// What the command line asks for.
pub(super) fn job(args: &RunArgs, places: &StorageArgs) -> Result<Job, Failure> {
    let more_time = args.max_time.is_some();
    let cut_off = args.resume.as_deref().map(|which| keep::cut_off(which, more_time, places)).transpose()?;
    let experiment = match &cut_off {
        Some(stored) => args.with_limits(stored.report.experiment.clone()),
        None => {
            let file = args.file().map_err(Failure::usage)?;
            if let Some(file) = &file {
                trust::experiment(file, args.from.is_some(), args.trust_experiment)?;
            }
            let base = file.as_deref().map(load_experiment).transpose()?;
            let data_dir = places.data_dir()?;
            args.experiment(base, |kind| selection::is_here(kind, &data_dir)).map_err(Failure::usage)?
        }
    };
    let workload = firebench_workload::of(&experiment.workload)?;
    let measured = firebench_workload::metrics(workload).filter(|metric| metric.shown).cloned();
    let limited: Vec<Metric> = measured.chain(counted::metrics().map(|(_, _, metric)| metric)).collect();
    gate::check_metrics(&args.gate.fail_if, limited.iter())?;
    Ok(Job { cut_off, experiment, out: args.out.clone() })
}

/// Carries it out.
pub(super) fn carry_out(args: &RunArgs, places: &StorageArgs, session: &Session, job: Job) -> Result<Done, Failure> {
    let Job { cut_off, experiment, out } = job;
    let out = out.as_deref();
    let mut prepared = session.prepare(&experiment, places, !args.dry_run)?;
    if args.dry_run {
        output::print(&dry_run::render(&prepared, &session.cache)?)?;
        return Ok(Done { code: EXIT_OK, name: None, contenders: Vec::new(), report: None });
    }
    if let Some(lack) = prepared.no_kvm.take() {
        return Err(lack.into());
    }
    let compared = prepared.plan.contenders.iter().skip(1).map(|planned| planned.name.as_str());
    gate::check(&args.gate.fail_if, compared)?;
    if let Some(dir) = out {
        report::check_directory(dir)?;
    }
    args.gate.check_output()?;
    let mut keeper = match cut_off {
        Some(stored) => stored.go_on(&mut prepared, args.max_time)?,
        None if args.no_store => Keeper::none(),
        None => Keeper::begin(&mut prepared.report, places)?,
    };
    let (report, result) = session.carry_out(&prepared, &mut keeper.recorder());
    let discarded = prepared.discard(&session.cache).map_err(Failure::from);
    let keeps = keeper.keeps();
    let kept = keeper.finish(&report);
    let can_go_on = keeps && kept.is_ok() && report.design.end != Some(RunEnd::Void);
    let result = result.map_err(|failure| if can_go_on { goes_on(failure, out, places, &report) } else { failure });
    let findings = Findings::of(&report);
    let mut text = shown(&findings, result.is_err());
    // Neither waits for the other: what cannot be shown is in the files, and what cannot be saved is on the terminal.
    let saved = out.map_or(Ok(()), |dir| {
        let Written { markdown, json } = report::write_atomic(dir, &findings)?;
        text.push_str(&format!("{}\n{}\n", markdown.display(), json.display()));
        Ok(())
    });
    let shown = output::print(&text);
    all([result, saved, kept, shown, discarded])?;
    let name = out.map(|dir| dir.to_string_lossy().into_owned()).or_else(|| report.id.clone());
    let contenders = report.contenders.iter().map(|contender| contender.name.clone()).collect();
    let code = hold(args, &findings)?;
    Ok(Done { code, name, contenders, report: Some(Box::new(report)) })
}

/// The report for standard output. Where standard error is the same terminal, the error comes right below it: once is enough.
fn shown(findings: &Findings, failed: bool) -> String {
    let is_terminal = std::io::stdout().is_terminal();
    let text = |findings: &Findings| terminal::render(findings, style(is_terminal));
    if failed && is_terminal && std::io::stderr().is_terminal() {
        text(&Findings { report: &Report { failure: None, ..findings.report.clone() }, ..findings.clone() })
    } else {
        text(findings)
    }
}

/// Adds to the error of a failed run in the store how to resume it.
fn goes_on(failure: Failure, out: Option<&Path>, places: &StorageArgs, report: &Report) -> Failure {
    let Some(id) = &report.id else { return failure };
    let program = std::env::args().next().unwrap_or_else(|| "firebench".to_owned());
    let mut words = vec![program, "run".to_owned(), "--resume".to_owned(), id.clone()];
    words.extend(places.words());
    if let Some(dir) = out {
        words.extend(["--out".to_owned(), dir.to_string_lossy().into_owned()]);
    }
    let command = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    Failure { error: Box::new(GoesOn { error: failure.error, command }), code: failure.code }
}

/// An error after which the run can be resumed.
#[derive(Debug)]
struct GoesOn {
    error: Box<dyn Diagnostic + Send + Sync>,
    command: String,
}

impl std::fmt::Display for GoesOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for GoesOn {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for GoesOn {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let first = self.error.help().map(|hint| format!("{hint}\nhint: ")).unwrap_or_default();
        Some(Box::new(format!("{first}to resume the run after the boots that are done:\n{VERBATIM}{}", self.command)))
    }
}

/// The first failure; further ones are printed here.
fn all<const N: usize>(results: [Result<(), Failure>; N]) -> Result<(), Failure> {
    let mut failures = results.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    for failure in failures {
        output::tell(&failure.render());
    }
    Err(first)
}

/// Applies the limits to the run, prints the outcomes, and returns the exit code.
fn hold(args: &RunArgs, findings: &Findings) -> Result<u8, Failure> {
    let report = findings.report;
    let judged = gate::of_run(findings, &args.gate.fail_if);
    let mut outcomes = gate::judge(&args.gate.fail_if, &judged);
    args.gate.settle(&mut outcomes);
    let mut text: String = outcomes.iter().map(|outcome| format!("{outcome}\n")).collect();
    if std::io::stdout().is_terminal() {
        text = firebench_text::fit(&text, style(true).width);
    }
    output::print(&text)?;
    let said = |judgement: &Judgement| judgement.verdict != Verdict::Inconclusive;
    let mut primary = judged.iter().filter(|judged| judged.metric.name == report.design.primary);
    let conclusive = primary.all(|judged| judged.judgement.as_ref().is_ok_and(said));
    args.gate.finish(&outcomes, report.experiment.workload.name(), conclusive)
}
