//! A comparison as Markdown, for a page or a comment on a pull request.

use firebench_analysis::compare::{Advice, Comparison, RunOfSide};
use firebench_analysis::facts::Difference;
use firebench_analysis::gate::Outcome;
use firebench_text as text;

use super::terminal::{cells, names, runs, units, values};
use crate::markdown_text::{code, fence, sentence, table};
use crate::{EMULATED, words};

/// Writes the whole comparison.
pub fn render(comparison: &Comparison) -> String {
    let mut out = match &comparison.imported {
        Some(origin) => format!("# B against A: imported figures\n\n> {}.\n\n", sentence(origin)),
        None => format!("# B against A: {}\n\n", code(&comparison.command.join(" "))),
    };
    if comparison.emulated {
        out += &format!("> **{}**\n\n", sentence(EMULATED));
    }
    for (name, side) in [("A", &comparison.a), ("B", &comparison.b)] {
        if let [run] = side.runs.as_slice() {
            out += &format!("- {name}: {}{}\n", code(&side.given), origin(run));
            continue;
        }
        out += &format!("- {name}: {}, {}\n", code(&side.given), text::count(side.runs.len(), "run"));
        out.extend(side.runs.iter().map(|run| format!("  - {}{}\n", code(&run.given), origin(run))));
    }
    out.extend(comparison.warnings.iter().map(|warning| format!("- **Warning:** {}\n", sentence(warning))));

    let values = values(comparison);
    let by_difference = match words::by_difference(comparison.metrics.iter()).as_slice() {
        [] => String::new(),
        names => {
            let names: Vec<String> = names.iter().map(|name| code(name)).collect();
            format!(", {} {} compared by difference", text::list(&names), if names.len() == 1 { "is" } else { "are" })
        }
    };
    let units = sentence(&units(comparison, &values));
    let above_one = sentence(&words::above_one(comparison.metrics.iter()));
    out += &format!("\nValues {units}; the ratio is above 1 where B {above_one}{by_difference}.\n\n");
    let header = ["metric", "contender", "A", "B", "B to A", "interval", "boots"].map(str::to_owned);
    let mut rows = Vec::new();
    for pair in &comparison.pairs {
        rows.extend(pair.metrics.iter().map(|compared| {
            let mut row = vec![code(&compared.metric), sentence(&names(pair))];
            row.extend(cells(comparison, pair, compared, &values));
            row
        }));
    }
    out += &table(&header, 2, &rows);
    out.push('\n');
    out.extend(comparison.verdicts().map(|judged| format!("- {}.\n", sentence(&judged.to_string()))));
    if let Some(Advice { words, commands }) = &comparison.advice {
        out += &format!("- {}\n", sentence(words));
        if !commands.is_empty() {
            out += &format!("\n{}", fence("sh", &commands.join("\n")));
        }
    }
    if !comparison.gates.is_empty() {
        out += "\n## Gates\n\n";
        let header = ["gate", "outcome", "ground"].map(str::to_owned);
        let row = |gate: &Outcome| {
            vec![code(&gate.limit.to_string()), gate.word().to_owned(), sentence(&gate.judged.to_string())]
        };
        out += &table(&header, 3, &comparison.gates.iter().map(row).collect::<Vec<_>>());
    }
    out += &differences(runs(comparison), &comparison.differences);
    for pair in &comparison.pairs {
        out += &differences(&names(pair), &pair.differences);
    }
    out
}

/// Where a run comes from, behind its name.
fn origin(run: &RunOfSide) -> String {
    let id = run.id.as_ref().filter(|id| **id != run.given).map(|id| format!(", run {}", code(id))).unwrap_or_default();
    format!("{id}, {}, firebench {}", sentence(&run.started), sentence(&run.firebench))
}

fn differences(of: &str, differences: &[Difference]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let header = ["what", "A", "B"].map(str::to_owned);
    let row = |difference: &Difference| vec![sentence(&difference.what), code(&difference.a), code(&difference.b)];
    let rows: Vec<Vec<String>> = differences.iter().map(row).collect();
    format!("\n## Differences of {}\n\n{}", sentence(of), table(&header, 3, &rows))
}
