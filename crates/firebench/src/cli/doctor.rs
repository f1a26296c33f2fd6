//! `firebench doctor`: what this machine has and lacks, and what to do about it.

use std::path::{Path, PathBuf};

use clap::Args;
use firebench_host::doctor::{Failed, Named, State, Stored, Tried, checks, gather, render, worst, writable};
use firebench_store::store::Store;

use super::failure::Failure;
use super::output;
use super::programs::ProgramArgs;
use super::storage_args::StorageArgs;

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Something that firebench needs is missing.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("this machine lacks something that firebench needs")]
#[diagnostic(help("see the lines marked bad"))]
struct Lacking;

pub(super) fn main(args: &DoctorArgs, places: &StorageArgs) -> Result<(), Failure> {
    let busybox = std::env::var_os("FIREBENCH_BUSYBOX").map(PathBuf::from);
    let path = places.store_path()?;
    let named = Named { programs: &args.programs.programs, busybox: busybox.as_deref() };
    let facts = gather(&places.data_dir()?, &places.cache_dir()?, &|| store(&path), named);
    let checks = checks(&facts);
    output::print(&render(&checks))?;
    if worst(&checks) == State::Bad { Err(Lacking.into()) } else { Ok(()) }
}

/// Whether the store opens.
fn store(path: &Path) -> Tried<Stored> {
    if !path.exists() {
        writable(path.parent().unwrap_or(path), "choose another store with --store")?;
        return Ok((path.to_owned(), None));
    }
    let (runs, damaged) =
        Store::open_to_read(path).and_then(|store| store.list_readable()).map_err(|error| Failed::of(&error))?;
    damaged.first().map_or(Ok((path.to_owned(), Some(runs.len()))), |error| Err(Failed::of(error)))
}
