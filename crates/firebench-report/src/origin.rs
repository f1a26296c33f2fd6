//! The page of `--preset origin`: each figure that the origin published, what it had really measured, and ours.

use firebench_analysis::origin::{Cell, Ours, Outcome, Row, SETS, Unplanned, rows};
use firebench_model::record::Report;

use crate::markdown_text::{code, sentence, table};
use crate::{EMULATED, hosts};

/// The page in Markdown; the facts are Markdown already. `directories` are those of the runs' reports, by their names.
pub fn page(
    outcomes: &[Outcome<'_>],
    unplanned: &[Unplanned],
    workload: Option<&str>,
    directories: &[String],
) -> String {
    let mut page = "# The origin's experiment, again\n".to_owned();
    let reports: Vec<&Report> = outcomes.iter().filter_map(|outcome| outcome.report.ok()).collect();
    if reports.iter().any(|report| report.emulated) {
        page += &format!("\n**{EMULATED}**\n");
    }
    page += "\nIts published figures are medians of 2019, from one server; ours are typical boots on another machine. The two columns are no \
        comparison: each says what a question came to there and here. What a published figure had really measured stands below it.\n";
    if let Some(report) = reports.first() {
        page += &format!("\nMeasured on: {}.\n", sentence(&hosts::phrase(&report.host)));
    }
    for row in rows(outcomes, workload) {
        page += &section(&row);
    }
    page += "\n## Its sets\n\n";
    page.extend(SETS.iter().map(|said| format!("- {said}\n")));
    if !unplanned.is_empty() {
        page += "\n## Not measured\n\n";
        page.extend(unplanned.iter().map(|un| format!("- {}: {}.\n", sentence(&un.what), sentence(&un.why))));
    }
    if !directories.is_empty() {
        page += "\n## The runs\n\nThe report of each has its verdicts, its audit and its boots: ";
        page += &directories.iter().map(|directory| code(directory)).collect::<Vec<_>>().join(", ");
        page += ".\n";
    }
    page
}

fn section(row: &Row) -> String {
    let measure = row.measure;
    let unit = sentence(measure.unit);
    let mut section = format!("\n## {}\n", sentence(measure.title));
    let header =
        ["contender".to_owned(), "VMs at once".to_owned(), format!("published, {unit}"), format!("here, {unit}")];
    let rows: Vec<Vec<String>> = row.cells.iter().map(cells).collect();
    if rows.is_empty() {
        section += "\nNo figure was published, and none was measured here.\n";
    } else {
        section += &format!("\n{}", table(&header, 1, &rows));
    }
    for (what, said) in [("How", measure.how), ("What it had really measured", measure.really), ("Here", measure.ours)]
    {
        section += &format!("\n**{what}**: {said}\n");
    }
    if let Some(work) = &row.work {
        section += &format!("\n**Work of an iteration here**: {}.\n", sentence(work));
    }
    section
}

fn cells(cell: &Cell) -> Vec<String> {
    let published = cell.published.map(|figure| {
        let of = figure.of.map(|of| format!(" of {of}")).unwrap_or_default();
        let pooled = if figure.is_pooled() { ", pooled" } else { "" };
        format!("{} ({}{of}{pooled})", figure.median, figure.n)
    });
    let ours = match &cell.ours {
        Ours::Value { value, boots, emulated } => {
            let emulated = if *emulated { ", emulated" } else { "" };
            format!("{value:.1} ({boots}{emulated})")
        }
        Ours::Nothing(why) => sentence(why),
    };
    vec![sentence(cell.column.title()), cell.at_once.to_string(), published.unwrap_or_else(|| "-".to_owned()), ours]
}
