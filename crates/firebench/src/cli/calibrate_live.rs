//! `firebench calibrate --live`: real runs of equal hosts, and of one that has more work.

use std::fmt::Write as _;

use firebench_analysis::judged::Judged;
use firebench_model::events::RunEvent;
use firebench_model::experiment::{ContenderSpec, Design, Experiment, PayloadSpec};
use firebench_model::metric::Worded;
use firebench_model::record::Report;
use firebench_report::progress::Verbosity;
use firebench_stats::{Verdict, Word, median};
use firebench_text::units::{Share, Size};
use firebench_vmm::{VmmKind, host};
use serde::Serialize;

use super::failure::Failure;
use super::run::Session;
use super::storage_args::StorageArgs;
use firebench_analysis::findings::Findings;

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
    judgement: Worded,
    /// The same in words.
    sentence: String,
}

impl Row {
    /// What the run says, in words.
    pub(super) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Whether a difference was seen where there is none, or the wrong one.
    pub(super) fn is_false_alarm(&self) -> bool {
        self.false_alarm
    }
}

/// Carries out the run: two equal hosts, and one that has more work where there is an `effect`.
pub(super) fn run(design: Design, effect: Option<Share>, places: &StorageArgs) -> Result<Vec<Row>, Failure> {
    let session = Session::open(places, Verbosity::Normal)?;
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
        payload: PayloadSpec::Seeded { seed: 1, size: Some(PAYLOAD), block: None },
        design,
        ..Experiment::default()
    }
}

fn rows(report: &Report) -> Vec<Row> {
    let judgements = Findings::of(report).judgements;
    let judged = judgements.iter().filter_map(|judged| Some((judged, judged.judgement.ok()?)));
    judged
        .map(|(judged, judgement)| {
            let spec = report.experiment.contenders.iter().find(|spec| spec.name == judged.contender);
            let truth = spec.and_then(|spec| spec.handicap).map_or(0.0, Share::part);
            let range = judgement.effect();
            let Judged { contender, baseline, metric, .. } = judged;
            let sentence = metric.sentence(contender, baseline, &judgement).to_string();
            Row {
                kind: if truth > 0.0 { "ab" } else { "aa" },
                contender: contender.clone(),
                truth,
                false_alarm: match judgement.verdict {
                    Verdict::Higher => truth <= 0.0,
                    Verdict::Lower => true,
                    Verdict::Equivalent | Verdict::Inconclusive => false,
                },
                covered: (range.low..=range.high).contains(&truth),
                judgement: metric.worded(&judgement),
                sentence,
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

/// How many of the rows were right, in a line for each kind; nothing where there is one row of each.
pub(super) fn counts(rows: &[Row]) -> String {
    let mut text = String::new();
    for (kind, name) in [("aa", "A/A"), ("ab", "A/B")] {
        let of_kind = || rows.iter().filter(|row| row.kind == kind);
        let count = |what: fn(&&Row) -> bool| of_kind().filter(what).count();
        let all = of_kind().count();
        if all < 2 {
            continue;
        }
        let widths = of_kind().map(|row| row.judgement.interval.half_width());
        let width = median(widths).map_or("-".to_owned(), |width| format!("{:.1} %", width.exp_m1() * 100.0));
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{name}: {all} comparisons, {} false alarms, {} intervals hold the truth, {} decided, half-width {width} (median)",
            count(|row| row.false_alarm),
            count(|row| row.covered),
            count(|row| row.judgement.verdict != Word::Inconclusive),
        );
    }
    text
}
