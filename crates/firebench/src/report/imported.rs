//! What a report says of figures that firebench did not measure: where they come from, and nothing that it does not know.

use std::collections::BTreeSet;

use super::markdown_text::{sentence, table};
use super::words::status_words;
use crate::record::{BootRecord, ContenderRecord, ImportFormat, Imported, Report};

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

/// The beginning of the document.
pub(super) fn introduction(imported: &Imported) -> String {
    format!("# {}\n\n{}\n", sentence(&imported.name), sentence(&origin(imported)))
}

/// Every figure of a contender.
pub(super) fn results(contender: &ContenderRecord) -> String {
    let iterations = || contender.boots.iter().flat_map(|boot| boot.iterations.iter().map(move |i| (boot, i)));
    let metrics: BTreeSet<&String> = iterations().flat_map(|(_, iteration)| iteration.metrics.keys()).collect();
    let mut header = ["boot", "iteration"].map(str::to_owned).to_vec();
    header.extend(metrics.iter().map(|metric| sentence(metric)));
    header.push(String::new());
    let rows: Vec<Vec<String>> = iterations()
        .map(|(boot, iteration)| {
            let mut cells = vec![(u64::from(boot.block) + 1).to_string(), (u64::from(iteration.index) + 1).to_string()];
            let value = |metric: &&String| iteration.metrics.get(*metric).map_or("-".to_owned(), f64::to_string);
            cells.extend(metrics.iter().map(value));
            cells.push(failure(boot));
            cells
        })
        .collect();
    format!("## {}\n\n{}", sentence(&contender.name), table(&header, 0, &rows))
}

fn failure(boot: &BootRecord) -> String {
    boot.message
        .as_ref()
        .map(|message| format!("{}: {}", status_words(boot.status), sentence(message)))
        .unwrap_or_default()
}

/// The end of the document.
pub(super) fn end(report: &Report) -> String {
    format!("Imported by firebench {}, {}.\n", sentence(&report.firebench), sentence(&report.started))
}
