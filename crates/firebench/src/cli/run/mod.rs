//! `firebench run`: the main job.

mod args;

use std::io::IsTerminal;
use std::path::Path;
use std::time::Instant;

pub(super) use args::RunArgs;
use firebench_vmm::{Interrupt, RunDir, affinity, sweep};

use super::{Failure, Places};
use crate::collect::Collected;
use crate::dry_run;
use crate::events::{Listener, RunEvent};
use crate::prepare::{self, PrepareError, Prepared, prepare};
use crate::record::{Overhead, Report, RunEnd};
use crate::report::progress::{Outlook, Progress, Verbosity};
use crate::report::terminal::Style;
use crate::report::{self, terminal};
use crate::runner::{self, Surroundings};
use crate::usage;

pub(super) fn main(args: &RunArgs, places: &Places) -> Result<(), Failure> {
    let begun = Instant::now();
    let file = args.file().map_err(Failure::usage)?;
    let base = file.as_deref().map(report::load_experiment).transpose().map_err(Failure::usage)?;
    let experiment = args.experiment(base).map_err(Failure::usage)?;
    let interrupt = Interrupt::install().map_err(Failure::system("catch signals"))?;
    let temporary = std::env::temp_dir();
    for problem in sweep(&temporary)?.problems {
        eprintln!("note: {problem}");
    }
    let run_dir = RunDir::create(&temporary)?;
    let cache = places.cache(args.quiet, &interrupt)?;
    let prepared = prepare(
        &experiment,
        &prepare::Places { cache: cache.clone(), data_dir: places.data_dir()?, run_dir: run_dir.path().to_owned() },
    );
    let prepared = Failure::unless_stopped(prepared, &interrupt)?;
    if args.dry_run {
        let text = dry_run::render(&prepared, &cache)?;
        return super::print(&text);
    }
    if let Some(dir) = &args.out {
        report::check_directory(dir)?;
    }
    if let Some(cpu) = prepared.harness {
        affinity::bind_self(&[cpu]).map_err(PrepareError::Affinity)?;
    }
    let around = Surroundings { run_dir: &run_dir, interrupt: &interrupt };
    let verbosity = if args.quiet { Verbosity::Quiet } else { Verbosity::Normal };
    let (report, result) = carry_out(prepared, &around, begun, verbosity);
    let stdout = std::io::stdout();
    let style = style(stdout.is_terminal());
    super::print(&terminal::render(&report, style))?;
    match (args.out.as_ref().map_or(Ok(()), |dir| save(&report, dir)), result) {
        (Err(unsaved), Err(failed)) => {
            eprint!("{}", unsaved.render());
            Err(failed)
        }
        (saved, result) => result.and(saved),
    }
}

/// Writes the report's files and tells where they are.
fn save(report: &Report, dir: &Path) -> Result<(), Failure> {
    let written = report::write_atomic(dir, report)?;
    super::print(&format!("{}\n{}\n", written.markdown.display(), written.json.display()))
}

/// Carries out the run; the report holds what was seen, whether it went well or not.
fn carry_out(
    prepared: Prepared,
    around: &Surroundings<'_>,
    begun: Instant,
    verbosity: Verbosity,
) -> (Report, Result<(), Failure>) {
    let mut report = prepared.report.clone();
    let outlook = Outlook {
        contenders: prepared.plan.contenders.iter().map(|planned| planned.name.clone()).collect(),
        blocks: report.design.planned,
        iterations: report.design.iterations,
        emulated: report.emulated,
    };
    let stderr = std::io::stderr();
    let is_terminal = stderr.is_terminal();
    let mut progress = Progress::new(stderr, outlook, verbosity, is_terminal, style(is_terminal));
    let mut collected = Collected::new(prepared.plan.contenders.len());
    let mut first_vm = None;
    let cpu_before = usage::own_cpu_seconds();
    let started = Instant::now();
    let mut listener = |event: &RunEvent| {
        if matches!(event, RunEvent::BootStarting { .. }) {
            first_vm.get_or_insert_with(|| begun.elapsed().as_secs_f64());
        }
        progress.on_event(event);
        collected.on_event(event);
    };
    let result = match &prepared.nested {
        Some(nested) => nested.run(around, &mut listener).map_err(Failure::from_nested),
        None => runner::run(&prepared.plan, around, &mut listener).map_err(Failure::from_run),
    };
    drop(progress);
    report.duration = started.elapsed().as_secs_f64();
    report.overhead = Overhead { first_vm_seconds: first_vm, own_cpu_seconds: usage::own_cpu_seconds() - cpu_before };
    collected.fill(&mut report);
    if let Err(failure) = &result {
        report.failure = Some(failure.sentence());
        report.design.end = Some(if failure.signal() { RunEnd::Interrupted } else { RunEnd::Failed });
    }
    (report, result)
}

fn style(is_terminal: bool) -> Style {
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style::for_stream(is_terminal, std::env::var_os("NO_COLOR").as_deref(), width)
}
