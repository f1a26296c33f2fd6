//! Writes runs out, boot by boot: what is not asked for is not read, and one boot at a time is in memory.

use std::io::{self, Write};

use rusqlite::Row;
use serde::Serialize;

use super::read::{StoredBoot, StoredEvent, each_boot, events, head};
use super::{Store, StoreError, Trouble};
use crate::events::RunEvent;
use crate::record::{BootRecord, Report};
use crate::report::text;

/// The columns of the CSV: one row a sample.
pub const COLUMNS: [&str; 5] = ["contender", "boot", "iteration", "metric", "value"];

/// A line of the JSON Lines.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Run { run: &'a Report },
    Boot { contender: &'a str, retried: bool, boot: &'a BootRecord },
    Event { time: &'a str, event: &'a RunEvent },
}

impl Store {
    /// Writes the samples of a run as CSV with the columns [`COLUMNS`], in the order in which they were measured: those of the
    /// boots that count, without the scout's. `boot` is the block, `iteration` its index, both from 0. Control characters in
    /// names are replaced.
    ///
    /// # Errors
    /// As for [`id`](Store::id), and [`StoreError::Output`].
    pub fn export_csv(&self, which: &str, out: &mut dyn Write) -> Result<(), StoreError> {
        let mut csv = csv::Writer::from_writer(out);
        let written = self.at_one_moment(|| self.csv(which, &mut csv));
        written.map_err(self.explain())
    }

    /// Writes everything that is known of a run as JSON Lines, in the order in which it happened: first `{"run": ...}`, the report
    /// without boots; then `{"contender": ..., "retried": ..., "boot": ...}` for each boot, failed and repeated ones
    /// included, and `{"time": ..., "event": ...}` for each event between them.
    ///
    /// # Errors
    /// As for [`id`](Store::id), and [`StoreError::Output`].
    pub fn export_jsonl(&self, which: &str, out: &mut dyn Write) -> Result<(), StoreError> {
        let written = self.at_one_moment(|| self.jsonl(which, out));
        written.map_err(self.explain())
    }

    fn csv(&self, which: &str, out: &mut csv::Writer<&mut dyn Write>) -> Result<(), Trouble> {
        const SQL: &str = "SELECT name, block, iteration, metric, value
                           FROM boots JOIN contenders USING (run, contender) JOIN samples USING (boot)
                           WHERE run = ?1 AND status = 'ok' AND retried = 0 AND block >= ?2
                           ORDER BY seq, iteration, metric";
        let (run, _) = self.find(which)?;
        let scout_blocks = head(&self.connection, run)?.0.design.scout_blocks;
        let mut statement = self.connection.prepare(SQL)?;
        let mut rows = statement.query([run, i64::from(scout_blocks)])?;
        out.write_record(COLUMNS).map_err(output)?;
        while let Some(row) = rows.next()? {
            out.write_record(csv_fields(row)?).map_err(output)?;
        }
        out.flush().map_err(Trouble::Output)
    }

    fn jsonl(&self, which: &str, out: &mut dyn Write) -> Result<(), Trouble> {
        let (run, _) = self.find(which)?;
        let (report, _) = head(&self.connection, run)?;
        let mut write = |line: Line| {
            let json = serde_json::to_string(&line).map_err(|error| Trouble::Output(error.into()))?;
            writeln!(out, "{}", text::json(&json)).map_err(Trouble::Output)
        };
        write(Line::Run { run: &report })?;
        let mut events = events(&self.connection, run)?.into_iter().peekable();
        each_boot(&self.connection, run, &mut |StoredBoot { seq, contender, retried, boot }| {
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

fn csv_fields(row: &Row) -> rusqlite::Result<[String; 5]> {
    let (block, iteration): (u32, u32) = (row.get(1)?, row.get(2)?);
    // With `Debug` a number is as short as it can be and still come back bit for bit, also a very large or small one.
    let value = format!("{:?}", row.get::<_, f64>(4)?);
    // Names from elsewhere may hold what a terminal must not be given.
    let name = |column| row.get::<_, String>(column).map(|name| text::line(&name));
    Ok([name(0)?, block.to_string(), iteration.to_string(), name(3)?, value])
}

fn output(error: csv::Error) -> Trouble {
    Trouble::Output(io::Error::from(error))
}
