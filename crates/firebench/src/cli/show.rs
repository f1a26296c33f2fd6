//! `firebench show`: the report of a run in the store.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use firebench_report::{json, markdown, terminal};
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
    #[arg(long, value_enum, default_value_t)]
    format: ShowFormat,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ShowFormat {
    /// For this terminal
    #[default]
    Terminal,
    /// As in report.json
    Json,
    /// As in report.md
    Markdown,
}

pub(super) fn main(args: &ShowArgs, places: &StorageArgs) -> Result<(), Failure> {
    let store = Store::open_to_read(&places.store_path()?).map_err(Failure::from_store)?;
    let report = store.load(&args.run).map_err(Failure::from_store)?;
    let findings = Findings::of(&report);
    output::print(&match args.format {
        ShowFormat::Terminal => terminal::render(&findings, style(std::io::stdout().is_terminal())),
        ShowFormat::Json => json::to_json(&findings)?,
        ShowFormat::Markdown => markdown::render(&findings),
    })
}
