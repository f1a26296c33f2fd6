//! The table of runs in the store, for a terminal.

use firebench_model::runs::{RunLine, RunState};
use firebench_text as text;

/// Names longer than this are cut.
const WIDEST: usize = 36;

/// The runs in the order given: one line each, or, where that is wider than the terminal, a few lines each, of which
/// nothing is cut off.
pub fn listing(runs: &[RunLine], width: Option<usize>) -> String {
    let table = table(runs);
    match width.filter(|&width| table.lines().any(|line| line.chars().count() > width)) {
        Some(width) => runs.iter().map(|run| entry(run, width)).collect(),
        None => table,
    }
}

/// What is not shown of them.
pub fn older(number: usize, width: Option<usize>) -> String {
    let all = format!("{}: `firebench runs --limit 0` shows all\n", text::count(number, "older run"));
    match (number, width) {
        (0, _) => String::new(),
        (_, Some(width)) => text::fit(&all, width),
        (_, None) => all,
    }
}

/// A run in a few lines.
fn entry(run: &RunLine, width: usize) -> String {
    let [id, started, workload, _, blocks, state, verdict] = cells(run);
    let contenders = text::line(&run.contenders.join(", "));
    let block = if run.blocks == 1 { "block" } else { "blocks" };
    let head = text::wrap(&format!("{id}  "), &format!("{started}, {state}"), width);
    let rest = text::wrap("          ", &format!("{workload}: {contenders}; {blocks} {block}; {verdict}"), width);
    format!("{head}\n{rest}\n")
}

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
