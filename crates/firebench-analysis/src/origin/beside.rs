//! What the origin published beside what our runs found, cell by cell.

use firebench_model::record::Report;
use firebench_text as text;

use super::published::{Column, Figure, MEASURES, Measure};
use crate::summary;

/// What became of an experiment of the series.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Our workload.
    pub workload: &'a str,
    /// VMs at once.
    pub at_once: u32,
    /// Its report, or why there is none, in a sentence without its end.
    pub report: Result<&'a Report, &'a str>,
}

/// A measure, with its cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The measure.
    pub measure: &'static Measure,
    /// Those that were published or measured, by VMs at once and contender.
    pub cells: Vec<Cell>,
    /// What an iteration did here, in a few words, where that has a size.
    pub work: Option<String>,
}

/// A contender in a measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The contender.
    pub column: Column,
    /// VMs at once.
    pub at_once: u32,
    /// What was published.
    pub published: Option<&'static Figure>,
    /// What was found here.
    pub ours: Ours,
}

/// What was found here.
#[derive(Debug, Clone, PartialEq)]
pub enum Ours {
    /// What stands for the good boots.
    Value {
        /// In the unit of the measure, where our metric is a time too; else in that of our metric.
        value: f64,
        /// Good boots.
        boots: usize,
        /// Whether instructions were emulated.
        emulated: bool,
    },
    /// Nothing, and why, in a few words.
    Nothing(String),
}

/// The measures with what was published and what these runs found; those of a workload alone, where one is named.
pub fn rows(outcomes: &[Outcome<'_>], workload: Option<&str>) -> Vec<Row> {
    let wanted = MEASURES.iter().filter(|measure| workload.is_none_or(|workload| workload == measure.workload));
    let work = |measure: &Measure| {
        let reports = outcomes.iter().filter(|outcome| outcome.workload == measure.workload);
        reports.filter_map(|outcome| outcome.report.ok()).find_map(work)
    };
    wanted.map(|measure| Row { measure, cells: cells(measure, outcomes), work: work(measure) }).collect()
}

/// An emulated run does less than the origin did, unless it is asked for more.
fn work(report: &Report) -> Option<String> {
    if let Some(asked) = &report.experiment.hash_loop {
        return Some(format!("{} times a buffer of {}", asked.rounds?, text::bytes(asked.buffer?.0)));
    }
    (report.payload.bytes > 0).then(|| format!("a file of {}", text::bytes(report.payload.bytes)))
}

fn cells(measure: &'static Measure, outcomes: &[Outcome<'_>]) -> Vec<Cell> {
    let mut numbers: Vec<u32> = outcomes.iter().map(|outcome| outcome.at_once).chain(super::plan::AT_ONCE).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let places = numbers.iter().flat_map(|at_once| Column::ALL.map(|column| (*at_once, column)));
    let cell = |(at_once, column): (u32, Column)| {
        let ours = ours(measure, column, at_once, outcomes);
        let published = measure.published(column, at_once);
        let shown = published.is_some() || matches!(ours, Ours::Value { .. });
        shown.then_some(Cell { column, at_once, published, ours })
    };
    places.filter_map(cell).collect()
}

fn ours(measure: &Measure, column: Column, at_once: u32, outcomes: &[Outcome<'_>]) -> Ours {
    let nothing = |why: &str| Ours::Nothing(why.to_owned());
    let run = outcomes.iter().find(|outcome| outcome.workload == measure.workload && outcome.at_once == at_once);
    let report = match run.map(|outcome| outcome.report) {
        Some(Ok(report)) => report,
        Some(Err(why)) => return nothing(why),
        None => return nothing("not measured"),
    };
    let summary = summary::summarize(report);
    let Some(contender) = summary.contenders.iter().find(|contender| contender.name == column.contender()) else {
        return nothing("not measured: it did not take part");
    };
    let primary = report.primary();
    let name = measure.metric.unwrap_or(primary.name.as_ref());
    let Some(metric) = contender.metrics.iter().find(|of| of.metric.name == name) else {
        return Ours::Nothing(format!("not measured: the workload has no metric {name}"));
    };
    let Some(value) = metric.estimate else { return nothing("no good boot") };
    let seconds = metric.metric.unit.as_ref().and_then(|unit| unit.seconds());
    let in_ms = seconds.filter(|_| measure.unit == "ms").map_or(1.0, |seconds| seconds * 1000.0);
    Ours::Value { value: value * in_ms, boots: contender.boots_ok, emulated: report.emulated }
}
