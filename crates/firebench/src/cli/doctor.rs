//! `firebench doctor`: what this machine has, lacks, and what to do about it.

use std::path::PathBuf;

use clap::Args;

use super::programs::ProgramArgs;
use super::{Failure, Places};
use crate::doctor::{Named, State, checks, gather, render, worst};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    programs: ProgramArgs,
}

/// Something that firebench cannot do without is missing.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("this machine lacks something that firebench needs")]
#[diagnostic(help("see the lines marked bad"))]
struct Lacking;

pub(super) fn main(args: &DoctorArgs, places: &Places) -> Result<(), Failure> {
    let busybox = std::env::var_os("FIREBENCH_BUSYBOX").map(PathBuf::from);
    let named = Named { programs: &args.programs.programs, busybox: busybox.as_deref() };
    let facts = gather(&places.data_dir()?, &places.cache_dir()?, &places.store_path()?, named);
    let checks = checks(&facts);
    super::print(&render(&checks))?;
    if worst(&checks) == State::Bad { Err(Lacking.into()) } else { Ok(()) }
}
