//! The command line: one file a subcommand. Here things are printed; everything else computes.

mod calibrate;
mod calibrate_live;
mod compare;
mod delete;
mod doctor;
pub mod exit_codes;
mod export;
mod failure;
mod fetch;
pub mod gate;
mod history;
mod image;
mod import;
mod init;
mod kernel;
mod list;
mod nested_run;
mod output;
mod programs;
mod run;
mod runs;
mod selftest;
mod show;
mod storage_args;
mod style;
mod system;
mod trust;
mod tune;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use exit_codes::EXIT_OK;
use failure::Failure;
use output::tell;
use storage_args::StorageArgs;

/// Benchmarks microVM monitors and sandboxes against each other and the bare host: the same image, the same workload, fresh boots in balanced order.
#[derive(Debug, Parser)]
#[command(name = "firebench", version, after_help = AFTER_HELP, args_override_self = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    places: StorageArgs,
}

const AFTER_HELP: &str = "\
Examples:
  firebench run memory                     QEMU microvm against Firecracker; without KVM also what runs at real speed
  firebench run memory --vmm host,gvisor   any contenders; `firebench list contenders` has all of them
  firebench run memory --preset published  exactly the machines of the published memory benchmark
  firebench run memory --dry-run           print the launch of each VMM, start nothing
  firebench compare A:x A:y                which of two contenders of a run is faster
  firebench doctor                         what this machine has and lacks, and what to do about it

Exit codes:
  0      success
  1      a gate failed: something is worse than its limit
  2      wrong input: a flag, a value, or a file that is missing or unsuitable
  3      this machine or the run failed
  4      undecided, with --require-verdict
  5      a gate does not compare like with like
  70     a bug in firebench
  128+N  stopped by signal N";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a workload in every contender and report
    Run(Box<run::RunArgs>),
    /// Write an experiment file to start from
    Init(init::InitArgs),
    /// Fetch what a benchmark needs: the programs of contenders, a kernel, a busybox
    Fetch(fetch::FetchArgs),
    /// Build a small kernel for guests
    Kernel(kernel::KernelArgs),
    /// List the kinds of contenders that there are
    List(list::ListArgs),
    /// Build, list and remove guest images
    Image(image::ImageArgs),
    /// List the runs in the store
    Runs(runs::RunsArgs),
    /// Show the report of a run in the store
    Show(show::ShowArgs),
    /// Export a run in the store for other programs
    Export(export::ExportArgs),
    /// Import reports, hyperfine's results, or a CSV into the store
    Import(import::ImportArgs),
    /// Remove runs from the store
    Delete(delete::DeleteArgs),
    /// Compare runs, or contenders of a run, and fail if one is beyond a limit
    Compare(compare::CompareArgs),
    /// Show since when a contender is slower or faster, over the stored runs
    History(history::HistoryArgs),
    /// Measure how often the verdicts are wrong, with simulated runs or a real one
    Calibrate(calibrate::CalibrateArgs),
    /// Show what this machine has and lacks, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Try whatever can run on this machine, and say what was proven: to paste into an issue
    Selftest(selftest::SelftestArgs),
    /// Make this machine steady for measuring, or put it back as it was
    Tune(tune::TuneArgs),
    /// Carry out a plan from standard input inside the nested host
    #[command(name = firebench_run::executor::nested::INNER_COMMAND, hide = true)]
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
        Command::History(args) => return exit(history::main(&args, &cli.places)),
        Command::Run(args) => return exit(run::main(&args, &cli.places)),
        Command::Init(args) => init::main(&args),
        Command::Fetch(args) => fetch::main(&args, &cli.places),
        Command::Kernel(args) => kernel::main(&args, &cli.places),
        Command::List(args) => list::main(&args, &cli.places),
        Command::Image(args) => image::main(&args, &cli.places),
        Command::Runs(args) => runs::main(&args, &cli.places),
        Command::Show(args) => show::main(&args, &cli.places),
        Command::Export(args) => export::main(&args, &cli.places),
        Command::Import(args) => import::main(&args, &cli.places),
        Command::Delete(args) => delete::main(&args, &cli.places),
        Command::Calibrate(args) => calibrate::main(&args, &cli.places),
        Command::Doctor(args) => doctor::main(&args, &cli.places),
        Command::Selftest(args) => selftest::main(&args, &cli.places),
        Command::Tune(args) => tune::main(&args),
        Command::NestedRun => nested_run::main(),
    };
    exit(result.map(|()| EXIT_OK))
}

/// Prints the error, if there is one, and returns the exit code.
fn exit(result: Result<u8, Failure>) -> ExitCode {
    let code = result.unwrap_or_else(|failure| {
        tell(&failure.render());
        failure.code
    });
    ExitCode::from(code)
}
