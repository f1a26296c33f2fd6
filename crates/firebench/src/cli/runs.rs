//! `firebench runs`: lists what is in the store.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use firebench_model::runs::RunLine;
use firebench_report::findings::{self, PairFindings};
use firebench_report::runs;
use firebench_store::store::{Store, StoreError};
use serde::Serialize;

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;
use super::style::style;
use firebench_analysis::findings::Findings;

/// So many runs are shown on a terminal, unless the user says otherwise.
const ON_A_TERMINAL: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Show the last N runs; 0 stands for all [default: 20 on a terminal, else all]
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: RunsFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum RunsFormat {
    /// For people
    #[default]
    Table,
    /// An array, with verdict, ratio, interval and fairness of each comparison
    Json,
}

/// A run with what it found.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    line: RunLine,
    /// None where the run cannot be read.
    pairs: Option<Vec<PairFindings>>,
}

pub(super) fn main(args: &RunsArgs, places: &StorageArgs) -> Result<(), Failure> {
    let store = match Store::open_to_read(&places.store_path()?) {
        // Nothing was run yet. A store that this command names is another matter.
        Err(StoreError::Missing(_)) if !places.names_a_store() => None,
        opened => Some(opened?),
    };
    let (mut lines, damaged) = store.as_ref().map(Store::list_readable).transpose()?.unwrap_or_default();
    let is_terminal = std::io::stdout().is_terminal();
    let older = lines.len().saturating_sub(shown(args, is_terminal));
    lines.truncate(lines.len().saturating_sub(older));
    match args.format {
        RunsFormat::Table if lines.is_empty() && !damaged.is_empty() => Ok(()),
        RunsFormat::Table if lines.is_empty() => output::print(
            "no runs yet: start the first one with `firebench run \
        memory`\n",
        ),
        RunsFormat::Table => {
            let width = is_terminal.then(|| style(true).width);
            output::print(&format!("{}{}", runs::listing(&lines, width), runs::older(older, width)))
        }
        RunsFormat::Json => {
            let pairs =
                |line: &RunLine| Some(findings::of_pairs(&Findings::of(&store.as_ref()?.load(line.id.as_str()).ok()?)));
            let found: Vec<Found> = lines.into_iter().map(|line| Found { pairs: pairs(&line), line }).collect();
            output::print(&output::json(&found)?)
        }
    }?;
    // The others are listed nevertheless.
    let mut failures = damaged.into_iter().map(Failure::from_store).collect::<Vec<_>>();
    let last = failures.pop();
    failures.iter().for_each(|failure| output::tell(&failure.render()));
    last.map_or(Ok(()), Err)
}

/// How many runs are shown.
fn shown(args: &RunsArgs, is_terminal: bool) -> usize {
    match args.limit {
        Some(0) => usize::MAX,
        Some(limit) => limit,
        None if is_terminal && args.format == RunsFormat::Table => ON_A_TERMINAL,
        None => usize::MAX,
    }
}
