//! What a run found, computed once from its report: the one structure that terminal, Markdown, JSON, the store's short form and the
//! gate are given, so that none of them computes anything of it again. Pure.

use crate::audit::exercise::{Exercise, exercises};
use crate::audit::{self, Audit, ContenderClock, PairAudit, Unchecked};
use crate::boots;
use crate::counted::{self, Counted};
use crate::judged::{Judged, Unjudged};
use crate::oddities::{Oddity, oddities};
use crate::summary::{self, Aim, Pair, Summary};
use firebench_model::record::{Imported, Report};
use firebench_stats::{Better, modes};

/// What a run found.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings<'a> {
    /// What it was found in.
    pub report: &'a Report,
    /// Medians, ratios, and what is plausible of them.
    pub summary: Summary,
    /// The judgement on the primary metric of each pair of the summary.
    pub judgements: Vec<Judged>,
    /// Whether the comparisons are fair; none for figures that firebench did not measure.
    pub audit: Option<Audit>,
    /// What the workload exercised; empty for figures that firebench did not measure.
    pub exercises: Vec<Exercise>,
    /// What KVM counted of the contenders; none where nobody could read it.
    pub counted: Option<Counted>,
    /// Whether the contenders' clocks are to be believed.
    pub clocks: Vec<ContenderClock>,
    /// How near the run came to the precision that it aimed at; none where it aimed at none.
    pub aim: Option<Aim>,
    /// What must be said beside the ratios, in the order in which it is said.
    pub caveats: Vec<Caveat>,
}

/// What must be said beside the ratios.
#[derive(Debug, Clone, PartialEq)]
pub enum Caveat {
    /// Where the figures come from that firebench did not measure.
    Imported(Imported),
    /// Instructions were emulated: no timing is a statement about speed.
    Emulated,
    /// All contenders of a block ran at once.
    Duet {
        /// Iterations after the warm-up, of good boots, that ran while another contender did not, and count for nothing.
        alone: usize,
        /// All iterations after the warm-up of these boots.
        of: usize,
    },
    /// A boot counts that is not to be believed, and perhaps more of the contender's.
    Unbelievable {
        /// The contender.
        contender: String,
        /// Block, from 0, of the first such boot.
        block: u32,
        /// Why, in a sentence without its end.
        reason: String,
        /// Others like it.
        others: usize,
    },
    /// The host's clock cannot check iterations as closely as a verdict needs.
    Unchecked {
        /// The contender.
        contender: String,
        /// Its iterations.
        iterations: Unchecked,
    },
    /// Blocks of a pair do not count.
    LeftOut {
        /// The contender.
        contender: String,
        /// The baseline.
        baseline: String,
        /// How many.
        blocks: usize,
    },
    /// The verdict on the pair in this place, or why there is none.
    Verdict(usize),
    /// So many comparisons were judged that their readers should know that they share the error rate.
    Shared(usize),
    /// Rare slow boots may be there without a sign of them.
    Unseen {
        /// Good boots, of the contender that has fewest.
        boots: usize,
        /// The share of slow boots that so many can have hidden, in one run of twenty.
        share: f64,
    },
    /// Something is odd in figures that firebench did not measure.
    Odd(Oddity),
    /// The boots were not measured side by side.
    Unpaired,
    /// Each boot ran one iteration, cold as it is.
    SingleIteration,
}

impl Caveat {
    /// Whether it says that something is not to be believed, or cannot be checked.
    pub fn is_doubt(&self) -> bool {
        matches!(self, Caveat::Unbelievable { .. } | Caveat::Unchecked { .. } | Caveat::Odd(_))
    }
}

impl<'a> Findings<'a> {
    /// What the run behind a report found.
    pub fn of(report: &'a Report) -> Self {
        let measured = report.imported.is_none();
        let clocks = audit::clocks(report);
        let summary = summary::with_clocks(report, &clocks);
        let audit = measured.then(|| audit::audit(report));
        let judgements = judgements(report, &summary, audit.as_ref());
        Findings {
            aim: summary::aim(report, &summary),
            caveats: caveats(report, &summary, &clocks),
            counted: counted::counted(report, &summary),
            exercises: if measured && !report.measures_boots() { exercises(report) } else { Vec::new() },
            report,
            summary,
            judgements,
            audit,
            clocks,
        }
    }

    /// The places of the pairs in the order in which people read them.
    pub fn order(&self) -> Vec<usize> {
        order(self.report, &self.summary)
    }

    /// The pairs, each with the judgement on it.
    pub fn pairs(&self) -> impl Iterator<Item = (&Pair, &Judged)> {
        self.summary.pairs.iter().zip(&self.judgements)
    }
}

/// A share of slow boots that is smaller than this need not be said.
const RARE: f64 = 0.05;

/// So many pairs are easier to read in the order of what they came to.
const MANY: usize = 3;

/// The pairs as they were given; where they are many, the best one first, and what is not judged last.
fn order(report: &Report, summary: &Summary) -> Vec<usize> {
    let mut places: Vec<usize> = (0..summary.pairs.len()).collect();
    if places.len() >= MANY {
        let sign = if report.primary().better == Better::Less { 1.0 } else { -1.0 };
        let centre =
            |place: &usize| summary.pairs.get(*place)?.judgement.map(|judgement| sign * judgement.interval.centre);
        places.sort_by(|a, b| {
            let [a, b] = [a, b].map(|place| centre(place).unwrap_or(f64::INFINITY));
            a.total_cmp(&b)
        });
    }
    places
}

fn judgements(report: &Report, summary: &Summary, audit: Option<&Audit>) -> Vec<Judged> {
    let metric = report.primary();
    let unlike = |pair: &Pair| {
        let audited = audit?.pairs.iter().find(|audit| audit.contender == pair.contender);
        audited.map(PairAudit::unlike)
    };
    let judged = |pair: &Pair| Judged {
        contender: pair.contender.clone(),
        baseline: pair.baseline.clone(),
        metric: metric.clone().into_owned(),
        unlike: unlike(pair).unwrap_or_default(),
        beside: pair.beside.clone(),
        judgement: pair.judgement.ok_or(pair.unjudged.unwrap_or(Unjudged::NoValue)),
    };
    summary.pairs.iter().map(judged).collect()
}

fn duet(report: &Report) -> Caveat {
    let design = &report.design;
    let boots: Vec<_> = report.contenders.iter().flat_map(|contender| boots::good(contender, design)).collect();
    let of = boots.iter().map(|boot| boot.iterations.len().saturating_sub(boots::warm_up(boot, design))).sum();
    let counted: usize = boots.iter().map(|boot| boots::sample(boot, design).count()).sum();
    Caveat::Duet { alone: usize::saturating_sub(of, counted), of }
}

fn caveats(report: &Report, summary: &Summary, clocks: &[ContenderClock]) -> Vec<Caveat> {
    let mut caveats: Vec<Caveat> = report.imported.iter().cloned().map(Caveat::Imported).collect();
    caveats.extend(oddities(report, &summary::metrics(report)).into_iter().map(Caveat::Odd));
    caveats.extend(report.emulated.then_some(Caveat::Emulated));
    caveats.extend(report.design.duet.then(|| duet(report)));
    for ContenderClock { contender, void, unchecked, .. } in clocks {
        if let Some(((block, reason), others)) = void.split_first() {
            let (contender, reason) = (contender.clone(), reason.clone());
            caveats.push(Caveat::Unbelievable { contender, block: *block, reason, others: others.len() });
        }
        let unchecked = unchecked.map(|iterations| Caveat::Unchecked { contender: contender.clone(), iterations });
        caveats.extend(unchecked);
    }
    let left_out = summary.pairs.iter().filter(|pair| pair.blocks_left_out > 0);
    caveats.extend(left_out.map(|pair| Caveat::LeftOut {
        contender: pair.contender.clone(),
        baseline: pair.baseline.clone(),
        blocks: pair.blocks_left_out,
    }));
    if !report.emulated {
        caveats.extend(order(report, summary).into_iter().map(Caveat::Verdict));
    }
    let judged = summary.pairs.iter().filter(|pair| pair.judgement.is_some() && pair.apart.is_none());
    let together = judged.clone().count();
    caveats.extend((together >= MANY).then_some(Caveat::Shared(together)));
    if let Some(boots) = judged.map(|pair| pair.blocks).min().filter(|_| report.imported.is_none()) {
        let share = modes::unseen(boots);
        caveats.extend((share > RARE).then_some(Caveat::Unseen { boots, share }));
    }
    caveats.extend(summary.pairs.iter().any(|pair| pair.apart.is_some()).then_some(Caveat::Unpaired));
    let single = summary.single_iteration && report.imported.is_none() && !report.measures_boots();
    caveats.extend(single.then_some(Caveat::SingleIteration));
    caveats
}
