//! `firebench import`: puts reports and the figures of others into the store.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, ValueEnum};
use firebench_model::metric::{Unit, names};
use firebench_model::record::Report;
use firebench_report::runs;
use firebench_stats::{Better, Quantity};
use firebench_store::import::{self, Accepted, Options};
use firebench_store::store::{Store, StoreError};
use firebench_text as text;
use miette::Diagnostic;

use super::failure::{Failure, exit_code};
use super::output;
use super::storage_args::StorageArgs;
use crate::blame::blame;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A report.json, hyperfine's JSON (--export-json), a CSV with the columns contender, boot, iteration, metric, value
    /// (and block, unit, better), a list of numbers, one a line, or a directory of lists: NAME.txt for each contender
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    figures: FiguresArgs,
}

/// How the figures of others are read.
#[derive(Debug, Args)]
pub(super) struct FiguresArgs {
    /// The metric to compare by, if an imported file has several [default: real]
    #[arg(long, value_name = "NAME", help_heading = FIGURES)]
    metric: Option<String>,
    /// Which values of that metric are better [default: what the file says, else guessed from its unit or name:
    /// less for a time, more for a rate]
    #[arg(long, value_enum, value_name = "WHICH", help_heading = FIGURES)]
    better: Option<Direction>,
    /// The unit of that metric, such as ms or MB/s [default: what the file or its name says]
    #[arg(long, value_name = "UNIT", value_parser = unit, help_heading = FIGURES)]
    unit: Option<Unit>,
    /// Count executions of hyperfine that failed: all, or those with one of these exit codes, such as 1,3
    #[arg(long, value_name = "CODES", help_heading = FIGURES)]
    accept_exit_code: Option<Accepted>,
}

/// Which values are the better ones.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Direction {
    /// The lower ones
    Less,
    /// The higher ones
    More,
}

fn unit(sign: &str) -> Result<Unit, String> {
    match sign.trim() {
        "" => Err("give the symbol of a unit, such as ms or MB/s".to_owned()),
        sign if sign.len() > import::MAX_UNIT || sign.chars().any(text::is_hidden) => {
            Err(format!("a unit has at most {} characters, all of them visible", import::MAX_UNIT))
        }
        sign => Ok(names::unit(sign)),
    }
}

/// The heading of these options in the help.
const FIGURES: &str = "Imported figures";

impl FiguresArgs {
    pub(super) fn options(&self) -> Options {
        Options {
            metric: self.metric.clone(),
            better: self.better.map(|direction| match direction {
                Direction::Less => Better::Less,
                Direction::More => Better::More,
            }),
            unit: self.unit.clone(),
            accepted: self.accept_exit_code.clone().unwrap_or_default(),
        }
    }
}

/// A file that is not imported.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot import {}", file.display())]
#[diagnostic(help("{}", source.help().map(|help| help.to_string()).unwrap_or_default()))]
struct NotImported<E: Diagnostic + 'static> {
    file: PathBuf,
    source: E,
}

/// Its cause decides the exit code.
fn not_imported(file: &Path, source: impl Diagnostic + Send + Sync + 'static) -> Failure {
    let code = exit_code(blame(&source));
    Failure { error: Box::new(NotImported { file: file.to_owned(), source }), code }
}

pub(super) fn main(args: &ImportArgs, places: &StorageArgs) -> Result<(), Failure> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    // All are read before the first one is stored.
    let mut reports = Vec::new();
    for file in &args.files {
        let read = import::read(file, &now, &args.figures.options());
        reports.push((file, read.map_err(|source| not_imported(file, source))?));
    }
    let mut store = Store::open(&places.own_store_path(false)?).map_err(Failure::from_store)?;
    for (file, report) in reports {
        let meaning = meaning(&report);
        let id = match store.import(report) {
            Err(source @ (StoreError::AlreadyThere(_) | StoreError::Inconsistent(_))) => {
                return Err(not_imported(file, source));
            }
            imported => imported.map_err(Failure::from_store)?,
        };
        let line = store.run_line(id.as_str()).map_err(Failure::from_store)?;
        output::print(&format!("{} from {}{meaning}\n", runs::phrase(&line), file.display()))?;
    }
    Ok(())
}

/// The metric by which imported figures are compared, unless it is a time: the user must see at once if its direction
/// is wrong.
fn meaning(report: &Report) -> String {
    let primary = report.primary();
    match primary.quantity() {
        Quantity::Amount(_) if report.imported.is_some() => {
            format!(", by {} ({})", text::excerpt(&primary.name, 100), text::line(&primary.meaning()))
        }
        _ => String::new(),
    }
}
