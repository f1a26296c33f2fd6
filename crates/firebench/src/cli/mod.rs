//! The command line: one file a subcommand. Here things are printed; everything else computes.

mod calibrate;
mod calibrate_live;
mod compare;
mod delete;
mod doctor;
mod export;
mod fetch;
mod gate;
mod image;
mod import;
mod init;
mod nested_run;
mod run;
mod runs;
mod show;
mod system;
mod tune;

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};
use firebench_image::Progress;
use firebench_image::cache::Cache;
use firebench_vmm::Interrupt;

use crate::nested::NestedError;
use crate::report;
use crate::runner::RunError;
use crate::store::StoreError;

/// Everything went well.
pub const EXIT_OK: u8 = 0;
/// A gate failed: something is worse than it may be.
pub const EXIT_REGRESSION: u8 = 1;
/// The command line or an input file is wrong.
pub const EXIT_USAGE: u8 = 2;
/// The run failed.
pub const EXIT_FAILED: u8 = 3;
/// A verdict was required, and there is none.
pub const EXIT_INCONCLUSIVE: u8 = 4;
/// A gate was held against a comparison that does not compare like with like.
pub const EXIT_UNFAIR: u8 = 5;

/// Benchmarks microVM monitors against each other: the same guest image, the same workload, fresh boots in balanced order.
#[derive(Debug, Parser)]
#[command(name = "firebench", version, after_help = AFTER_HELP, args_override_self = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    places: Places,
}

const AFTER_HELP: &str = "\
Examples:
  firebench run memory                     QEMU microvm against Firecracker, as alike as they can be
  firebench run memory --preset published  exactly the machines of the published memory benchmark
  firebench run memory --dry-run           print the launch of each VMM, start nothing
  firebench compare A B                    two runs: which is faster, and in what they differ
  firebench doctor                         what this machine has, lacks, and what to do about it

Exit codes: 0 fine, 1 regression, 2 usage, 3 the run failed, 4 inconclusive with --require-verdict,
            5 a gate does not compare like with like, 70 a fault in firebench itself, 128+N stopped by signal N.";

/// Apart from the subcommand's own options in its help.
const PLACES: &str = "Places";

/// Where firebench keeps things.
#[derive(Debug, clap::Args)]
pub(crate) struct Places {
    /// Directory of built images and kernels [default: ~/.cache/firebench]
    #[arg(long, global = true, env = "FIREBENCH_CACHE", value_name = "DIR", hide_env_values = true, help_heading = PLACES)]
    cache: Option<PathBuf>,
    /// Directory of fetched programs and kernel packages [default: ~/.local/share/firebench]
    #[arg(long, global = true, env = "FIREBENCH_DATA", value_name = "DIR", hide_env_values = true, help_heading = PLACES)]
    data: Option<PathBuf>,
    /// The store of all runs [default: runs.db in the directory of --data]
    #[arg(long, global = true, env = "FIREBENCH_STORE", value_name = "FILE", hide_env_values = true, help_heading = PLACES)]
    store: Option<PathBuf>,
}

impl Places {
    /// The cache, which tells on standard error what it does (unless `quiet`) and stops when the user wants to.
    fn cache(&self, quiet: bool, interrupt: &Interrupt) -> Result<Cache, Failure> {
        let dir = self.cache_dir()?;
        let signal = interrupt.watch();
        let waited = AtomicBool::new(false);
        let cache = Cache::open(dir)?;
        // What cannot be removed is in nobody's way.
        let _ = cache.sweep();
        Ok(cache.on_progress(move |progress| {
            match progress {
                Progress::Building { kind, .. } if !quiet => tell(&format!("making the {kind}\n")),
                // It is reported again and again, and said once; also to who wants it quiet: it may take for ever.
                Progress::Waiting { kind, .. } if !waited.swap(true, Ordering::Relaxed) => {
                    tell(&format!("waiting for another firebench that makes or removes the {kind}\n"));
                }
                _ => {}
            }
            if signal.received().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }))
    }

    fn cache_dir(&self) -> Result<PathBuf, Failure> {
        Ok(self.cache.clone().map_or_else(firebench_image::cache::default_dir, Ok)?)
    }

    fn store_path(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(path) => Ok(path.clone()),
            None => Ok(self.data_dir()?.join("runs.db")),
        }
    }

    fn data_dir(&self) -> Result<PathBuf, Failure> {
        Ok(self.data.clone().map_or_else(crate::fetch::data_dir, Ok)?)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a workload in every VMM and report
    Run(Box<run::RunArgs>),
    /// Write an experiment file to start from
    Init(init::InitArgs),
    /// Get what a benchmark needs: Firecracker, a kernel
    Fetch(fetch::FetchArgs),
    /// Build, list and remove guest images
    Image(image::ImageArgs),
    /// List the runs in the store
    Runs(runs::RunsArgs),
    /// Show the report of a run in the store
    Show(show::ShowArgs),
    /// Write a run in the store for other programs
    Export(export::ExportArgs),
    /// Put reports, results of hyperfine, or a CSV into the store
    Import(import::ImportArgs),
    /// Remove runs from the store
    Delete(delete::DeleteArgs),
    /// Compare two runs, and fail where one is too far from the other
    Compare(compare::CompareArgs),
    /// Measure how often the verdicts err, by simulated runs or a real one
    Calibrate(calibrate::CalibrateArgs),
    /// Tell what this machine has, lacks, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Make this machine steady for measuring, and put it back as it was
    Tune(tune::TuneArgs),
    /// Carry out a plan from standard input inside the nested host
    #[command(name = crate::nested::INNER_COMMAND, hide = true)]
    NestedRun,
}

/// Parses the command line, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(failure) = system::settle() {
        return exit(Err(failure));
    }
    let result = match cli.command {
        Command::Compare(args) => return exit(compare::main(&args, &cli.places)),
        Command::Run(args) => return exit(run::main(&args, &cli.places)),
        Command::Init(args) => init::main(&args),
        Command::Fetch(args) => fetch::main(&args, &cli.places),
        Command::Image(args) => image::main(&args, &cli.places),
        Command::Runs(args) => runs::main(&args, &cli.places),
        Command::Show(args) => show::main(&args, &cli.places),
        Command::Export(args) => export::main(&args, &cli.places),
        Command::Import(args) => import::main(&args, &cli.places),
        Command::Delete(args) => delete::main(&args, &cli.places),
        Command::Calibrate(args) => calibrate::main(&args, &cli.places),
        Command::Doctor(args) => doctor::main(&args, &cli.places),
        Command::Tune(args) => tune::main(&args),
        Command::NestedRun => nested_run::main(),
    };
    exit(result.map(|()| EXIT_OK))
}

/// Tells what went wrong.
fn exit(result: Result<u8, Failure>) -> ExitCode {
    let code = result.unwrap_or_else(|failure| {
        tell(&failure.render());
        failure.code
    });
    ExitCode::from(code)
}

/// Writes to standard error, as far as somebody reads it.
fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output. A reader who has gone is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(OutputError(error).into()),
        _ => Ok(()),
    }
}

/// A value as JSON for people and programs.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    report::json::pretty(value).map_err(std::io::Error::from).map_err(Failure::system("write JSON"))
}

/// Standard output takes no more.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the output")]
#[diagnostic(help("is there space where it goes? A run is in the store: `firebench show` shows it"))]
struct OutputError(#[source] std::io::Error);

/// Something that the system refuses.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot {action}")]
#[diagnostic(help("`firebench doctor` tells what this machine lacks"))]
struct SystemError {
    action: &'static str,
    source: std::io::Error,
}

/// An error on its way to the terminal, with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn miette::Diagnostic + Send + Sync>,
    code: u8,
}

impl Failure {
    /// A mistake in the command line or an input file.
    fn usage(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Failure { error: Box::new(error), code: EXIT_USAGE }
    }

    /// For `map_err`: the system refuses to do `action`.
    fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| SystemError { action, source }.into()
    }

    /// A run that failed or was stopped.
    fn from_run(error: RunError) -> Self {
        let code =
            error.signal().and_then(|signal| u8::try_from(signal.saturating_add(128)).ok()).unwrap_or(EXIT_FAILED);
        Failure { error: Box::new(error), code }
    }

    /// What came of work that `interrupt` may have stopped: then that is what is told, whatever error it came out as.
    fn unless_stopped<T, E: Into<Failure>>(result: Result<T, E>, interrupt: &Interrupt) -> Result<T, Failure> {
        match result {
            Err(_) if interrupt.signal().is_some() => Err(Failure::from_run(RunError::interrupted(interrupt))),
            result => result.map_err(Into::into),
        }
    }

    /// Whether a signal stopped it.
    fn signal(&self) -> bool {
        self.code > 128
    }

    /// A run in the nested host that failed or was stopped.
    fn from_nested(error: NestedError) -> Self {
        match error {
            NestedError::Runner(error) => Failure::from_run(error),
            error => error.into(),
        }
    }

    /// What the store did not do: most often it was asked for something that it does not have.
    fn from_store(error: StoreError) -> Self {
        let code = if error.is_usage() { EXIT_USAGE } else { EXIT_FAILED };
        Failure { error: Box::new(error), code }
    }

    /// The error as the terminal shows it.
    fn render(&self) -> String {
        crate::errors::render(self.error.as_ref())
    }

    /// The error in a sentence.
    fn sentence(&self) -> String {
        crate::errors::sentence(self.error.as_ref())
    }
}

/// Whatever is not said to be a mistake in usage is a failed run.
impl<E: miette::Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure { error: Box::new(error), code: EXIT_FAILED }
    }
}
