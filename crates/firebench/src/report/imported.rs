//! What a report says of figures that firebench did not measure: where they come from, and nothing that it does not know.

use super::markdown_text::{sentence, table};
use super::text;
use super::values::Values;
use crate::figures::{Figures, Sample};
use crate::record::{ContenderRecord, ImportFormat, Imported, Report};
use crate::summary::{MetricSummary, Summary};

/// Where the figures come from.
pub fn origin(imported: &Imported) -> String {
    let source = match imported.format {
        ImportFormat::Hyperfine => "results of hyperfine; each execution stands for a boot with one iteration",
        ImportFormat::Csv => "a CSV of samples",
    };
    format!(
        "Imported from {}, {source}. firebench did not measure this: it knows neither the machine nor what exactly ran.",
        imported.name
    )
}

/// Width of a contender's name in the table.
const NAME: usize = 36;

/// Width of a column of the table.
const CELL: usize = 10;

/// Width of the column that says which boots count.
const BOOTS: usize = 22;

/// A table for a terminal: of each metric that is there, a line for each contender.
pub(super) fn tables(report: &Report, summary: &Summary) -> String {
    let mut out = String::new();
    let values = Values::of(report, summary);
    let metrics = summary.contenders.first().map(|contender| contender.metrics.as_slice()).unwrap_or_default();
    for (place, MetricSummary { metric, .. }) in metrics.iter().enumerate() {
        let first = if summary.single_iteration { String::new() } else { format!("{:>CELL$}", "first") };
        let title = text::cut(&text::line(&format!("{metric}, {}", values.unit(metric))), NAME - 1);
        let head =
            format!("{title:<NAME$}{:>BOOTS$}{first}{:>CELL$}{:>CELL$}{:>CELL$}", "boots", "median", "min", "max");
        if !out.is_empty() {
            out.push('\n');
        }
        out += &format!("{head}\n");
        for (contender, of_contender) in report.contenders.iter().zip(&summary.contenders) {
            let Some(of_metric) = of_contender.metrics.get(place).filter(|of_metric| of_metric.sample.is_some()) else {
                continue;
            };
            let name = text::cut(&text::line(&contender.name), NAME - 1);
            let number = |value: Option<f64>| {
                format!("{:>CELL$}", value.map_or("-".to_owned(), |value| values.number(metric, value)))
            };
            let first = if summary.single_iteration { String::new() } else { number(of_metric.first) };
            let sample = of_metric.sample;
            let spread = [sample.map(|s| s.median), sample.map(|s| s.min), sample.map(|s| s.max)];
            let boots = contender.figures.as_ref().map(|figures| boots(figures, metric)).unwrap_or_default();
            out += &format!("{name:<NAME$}{boots:>BOOTS$}{first}{}\n", spread.map(number).concat());
        }
    }
    out
}

/// How many boots count, and their numbers as in the file: `3 (1 to 3)`.
fn boots(figures: &Figures, metric: &str) -> String {
    let mut numbers = figures.boots(metric, 0).map(|boot| boot.number);
    let first = numbers.next();
    let (count, last) = numbers
        .fold((usize::from(first.is_some()), first), |(count, _), number| (count.saturating_add(1), Some(number)));
    match (first, last) {
        (Some(first), Some(last)) if first != last => format!("{count} ({first} to {last})"),
        (Some(only), _) => format!("{count} ({only})"),
        _ => "0".to_owned(),
    }
}

/// The beginning of the document.
pub(super) fn introduction(imported: &Imported) -> String {
    format!("# {}\n\n{}\n", sentence(&imported.name), sentence(&origin(imported)))
}

/// So many samples of each metric are in the document, the first ones; report.json has all.
const SAMPLES: usize = 1000;

/// The figures of a contender.
pub(super) fn results(contender: &ContenderRecord) -> String {
    let mut out = format!("## {}\n", sentence(&contender.name));
    let Some(figures) = &contender.figures else { return out };
    for (metric, column) in &figures.metrics {
        let mut header = ["boot", "iteration", metric.as_str()].map(sentence).to_vec();
        if !figures.blocks.is_empty() {
            header.insert(0, "block".to_owned());
        }
        header.push(String::new());
        let rows: Vec<Vec<String>> = column.samples().iter().take(SAMPLES).map(|sample| row(figures, sample)).collect();
        out += &format!("\n{}", table(&header, 0, &rows));
        if let Some(more) = column.samples().len().checked_sub(SAMPLES).filter(|more| *more > 0) {
            out += &format!("\n{} more; `report.json` has all.\n", text::count(more, "sample"));
        }
    }
    out
}

fn row(figures: &Figures, sample: &Sample) -> Vec<String> {
    let mut cells = vec![sample.boot.to_string(), sample.iteration.to_string(), sample.value.to_string()];
    if !figures.blocks.is_empty() {
        cells.insert(0, figures.block(sample.boot).map_or("-".to_owned(), |block| block.to_string()));
    }
    cells.push(match figures.failure(sample.boot).map(|failed| failed.exit_code) {
        None => String::new(),
        Some(Some(code)) => format!("not counted: exit code {code}"),
        Some(None) => "not counted: a signal ended it".to_owned(),
    });
    cells
}

/// The end of the document.
pub(super) fn end(report: &Report) -> String {
    format!("Imported by firebench {}, {}.\n", sentence(&report.firebench), sentence(&report.started))
}
