//! `--preset origin`: the experiment that firebench grew out of, as a series of runs, and one page with its published figures beside ours.

use std::path::{Path, PathBuf};

use firebench_analysis::origin::plan::AT_ONCE;
use firebench_analysis::origin::{Asked, MEASURES, Outcome, Planned, Series, series};
use firebench_host::{accel, facts, fetch};
use firebench_model::experiment::{AccelChoice, ExperimentError};
use firebench_model::record::Report;
use firebench_report::{self as report, origin};
use firebench_supervise::kvm;

use super::super::failure::Failure;
use super::super::output;
use super::super::storage_args::StorageArgs;
use super::args::RunArgs;
use super::args_error::ArgsError;
use super::choices::Presets;
use super::once::{self, Job};
use super::repeat::badness;
use super::session::Session;

/// The page, in the directory for reports.
const PAGE: &str = "origin.md";

/// The report of a run, or why there is none.
type Found = Result<Box<Report>, String>;

/// Whether the series is asked for.
pub(super) fn is_asked(args: &RunArgs) -> bool {
    args.preset == Some(Presets::Origin)
}

/// Carries out the series, also where a run of it fails, until a signal comes; then writes the page. Returns the exit code of the
/// worst run, or the failure of the first one that failed.
pub(super) fn main(args: &RunArgs, places: &StorageArgs) -> Result<u8, Failure> {
    check(args).map_err(Failure::usage)?;
    let data_dir = places.data_dir()?;
    let Series { planned, unplanned } =
        series(&asked(args, &data_dir)).map_err(|error| Failure::usage(ExperimentError::from(error)))?;
    if let Some(dir) = args.out.as_deref().filter(|_| !args.dry_run) {
        report::check_directory(dir)?;
    }
    let mut session = Session::open(places, args.verbosity())?;
    let mut done: Vec<(&Planned, Found)> = Vec::new();
    let mut failed: Option<Failure> = None;
    let mut codes = Vec::new();
    for (number, one) in planned.iter().enumerate() {
        if let Err(failure) = session.renewed() {
            failed.get_or_insert(failure);
            done.push((one, Err("not measured: the series was stopped before".to_owned())));
            continue;
        }
        output::tell(&format!("{} ({} of {})\n", one.name, number.saturating_add(1), planned.len()));
        let result = args
            .experiment(Some(one.experiment.clone()), |_| true)
            .map_err(Failure::usage)
            .map(|experiment| Job::new(experiment, args.out.as_ref().map(|dir| dir.join(&one.name))))
            .and_then(|job| once::carry_out(args, places, &session, job));
        match result {
            Ok(run) => {
                codes.push(run.code);
                done.extend(run.report.map(|report| (one, Ok(report))));
            }
            Err(failure) => {
                let sentence = failure.sentence();
                output::tell(&format!("{} failed: {sentence}\n", one.name));
                done.push((one, Err(format!("failed: {sentence}"))));
                failed.get_or_insert(failure);
            }
        }
    }
    if args.dry_run {
        return failed.map_or(Ok(0), Err);
    }
    let outcomes: Vec<Outcome<'_>> = done.iter().map(|(one, report)| outcome(one, report)).collect();
    let directories: Vec<String> = match &args.out {
        Some(_) => planned.iter().map(|one| one.name.clone()).collect(),
        None => Vec::new(),
    };
    let only = args.workload.as_ref().map(|workload| workload.name());
    keep(&origin::page(&outcomes, &unplanned, only, &directories), args.out.as_deref())?;
    match failed {
        Some(failure) => Err(failure),
        None => Ok(codes.into_iter().max_by_key(|code| badness(*code)).unwrap_or_default()),
    }
}

fn outcome<'a>(one: &'a Planned, report: &'a Found) -> Outcome<'a> {
    Outcome {
        workload: one.experiment.workload.name(),
        at_once: one.at_once,
        report: report.as_ref().map(Box::as_ref).map_err(String::as_str),
    }
}

/// Writes the page into the directory for reports, or to standard output where there is none.
fn keep(page: &str, out: Option<&Path>) -> Result<(), Failure> {
    match out {
        Some(dir) => {
            let path: PathBuf = dir.join(PAGE);
            report::write_page(&path, page)?;
            output::print(&format!("{}\n", path.display()))
        }
        None => output::print(page),
    }
}

/// Whether nothing is asked for that the series has of its own.
fn check(args: &RunArgs) -> Result<(), ArgsError> {
    let own = [
        ("--vmm", args.vmm.is_some()),
        ("--contender", !args.contender.is_empty()),
        ("--from", args.from.is_some()),
        ("--resume", args.resume.is_some()),
        ("--repeat-run", args.repeat_run.is_some()),
        ("--fail-if", !args.gate.fail_if.is_empty()),
        ("--root", args.root.is_given()),
        ("a command", args.command.is_given()),
    ];
    if let Some((what, _)) = own.into_iter().find(|(_, given)| *given) {
        return Err(ArgsError::OfTheOrigin(what));
    }
    let mut known: Vec<&str> = MEASURES.iter().map(|measure| measure.workload).collect();
    known.dedup();
    match args.workload.as_ref().filter(|workload| !known.contains(&workload.name())) {
        Some(workload) => Err(ArgsError::NotOfTheOrigin(workload.name().to_owned(), known.join(", "))),
        None => Ok(()),
    }
}

/// What is asked of the matrix, on this machine.
fn asked(args: &RunArgs, data_dir: &Path) -> Asked {
    let kvm = kvm::probe(Path::new(kvm::DEVICE));
    let chosen = accel::choose(args.accel.unwrap_or(AccelChoice::Auto), &kvm, false);
    let host = facts::read(Path::new("/"), data_dir, kvm.hypervisor);
    Asked {
        workload: args.workload.clone(),
        at_once: match args.concurrent.numbers() {
            [] if chosen.emulated => vec![1],
            [] => AT_ONCE.to_vec(),
            numbers => numbers.to_vec(),
        },
        // The nested host's CPU is an AMD, whatever this machine has.
        intel: !chosen.nested && host.cpu_model.is_some_and(|model| model.contains("Intel")),
        small_kernel: matches!(fetch::small_kernel(data_dir), Ok(Some(_))),
    }
}
