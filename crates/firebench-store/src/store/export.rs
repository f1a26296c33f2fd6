//! Writes runs out, boot by boot: what is not asked for is not read, and one boot at a time is in memory.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use firebench_model::events::RunEvent;
use firebench_model::metric::names::{self, Known};
use firebench_model::metric::{self, Metric, Unit};
use firebench_model::record::{BootRecord, BootStatus, Report};
use firebench_model::runs::RunId;
use firebench_stats::Quantity;
use firebench_text as text;
use serde::Serialize;

use super::error::Trouble;
use super::read::{StoredBoot, StoredEvent, each_boot, each_boot_of, events, head, load};
use super::{Store, StoreError};
use crate::unique::Unique;

/// The columns of the CSV: one row a sample.
pub const COLUMNS: [&str; 5] = ["contender", "boot", "iteration", "metric", "value"];

/// One column more, where boots were measured side by side: those of the same block were.
pub const BLOCK: &str = "block";

/// One column more, where not all metrics are times in seconds: the unit of the row's metric.
pub const UNIT: &str = "unit";

/// One column more beside [`UNIT`]: whether `less` of the row's metric is better, or `more`.
pub const BETTER: &str = "better";

/// A line of the JSON Lines.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Run { run: &'a Report },
    Boot { contender: &'a str, retried: bool, boot: &'a BootRecord },
    Event { time: &'a str, event: &'a RunEvent },
}

impl Store {
    /// Writes the samples of a run as CSV with the columns [`COLUMNS`] and [`BLOCK`], and what [`UNIT`] and [`BETTER`] say, contender by contender, the baseline first:
    /// those of the boots that count, without the scout's. `boot` is the block, `iteration` its index, both from 0. Figures of
    /// others are written as they came. Control characters in names are replaced.
    ///
    /// # Errors
    /// As for [`id`](Store::id), and [`StoreError::Output`].
    pub fn export_csv(&self, which: &str, out: &mut dyn Write) -> Result<(), StoreError> {
        // A name that begins like a comment is quoted.
        let mut csv = csv::WriterBuilder::new().comment(Some(b'#')).from_writer(out);
        let written = self.at_one_moment(|| self.of_run(which, |run, id| self.csv(run, id, &mut csv)));
        written.map_err(self.explain())
    }

    /// Writes everything that is known of a run as JSON Lines, in the order in which it happened: first `{"run": ...}`, the report
    /// without boots; then `{"contender": ..., "retried": ..., "boot": ...}` for each boot, failed and repeated ones
    /// included, and `{"time": ..., "event": ...}` for each event between them.
    ///
    /// # Errors
    /// As for [`id`](Store::id), and [`StoreError::Output`].
    pub fn export_jsonl(&self, which: &str, out: &mut dyn Write) -> Result<(), StoreError> {
        let written = self.at_one_moment(|| self.of_run(which, |run, id| self.jsonl(run, id, out)));
        written.map_err(self.explain())
    }

    fn csv(&self, run: i64, id: &RunId, out: &mut csv::Writer<&mut dyn Write>) -> Result<(), Trouble> {
        let (mut report, _) = head(&self.connection, run)?;
        if report.imported.is_some() {
            report = load(&self.connection, run)?;
            return figures_csv(&report, out);
        }
        let scout = report.design.scout_blocks;
        let names = exported(report.contenders.iter().map(|contender| &contender.name));
        let meanings = Meanings::of(&report.metrics);
        let header: Vec<&str> = COLUMNS.into_iter().chain([BLOCK]).chain(meanings.columns()).collect();
        out.write_record(header).map_err(output)?;
        let mut rows = |StoredBoot { contender, retried, boot, .. }: StoredBoot| {
            if retried || boot.status != BootStatus::Ok || boot.block < scout {
                return Ok(());
            }
            let name = report.contenders.get(contender).and_then(|record| names.get(&record.name));
            let name = name.cloned().unwrap_or_default();
            let block = boot.block.to_string();
            for iteration in &boot.iterations {
                for (metric, value) in &iteration.metrics {
                    let meaning = meanings.fields(metric);
                    let (index, metric, value) = (iteration.index.to_string(), text::line(metric), number(*value));
                    let fields = [&name, &block, &index, &metric, &value, &block];
                    out.write_record(fields.into_iter().chain(&meaning)).map_err(output)?;
                }
            }
            Ok(())
        };
        // The first contender of the file is the baseline to whoever reads it, whichever of them booted first.
        for place in 0..report.contenders.len() {
            each_boot_of(&self.connection, run, id.as_str(), Some(place), &mut rows)?;
        }
        out.flush().map_err(Trouble::Output)
    }

    fn jsonl(&self, run: i64, id: &RunId, out: &mut dyn Write) -> Result<(), Trouble> {
        let (mut report, _) = head(&self.connection, run)?;
        if report.imported.is_some() {
            report = load(&self.connection, run)?;
        }
        firebench_model::old_reports::settle(&mut report);
        let mut write = |line: Line| {
            let json = serde_json::to_string(&line).map_err(|error| Trouble::Output(error.into()))?;
            writeln!(out, "{}", text::json(&json)).map_err(Trouble::Output)
        };
        write(Line::Run { run: &report })?;
        let mut events = events(&self.connection, run)?.into_iter().peekable();
        let is_imported = report.imported.is_some();
        each_boot(&self.connection, run, id.as_str(), &mut |StoredBoot { seq, contender, retried, boot }| {
            if is_imported {
                // Of an older store: they are figures of the report by now.
                return Ok(());
            }
            while let Some(StoredEvent { time, event, .. }) = events.next_if(|stored| stored.seq < seq) {
                write(Line::Event { time: &time, event: &event })?;
            }
            let contender = report.contenders.get(contender).map(|record| record.name.as_str()).unwrap_or_default();
            write(Line::Boot { contender, retried, boot: &boot })
        })?;
        events.try_for_each(|StoredEvent { time, event, .. }| write(Line::Event { time: &time, event: &event }))?;
        out.flush().map_err(Trouble::Output)
    }
}

/// The figures of others: as they came, without executions that failed.
fn figures_csv(report: &Report, out: &mut csv::Writer<&mut dyn Write>) -> Result<(), Trouble> {
    let figures =
        || report.contenders.iter().filter_map(|contender| Some((&contender.name, contender.figures.as_ref()?)));
    let in_blocks = figures().any(|(_, figures)| !figures.blocks.is_empty());
    let meanings = Meanings::of(&report.metrics);
    let header = COLUMNS.into_iter().chain(in_blocks.then_some(BLOCK)).chain(meanings.columns());
    out.write_record(header.collect::<Vec<&str>>()).map_err(output)?;
    let metrics: BTreeSet<&String> = figures().flat_map(|(_, figures)| figures.metrics.keys()).collect();
    let (contenders, metrics) = (exported(figures().map(|(name, _)| name)), exported(metrics.into_iter()));
    let named = |names: &HashMap<&String, String>, name| names.get(name).cloned().unwrap_or_default();
    for (name, figures) in figures() {
        let name = named(&contenders, name);
        for (metric, column) in &figures.metrics {
            let meaning = meanings.fields(metric);
            let metric = named(&metrics, metric);
            for sample in column.samples().iter().filter(|sample| figures.failure(sample.boot).is_none()) {
                let fields = [sample.boot.to_string(), sample.iteration.to_string(), number(sample.value)];
                let [boot, iteration, value] = &fields;
                let block =
                    in_blocks.then(|| figures.block(sample.boot).map_or(String::new(), |block| block.to_string()));
                let fields = [&name, boot, iteration, &metric, value];
                out.write_record(fields.into_iter().chain(&block).chain(&meaning)).map_err(output)?;
            }
        }
    }
    out.flush().map_err(Trouble::Output)
}

/// Names as they stand in a CSV: without what a terminal obeys, without space around them, and still told apart.
fn exported<'a>(names: impl Iterator<Item = &'a String>) -> HashMap<&'a String, String> {
    let mut unique = Unique::default();
    let shown = |name: &String| match text::line(name).trim() {
        "" => "(no name)".to_owned(),
        shown => shown.to_owned(),
    };
    names.map(|name| (name, unique.of(shown(name)))).collect()
}

/// What the values of the metrics mean. Where whoever reads such a file takes all of them for what they are, it goes without saying.
struct Meanings<'a> {
    metrics: &'a [Metric],
    are_said: bool,
}

impl<'a> Meanings<'a> {
    fn of(metrics: &'a [Metric]) -> Self {
        let is_plain = |metric: &Metric| {
            names::of_others(&metric.name, &Known::default(), None).is_some_and(|guessed| {
                guessed.is_like(metric) && metric.quantity() == Quantity::Time && metric.unit == Some(Unit::SECONDS)
            })
        };
        Meanings { metrics, are_said: !metrics.iter().all(is_plain) }
    }

    fn columns(&self) -> impl Iterator<Item = &'static str> {
        [UNIT, BETTER].into_iter().filter(|_| self.are_said)
    }

    /// A row's fields under these columns; empty ones of a metric that is not declared.
    fn fields(&self, metric: &str) -> Vec<String> {
        let declared = metric::find(self.metrics, metric);
        let of = |word: fn(&Metric) -> &str| text::line(declared.map(word).unwrap_or_default());
        if self.are_said { vec![of(Metric::sign), of(|metric| metric.better.word())] } else { Vec::new() }
    }
}

/// As short as it can be and still come back bit for bit, also a very large or small one.
fn number(value: f64) -> String {
    format!("{value:?}")
}

/// As the system gave it: whether the reader has gone, or the disk is full, is in its kind.
fn output(error: csv::Error) -> Trouble {
    Trouble::Output(match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })
}
