//! The audit as Markdown: whether the comparison was fair, and what it exercised.

use firebench_analysis::audit::{Audit, Finding, PairAudit};
use firebench_analysis::facts::{Rank, Values};
use firebench_analysis::findings::Findings;
use firebench_model::record::Report;

use super::markdown_text::{code, header, sentence, table, title};
use super::{counted, exercised, fairness};

fn titled(report: &Report, name: &str) -> String {
    report.contenders.iter().find(|contender| contender.name == name).map(title).unwrap_or_default()
}

/// The audit, if there is anything to compare.
pub fn fairness_section(report: &Report, audit: &Audit) -> Option<String> {
    let title = |name: &str| titled(report, name);
    let mut out = "## Fairness\n".to_owned();
    out.extend(audit.limits.iter().map(|limit| format!("\n**{}.**\n", sentence(limit))));
    for pair in &audit.pairs {
        out += &format!("\n{}\n", sentence(&fairness::headline(pair)));
        let weighty: Vec<Vec<String>> =
            pair.findings.iter().filter(|finding| finding.rank > Rank::Harmless).map(finding_row).collect();
        if !weighty.is_empty() {
            let header = ["", "what differs", &title(&pair.baseline), &title(&pair.contender), "why it matters"];
            out += &format!("\n{}", table(&header.map(str::to_owned), 5, &weighty));
        }
        out.extend(harmless(pair));
    }
    let changes: Vec<String> = audit
        .changes
        .iter()
        .map(|change| {
            let what = sentence(&fairness::change(change, usize::MAX, usize::MAX));
            format!("- {} ({}): {what}.\n", fairness::rank_word(change.finding.rank), change.finding.why)
        })
        .collect();
    if !changes.is_empty() {
        out += &format!("\nNot the same in all boots:\n\n{}", changes.concat());
    }
    (!audit.pairs.is_empty() || !changes.is_empty() || !audit.limits.is_empty()).then_some(out)
}

fn finding_row(finding: &Finding) -> Vec<String> {
    let cell = |words: &Vec<String>| {
        if words.is_empty() { "-".to_owned() } else { code(&fairness::some(words, usize::MAX, usize::MAX)) }
    };
    let (one, other) = match &finding.values {
        Values::Texts([one, other]) => (code(one), code(other)),
        Values::Only([one, other]) => (cell(one), cell(other)),
    };
    let cause = finding.follows.map(|cause| format!("; follows from the {cause}")).unwrap_or_default();
    let only = if matches!(finding.values, Values::Only(_)) { ", only" } else { "" };
    let rank = fairness::rank_word(finding.rank);
    vec![rank.to_owned(), format!("{}{only}", finding.fact), one, other, format!("{}{cause}", finding.why)]
}

fn harmless(pair: &PairAudit) -> Option<String> {
    let names: Vec<String> = pair.of_rank(Rank::Harmless).map(|finding| finding.fact.to_owned()).collect();
    (!names.is_empty()).then(|| format!("\nHarmless: {}.\n", names.join("; ")))
}

/// What the workload exercised, if it ran.
pub fn exercised_section(findings: &Findings) -> Option<String> {
    let (report, exercises) = (findings.report, &findings.exercises);
    let points: String =
        exercised::sentences(findings).iter().map(|point| format!("- {}\n", sentence(point))).collect();
    let mut header = vec!["median of an iteration".to_owned()];
    header.extend(exercises.iter().map(|exercise| titled(report, &exercise.contender)));
    let row = |(name, write): &exercised::Figure| {
        let cells: Vec<String> = exercises.iter().map(write).collect();
        cells.iter().any(|cell| cell != "-").then(|| [vec![(*name).to_owned()], cells].concat())
    };
    let rows: Vec<Vec<String>> = exercised::FIGURES.iter().filter_map(row).collect();
    (!exercises.is_empty()).then(|| format!("## What it exercised\n\n{points}\n{}", table(&header, 1, &rows)))
}

/// What KVM counted, where that is known.
pub fn counted_section(findings: &Findings) -> Option<String> {
    let found = findings.counted.as_ref()?;
    let points: String = counted::sentences(found).iter().map(|point| format!("- {}\n", sentence(point))).collect();
    let rows: Vec<Vec<String>> =
        counted::rows(found).into_iter().map(|(what, cells)| [vec![what], cells].concat()).collect();
    let mut header = vec!["median of the good boots".to_owned()];
    header.extend(found.contenders.iter().map(|contender| titled(findings.report, contender)));
    let introduction = sentence(&counted::introduction(findings));
    Some(format!("## Counted by KVM\n\n{introduction}\n\n{points}\n{}", table(&header, 1, &rows)))
}

/// Every fact of the contenders, and what it means where it differs.
pub fn side_by_side(report: &Report, audit: &Audit) -> String {
    let row = |row: &fairness::Row| {
        let mut cells = vec![sentence(row.fact)];
        cells.extend(row.values.iter().map(|value| code(value.as_deref().unwrap_or_default())));
        cells.push(match row.rank {
            Some(Rank::Harmless) => "harmless".to_owned(),
            Some(rank) => format!("**{}**", fairness::rank_word(rank)),
            None => String::new(),
        });
        cells
    };
    let contenders = &report.contenders;
    let rows: Vec<Vec<String>> = fairness::rows(report, audit).iter().map(row).collect();
    table(&header("", contenders, ""), contenders.len().saturating_add(2), &rows)
}
