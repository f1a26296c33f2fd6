//! How a run was laid out, in words.

use std::collections::BTreeSet;

use firebench_analysis::boots;
use firebench_analysis::findings::Findings;
use firebench_model::record::{DesignRecord, Report, RunEnd};
use firebench_stats::{Estimand, Rule};
use firebench_text as text;

/// Blocks that were begun, without the scout's and those that were left out; and those.
pub fn blocks(report: &Report) -> (usize, usize) {
    let begun = report.contenders.iter().flat_map(|contender| &contender.boots).map(|boot| boot.block);
    let begun: BTreeSet<u32> = begun.filter(|&block| block >= report.design.scout_blocks).collect();
    let left_out = boots::blocks_left_out(report);
    (begun.difference(&left_out).count(), left_out.len())
}

/// The design in a phrase, with its end.
pub fn phrase(findings: &Findings) -> String {
    let report = findings.report;
    let design = &report.design;
    let ((done, left_out), planned) = (blocks(report), design.planned.map(|planned| planned as usize));
    let number = match planned.filter(|&planned| planned != done) {
        Some(planned) => format!("{done} of {}", text::count(planned, "block")),
        None => text::count(done, "block"),
    };
    let scout = match design.scout_blocks {
        0 => String::new(),
        blocks => format!(" after a scout of {blocks}"),
    };
    let left_out = if left_out > 0 { format!(" ({left_out} more left out)") } else { String::new() };
    let contenders = text::count(report.contenders.len(), "contender");
    let thrown = match thrown_away(report) {
        0 => String::new(),
        boots => format!(", {} before blocks", text::count(boots, "throw-away boot")),
    };
    let seed = if report.contenders.len() > 1 { format!(", seed {}", design.seed) } else { String::new() };
    format!("{number} of {contenders}{left_out}{scout}{thrown}, {} a boot{seed}; {}", iterations(report), end(findings))
}

/// How many throw-away boots there were.
fn thrown_away(report: &Report) -> usize {
    report.contenders.iter().map(|contender| contender.discarded.len()).sum()
}

/// `1 warm-up and 4 counted iterations`.
fn iterations(report: &Report) -> String {
    let DesignRecord { iterations, warm_up, .. } = report.design;
    let cold = if report.experiment.design.cold { "cold " } else { "" };
    match iterations.checked_sub(warm_up).filter(|_| warm_up > 0) {
        Some(counted) if counted > 0 => {
            format!("{warm_up} warm-up and {}", text::count(counted as usize, &format!("counted {cold}iteration")))
        }
        _ => text::count(iterations as usize, &format!("{cold}iteration")),
    }
}

/// `ended as planned after 231.0 s; the aim of ±1% was reached: ±0.97%`.
fn end(findings: &Findings) -> String {
    let report = findings.report;
    let how = match report.design.end {
        Some(RunEnd::Planned) => "ended as planned",
        Some(RunEnd::TimeOver) => "ended when the time was over",
        Some(RunEnd::Verdict) => "ended with a verdict on every comparison",
        Some(RunEnd::Void) => "ended early, as too many blocks were left out",
        Some(RunEnd::Interrupted) => "interrupted",
        Some(RunEnd::Failed) => "failed",
        None => "ended",
    };
    format!("{how} after {:.1} s{}", report.duration, aim(findings))
}

/// Whether the run came as near as it should.
fn aim(findings: &Findings) -> String {
    let report = findings.report;
    let Some(aim) = findings.aim else { return String::new() };
    let wanted = text::exact_percent(aim.wanted);
    match aim.reached {
        Some(reached) if aim.is_reached() => {
            format!("; the aim of ±{wanted} was reached: ±{}", text::significant_percent(reached, f64::round))
        }
        // Rounded up, so that what misses it by a hair does not look like it.
        Some(reached) => {
            let more = match (report.design.end, &report.id) {
                (Some(RunEnd::TimeOver), Some(id)) => {
                    format!(" (`firebench run --resume {id} --max-time TIME` gives it more)")
                }
                (Some(RunEnd::TimeOver), None) => " (more --max-time would bring it nearer)".to_owned(),
                _ => String::new(),
            };
            format!("; the aim of ±{wanted} was NOT reached: ±{}{more}", text::significant_percent(reached, f64::ceil))
        }
        None => format!("; the aim of ±{wanted} was NOT reached: too few blocks for an interval"),
    }
}

/// The design in plain words, a sentence each.
pub fn sentences(findings: &Findings) -> Vec<String> {
    let report = findings.report;
    let design = &report.design;
    let way = match design.duet {
        false => "in an order drawn by chance",
        true => "all at once, each on a CPU set that is drawn by chance",
    };
    let mut sentences = vec![format!("A block is one fresh boot of every contender, {way} (seed {}).", design.seed)];
    if thrown_away(report) > 0 {
        sentences.push(
            "A throw-away boot of the contender that is first in a block comes before it, unless that one was also the last of the block \
             before: so each contender boots as often right after itself as after any other. It counts for nothing."
                .to_owned(),
        );
    }
    if design.scout_blocks > 0 {
        let blocks = text::count(design.scout_blocks as usize, "block");
        sentences.push(format!(
            "{blocks} at the beginning helped to choose warm-up and iterations, and count for nothing else."
        ));
    }
    sentences.push(match (design.precision, design.rule) {
        (Some(half), _) => {
            format!("The run went on until the interval was ±{} or the time over.", text::exact_percent(half))
        }
        (None, _) => "The number of blocks was chosen before the run.".to_owned(),
    });
    if let Some(seconds) = design.max_seconds {
        sentences.push(format!("It was to take {seconds:.0} s at most."));
    }
    sentences.push(match (design.rule, design.estimand) {
        (Rule::BandAlone, _) => "The interval is the anytime band, which holds whenever one looks at it.".to_owned(),
        (Rule::Precision | Rule::Fixed, Estimand::Typical) => {
            "The interval is Wilcoxon's, of signed ranks; of a run that ended because of what was seen, the anytime band.".to_owned()
        }
        (Rule::Precision | Rule::Fixed, Estimand::Mean) => {
            "The interval is Student's; of a run that ended because of what was seen, the anytime band.".to_owned()
        }
        (Rule::Precision | Rule::Fixed, Estimand::Cost) => {
            "The interval is Fieller's, with room for slow boots that did not come; of a run that ended because of what was seen, there \
             is none."
                .to_owned()
        }
        (Rule::Precision | Rule::Fixed, Estimand::P95 | Estimand::P99) => {
            "The interval is made of ordered values; of a run that ended because of what was seen, there is none.".to_owned()
        }
    });
    sentences.push(match design.estimand {
        Estimand::Typical => {
            "Verdicts are about the typical boot: the middle of the blocks' ratios (Hodges and Lehmann).".to_owned()
        }
        Estimand::Mean => "Verdicts are about the geometric mean of the boots.".to_owned(),
        Estimand::Cost => "Verdicts are about the mean cost of a boot.".to_owned(),
        Estimand::P95 => "Verdicts are about what 95 of 100 boots do not exceed.".to_owned(),
        Estimand::P99 => "Verdicts are about what 99 of 100 boots do not exceed.".to_owned(),
    });
    sentences.push(format!(
        "Verdicts are given on {}; a difference of up to {} counts as none.",
        design.primary,
        text::exact_percent(design.delta)
    ));
    sentences.push(format!("It came to {}.", phrase(findings)));
    sentences
}
