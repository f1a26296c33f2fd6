//! Figures of others in the store: a row for so many samples, as JSON. A row a sample would take a hundred times as long, and a
//! file may hold a million of them.

use std::collections::BTreeMap;

use firebench_model::figures::{Column, Figures, Sample};
use firebench_model::record::ContenderRecord;
use firebench_text as text;
use rusqlite::{Connection, params};

use super::checksum;
use super::error::Trouble;

/// So many samples are in a row.
const PART: usize = 10_000;

/// The parts of a column.
#[derive(Default)]
struct Parts {
    there: i64,
    of: i64,
    samples: Vec<Sample>,
}

/// Takes the samples of contenders out of their records, so that these are small. The names of the metrics stay.
pub(super) fn take(contenders: &mut [ContenderRecord]) -> Vec<Option<Figures>> {
    let samples = |contender: &mut ContenderRecord| {
        let figures = contender.figures.as_mut()?;
        let metrics = std::mem::take(&mut figures.metrics);
        figures.metrics = metrics.keys().map(|metric| (metric.clone(), Column::default())).collect();
        Some(Figures { metrics, ..Figures::default() })
    };
    contenders.iter_mut().map(samples).collect()
}

/// Writes the samples of a contender.
pub(super) fn insert(connection: &Connection, run: i64, contender: i64, figures: &Figures) -> Result<(), Trouble> {
    const SQL: &str = "INSERT INTO figures (run, contender, metric, part, parts, checksum, samples)
                       VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)";
    let mut statement = connection.prepare_cached(SQL)?;
    for (metric, column) in &figures.metrics {
        let parts = column.samples().len().div_ceil(PART);
        for (part, samples) in (0..).zip(column.samples().chunks(PART)) {
            let rows: Vec<(u32, u32, f64)> =
                samples.iter().map(|sample| (sample.boot, sample.iteration, sample.value)).collect();
            statement.execute(params![run, contender, metric, part, parts, super::record::json(&rows)?])?;
            checksum::seal_figures(connection, (run, contender, metric, part))?;
        }
    }
    Ok(())
}

/// Reads the samples of a contender into its record.
pub(super) fn read(
    connection: &Connection,
    run: i64,
    place: i64,
    contender: &mut ContenderRecord,
) -> Result<(), Trouble> {
    const SQL: &str = "SELECT metric, part, checksum, samples, parts FROM figures WHERE run = ?1 AND contender = ?2
                       ORDER BY metric, part";
    let mut statement = connection.prepare_cached(SQL)?;
    let mut rows = statement.query([run, place])?;
    let Some(figures) = &mut contender.figures else { return Ok(()) };
    let mut columns: BTreeMap<String, Parts> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (metric, part): (String, i64) = (row.get(0)?, row.get(1)?);
        checksum::check_figures(connection, (run, place, &metric, part), row.get(2)?)?;
        let samples: Vec<(u32, u32, f64)> =
            serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)
                .map_err(Trouble::of_record)?;
        let column = columns.entry(metric).or_default();
        column.there = column.there.saturating_add(1);
        column.of = row.get(4)?;
        column.samples.extend(samples.into_iter().map(|(boot, iteration, value)| Sample { boot, iteration, value }));
    }
    for (metric, column) in &mut figures.metrics {
        let Some(Parts { samples, .. }) = columns.remove(metric).filter(|parts| parts.there == parts.of) else {
            let (name, metric) = (text::excerpt(&contender.name, 40), text::excerpt(metric, 40));
            return Err(Trouble::Damaged(format!("figures of {name} in {metric} are missing")));
        };
        *column = Column::new(samples).map_err(Trouble::Damaged)?;
    }
    Ok(())
}
