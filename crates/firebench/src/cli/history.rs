//! `firebench history`: since when a contender is slower or faster, over the runs in the store.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use firebench_analysis::gate::{Limit, LimitError};
use firebench_analysis::history::{self, Collector, EMULATED, Held, History, MOST};
use firebench_model::runs::{RunLine, RunState};
use firebench_report::history::{markdown, terminal};
use firebench_report::style::MAX_WIDTH;
use firebench_stats::verdict::Gate;
use firebench_store::store::{Store, StoreError};
use serde::Serialize;

use super::exit_codes::{EXIT_FAILED, EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION};
use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;
use super::style::style;

/// The heading of these options in the help.
const GATE: &str = "Gate";

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// What to look at, such as real
    metric: String,
    /// Look at one contender [default: all]
    #[arg(long, value_name = "NAME")]
    contender: Option<String>,
    /// Look at the last N runs that belong together
    #[arg(long, value_name = "N", default_value_t = MOST as u32, value_parser = clap::value_parser!(u32).range(1..=MOST as i64))]
    last: u32,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: HistoryFormat,
    /// Fail if the runs since the last change lie beyond a limit from those before it: '> +3%', 'NAME: real > +3%'
    #[arg(long, value_name = "LIMIT", help_heading = GATE)]
    fail_if: Vec<String>,
    /// Exit with code 4 if there are too few runs for a change to be seen
    #[arg(long, help_heading = GATE)]
    require_verdict: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum HistoryFormat {
    /// For people
    #[default]
    Terminal,
    /// Everything, as one object
    Json,
    /// For a page or a comment
    Markdown,
}

/// A history with what came of the limits.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    history: &'a History,
    gates: &'a [Held],
}

/// Returns the exit code.
pub(super) fn main(args: &HistoryArgs, places: &StorageArgs) -> Result<u8, Failure> {
    let limits = limits(args)?;
    let store = match Store::open_to_read(&places.store_path()?) {
        // Nothing was run yet. A store that this command names is another matter.
        Err(StoreError::Missing(_)) if !places.names_a_store() => None,
        opened => Some(opened?),
    };
    let mut collector = Collector::new(&args.metric, args.contender.as_deref(), args.last as usize);
    let (older, damaged) = store.as_ref().map(|store| collect(store, &mut collector)).transpose()?.unwrap_or_default();
    let history = History::of(collector.finish(older)?)?;
    history::check(&history, &limits)?;
    let held = history::judge(&history, &limits);
    let is_terminal = std::io::stdout().is_terminal();
    output::print(&match args.format {
        HistoryFormat::Terminal => {
            terminal::render(&history, &held, if is_terminal { style(true).width } else { MAX_WIDTH })
        }
        HistoryFormat::Json => output::json(&Whole { history: &history, gates: &held })?,
        HistoryFormat::Markdown => markdown::render(&history, &held),
    })?;
    damaged.iter().for_each(|failure| output::tell(&failure.render()));
    Ok(match exit_code(&history, &held, args.require_verdict) {
        // What was found is true of the others; that some could not be read is not passed over.
        EXIT_OK if !damaged.is_empty() => EXIT_FAILED,
        code => code,
    })
}

/// The limits; one that begins with its sign is on the metric.
fn limits(args: &HistoryArgs) -> Result<Vec<Limit>, LimitError> {
    let limit = |given: &String| match given.trim_start().starts_with(['<', '>']) {
        true => format!("{} {given}", args.metric).parse(),
        false => given.parse(),
    };
    args.fail_if.iter().map(limit).collect()
}

/// Reads the runs one by one, the latest one first, until there are enough. Gives how many are not read, and which cannot be.
fn collect(store: &Store, collector: &mut Collector) -> Result<(usize, Vec<Failure>), Failure> {
    let (mut lines, damaged) = store.list_readable()?;
    let mut damaged: Vec<Failure> = damaged.into_iter().map(Failure::from_store).collect();
    damaged.iter().for_each(|_| collector.leave_out(DAMAGED));
    // Reports come into a store in any order. The sort is stable: of runs of the same second the later one stays first.
    lines.sort_by(|one, other| other.started.cmp(&one.started));
    let mut left = lines.iter();
    while !collector.is_full()
        && let Some(line) = left.next()
    {
        if let Some(reason) = unfit(line) {
            collector.leave_out(reason);
            continue;
        }
        match store.load(line.id.as_str()) {
            Ok(report) => collector.add(&report),
            Err(error @ (StoreError::DamagedRun { .. } | StoreError::NotUnderstood { .. })) => {
                collector.leave_out(DAMAGED);
                damaged.push(error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((left.len(), damaged))
}

/// Why a run does not belong that cannot be read.
const DAMAGED: &str = "unreadable";

/// Why a run does not belong, as far as its line says it.
fn unfit(line: &RunLine) -> Option<&'static str> {
    match line.state {
        _ if line.emulated => Some(EMULATED),
        RunState::Running => Some("still running"),
        RunState::Failed | RunState::Interrupted => Some("not finished"),
        RunState::Done => None,
    }
}

/// A limit that is crossed counts for more than what cannot be seen yet, which counts where verdicts are required.
fn exit_code(history: &History, held: &[Held], require_verdict: bool) -> u8 {
    let undecided = match held {
        [] => !history.contenders.iter().all(|contender| contender.decidable) || history.contenders.is_empty(),
        held => held.iter().any(|held| held.gate == Gate::Undecided),
    };
    match () {
        () if held.iter().any(|held| held.gate == Gate::Beyond) => EXIT_REGRESSION,
        () if require_verdict && undecided => EXIT_INCONCLUSIVE,
        () => EXIT_OK,
    }
}
