//! What can be wrong with the flags of `firebench run`.

use firebench_model::experiment::ExperimentError;
use firebench_vmm::VmmKind;
use firebench_workload::FlagError;

use super::command::CommandArgsError;
use crate::init::EXPERIMENT_FILE;

fn comma(kinds: &[VmmKind]) -> String {
    kinds.iter().map(|kind| kind.0.name).collect::<Vec<_>>().join(", ")
}

/// Flags that cannot be used together, or have an invalid value.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ArgsError {
    /// No workload and no experiment was given.
    #[error("no workload was given, and there is no {EXPERIMENT_FILE} in this directory")]
    #[diagnostic(help(
        "run the benchmark with its defaults by `firebench run memory`, a command of yours by `firebench run -- COMMAND...`, or \
        write an experiment file with `firebench init`"
    ))]
    NoWorkload,
    /// The flags of a command are invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Command(#[from] CommandArgsError),
    /// Groups of kinds of which none is here.
    #[error("no program of the kinds {} was found", comma(.0))]
    #[diagnostic(help("see what there is and how to get it: `firebench list contenders`"))]
    NobodyHere(Vec<VmmKind>),
    /// Runs that would leave nothing to compare.
    #[error("--repeat-run with --no-store keeps none of the runs")]
    #[diagnostic(help("give --out DIR for their reports, or leave out --no-store"))]
    NothingKept,
    /// What the series of the origin has of its own.
    #[error("cannot use {0} with --preset origin: its runs and contenders are those of the origin's experiment")]
    #[diagnostic(help(
        "leave it out; a workload, --boots, --memory, --accel and --out DIR make the series smaller or say where it goes"
    ))]
    OfTheOrigin(&'static str),
    /// A workload that the origin did not have.
    #[error("the origin's experiment did not measure the workload {0}")]
    #[diagnostic(help("it measured {1}"))]
    NotOfTheOrigin(String, String),
    /// The flags of a workload are invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Flag(#[from] FlagError),
    /// The experiment that the flags describe is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Experiment(#[from] ExperimentError),
}
