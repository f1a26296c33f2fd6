//! `firebench list`: what there is to choose from.

use clap::{Args, Subcommand};
use firebench_host::contenders;

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The kinds of contenders: what each isolates with and needs, and whether its program is here
    Contenders,
    /// The workloads: what each measures, its metrics and their units, what it needs, and what its figures do not say
    Workloads,
}

pub(super) fn main(args: &ListArgs, places: &StorageArgs) -> Result<(), Failure> {
    match args.what {
        What::Contenders => output::print(&contenders::render(&contenders::find_all(&places.data_dir()?))),
        What::Workloads => output::print(&firebench_workload::listed::render()),
    }
}
