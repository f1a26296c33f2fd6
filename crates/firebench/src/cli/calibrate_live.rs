//! `firebench calibrate --live`: real runs of equal hosts, and of one that has more work.

use std::fmt::Write as _;

use firebench_stats::{Judgement, Sentence, Verdict};
use firebench_text::units::{Share, Size};
use firebench_vmm::{VmmKind, host};
use serde::Serialize;

use super::run::Session;
use super::{Failure, Places};
use crate::events::RunEvent;
use crate::experiment::{ContenderSpec, Design, Experiment, PayloadSpec};
use crate::record::Report;
use crate::summary::summarize;

/// What a host hashes in about a third of a second, so that a minute has many boots.
const PAYLOAD: Size = Size(64 << 20);

/// One comparison of a live calibration.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    /// `aa` or `ab`.
    kind: &'static str,
    /// The contender that is compared.
    contender: String,
    /// The true effect, relative.
    truth: f64,
    /// A difference was seen where there is none, or the wrong one.
    false_alarm: bool,
    /// The interval holds the truth.
    covered: bool,
    /// What the run says.
    judgement: Judgement,
    /// The same in words.
    sentence: String,
}

/// Carries out the run: two equal hosts, and one that has more work where there is an `effect`.
pub(super) fn run(design: Design, effect: Option<Share>, places: &Places) -> Result<Vec<Row>, Failure> {
    let session = Session::open(places, false)?;
    let prepared = session.prepare(&experiment(design, effect), places, true)?;
    let (report, result) = session.carry_out(&prepared, &mut |_: &RunEvent| {});
    result?;
    Ok(rows(&report))
}

fn experiment(design: Design, effect: Option<Share>) -> Experiment {
    let host = |name: &str| ContenderSpec::new(name, VmmKind(&host::KIND));
    let mut contenders = vec![host("a"), host("b")];
    if effect.is_some() {
        contenders.push(ContenderSpec { handicap: effect, ..host("c") });
    }
    Experiment {
        contenders,
        payload: PayloadSpec::Seeded { seed: 1, size: Some(PAYLOAD) },
        design,
        ..Experiment::default()
    }
}

fn rows(report: &Report) -> Vec<Row> {
    let pairs = summarize(report).pairs;
    let judged = pairs.iter().filter_map(|pair| Some((pair, pair.judgement?)));
    judged
        .map(|(pair, judgement)| {
            let spec = report.experiment.contenders.iter().find(|spec| spec.name == pair.contender);
            let truth = spec.and_then(|spec| spec.handicap).map_or(0.0, Share::part);
            let range = judgement.effect();
            let sentence = Sentence {
                contender: &pair.contender,
                baseline: &pair.baseline,
                metric: &report.design.primary,
                unit: "s",
                judgement: &judgement,
            };
            Row {
                kind: if truth > 0.0 { "ab" } else { "aa" },
                contender: pair.contender.clone(),
                truth,
                false_alarm: match judgement.verdict {
                    Verdict::Slower => truth <= 0.0,
                    Verdict::Faster => true,
                    Verdict::Equivalent | Verdict::Inconclusive => false,
                },
                covered: (range.low..=range.high).contains(&truth),
                judgement,
                sentence: sentence.to_string(),
            }
        })
        .collect()
}

/// The rows for people.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let kind = if row.kind == "aa" { "A/A" } else { "A/B" };
        let judged = match (row.false_alarm, row.covered) {
            (true, _) => "FALSE ALARM (one run of twenty may have one)",
            (false, true) => "right",
            (false, false) => "no false alarm, but the interval misses the truth",
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{kind}  {}; the truth is {:+.1} %: {judged}", row.sentence, row.truth * 100.0);
    }
    text
}
