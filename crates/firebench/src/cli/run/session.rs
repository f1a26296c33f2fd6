//! A run from its experiment to its report: what `run` and `calibrate --live` have in common.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use firebench_image::cache::Cache;
use firebench_model::collect::Collected;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::experiment::Experiment;
use firebench_model::metric;
use firebench_model::record::{Overhead, Report, RunEnd};
use firebench_report::progress::{Outlook, Progress, Verbosity};
use firebench_run::executor;
use firebench_run::runner::{RunError, Surroundings};
use firebench_stats::design::Boot;
use firebench_supervise::{Interrupt, RunDir, affinity, sweep};

use super::super::failure::Failure;
use super::super::storage_args::StorageArgs;
use super::super::style::style;
use super::super::{output, system};
use crate::prepare::{self, PrepareError, Prepared};
use crate::usage;

/// The surroundings of a run: its directory, its cache, and the signals that stop it.
pub(crate) struct Session {
    begun: Instant,
    interrupt: Interrupt,
    run_dir: RunDir,
    /// Images and kernels.
    pub(crate) cache: Cache,
    verbosity: Verbosity,
}

impl Session {
    /// Catches signals, sweeps what a killed firebench left, opens the cache. It shows as much progress as `verbosity` says.
    pub(crate) fn open(places: &StorageArgs, verbosity: Verbosity) -> Result<Self, Failure> {
        let begun = Instant::now();
        let interrupt = system::catch_signals()?;
        let temporary = std::env::temp_dir();
        for problem in sweep(&temporary)?.problems {
            output::tell(&format!("note: {problem}\n"));
        }
        let run_dir = RunDir::create(&temporary)?;
        let cache = places.cache(verbosity == Verbosity::Quiet, &interrupt)?;
        Ok(Session { begun, interrupt, run_dir, cache, verbosity })
    }

    /// The directory of its run.
    pub(crate) fn directory(&self) -> PathBuf {
        self.run_dir.path().to_owned()
    }

    /// Makes room for another run, in a directory of its own. A signal that came since stops it.
    pub(crate) fn renewed(&mut self) -> Result<(), Failure> {
        if self.interrupt.signal().is_some() {
            return Err(Failure::from_run(RunError::interrupted(&self.interrupt)));
        }
        self.run_dir = RunDir::create(&std::env::temp_dir())?;
        self.begun = Instant::now();
        Ok(())
    }

    /// Makes everything that the experiment needs; without `build`, disks that are missing are only named.
    pub(crate) fn prepare(
        &self,
        experiment: &Experiment,
        places: &StorageArgs,
        build: bool,
    ) -> Result<Prepared, Failure> {
        let places = prepare::Places {
            cache: self.cache.clone(),
            data_dir: places.data_dir()?,
            run_dir: self.run_dir.path().to_owned(),
            build,
        };
        Failure::unless_stopped(prepare::prepare(experiment, &places), &self.interrupt)
    }

    /// Carries out the run; the report holds what was seen, whether the run succeeded or not. `recorder` gets all
    /// events, too.
    pub(crate) fn carry_out(&self, prepared: &Prepared, recorder: &mut dyn Listener) -> (Report, Result<(), Failure>) {
        let around = Surroundings { run_dir: &self.run_dir, interrupt: &self.interrupt };
        let mut report = prepared.report.clone();
        let mut collected = Collected::new(prepared.plan.contenders.iter().map(|planned| planned.name.as_str()));
        let mut progress = self.progress(prepared);
        let mut first_vm = None;
        let cpu_before = usage::own_cpu_seconds();
        let started = Instant::now();
        let mut listener = |event: &RunEvent| {
            if matches!(event, RunEvent::BootStarting { .. }) {
                first_vm.get_or_insert_with(|| self.begun.elapsed().as_secs_f64());
            }
            progress.on_event(event);
            recorder.on_event(event);
            collected.on_event(event);
        };
        let result = bind(prepared).and_then(|()| {
            let executor = prepared.executor.as_ref();
            executor::run(executor, &prepared.plan, &around, &mut listener).map_err(Failure::from_executor)
        });
        drop(progress);
        report.duration += started.elapsed().as_secs_f64();
        let own_cpu_seconds = report.overhead.own_cpu_seconds + usage::own_cpu_seconds() - cpu_before;
        let first_vm_seconds = report.overhead.first_vm_seconds.or(first_vm);
        report.overhead = Overhead { first_vm_seconds, own_cpu_seconds };
        collected.fill(&mut report);
        report.failure = None;
        if let Err(failure) = &result {
            report.failure = Some(failure.sentence());
            report.design.end.get_or_insert(if failure.signal() { RunEnd::Interrupted } else { RunEnd::Failed });
        }
        (report, result)
    }

    fn progress(&self, prepared: &Prepared) -> Progress<std::io::Stderr> {
        let plan = &prepared.plan;
        let blocks_done = plan.done.chunks(plan.contenders.len().max(1));
        let outlook = Outlook {
            contenders: plan.contenders.iter().map(|planned| planned.name.clone()).collect(),
            blocks: prepared.report.design.planned,
            done: plan.done.len(),
            left_out: blocks_done.filter(|block| block.iter().any(Boot::is_void)).count() as u32,
            iterations: prepared.report.design.iterations,
            emulated: prepared.report.emulated,
            metric: metric::shown(&prepared.report.metrics).next().cloned(),
        };
        let stderr = std::io::stderr();
        let is_terminal = stderr.is_terminal();
        Progress::new(stderr, outlook, self.verbosity, is_terminal, style(is_terminal))
    }
}

/// Keeps firebench itself off the CPUs that vCPUs are bound to.
fn bind(prepared: &Prepared) -> Result<(), Failure> {
    match prepared.harness {
        Some(cpu) => Ok(affinity::bind_self(&[cpu]).map_err(PrepareError::Affinity)?),
        None => Ok(()),
    }
}
