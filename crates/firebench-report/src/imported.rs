//! What a report says of figures that firebench did not measure: where they come from, and nothing that it does not know.

use firebench_analysis::findings::Findings;
use firebench_analysis::summary::MetricSummary;
use firebench_model::figures::{Figures, Sample};
use firebench_model::record::{ContenderRecord, Imported, Report};
use firebench_text as text;

use super::markdown_text::{sentence, table};
use super::values::Values;
use super::words::origin;

/// Width of a contender's name in the table, at most and at least.
const NAME: [usize; 2] = [36, 12];

/// Width of a column of the table.
const CELL: usize = 10;

/// Width of the column that says which boots count.
const BOOTS: usize = 22;

/// A table for a terminal of some width: of each metric that is there, a line for each contender. Where there is no room for it,
/// the column of boots is left out.
pub(super) fn tables(findings: &Findings, width: usize) -> String {
    let Findings { report, summary, .. } = findings;
    let [widest, least] = NAME;
    let columns = if summary.single_iteration { 3 } else { 4 };
    let numbers = CELL.saturating_mul(columns);
    let room = width.saturating_sub(numbers);
    let told = room >= BOOTS.saturating_add(least);
    let boots_width = if told { BOOTS } else { 0 };
    let name_width = room.saturating_sub(boots_width).clamp(least, widest);
    let mut out = String::new();
    let values = Values::of(summary);
    let metrics = summary.contenders.first().map(|contender| contender.metrics.as_slice()).unwrap_or_default();
    for (place, MetricSummary { metric, .. }) in metrics.iter().enumerate() {
        let first = if summary.single_iteration { String::new() } else { format!("{:>CELL$}", "first") };
        let title = text::line(&format!("{}, {}", metric.name, values.unit(metric)));
        // Over its own table where it has no room beside the columns' names.
        let (above, title) =
            if title.chars().count() < name_width { (None, title) } else { (Some(title), String::new()) };
        let counted = if told { "boots" } else { "" };
        let head = format!(
            "{title:<name_width$}{counted:>boots_width$}{first}{:>CELL$}{:>CELL$}{:>CELL$}",
            report.design.estimand.name(),
            "min",
            "max"
        );
        if !out.is_empty() {
            out.push('\n');
        }
        out.extend(above.map(|title| text::excerpt(&title, width.max(least)) + "\n"));
        out += &format!("{head}\n");
        for (contender, of_contender) in report.contenders.iter().zip(&summary.contenders) {
            let Some(of_metric) = of_contender.metrics.get(place).filter(|of_metric| of_metric.sample.is_some()) else {
                continue;
            };
            let name = text::cut(&text::line(&contender.name), name_width.saturating_sub(1));
            let number = |value: Option<f64>| {
                format!("{:>CELL$}", value.map_or("-".to_owned(), |value| values.number(metric, value)))
            };
            let first = if summary.single_iteration { String::new() } else { number(of_metric.first) };
            let sample = of_metric.sample;
            let spread = [of_metric.estimate, sample.map(|s| s.min), sample.map(|s| s.max)];
            let boots = contender.figures.as_ref().filter(|_| told).map(|figures| boots(figures, &metric.name));
            let boots = boots.unwrap_or_default();
            out += &format!("{name:<name_width$}{boots:>boots_width$}{first}{}\n", spread.map(number).concat());
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
