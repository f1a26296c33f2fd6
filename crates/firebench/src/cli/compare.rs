//! `firebench compare`: two sides beside each other, of a run or several each, and a gate on how far they may be apart.

use std::io::IsTerminal;
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use firebench_analysis::compare;
use firebench_report::compare::{markdown, terminal};
use firebench_store::operand::{self, Lookup, OperandError};
use firebench_store::store::Store;
use firebench_text as text;

use super::failure::Failure;
use super::gate::GateArgs;
use super::import::FiguresArgs;
use super::output;
use super::storage_args::StorageArgs;
use super::style::style;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The baseline: a report.json, its directory, a run, or figures of others; several runs as a directory of their directories or
    /// as RUN,RUN,...; A:CONTENDER for one contender of it
    a: String,
    /// What to compare with it, given in the same way
    b: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = ComparisonFormat::Table)]
    format: ComparisonFormat,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    figures: FiguresArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ComparisonFormat {
    /// For people
    Table,
    /// Everything, as one object
    Json,
    /// For a page or a comment
    Markdown,
}

/// Returns the exit code.
pub(super) fn main(args: &CompareArgs, places: &StorageArgs) -> Result<u8, Failure> {
    let store = places.store_path()?;
    let lookup: Lookup = &|which| Store::lookup(&store, which);
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let operand = |given: &str| {
        operand::load_with(given, lookup, &now, &args.figures.options()).map_err(|error| match error {
            // Its own hint is the one that helps.
            OperandError::Store(error) => Failure::from(error),
            error => Failure::from(error),
        })
    };
    let (a, b) = (operand(&args.a)?, operand(&args.b)?);
    let mut comparison = compare::compare(&a, &b, &args.gate.fail_if)?;
    args.gate.settle(&mut comparison.gates);
    output::print(&match args.format {
        ComparisonFormat::Table => match std::io::stdout().is_terminal() {
            true => terminal::render_in(&comparison, style(true).width),
            false => terminal::render(&comparison),
        },
        ComparisonFormat::Markdown => markdown::render(&comparison),
        ComparisonFormat::Json => output::json(&comparison)?,
    })?;
    let suite = text::line(&format!("{} against {}", args.b, args.a));
    args.gate.finish(&comparison.gates, &suite, comparison.is_conclusive())
}
