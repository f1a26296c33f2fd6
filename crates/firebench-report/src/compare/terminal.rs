//! A comparison for a terminal.

use firebench_analysis::compare::{Advice, Compared, Comparison, Pair, RunOfSide};
use firebench_analysis::facts::Difference;
use firebench_stats::Scale;
use firebench_text::{self as text, VERBATIM};

use crate::values::Values;
use crate::{EMULATED, words};

/// The widest line that is ever written.
const WIDTH: usize = 100;

/// Width of the column of metrics, at least and at most.
const METRIC: [usize; 2] = [6, 24];

/// Width of the column of contenders, at most and at least.
const NAME: [usize; 2] = [24, 8];

/// Width of all columns behind it.
const NUMBERS: usize = 60;

/// No line is wrapped to less.
const NARROWEST: usize = 30;

/// How the rows are laid out.
#[derive(Clone, Copy)]
struct Layout {
    /// Width of a line.
    width: usize,
    metric: usize,
    /// None where there is no room for columns.
    name: Option<usize>,
}

impl Layout {
    fn of(comparison: &Comparison, width: usize) -> Self {
        let longest = comparison.pairs.iter().flat_map(|pair| &pair.metrics).map(|c| c.metric.chars().count()).max();
        let [least, most] = METRIC;
        let metric = longest.unwrap_or(0).clamp(least, most);
        let [widest, narrowest] = NAME;
        let room = width.checked_sub(NUMBERS.saturating_add(metric).saturating_add(4));
        Layout { width, metric, name: room.filter(|room| *room >= narrowest).map(|room| room.min(widest)) }
    }
}

/// Writes the whole comparison. No line of it is a command to a CI that reads along.
pub fn render(comparison: &Comparison) -> String {
    render_in(comparison, WIDTH)
}

/// [`render`], for a terminal of this width.
pub fn render_in(comparison: &Comparison, width: usize) -> String {
    text_of(comparison, width.clamp(NARROWEST, WIDTH)).lines().map(|line| no_command(line) + "\n").collect()
}

/// GitHub's runner obeys lines that begin with two colons, blanks before them or not.
fn no_command(line: &str) -> String {
    if line.trim_start().starts_with("::") { line.replacen("::", ": :", 1) } else { line.to_owned() }
}

fn text_of(comparison: &Comparison, width: usize) -> String {
    let line = |lead: &str, sentence: &str| line(lead, sentence, width);
    let mut out = match &comparison.imported {
        Some(origin) => line("", &format!("{origin}.")),
        None => line("", &format!("firebench {}: {}", comparison.workload, comparison.command.join(" "))),
    };
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        if let [run] = side.runs.as_slice() {
            out += &line(&format!("  {name}  "), &format!("{}{}", side.given, origin(run)));
            continue;
        }
        out += &line(&format!("  {name}  "), &format!("{}, {}", side.given, text::count(side.runs.len(), "run")));
        out.extend(side.runs.iter().map(|run| line("     - ", &format!("{}{}", run.given, origin(run)))));
    }
    if comparison.emulated {
        out += &line("", EMULATED);
    }
    out.extend(comparison.warnings.iter().map(|warning| line("WARNING: ", warning)));

    let values = values(comparison);
    let units = units(comparison, &values);
    let by_difference = match words::by_difference(comparison.metrics.iter()) {
        names if names.is_empty() => String::new(),
        names => format!("; {} by difference", text::list(&names)),
    };
    let above_one = words::above_one(comparison.metrics.iter());
    out.push('\n');
    out += &line("", &format!("B against A, {units} (ratio above 1: B {above_one}{by_difference})"));
    let layout = Layout::of(comparison, width);
    if let Layout { metric, name: Some(name), .. } = layout {
        out += &format!(
            "  {:<metric$}  {:<name$}{:>10}{:>10}{:>11}{:>19}{:>10}\n",
            "metric",
            text::cut("contender", name.saturating_sub(1)),
            "A",
            "B",
            "B to A",
            "interval",
            "boots"
        );
    }
    for pair in &comparison.pairs {
        out.extend(pair.metrics.iter().map(|compared| row(comparison, pair, compared, &values, layout)));
    }
    out.push('\n');
    out.extend(comparison.verdicts().map(|judged| line("  - ", &format!("{judged}."))));
    if comparison.comparisons > 1 {
        let note = format!("The {} intervals hold together: they share one error rate.", comparison.comparisons);
        out += &line("  - ", &note);
    }
    if let Some(Advice { words, commands }) = &comparison.advice {
        out += &line("  - ", words);
        // As it is: wrapped, it could not be pasted.
        out.extend(commands.iter().map(|command| format!("{VERBATIM}{}\n", text::line(command))));
    }
    if !comparison.gates.is_empty() {
        out += "\nGates\n";
        out.extend(comparison.gates.iter().map(|gate| line("  - ", &format!("{gate}."))));
    }
    out += &differences(runs(comparison), &comparison.differences, width);
    for pair in &comparison.pairs {
        out += &differences(&names(pair), &pair.differences, width);
    }
    out
}

/// Where a run comes from, behind its name.
fn origin(run: &RunOfSide) -> String {
    let id = run.id.as_ref().filter(|id| **id != run.given).map(|id| format!(", run {id}")).unwrap_or_default();
    format!("{id}, {}, firebench {}", run.started, run.firebench)
}

/// Of which runs the differences are.
pub(super) fn runs(comparison: &Comparison) -> &'static str {
    let several = [&comparison.a, &comparison.b].iter().any(|side| side.runs.len() > 1);
    if several { "the first runs" } else { "the runs" }
}

/// How the values of a comparison are written.
pub(super) fn values(comparison: &Comparison) -> Values {
    let of = |name: &str| {
        let compared = comparison.pairs.iter().flat_map(|pair| &pair.metrics).filter(move |c| c.metric == name);
        compared.flat_map(|compared| [compared.a, compared.b]).flatten().collect()
    };
    Values::new(comparison.metrics.iter().map(|metric| (metric, of(&metric.name))))
}

/// The units of the values: `in seconds`; of each metric apart where they do not share one.
pub(super) fn units(comparison: &Comparison, values: &Values) -> String {
    let primary = values.unit(&comparison.metric(&comparison.primary));
    if comparison.metrics.iter().all(|metric| values.unit(metric) == primary) {
        return primary;
    }
    text::list(
        &comparison.metrics.iter().map(|metric| format!("{} {}", metric.name, values.unit(metric))).collect::<Vec<_>>(),
    )
}

fn row(comparison: &Comparison, pair: &Pair, compared: &Compared, values: &Values, layout: Layout) -> String {
    let [a, b, effect, interval, boots] = cells(comparison, pair, compared, values);
    let Layout { width, metric: metric_width, name: Some(name_width) } = layout else {
        let text = format!("A {a}, B {b}, B to A {effect}, interval {interval}, boots {boots}");
        return line("  - ", &format!("{} of {}: {text}", compared.metric, names(pair)), layout.width);
    };
    let name = text::cut(&text::line(&names(pair)), name_width.saturating_sub(1));
    let metric = text::cut(&text::line(&compared.metric), metric_width);
    let row = format!(
        "  {metric:<metric_width$}  {name:<name_width$}{a:>10} {b:>9}  {effect:>9}  {interval:>17}  {boots:>8}"
    );
    text::fit(&row, width) + "\n"
}

/// A's value, B's, how they compare, the interval of that, and the boots of each; dashes for what is not known.
pub(super) fn cells(comparison: &Comparison, pair: &Pair, compared: &Compared, values: &Values) -> [String; 5] {
    let metric = comparison.metric(&compared.metric);
    let dash = || "-".to_owned();
    let effect = |value: f64| match compared.scale {
        Scale::Ratio => text::ratio(value, 4),
        Scale::Raw => values.difference(&metric, value),
    };
    let interval = compared.judged.as_ref().and_then(|judged| judged.judgement.as_ref().ok()).map(|judgement| {
        let range = judgement.ratio().unwrap_or_else(|| judgement.effect());
        format!("{} to {}", effect(range.low), effect(range.high))
    });
    [
        compared.a.map_or_else(dash, |value| values.number(&metric, value)),
        compared.b.map_or_else(dash, |value| values.number(&metric, value)),
        compared.effect.map_or_else(dash, effect),
        interval.unwrap_or_else(dash),
        format!("{}, {}", pair.boots_a, pair.boots_b),
    ]
}

/// The name of both, or both names.
pub(super) fn names(pair: &Pair) -> String {
    if pair.a == pair.b { pair.a.clone() } else { format!("{} / {}", pair.a, pair.b) }
}

fn differences(of: &str, differences: &[Difference], width: usize) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let line = |lead: &str, sentence: &str| line(lead, sentence, width);
    let head = line("\n", &format!("Differences of {of}"));
    let each = |difference: &Difference| {
        line("  - ", &format!("{}: {} in A, {} in B", difference.what, difference.a, difference.b))
    };
    differences.iter().fold(head, |text, difference| text + &each(difference))
}

fn line(lead: &str, sentence: &str, width: usize) -> String {
    text::wrap(lead, &text::line(sentence), width) + "\n"
}
