//! `firebench show`: the report of a run in the store.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};

use super::{Failure, Places};
use crate::report::terminal::{self, Style};
use crate::report::{json, markdown};
use crate::store::Store;

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
    let store = Store::open_existing(&places.store_path()?).map_err(Failure::from_store)?;
    let report = store.load(&args.run).map_err(Failure::from_store)?;
    super::print(&match args.format {
        Format::Terminal => {
            let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            let no_color = std::env::var_os("NO_COLOR");
            terminal::render(&report, Style::for_stream(std::io::stdout().is_terminal(), no_color.as_deref(), width))
        }
        Format::Json => json::to_json(&report)?,
        Format::Markdown => markdown::render(&report),
    })
}
