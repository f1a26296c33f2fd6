//! `firebench import`: puts reports and the figures of others into the store.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use miette::Diagnostic;

use super::failure::{Failure, exit_code};
use super::output;
use super::places::Places;
use crate::blame::blame;
use crate::import::{self, Accepted, Options};
use crate::report::runs;
use crate::store::{Store, StoreError};

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A report.json, hyperfine's JSON (--export-json), or a CSV with the columns contender, boot, iteration, metric, value
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    figures: FiguresArgs,
}

/// How the figures of others are read.
#[derive(Debug, Args)]
pub(super) struct FiguresArgs {
    /// The metric to compare by, where a file of others has several [default: real]
    #[arg(long, value_name = "NAME", help_heading = FIGURES)]
    metric: Option<String>,
    /// Take a metric of any name: less of it is better
    #[arg(long, help_heading = FIGURES)]
    less_is_better: bool,
    /// Count executions of hyperfine that failed: all, or those with one of these exit codes, such as 1,3
    #[arg(long, value_name = "CODES", help_heading = FIGURES)]
    accept_exit_code: Option<Accepted>,
}

/// Apart from the subcommand's own options in its help.
const FIGURES: &str = "Figures of others";

impl FiguresArgs {
    pub(super) fn options(&self) -> Options {
        Options {
            metric: self.metric.clone(),
            less_is_better: self.less_is_better,
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

pub(super) fn main(args: &ImportArgs, places: &Places) -> Result<(), Failure> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    // All are read before the first one is stored.
    let mut reports = Vec::new();
    for file in &args.files {
        let read = import::read(file, &now, &args.figures.options());
        reports.push((file, read.map_err(|source| not_imported(file, source))?));
    }
    let mut store = Store::open(&places.own_store_path(false)?).map_err(Failure::from_store)?;
    for (file, report) in reports {
        let id = match store.import(report) {
            Err(source @ (StoreError::AlreadyThere(_) | StoreError::Inconsistent(_))) => {
                return Err(not_imported(file, source));
            }
            imported => imported.map_err(Failure::from_store)?,
        };
        let line = store.run_line(id.as_str()).map_err(Failure::from_store)?;
        output::print(&format!("{} from {}\n", runs::phrase(&line), file.display()))?;
    }
    Ok(())
}
