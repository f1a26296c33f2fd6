//! A history for a terminal.

use firebench_analysis::history::{ContenderHistory, Held, History};
use firebench_model::metric::Metric;
use firebench_text as text;

use super::chart::chart;
use super::said;
use crate::style::MAX_WIDTH;
use crate::values::Values;

/// No line is wrapped to less.
const NARROWEST: usize = 30;

/// Lines of a chart.
const HEIGHT: usize = 3;

/// The column of a chart's ends, with the blanks around it.
const ENDS: usize = 12;

/// Writes the whole history, for a terminal of this width.
pub fn render(history: &History, held: &[Held], width: usize) -> String {
    text_of(history, held, width.clamp(NARROWEST, MAX_WIDTH)).lines().map(|line| no_command(line) + "\n").collect()
}

/// GitHub's runner obeys lines that begin with two colons, blanks before them or not.
fn no_command(line: &str) -> String {
    if line.trim_start().starts_with("::") { line.replacen("::", ": :", 1) } else { line.to_owned() }
}

fn text_of(history: &History, held: &[Held], width: usize) -> String {
    let line = |lead: &str, sentence: &str| line(lead, sentence, width);
    let Some(metric) = &history.metric else {
        return line("", &format!("{}: no run to look at: {}", history.asked, said::counted(history)));
    };
    let values = said::values(history, metric);
    let mut out = line("", &format!("{} over the stored runs, {}", history.asked, values.unit(metric)));
    out += &line("  ", &said::shared(history));
    out += &line("  ", &said::counted(history));
    for contender in &history.contenders {
        out.push('\n');
        out += &of_contender(contender, metric, &values, width);
    }
    if !held.is_empty() {
        out += "\nGates\n";
        out.extend(held.iter().map(|held| line("  - ", &format!("{held}."))));
    }
    out
}

fn of_contender(contender: &ContenderHistory, metric: &Metric, values: &Values, width: usize) -> String {
    let line = |lead: &str, sentence: &str| line(lead, sentence, width);
    let days = match contender.points.as_slice() {
        [] => String::new(),
        [only] => format!(", {}", said::day(&only.started)),
        [first, .., last] => format!(", {} to {}", said::day(&first.started), said::day(&last.started)),
    };
    let runs = text::count(contender.points.len(), "run");
    let mut out = line("", &format!("{}: {runs}{days}", contender.name));
    if contender.points.len() > 1 {
        out += &drawn(contender, metric, values, width);
    }
    for change in &contender.changes {
        let (begins, size) = (said::begins(change), said::size(change, metric, values));
        let (moved, sides) = (said::moved(change, metric, values), said::sides(change));
        out += &line("  - ", &format!("{begins}: {size} ({sides}; {moved}; p {:.3})", change.p_value));
        out.extend(said::beside(change).map(|beside| line("    ", &beside)));
    }
    out.extend(said::remarks(contender).iter().map(|remark| line("  - ", remark)));
    out
}

/// Its values as a chart, with the greatest and the least one at the side.
fn drawn(contender: &ContenderHistory, metric: &Metric, values: &Values, width: usize) -> String {
    let all: Vec<f64> = contender.points.iter().map(|point| point.value).collect();
    let marks: Vec<usize> = contender.changes.iter().map(|change| change.at).collect();
    let Some(chart) = chart(&all, &marks, width.saturating_sub(ENDS), HEIGHT) else { return String::new() };
    let (low, high) = chart.ends;
    let last = chart.lines.len().saturating_sub(1);
    let mut out = String::new();
    for (place, bars) in chart.lines.iter().enumerate() {
        let end = match place {
            0 => values.number(metric, high),
            place if place == last => values.number(metric, low),
            _ => String::new(),
        };
        out += &format!("{end:>10}  {}\n", bars.trim_end());
    }
    if !chart.marks.is_empty() {
        out += &format!("{:12}{}\n", "", chart.marks);
    }
    out
}

fn line(lead: &str, sentence: &str, width: usize) -> String {
    text::wrap(lead, &text::line(sentence), width) + "\n"
}
