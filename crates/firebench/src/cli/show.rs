//! `firebench show`: the report of a run in the store.

use std::io::IsTerminal;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use firebench_report::format::Format;
use firebench_report::formats;
use firebench_store::store::Store;

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;
use super::style::style;
use firebench_analysis::findings::Findings;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run: its id, the beginning of its id, or latest
    #[arg(default_value = "latest", value_name = "ID")]
    run: String,
    /// Output format
    #[arg(long, value_parser = format(), default_value = "terminal")]
    format: &'static Format,
}

fn format() -> impl TypedValueParser<Value = &'static Format> {
    let values = formats::ALL.iter().map(|format| PossibleValue::new(format.name).help(format.about));
    PossibleValuesParser::new(values).try_map(|name| formats::named(&name).ok_or("it is not one of them"))
}

pub(super) fn main(args: &ShowArgs, places: &StorageArgs) -> Result<(), Failure> {
    let store = Store::open_to_read(&places.store_path()?).map_err(Failure::from_store)?;
    let report = store.load(&args.run).map_err(Failure::from_store)?;
    output::print(&(args.format.render)(&Findings::of(&report), style(std::io::stdout().is_terminal()))?)
}
