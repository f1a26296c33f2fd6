//! `firebench calibrate`: how often the verdicts err, by simulation with the code that judges real runs.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use firebench_stats::design::Size;
use firebench_stats::simulate::{Kind, Row, Settings, simulate};
use serde::Serialize;

use super::Failure;

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Runs behind every row
    #[arg(long, default_value_t = Settings::default().runs)]
    runs: usize,
    /// Same seed, same table
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Noise of a boot, as a part of its time
    #[arg(long, default_value_t = Settings::default().noise)]
    noise: f64,
    /// By how much the last contender of an A/B run is slower
    #[arg(long, default_value_t = Settings::default().effect)]
    effect: f64,
    /// Half-width of the interval that the runs aim at
    #[arg(long, default_value_t = 0.01)]
    precision: f64,
    /// Seconds that a run may take; a boot takes half a second, and so does an iteration
    #[arg(long, default_value_t = 300.0)]
    max_seconds: f64,
    /// Runs of so many blocks, in place of a precision
    #[arg(long, conflicts_with_all = ["precision", "max_seconds"])]
    blocks: Option<u32>,
    /// Differences up to this size count as none [default: twice the precision]
    #[arg(long)]
    delta: Option<f64>,
    /// How the table is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One object with the array `rows`
    Json,
}

/// The settings that make no table.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("these runs cannot be simulated")]
#[diagnostic(help(
    "--runs and --blocks take numbers from 1, --noise, --effect, --precision and --delta take parts such as 0.01"
))]
struct Impossible(#[source] firebench_stats::Error);

#[derive(Serialize)]
struct Table {
    rows: Vec<Row>,
}

pub(super) fn main(args: &CalibrateArgs) -> Result<(), Failure> {
    let settings = Settings {
        runs: args.runs,
        seed: args.seed,
        noise: args.noise,
        effect: args.effect,
        size: match args.blocks {
            Some(blocks) => Size::Blocks(blocks),
            None => Size::Precision { precision: args.precision, max_seconds: args.max_seconds },
        },
        delta: args.delta.unwrap_or(2.0 * args.precision),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let rows = simulate(&settings).map_err(|error| Failure::usage(Impossible(error)))?;
    let text = match args.format {
        Format::Table => table(&rows),
        Format::Json => {
            let json = serde_json::to_string_pretty(&Table { rows }).map_err(std::io::Error::from);
            format!("{}\n", json.map_err(Failure::system("write JSON"))?)
        }
    };
    super::print(&text)
}

/// The rows under one head.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "kind  noise            rule     contenders  false alarms  coverage   power  equivalent  blocks\n",
    );
    for row in rows {
        let kind = match row.case.kind {
            Kind::Aa => "A/A",
            Kind::Ab => "A/B",
        };
        let rule = if row.case.strict { "strict" } else { "default" };
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        let power = row.power.map_or("-".to_owned(), percent);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{kind:<4}  {:<15}  {rule:<7}  {:>10}  {:>12}  {:>8}  {power:>6}  {:>10}  {:>6.1}",
            row.case.shape.name(),
            row.case.contenders,
            percent(row.false_alarm),
            percent(row.coverage),
            percent(row.equivalent),
            row.blocks,
        );
    }
    text
}
