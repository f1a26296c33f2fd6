//! `firebench calibrate`: how often the verdicts err, by simulation with the code that judges real runs, or by a real one.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use firebench_model::experiment::{Design, Settle};
use firebench_stats::design::Size;
use firebench_stats::simulate::{Kind, Row, Settings, simulate};
use firebench_text::units::{Share, Span};
use serde::Serialize;

use super::failure::Failure;
use super::storage_args::StorageArgs;
use super::{calibrate_live, output};

#[derive(Debug, Args)]
pub(crate) struct CalibrateArgs {
    /// Measure instead of simulating: two contenders are the bare host, and with --effect a third one has more work
    #[arg(long, conflicts_with = "noise")]
    live: bool,
    /// With --live: boot all contenders of a block at once, as `firebench run --duet` does
    #[arg(long, requires = "live")]
    duet: bool,
    /// Number of runs, each of which counts in each row [default: 10000; with --live 1]
    #[arg(long)]
    runs: Option<usize>,
    /// Seed of the simulation; the same seed gives the same table
    #[arg(long, default_value_t = Settings::default().seed)]
    seed: u64,
    /// Noise of a boot, as a share of its time
    #[arg(long, value_name = "SHARE", default_value_t = ONE_PERCENT)]
    noise: Share,
    /// By how much the last contender of an A/B run is slower [default: 2%; with --live there is none]
    #[arg(long, value_name = "SHARE")]
    effect: Option<Share>,
    /// Half-width of the interval that the runs aim at
    #[arg(long, value_name = "SHARE", default_value_t = ONE_PERCENT)]
    precision: Share,
    /// Seconds that a run may take; each boot and each iteration takes half a second
    #[arg(long, default_value_t = 300.0)]
    max_seconds: f64,
    /// What real runs do against boots that feel the one before: boot (blocks begin with a throw-away boot) or none; with --live a time,
    /// too [default: boot]
    #[arg(long, value_name = "boot|none")]
    settle: Option<Settle>,
    /// Number of blocks in each run, instead of a precision
    #[arg(long, conflicts_with_all = ["precision", "max_seconds"])]
    blocks: Option<u32>,
    /// Treat differences up to this size as none [default: twice the precision]
    #[arg(long, value_name = "SHARE")]
    delta: Option<Share>,
    /// Output format
    #[arg(long, value_enum, default_value_t = TableFormat::Table)]
    format: TableFormat,
}

/// The default of noise and precision.
const ONE_PERCENT: Share = Share::percent(1);

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TableFormat {
    /// For people
    Table,
    /// One object with the array `rows`
    Json,
}

/// Settings that cannot be simulated.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot simulate these runs")]
#[diagnostic(help("give numbers from 1 for --runs and --blocks, and a number above 0 for --max-seconds"))]
struct Impossible(#[source] firebench_stats::Error);

/// A pause for simulated boots.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot simulate a pause of {0}: simulated boots need none")]
#[diagnostic(help("give --settle boot or --settle none, or measure with --live"))]
struct Pause(Span);

#[derive(Serialize)]
struct Table<R> {
    rows: Vec<R>,
}

pub(super) fn main(args: &CalibrateArgs, places: &StorageArgs) -> Result<(), Failure> {
    let text = if args.live { live(args, places)? } else { simulated(args)? };
    output::print(&text)
}

/// A real run.
fn live(args: &CalibrateArgs, places: &StorageArgs) -> Result<String, Failure> {
    let precision = args.blocks.is_none().then_some(args.precision);
    let design = Design {
        boots: args.blocks,
        precision,
        // A float beyond the range of u64 saturates.
        max_time: precision.map(|_| Span::seconds(args.max_seconds.max(1.0) as u64)),
        delta: args.delta,
        duet: args.duet,
        settle: args.settle,
        ..Design::default()
    };
    let mut rows = Vec::new();
    for run in 0..args.runs.unwrap_or(1) {
        let seed = args.seed.wrapping_add(run as u64);
        rows.extend(calibrate_live::run(Design { seed: Some(seed), ..design.clone() }, args.effect, places)?);
    }
    match args.format {
        TableFormat::Table => Ok(calibrate_live::table(&rows) + &calibrate_live::counts(&rows)),
        TableFormat::Json => output::json(&Table { rows }),
    }
}

/// Many simulated ones.
fn simulated(args: &CalibrateArgs) -> Result<String, Failure> {
    let throw_away = match args.settle {
        None | Some(Settle::Boot) => true,
        Some(Settle::Nothing) => false,
        Some(Settle::Pause(span)) => return Err(Failure::usage(Pause(span))),
    };
    let settings = Settings {
        throw_away,
        runs: args.runs.unwrap_or(Settings::default().runs),
        seed: args.seed,
        noise: args.noise.part(),
        effect: args.effect.map_or(Settings::default().effect, Share::part),
        size: match args.blocks {
            Some(blocks) => Size::Blocks(blocks),
            None => Size::Precision { precision: args.precision.part(), max_seconds: args.max_seconds },
        },
        delta: args.delta.unwrap_or(args.precision.double()).part(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let rows = simulate(&settings).map_err(|error| Failure::usage(Impossible(error)))?;
    match args.format {
        TableFormat::Table => Ok(table(&rows)),
        TableFormat::Json => output::json(&Table { rows }),
    }
}

/// The rows under one head.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "kind  noise            rule       contenders  false alarms  refused  coverage   power  equivalent  blocks\n",
    );
    for row in rows {
        let kind = match row.case.kind {
            Kind::Aa => "A/A",
            Kind::Ab => "A/B",
        };
        let rule = row.case.rule.name();
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        let power = row.power.map_or("-".to_owned(), percent);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{kind:<4}  {:<15}  {rule:<9}  {:>10}  {:>12}  {:>7}  {:>8}  {power:>6}  {:>10}  {:>6.1}",
            row.case.shape.name(),
            row.case.contenders,
            percent(row.false_alarm),
            percent(row.refused),
            percent(row.coverage),
            percent(row.equivalent),
            row.blocks,
        );
    }
    text
}
