//! `firebench show`: the report of a run in the store.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use firebench_report::{json, markdown, terminal};
use firebench_store::store::Store;

use super::failure::Failure;
use super::output;
use super::places::Places;
use super::style::style;
use firebench_analysis::findings::Findings;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The run: its id, the beginning of it, or latest
    #[arg(default_value = "latest", value_name = "ID")]
    run: String,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For this terminal
    #[default]
    Terminal,
    /// As in report.json
    Json,
    /// As in report.md
    Markdown,
}

pub(super) fn main(args: &ShowArgs, places: &Places) -> Result<(), Failure> {
    let store = Store::open_to_read(&places.store_path()?).map_err(Failure::from_store)?;
    let report = store.load(&args.run).map_err(Failure::from_store)?;
    let findings = Findings::of(&report);
    output::print(&match args.format {
        Format::Terminal => terminal::render(&findings, style(std::io::stdout().is_terminal())),
        Format::Json => json::to_json(&findings)?,
        Format::Markdown => markdown::render(&findings),
    })
}
