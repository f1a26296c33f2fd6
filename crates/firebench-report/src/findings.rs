//! What a run found, as programs read it. `docs/report-schema.md` has each field.

use std::collections::BTreeMap;

use firebench_analysis::audit::{self, Audit, ContenderClock, Fairness, PairAudit};
use firebench_analysis::beside::Beside;
use firebench_analysis::counted::{Counted, JudgedCount, Row};
use firebench_analysis::facts::{Rank, Values};
use firebench_analysis::findings::{Caveat, Findings};
use firebench_analysis::judged::Judged;
use firebench_analysis::summary::{Comparison, Pair};
use firebench_model::metric::Unit;
use firebench_stats::verdict::Range;
use firebench_stats::{Better, Judgement, Method, Quantity, Scale, Standing, Word};
use serde::Serialize;

use crate::{EMULATED, exercised, fairness, odd, words};

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// What stands above every figure of an emulated run.
    pub emulated: Option<&'static str>,
    /// Every contender after the first one against the first one.
    pub pairs: Vec<PairFindings>,
    /// The precision that the run aimed at; none where it aimed at none.
    pub aim: Option<AimFindings>,
    /// What limited all contenders alike, in sentences without their ends.
    pub limits: Vec<String>,
    /// What was not the same in all boots of a contender.
    pub changes: Vec<ChangeFindings>,
    /// What the workload exercised, in sentences.
    pub exercised: Vec<String>,
    /// What KVM counted, a row for each counter of each part of the boots; empty where nobody could read it.
    pub counted: Vec<CountFindings>,
    /// Whether the contenders' clocks are to be believed.
    pub clocks: Vec<ClockFindings>,
    /// What must be said beside the ratios, in sentences.
    pub caveats: Vec<String>,
    /// What is odd in figures that firebench did not measure.
    pub oddities: Vec<OddFinding>,
}

/// Something odd in imported figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OddFinding {
    /// What it is, in a word.
    pub what: &'static str,
    /// The metric in which it is.
    pub metric: String,
    /// The contenders that it is about.
    pub contenders: Vec<String>,
    /// The same in a sentence or two.
    pub sentence: String,
}

/// One of KVM's counters in one part of the boots.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountFindings {
    /// `boot`, `iteration` or `shutdown`.
    pub part: &'static str,
    /// KVM's name for it.
    pub counter: &'static str,
    /// The median of each contender's good boots, in their order.
    pub medians: Vec<Option<f64>>,
    /// The judged pairs.
    pub pairs: Vec<CountPair>,
}

/// A contender against its baseline in one count.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CountPair {
    /// The contender.
    pub contender: String,
    /// What it is compared with.
    pub baseline: String,
    /// The verdict: `lower`, `higher`, `equivalent` or `inconclusive`.
    pub verdict: Word,
    /// Contender / baseline; none where a count is zero. The intervals of all counts share the error rate.
    pub ratio: Option<Range>,
    /// Contender - baseline, where there is no ratio.
    pub difference: Option<Range>,
    /// Blocks in which both have a good boot.
    pub blocks: usize,
}

/// Whether a contender's clock is to be believed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockFindings {
    /// The contender.
    pub contender: String,
    /// Seconds by which it was off in its worst iteration.
    pub off_seconds: Option<f64>,
    /// The same as a share of the host's time.
    pub off_share: Option<f64>,
    /// The largest share of its vCPUs' time that was stolen in a boot.
    pub stolen: Option<f64>,
    /// The share of its iterations' time that nothing can check, where that is more than a verdict may be wrong by.
    pub unchecked: Option<f64>,
    /// Boots that count and are not to be believed.
    pub not_believed: Vec<NotBelieved>,
}

/// A boot that is not to be believed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotBelieved {
    /// Its block, from 0.
    pub block: u32,
    /// Why, in a sentence without its end.
    pub reason: String,
}

/// What was found of one contender against the baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairFindings {
    /// The contender.
    pub contender: String,
    /// What it is held against.
    pub baseline: String,
    /// The metric of the verdict.
    pub metric: String,
    /// The verdict in a word; none where there is none.
    pub verdict: Option<Word>,
    /// Whether the contender is better or worse; none where neither was found.
    pub standing: Option<Standing>,
    /// The verdict, or why there is none, in a sentence.
    pub sentence: String,
    /// Why the two do not compare like with like; empty where they do.
    pub unlike: Vec<String>,
    /// Contender / baseline, with its interval.
    pub ratio: Option<Range>,
    /// Contender - baseline, with its interval, where zeros leave no ratio.
    pub difference: Option<Range>,
    /// The unit of the metric; none where it is not known.
    pub unit: Option<Unit>,
    /// Which of its values are the better ones.
    pub better: Better,
    /// Probability with which the intervals of all pairs hold together.
    pub level: Option<f64>,
    /// How the interval came about.
    pub method: Option<MethodFinding>,
    /// What must be said beside the verdict.
    pub beside: Beside,
    /// Blocks in which both have a good boot.
    pub blocks: usize,
    /// Blocks in which one of them has none.
    pub blocks_left_out: usize,
    /// Good boots of the contender and of the baseline, where they were not measured side by side.
    pub boots: Option<[usize; 2]>,
    /// How each metric compares, without an interval.
    pub metrics: BTreeMap<String, Compared>,
    /// Whether the comparison is fair; none for figures that firebench did not measure.
    pub fairness: Option<FairnessFindings>,
}

/// How an interval came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodFinding {
    /// Welch's, from all boots of each: they share no blocks.
    Welch,
    /// From blocks, in which both were measured side by side.
    #[serde(untagged)]
    Blocks(Method),
}

/// How a metric compares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// Contender / baseline.
    Ratio(f64),
    /// Contender - baseline, in the metric's unit.
    Difference(f64),
    /// No block has both.
    Unknown,
}

/// What a comparison is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FairnessFindings {
    /// The judgement.
    pub judgement: FairnessJudgement,
    /// The same in a sentence or two.
    pub sentence: String,
    /// What differs, the weighty ones first.
    pub differences: Vec<DifferenceFindings>,
    /// Those of the two of which only the launch is known.
    pub silent: Vec<String>,
}

/// What a comparison is worth, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FairnessJudgement {
    /// Nothing that matters differs.
    Alike,
    /// One thing that matters differs: that is what is compared.
    Fair,
    /// Several things differ that may explain a difference.
    Several,
    /// What differs voids the comparison.
    Void,
    /// One of the two had no good boot: nothing is known.
    Unseen,
}

/// A fact that two contenders do not share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DifferenceFindings {
    /// Its name.
    pub fact: &'static str,
    /// What it means.
    pub rank: RankWord,
    /// Why, in a sentence without its end.
    pub why: &'static str,
    /// The fact of which it is a consequence.
    pub follows: Option<&'static str>,
    /// The baseline's value; of a set of words, those that it alone has.
    pub baseline: String,
    /// The contender's.
    pub contender: String,
}

/// A rank in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RankWord {
    /// Nothing for the times.
    Harmless,
    /// It may be the reason why one is faster.
    Explains,
    /// They did not do the same work, or not with the same means.
    Voids,
}

/// The precision that a run aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct AimFindings {
    /// Half-width of the interval that was wanted: 0.01 is ±1%.
    pub wanted: f64,
    /// That of the widest interval; none where there is none.
    pub half_width: Option<f64>,
    /// Whether the one is as narrow as the other.
    pub reached: bool,
}

/// A fact that changed from boot to boot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeFindings {
    /// The contender.
    pub contender: String,
    /// What changed.
    pub fact: &'static str,
    /// What that means.
    pub rank: RankWord,
    /// The same in a sentence without its end.
    pub sentence: String,
}

impl Found {
    /// As programs read it.
    pub fn of(findings: &Findings) -> Self {
        let audit = findings.audit.as_ref();
        Found {
            emulated: findings.report.emulated.then_some(EMULATED),
            pairs: pairs(findings),
            aim: findings.aim.map(|aim| AimFindings {
                wanted: aim.wanted,
                half_width: aim.reached,
                reached: aim.is_reached(),
            }),
            limits: audit.map(|audit| audit.limits.clone()).unwrap_or_default(),
            changes: audit.map(changes).unwrap_or_default(),
            exercised: exercised::sentences(findings),
            counted: findings.counted.as_ref().map(counts).unwrap_or_default(),
            clocks: findings.clocks.iter().map(clock).collect(),
            caveats: findings.caveats.iter().filter_map(|caveat| words::caveat(findings, caveat)).collect(),
            oddities: findings.caveats.iter().filter_map(odd_finding).collect(),
        }
    }
}

/// What was found of every pair, without what is harmless: the short form.
pub fn of_pairs(findings: &Findings) -> Vec<PairFindings> {
    let mut pairs = pairs(findings);
    for fairness in pairs.iter_mut().filter_map(|pair| pair.fairness.as_mut()) {
        fairness.differences.retain(|difference| difference.rank != RankWord::Harmless);
    }
    pairs
}

fn odd_finding(caveat: &Caveat) -> Option<OddFinding> {
    let Caveat::Odd(oddity) = caveat else { return None };
    Some(OddFinding {
        what: oddity.what.name(),
        metric: oddity.metric.name.to_string(),
        contenders: oddity.contenders.clone(),
        sentence: odd::sentence(oddity),
    })
}

fn counts(found: &Counted) -> Vec<CountFindings> {
    let pair = |judged: &JudgedCount| CountPair {
        contender: judged.contender.clone(),
        baseline: judged.baseline.clone(),
        verdict: judged.judgement.verdict.word(Quantity::Amount(Better::Less)),
        ratio: judged.judgement.ratio(),
        difference: (judged.judgement.scale == Scale::Raw).then(|| judged.judgement.effect()),
        blocks: judged.judgement.interval.blocks,
    };
    let row = |row: &Row| CountFindings {
        part: row.part.name(),
        counter: row.counter.name,
        medians: row.typical.clone(),
        pairs: row.judged.iter().map(pair).collect(),
    };
    found.rows.iter().map(row).collect()
}

fn clock(clock: &ContenderClock) -> ClockFindings {
    let not_believed = |(block, reason): &(u32, String)| NotBelieved { block: *block, reason: reason.clone() };
    ClockFindings {
        contender: clock.contender.clone(),
        off_seconds: clock.worst.map(|worst| worst.seconds),
        off_share: clock.worst.map(|worst| worst.relative),
        stolen: clock.steal,
        unchecked: clock.unchecked.map(|unchecked| unchecked.share),
        not_believed: clock.void.iter().map(not_believed).collect(),
    }
}

fn pairs(findings: &Findings) -> Vec<PairFindings> {
    let audited = |pair: &Pair| {
        let audit = findings.audit.as_ref()?;
        Some(of_audit(audit.pairs.iter().find(|audit| audit.contender == pair.contender)?))
    };
    findings.pairs().map(|(pair, judged)| of_pair(findings, pair, judged, audited(pair))).collect()
}

fn of_pair(findings: &Findings, pair: &Pair, judged: &Judged, fairness: Option<FairnessFindings>) -> PairFindings {
    let primary = &judged.metric;
    let judgement = judged.judgement.as_ref().ok();
    // What is only described has an interval, too.
    let shown = judgement.or(pair.described.as_ref());
    let finite = |range: Range| Some(range).filter(|range| range.low.is_finite() && range.high.is_finite());
    let metrics = pair.metrics.iter().map(|(metric, comparison)| (metric.name.to_string(), compared(comparison)));
    PairFindings {
        contender: pair.contender.clone(),
        baseline: pair.baseline.clone(),
        metric: primary.name.to_string(),
        verdict: judgement.map(|judgement| judgement.verdict.word(primary.quantity())),
        standing: judgement.and_then(|judgement| judgement.verdict.standing(primary.better)),
        sentence: words::pair_sentence(findings, pair, judged),
        unlike: judged.unlike.clone(),
        ratio: shown.and_then(Judgement::ratio).and_then(finite),
        difference: shown.filter(|judgement| judgement.scale == Scale::Raw).map(Judgement::effect).and_then(finite),
        unit: primary.unit.clone(),
        better: primary.better,
        level: shown.map(|judgement| judgement.interval.confidence),
        method: shown.map(|_| match pair.apart {
            Some(_) => MethodFinding::Welch,
            None => MethodFinding::Blocks(pair.method),
        }),
        beside: judged.beside.clone(),
        blocks: pair.blocks,
        blocks_left_out: pair.blocks_left_out,
        boots: pair.apart,
        metrics: metrics.collect(),
        fairness,
    }
}

fn compared(comparison: &Comparison) -> Compared {
    match comparison {
        Comparison::Ratio(ratio) => Compared::Ratio(*ratio),
        Comparison::Difference(difference) => Compared::Difference(*difference),
        Comparison::Unknown => Compared::Unknown,
    }
}

fn of_audit(pair: &PairAudit) -> FairnessFindings {
    let difference = |finding: &audit::Finding| {
        let [baseline, contender] = match &finding.values {
            Values::Texts(texts) => texts.clone(),
            Values::Only(words) => words.clone().map(|words| words.join(" ")),
        };
        let audit::Finding { fact, why, follows, .. } = *finding;
        DifferenceFindings { fact, rank: rank(finding.rank), why, follows, baseline, contender }
    };
    FairnessFindings {
        judgement: match pair.fairness {
            Fairness::Alike => FairnessJudgement::Alike,
            Fairness::One(_) => FairnessJudgement::Fair,
            Fairness::Several => FairnessJudgement::Several,
            Fairness::Void => FairnessJudgement::Void,
            Fairness::Unseen => FairnessJudgement::Unseen,
        },
        sentence: fairness::headline(pair),
        differences: pair.findings.iter().map(difference).collect(),
        silent: pair.silent.clone(),
    }
}

fn rank(rank: Rank) -> RankWord {
    match rank {
        Rank::Harmless => RankWord::Harmless,
        Rank::Explains => RankWord::Explains,
        Rank::Voids => RankWord::Voids,
    }
}

fn changes(audit: &Audit) -> Vec<ChangeFindings> {
    let change = |change: &audit::Change| ChangeFindings {
        contender: change.contender.clone(),
        fact: change.finding.fact,
        rank: rank(change.finding.rank),
        sentence: fairness::change(change, usize::MAX, usize::MAX),
    };
    audit.changes.iter().map(change).collect()
}
