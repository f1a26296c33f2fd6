//! A run in few words, for the table of runs.

use std::collections::BTreeMap;

use firebench_stats::{Judgement, Verdict};

use crate::boots::good;
use crate::record::Report;
use crate::summary::summarize;

/// Blocks that have a good boot of every contender, without the scout's.
pub(super) fn blocks(report: &Report) -> u32 {
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

/// The verdicts, such as `firecracker 1.8% slower; host equivalent`; None where there is none.
pub(super) fn verdict(report: &Report) -> Option<String> {
    let pairs = summarize(report).pairs;
    let words: Vec<String> = pairs
        .iter()
        .filter_map(|pair| Some(format!("{} {}", pair.contender, judgement(pair.judgement.as_ref()?))))
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn judgement(judgement: &Judgement) -> String {
    let percent = judgement.effect().estimate.abs() * 100.0;
    match judgement.verdict {
        Verdict::Slower => format!("{percent:.1}% slower"),
        Verdict::Faster => format!("{percent:.1}% faster"),
        Verdict::Equivalent => "equivalent".to_owned(),
        Verdict::Inconclusive => "inconclusive".to_owned(),
    }
}
