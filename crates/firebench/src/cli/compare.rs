//! `firebench compare`: two runs beside each other, and a gate on how far they may be apart.

use clap::{Args, ValueEnum};

use super::gate::GateArgs;
use super::{EXIT_FAILED, Failure, Places};
use crate::compare::operand::{self, Lookup};
use crate::compare::{self, OperandError, markdown, table};
use crate::report::text;
use crate::store::Store;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The baseline: a report.json, its directory, or a run; A:CONTENDER for one contender of it
    a: String,
    /// What is held against it, in the same way
    b: String,
    /// How the comparison is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    gate: GateArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Everything, as one object
    Json,
    /// For a page or a comment
    Markdown,
}

/// Returns the exit code.
pub(super) fn main(args: &CompareArgs, places: &Places) -> Result<u8, Failure> {
    let store = places.store_path()?;
    let lookup: Lookup = &|which| Store::lookup(&store, which).map_err(|error| Box::new(error) as _);
    let operand = |given: &str| {
        operand::load(given, lookup).map_err(|error| match error {
            OperandError::Store(error) => Failure { error, code: EXIT_FAILED },
            error => Failure::usage(error),
        })
    };
    let (a, b) = (operand(&args.a)?, operand(&args.b)?);
    let comparison = compare::compare(&a, &b, &args.gate.fail_if).map_err(Failure::usage)?;
    super::print(&match args.format {
        Format::Table => table::render(&comparison),
        Format::Markdown => markdown::render(&comparison),
        Format::Json => super::json(&comparison)?,
    })?;
    let suite = text::line(&format!("{} against {}", args.b, args.a));
    args.gate.finish(&comparison.gates, &suite, comparison.is_conclusive())
}
