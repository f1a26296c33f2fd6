//! The table of runs in the store, for a terminal.

use super::text;
use crate::store::{RunLine, RunState};

/// Names longer than this are cut.
const WIDEST: usize = 36;

/// One line a run, in the order given.
pub fn table(runs: &[RunLine]) -> String {
    let header = ["id", "started", "workload", "contenders", "blocks", "state", "verdict"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(header).chain(runs.iter().map(cells)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..7).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 7]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn cells(run: &RunLine) -> [String; 7] {
    let clean = |name: &str| text::cut(&text::line(name), WIDEST);
    let verdict = match &run.verdict {
        _ if run.emulated => "emulated".to_owned(),
        Some(verdict) => text::line(verdict),
        None => "-".to_owned(),
    };
    [
        run.id.to_string(),
        clean(run.started.trim_end_matches('Z')).replace('T', " "),
        clean(&run.workload),
        clean(&run.contenders.join(", ")),
        run.blocks.to_string(),
        state(run.state).to_owned(),
        verdict,
    ]
}

fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Done => "done",
        RunState::Failed => "failed",
        RunState::Interrupted => "interrupted (can be resumed)",
    }
}

/// A run in a sentence without its end, such as `0123abcd (memory: qemu, firecracker)`.
pub fn phrase(run: &RunLine) -> String {
    text::line(&format!("{} ({}: {})", run.id, run.workload, text::cut(&run.contenders.join(", "), WIDEST)))
}
