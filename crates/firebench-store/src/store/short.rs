//! A run in few words, for the table of runs.

use std::collections::BTreeMap;

use firebench_analysis::boots::good;
use firebench_analysis::findings::Findings;
use firebench_analysis::judged::Judged;
use firebench_analysis::summary::Pair;
use firebench_model::metric::Metric;
use firebench_stats::{Judgement, Quantity, Verdict};
use firebench_text as text;

/// So many characters of a contender's name are in the table.
const NAME: usize = 100;

/// So many contenders have their verdict in the table.
const VERDICTS: usize = 20;

/// Blocks that have a good boot of every contender, without the scout's. Of figures that were not measured in blocks: the
/// fewest good boots that a contender has.
pub(super) fn blocks(findings: &Findings) -> u32 {
    let Findings { report, summary, .. } = findings;
    if report.imported.is_some() {
        let of_pair = |pair: &Pair| pair.apart.map_or(pair.blocks, |[contender, baseline]| contender.min(baseline));
        let alone = summary.contenders.iter().map(|contender| contender.boots_ok);
        let fewest = summary.pairs.iter().map(of_pair).min().or(alone.min());
        return u32::try_from(fewest.unwrap_or(0)).unwrap_or(u32::MAX);
    }
    let mut boots: BTreeMap<u32, usize> = BTreeMap::new();
    for contender in &report.contenders {
        for boot in good(contender, &report.design) {
            let good = boots.entry(boot.block).or_default();
            *good = good.saturating_add(1);
        }
    }
    let whole = boots.values().filter(|good| **good >= report.contenders.len());
    u32::try_from(whole.count()).unwrap_or(u32::MAX)
}

/// The verdicts, such as `firecracker 1.8% slower; host equivalent`; None if there is none.
pub(super) fn verdict(findings: &Findings) -> Option<String> {
    let judged = || findings.judgements.iter().filter_map(|judged| Some((judged, judged.judgement.as_ref().ok()?)));
    let word = |(judged, found): (&Judged, &Judgement)| {
        let undecided = found.verdict == Verdict::Inconclusive;
        let unlike = if judged.unlike.is_empty() || undecided { "" } else { " (not like with like)" };
        format!("{} {}{unlike}", text::excerpt(&judged.contender, NAME), judgement(found, &judged.metric))
    };
    let mut words: Vec<String> = judged().take(VERDICTS).map(word).collect();
    if let Some(more) = judged().count().checked_sub(VERDICTS).filter(|more| *more > 0) {
        words.push(format!("and {more} more"));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn judgement(judgement: &Judgement, metric: &Metric) -> String {
    let effect = judgement.effect().estimate.abs();
    // A ratio has a percentage, a difference where a ratio would be one to zero has none.
    let size = judgement.ratio().map(|_| format!("{} ", text::size_percent(effect, 1))).unwrap_or_default();
    let word = judgement.verdict.word(metric.quantity()).text();
    match (judgement.verdict.standing(metric.better), metric.quantity()) {
        (None, _) => word.to_owned(),
        (Some(_), Quantity::Time) => format!("{size}{word}"),
        (Some(standing), Quantity::Amount(_)) => format!("{size}{word} ({})", standing.word()),
    }
}
