//! The audit in words, for terminal and Markdown.

use std::collections::BTreeSet;

use firebench_analysis::audit::{Audit, Change, Fairness, Finding, PairAudit};
use firebench_analysis::facts::{self, AuditedContender, Rank, Read, Seen, VMM, Value, Values};
use firebench_model::record::Report;
use firebench_text as text;

/// A rank in a word.
pub fn rank_word(rank: Rank) -> &'static str {
    match rank {
        Rank::Voids => "voids",
        Rank::Explains => "explains",
        Rank::Harmless => "harmless",
    }
}

/// What a comparison is worth, in one or two sentences.
pub fn headline(pair: &PairAudit) -> String {
    let names = format!("{} against {}", pair.contender, pair.baseline);
    let causes = text::list(&pair.causes().map(|finding| finding.fact.to_owned()).collect::<Vec<_>>());
    let voids = text::list(&pair.of_rank(Rank::Voids).map(|finding| finding.fact.to_owned()).collect::<Vec<_>>());
    let compared = pair.compared.words();
    let mut sentence = match (pair.fairness, &pair.subject) {
        (Fairness::Unseen, _) => {
            format!(
                "{names}: not judged, for {} had no good boot: nothing was seen of {}.",
                text::list(&pair.unseen),
                if pair.unseen.len() == 1 { "it" } else { "them" }
            )
        }
        (Fairness::Alike, _) => {
            format!("{names}: nothing differs that matters, not even the VMM; what differs in time is chance.")
        }
        (Fairness::One(VMM), Some(subject)) => {
            format!("{names} is fair: {compared} is the only difference that matters ({subject}).")
        }
        (Fairness::One(fact), _) => {
            let only = format!("{names}: {fact} is the only difference that matters, so that is what is compared.");
            if voids.is_empty() { only } else { format!("{only} It would void a comparison of anything else.") }
        }
        (Fairness::Several, Some(_)) => format!("{names}: besides {compared}, {causes} may explain a difference."),
        (Fairness::Several, None) => {
            format!("{names}: which one of {causes} explains a difference, this run cannot tell.")
        }
        (Fairness::Void, Some(_)) => {
            format!("{names} does NOT compare {compared} alone. They differ in {voids}, too.")
        }
        (Fairness::Void, None) => {
            format!("{names}: they differ in {causes} at once; no difference in time can be put down to one of these.")
        }
    };
    for (name, facts) in &pair.untold {
        sentence += &format!(" {name} does not tell its {}.", text::list(facts));
    }
    if !pair.silent.is_empty() {
        sentence += &format!(
            " Only launches were compared: {} told nothing of what {} inside.",
            text::list(&pair.silent),
            if pair.silent.len() == 1 { "it saw" } else { "they saw" }
        );
    }
    sentence
}

/// What a fact is on both sides: `qemu 2, firecracker 1`. Lists of words are cut after `words`, values after `width`.
pub fn values(finding: &Finding, baseline: &str, contender: &str, words: usize, width: usize) -> String {
    match &finding.values {
        Values::Texts([one, other]) => {
            format!("{baseline} {}, {contender} {}", text::cut(one, width), text::cut(other, width))
        }
        Values::Only([one, other]) => {
            let only =
                |name, has: &Vec<String>| (!has.is_empty()).then(|| format!("only {name} {}", some(has, words, width)));
            let sides: Vec<String> = [only(baseline, one), only(contender, other)].into_iter().flatten().collect();
            sides.join("; ")
        }
    }
}

/// The first of some words, and how many are left.
pub fn some(words: &[String], limit: usize, width: usize) -> String {
    let shown: Vec<String> = words.iter().take(limit).map(|word| text::cut(word, width)).collect();
    // What has blanks in it needs a mark between.
    let between = if shown.iter().any(|word| word.contains(' ')) { ", " } else { " " };
    let more = words.len().saturating_sub(limit);
    let more = if more > 0 { format!("{between}and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(between))
}

/// A change from boot to boot, in a sentence without its end.
pub fn change(change: &Change, words: usize, width: usize) -> String {
    format!(
        "{}'s boots differ in {}: {} ({} of {})",
        change.contender,
        change.finding.fact,
        values(&change.finding, "first", &format!("boot {}", u64::from(change.block) + 1), words, width),
        change.boots,
        text::count(change.of, "boot"),
    )
}

/// A fact of all contenders side by side.
pub struct Row {
    /// Its name.
    pub fact: &'static str,
    /// The contenders' values in their order; none where one is not known.
    pub values: Vec<Option<String>>,
    /// What it means that some differ from the first; none where none does.
    pub rank: Option<Rank>,
}

/// Longer than this, words that all have are counted.
const SHORT: usize = 100;

/// Every fact of the contenders that is known of one at least, in the order of their weight.
pub fn rows(report: &Report, audit: &Audit) -> Vec<Row> {
    let subjects: Vec<AuditedContender> =
        report.contenders.iter().map(|contender| AuditedContender::new(report, contender)).collect();
    let facts = facts::seen().filter(|(_, seen)| !matches!(seen.read, Read::Run(_) | Read::Pair(_)));
    let row = |(fact, seen): (&'static str, &Seen)| {
        let values: Vec<Option<Value>> = subjects.iter().map(|subject| seen.of(subject)).collect();
        let shared = shared(&values);
        let cell = |value: &Value| match value {
            Value::Words(words) => cell(words, &shared),
            _ => seen.write(value),
        };
        let findings = audit.pairs.iter().flat_map(|pair| &pair.findings).filter(|finding| finding.fact == fact);
        let rank = findings.map(|finding| finding.rank).max();
        Row { fact, values: values.iter().map(|value| value.as_ref().map(cell)).collect(), rank }
    };
    let telling = |row: &Row| {
        let said = |value: &String| !["none", "nothing", ""].contains(&value.as_str());
        row.rank.is_some() || row.values.iter().flatten().any(said)
    };
    facts.map(row).filter(telling).collect()
}

/// Words that all contenders have of whom they are known.
fn shared(values: &[Option<Value>]) -> BTreeSet<String> {
    let sets = values.iter().flatten().filter_map(|value| match value {
        Value::Words(words) => Some(words.iter().cloned().collect::<BTreeSet<String>>()),
        _ => None,
    });
    sets.reduce(|shared, words| &shared & &words).unwrap_or_default()
}

/// Few words as they are; of many those that not all have.
fn cell(words: &[String], shared: &BTreeSet<String>) -> String {
    let length: usize = words.iter().map(|word| word.len().saturating_add(1)).sum();
    if length <= SHORT {
        return some(words, usize::MAX, usize::MAX);
    }
    let own: Vec<String> = words.iter().filter(|word| !shared.contains(*word)).cloned().collect();
    match own.as_slice() {
        [] => format!("{} that all have", shared.len()),
        own => format!("{} that all have, and {}", shared.len(), some(own, usize::MAX, usize::MAX)),
    }
}
