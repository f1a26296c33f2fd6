//! What terminal and Markdown say of a history in the same words.

use firebench_analysis::history::{ChangePoint, ContenderHistory, History, LeftOut};
use firebench_model::metric::Metric;
use firebench_stats::change::FEWEST;
use firebench_stats::{Better, Quantity, Scale, Word};
use firebench_text as text;

use crate::values::Values;

/// So many differences are named at a change.
const NAMED: usize = 5;

/// So many characters of a difference are shown.
const LONG: usize = 60;

/// How the values of a metric are written.
pub(super) fn values(history: &History, metric: &Metric) -> Values {
    let all = history.contenders.iter().flat_map(|contender| &contender.points).map(|point| point.value);
    Values::new([(metric, all.collect())])
}

/// What all runs share, in a sentence without its end.
pub(super) fn shared(history: &History) -> String {
    let words = history.same.iter().map(|(name, value)| match value.as_str() {
        Some(value) => format!("{name} {value}"),
        None => format!("{name} {value}"),
    });
    words.collect::<Vec<_>>().join("; ")
}

/// The runs that are in it, and which are not, in a sentence.
pub(super) fn counted(history: &History) -> String {
    let mut said = format!("{} belong together", text::count(history.runs, "run"));
    if history.runs == 1 {
        said = "1 run, which is no history yet".to_owned();
    }
    if !history.left_out.is_empty() {
        said += &format!("; left out: {}", left_out(&history.left_out));
    }
    if history.older > 0 {
        said += &format!("; {} not looked at", text::count(history.older, "older run"));
    }
    said + "."
}

/// Runs that are left out, by reason: `3 emulated, 1 another payload`.
fn left_out(left_out: &[LeftOut]) -> String {
    let each = |left: &LeftOut| format!("{} ({})", left.runs, left.reason);
    left_out.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// What is said of a contender beside its changes, in sentences.
pub(super) fn remarks(contender: &ContenderHistory) -> Vec<String> {
    let mut remarks = Vec::new();
    if !contender.left_out.is_empty() {
        remarks.push(format!("Left out of it: {}.", left_out(&contender.left_out)));
    }
    if !contender.decidable {
        remarks.push(format!("Too few runs for a change to be seen: it takes {FEWEST}."));
    } else if contender.changes.is_empty() {
        remarks.push("No change.".to_owned());
    }
    remarks
}

/// The day of a time.
pub(super) fn day(time: &str) -> String {
    text::excerpt(time.split('T').next().unwrap_or_default(), 10)
}

/// Where a change begins: `from run 01234567 of 2026-11-20 on`.
pub(super) fn begins(change: &ChangePoint) -> String {
    format!("from run {} of {} on", change.run, day(&change.started))
}

/// How much it changes: `4.1% slower`; `1.5 ms higher (which is worse)`.
pub(super) fn size(change: &ChangePoint, metric: &Metric, values: &Values) -> String {
    let by = match (metric.scale, change.relative) {
        (Scale::Ratio, Some(relative)) => text::significant_percent(relative.abs(), f64::round),
        _ => {
            let amount = values.number(metric, change.difference.abs());
            format!("{amount} {}", values.sign(metric)).trim_end().to_owned()
        }
    };
    let worse = match (metric.quantity(), change.standing) {
        (Quantity::Amount(Better::Less | Better::More), Some(standing)) => format!(" (which is {})", standing.word()),
        _ => String::new(),
    };
    change.word.map_or_else(
        || "as before, but spread otherwise".to_owned(),
        |word: Word| format!("{by} {}{worse}", word.text()),
    )
}

/// The runs on both sides: `12 runs before, 8 after`.
pub(super) fn sides(change: &ChangePoint) -> String {
    format!("{} before, {} after", text::count(change.runs_before, "run"), change.runs_after)
}

/// From which value to which: `331.2 to 344.8 ms`.
pub(super) fn moved(change: &ChangePoint, metric: &Metric, values: &Values) -> String {
    let [before, after] = [change.before, change.after].map(|value| values.number(metric, value));
    format!("{before} to {after} {}", values.sign(metric)).trim_end().to_owned()
}

/// What else changed with it, in a sentence; none where nothing did.
pub(super) fn beside(change: &ChangePoint) -> Option<String> {
    let each = |difference: &firebench_analysis::facts::Difference| {
        let [a, b] = [&difference.a, &difference.b].map(|value| text::excerpt(value, LONG));
        format!("{} ({a}, then {b})", text::excerpt(&difference.what, LONG))
    };
    let named: Vec<String> = change.differences.iter().take(NAMED).map(each).collect();
    let more = change.differences.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| format!("Changed with it: {}{more}.", named.join(", ")))
}
