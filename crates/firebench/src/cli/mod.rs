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
mod programs;
mod run;
mod runs;
mod show;
mod system;
mod trust;
mod tune;

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};
use firebench_image::Progress;
use firebench_image::cache::Cache;
use firebench_supervise::Interrupt;

use crate::blame::{Blame, blame, blame_of_named};
use crate::fetch::FetchError;
use crate::nested::NestedError;
use crate::report;
use crate::runner::RunError;
use crate::store::StoreError;

/// Everything went well.
pub const EXIT_OK: u8 = 0;
/// A gate failed: something is worse than it may be.
pub const EXIT_REGRESSION: u8 = 1;
/// What the user gave is wrong: the command line, the environment, or a file that they name.
pub const EXIT_USAGE: u8 = 2;
/// This machine or the run failed.
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

Exit codes:
  0      fine
  1      a gate failed: something is worse than it may be
  2      what was given is wrong: a flag, a value, or a file that is missing or unsuitable
  3      this machine or the run failed
  4      undecided, with --require-verdict
  5      a gate does not compare like with like
  70     a fault in firebench itself
  128+N  stopped by signal N";

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
        trust::directory("cache", "FIREBENCH_CACHE", &dir)?;
        let signal = interrupt.watch();
        let waited = AtomicBool::new(false);
        let cache = Cache::open(dir)?.asking(crate::subprocess::ask_for_image);
        // Another time: it may have been made just now.
        trust::directory("cache", "FIREBENCH_CACHE", cache.dir())?;
        // What cannot be removed is in nobody's way.
        let _ = cache.sweep();
        Ok(cache.on_progress(move |progress| {
            match progress {
                Progress::Building { kind, .. } if !quiet => tell(&format!("making the {kind}\n")),
                // Also to who wants it quiet: a disk that forgets is worth knowing.
                Progress::Replacing { kind, reason, .. } => tell(&format!(
                    "{}\n",
                    firebench_text::block(&format!(
                        "note: the {kind} in the cache is damaged ({reason}); it is thrown away and made again"
                    ))
                )),
                // It is reported again and again, and said once; also to who wants it quiet: it may take for ever.
                Progress::Waiting { kind, .. } if !waited.swap(true, Ordering::Relaxed) => {
                    tell(&format!("waiting for another firebench that makes or removes the {kind}\n"));
                }
                _ => {}
            }
            if signal.received().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }))
    }

    /// The options of the command line that name these places, for another command; what the environment says stays.
    fn words(&self) -> Vec<String> {
        let places = [
            ("--cache", &self.cache, "FIREBENCH_CACHE"),
            ("--data", &self.data, "FIREBENCH_DATA"),
            ("--store", &self.store, "FIREBENCH_STORE"),
        ];
        let said = places.into_iter().filter_map(|(flag, path, variable)| {
            let path = path.as_ref().filter(|path| is_said(path, variable))?;
            Some([flag.to_owned(), path.to_string_lossy().into_owned()])
        });
        said.flatten().collect()
    }

    /// Whether this very command names the store.
    fn names_a_store(&self) -> bool {
        self.store.as_ref().is_some_and(|path| is_said(path, "FIREBENCH_STORE"))
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

    /// The store, for a command that writes to it or runs what is in it. To others, any store is good enough.
    fn own_store_path(&self, runs_what_is_in_it: bool) -> Result<PathBuf, Failure> {
        let path = self.store_path()?;
        if runs_what_is_in_it || nix::unistd::geteuid().is_root() {
            trust::store(&path)?;
        }
        Ok(path)
    }

    fn data_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.data.clone().map_or_else(crate::fetch::data_dir, Ok)?;
        trust::directory("data directory", "FIREBENCH_DATA", &dir)?;
        Ok(dir)
    }

    /// The data directory, which is made when it is not there.
    fn make_data_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.data_dir()?;
        std::fs::create_dir_all(&dir).map_err(|source| FetchError::File {
            action: "make",
            path: dir.clone(),
            source,
        })?;
        self.data_dir()
    }
}

/// From here on, a signal that asks for the end is waited for, and all work with files of others looks for it.
fn catch_signals() -> Result<Interrupt, Failure> {
    let interrupt = Interrupt::install().map_err(Failure::system("catch signals"))?;
    let signal = interrupt.watch();
    firebench_os::interrupt::look_with(move || signal.received().is_some());
    Ok(interrupt)
}

/// Whether a path comes from the command line, and not from the variable.
fn is_said(path: &Path, variable: &str) -> bool {
    std::env::var_os(variable).as_deref() != Some(path.as_os_str())
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
    /// A mistake in the command line or an input file, of an error that is known here alone.
    fn usage(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        Failure { error: Box::new(error), code: EXIT_USAGE }
    }

    /// For `map_err`: the system refuses to do `action`.
    fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| SystemError { action, source }.into()
    }

    /// A run that failed or was stopped.
    fn from_run(error: RunError) -> Self {
        match error.signal().and_then(|signal| u8::try_from(signal.saturating_add(128)).ok()) {
            Some(code) => Failure { error: Box::new(error), code },
            None => error.into(),
        }
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

    /// What went wrong with a file that the user named.
    fn of_named(error: impl miette::Diagnostic + Send + Sync + 'static) -> Self {
        let code = exit_code(blame_of_named(&error));
        Failure { error: Box::new(error), code }
    }

    /// What the store did not do: most often it was asked for something that it does not have.
    fn from_store(error: StoreError) -> Self {
        error.into()
    }

    /// The error as the terminal shows it.
    fn render(&self) -> String {
        let text = firebench_text::errors::render(self.error.as_ref());
        if std::io::stderr().is_terminal() { firebench_text::fit(&text, run::style(true).width) } else { text }
    }

    /// The error in a sentence.
    fn sentence(&self) -> String {
        firebench_text::errors::sentence(self.error.as_ref())
    }
}

/// [`blame`](crate::blame::blame) says what the exit code is.
impl<E: miette::Diagnostic + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let code = exit_code(blame(&error));
        Failure { error: Box::new(error), code }
    }
}

fn exit_code(blame: Blame) -> u8 {
    match blame {
        Blame::Given => EXIT_USAGE,
        Blame::Machine => EXIT_FAILED,
    }
}
