//! `firebench runs`: lists what is in the store.

use clap::{Args, ValueEnum};

use super::{Failure, Places};
use crate::report::runs;
use crate::store::{Store, StoreError};

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    #[default]
    Table,
    Json,
}

pub(super) fn main(args: &RunsArgs, places: &Places) -> Result<(), Failure> {
    let lines = match Store::open_existing(&places.store_path()?) {
        // Nothing was run yet.
        Err(StoreError::Missing(_)) => Vec::new(),
        opened => opened.and_then(|store| store.list()).map_err(Failure::from_store)?,
    };
    match args.format {
        Format::Table if lines.is_empty() => super::print("no runs yet: `firebench run memory` makes the first one\n"),
        Format::Table => super::print(&runs::table(&lines)),
        Format::Json => super::print(&super::json(&lines)?),
    }
}
