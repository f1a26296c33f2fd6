//! What terminal and Markdown say in the same words.

use firebench_analysis::audit::Unchecked;
use firebench_analysis::findings::{Caveat, Findings};
use firebench_analysis::judged::{Judged, Unjudged};
use firebench_analysis::summary::{ContenderSummary, Pair};
use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, ImportFormat, Imported, Report};
use firebench_protocol::Moment;
use firebench_stats::{Better, Estimand, Judgement, Quantity, Scale};
use firebench_text as text;

use crate::odd;

/// What stands for a contender's boots.
pub fn of_boots(estimand: Estimand) -> &'static str {
    match estimand {
        Estimand::Typical => "typical boot",
        Estimand::Mean | Estimand::Cost => "mean boot",
        Estimand::P95 => "p95 of boots",
        Estimand::P99 => "p99 of boots",
    }
}

/// A boot's status in words.
pub fn status_words(status: BootStatus) -> &'static str {
    match status {
        BootStatus::Ok => "ok",
        BootStatus::StartFailed => "start failed",
        BootStatus::NeverStarted => "never started",
        BootStatus::VmmExited => "VMM exited",
        BootStatus::GuestPanicked => "guest panicked",
        BootStatus::GuestFailed => "guest failed",
        BootStatus::ProtocolError => "protocol error",
        BootStatus::IterationDeadline => "iteration too long",
        BootStatus::CommandFailed => "command failed",
        BootStatus::WrongDigest => "WRONG DIGEST",
        BootStatus::WrongOutput => "WRONG OUTPUT",
        BootStatus::ServiceFailed => "SERVICE FAILED",
        BootStatus::Void => "VOID",
        BootStatus::Interrupted => "interrupted",
    }
}

/// The command of the iterations; where contenders have commands of their own, that of each.
pub fn commands(report: &Report) -> String {
    if report.contenders.iter().all(|contender| contender.command.is_empty()) {
        return text::line(&report.command.join(" "));
    }
    let each = |contender: &ContenderRecord| format!("{}: {}", contender.name, report.command_of(contender).join(" "));
    text::line(&report.contenders.iter().map(each).collect::<Vec<_>>().join("; "))
}

/// The meminfo that stands for a contender: of its first good boot, else of its first boot that has one.
pub fn first_meminfo(contender: &ContenderRecord, moment: Moment) -> Option<&str> {
    let good = contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok);
    good.chain(&contender.boots).find_map(|boot| match moment {
        Moment::Before => boot.meminfo_before.as_deref(),
        Moment::After => boot.meminfo_after.as_deref(),
    })
}

/// A boot that did not end well, in a sentence.
pub fn boot_failure(contender: &ContenderRecord, boot: &BootRecord) -> String {
    let message = boot.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    format!(
        "{}, boot {}, attempt {}: {}{message}",
        contender.name,
        u64::from(boot.block) + 1,
        boot.attempt,
        status_words(boot.status)
    )
}

/// What must be plausible for a contender's times to mean anything: names, and how to say it.
pub const CHECKS: [Check; 8] = [
    ("good boots", |s| Some(format!("{} of {}", s.boots_ok, s.boots_ok + s.boots_not_ok))),
    ("boot time", |s| s.boot_seconds.map(text::duration)),
    ("against host", |s| s.to_host.map(|ratio| format!("{ratio:.3}"))),
    ("CPU of the host", |s| s.host_cpu.map(text::duration)),
    ("throughput", |s| s.throughput.map(|rate| format!("{:.1} MB/s", rate / 1e6))),
    ("read from disk", |s| {
        s.disk_reads.map(|reads| {
            let later = reads.later.map(|later| format!(", later {}", text::percent(later)));
            format!("{}{}", text::percent(reads.first), later.unwrap_or_default())
        })
    }),
    ("clock off by", |s| s.clock.map(|c| format!("{:+.2}% ({})", c.relative * 100.0, text::difference(c.seconds)))),
    ("stolen, at most", |s| {
        s.steal.map(|share| if share < 10.0 { text::exact_percent(share) } else { text::told_percent(share) })
    }),
];

/// A check's name, and how to say what it found.
type Check = (&'static str, fn(&ContenderSummary) -> Option<String>);

/// What it means in these metrics that a ratio is above 1: `takes longer`, `is higher, which is better`.
pub fn above_one<'a>(metrics: impl Iterator<Item = &'a Metric> + Clone) -> String {
    if metrics.clone().all(|metric| metric.quantity() == Quantity::Time) {
        return "takes longer".to_owned();
    }
    let of = |better| names(metrics.clone().filter(|metric| metric.better == better));
    match (of(Better::Less).as_slice(), of(Better::More).as_slice()) {
        ([], _) => "is higher, which is better".to_owned(),
        (_, []) => "is higher, which is worse".to_owned(),
        (less, more) => format!("is higher: better in {}, worse in {}", text::list(more), text::list(less)),
    }
}

/// Those of the metrics that are compared by difference.
pub fn by_difference<'a>(metrics: impl Iterator<Item = &'a Metric>) -> Vec<String> {
    names(metrics.filter(|metric| metric.scale == Scale::Raw))
}

fn names<'a>(metrics: impl Iterator<Item = &'a Metric>) -> Vec<String> {
    metrics.map(|metric| metric.name.to_string()).collect()
}

/// The verdict on a pair in words.
fn verdict(pair: &Pair, judged: &Judged) -> String {
    let Judged { contender, baseline, metric, judgement, .. } = judged;
    match judgement {
        Ok(judgement) => {
            let sentence = metric.sentence(contender, baseline, judgement);
            let by_difference = judgement.scale == Scale::Raw && metric.scale == Scale::Ratio;
            let note = match (by_difference, metric.quantity()) {
                (false, _) => "",
                (true, Quantity::Time) => " A ratio needs times above zero, and some are zero: this is the difference.",
                (true, _) => " A ratio needs values above zero, and some are zero: this is the difference.",
            };
            format!("{sentence}{}.{note}", judged.ending())
        }
        Err(Unjudged::TooFew) if pair.apart.is_none() => format!(
            "{contender} and {baseline} in {}: no verdict from {}: at least two are needed.",
            metric.name,
            text::count(pair.blocks, "block")
        ),
        Err(reason) => {
            let described = pair.described.map(|described| described_by(&described)).unwrap_or_default();
            format!("{contender} and {baseline} in {}: no verdict: {reason}{described}.", metric.name)
        }
    }
}

/// The interval of what is described and not judged: ` (Welch's 95% CI: 1.2% less to 3.4% more)`.
fn described_by(described: &Judgement) -> String {
    let effect = described.effect();
    let end = |end: f64| match described.scale {
        Scale::Ratio => text::change_percent(end, 1),
        Scale::Raw => text::seconds(end),
    };
    format!(" (Welch's 95% CI {} to {})", end(effect.low), end(effect.high))
}

/// The verdict on a pair in a sentence; or why there is none.
pub fn pair_sentence(findings: &Findings, pair: &Pair, judged: &Judged) -> String {
    match judged.judgement {
        Err(_) if findings.report.emulated => NO_SPEED.to_owned(),
        _ => verdict(pair, judged),
    }
}

/// In place of a verdict on emulated timings.
const NO_SPEED: &str = "Emulated: this says nothing about which one is faster.";

/// What must be said next to the ratios; where figures come from is said elsewhere.
pub fn caveats(findings: &Findings) -> Vec<String> {
    let said = findings.caveats.iter().filter(|caveat| !matches!(caveat, Caveat::Imported(_)));
    said.filter_map(|said| caveat(findings, said)).collect()
}

/// What is not to be believed, and what nothing bears out.
pub fn doubts(findings: &Findings) -> Vec<String> {
    let doubts = findings.caveats.iter().filter(|caveat| caveat.is_doubt());
    doubts.filter_map(|doubt| caveat(findings, doubt)).collect()
}

/// A caveat in a sentence.
pub fn caveat(findings: &Findings, caveat: &Caveat) -> Option<String> {
    Some(match caveat {
        Caveat::Imported(imported) => origin(imported),
        Caveat::Emulated => NO_SPEED.to_owned(),
        Caveat::Duet { alone, of } => {
            let alone = match alone {
                0 => String::new(),
                _ => format!(" {alone} of {of} iterations ran while another contender did not, and are left out."),
            };
            format!(
                "All contenders of a block ran at once, each on CPUs of its own (--duet): contention between them is part of what is \
                 compared.{alone}"
            )
        }
        Caveat::Unbelievable { contender, block, reason, others } => {
            let boot = u64::from(*block) + 1;
            match others {
                0 => format!("{contender}, boot {boot}: {reason}; do not believe its times."),
                more => format!(
                    "{contender}, boot {boot}: {reason}, and so in {}; do not believe their times.",
                    text::count(*more, "other boot")
                ),
            }
        }
        Caveat::Unchecked { contender, iterations: Unchecked { guest, host, share, bound } } => format!(
            "{contender}: its iterations take {} by its own clock and {} by the host's. So {} of the time cannot be checked, \
             which is more than {}. Longer iterations can be checked.",
            text::duration(*guest),
            text::duration(*host),
            text::percent(*share),
            text::exact_percent(*bound)
        ),
        Caveat::LeftOut { contender, baseline, blocks } => {
            let blocks = text::count(*blocks, "block");
            format!("{contender}: {blocks} left out, where it or {baseline} has no good boot.")
        }
        Caveat::Verdict(place) => {
            let (pair, judged) = findings.pairs().nth(*place)?;
            verdict(pair, judged)
        }
        Caveat::Shared(comparisons) => format!(
            "All {comparisons} intervals hold together in 95 of 100 runs: the comparisons share the error rate (Bonferroni)."
        ),
        Caveat::Unseen { boots, share } => format!(
            "{boots} boots of each can hide a slow mode: it may be there in up to {} of boots without a sign of it.",
            text::percent(*share)
        ),
        Caveat::Odd(oddity) => odd::sentence(oddity),
        Caveat::Unpaired => {
            "Unpaired: the boots were not measured side by side, so all boots of one are compared with all of the \
                             other (Welch's interval)."
                .to_owned()
        }
        Caveat::SingleIteration => "Each boot ran one iteration: it is the sample, cold as it is.".to_owned(),
    })
}

/// Where figures come from that firebench did not measure.
pub fn origin(imported: &Imported) -> String {
    let source = match imported.format {
        ImportFormat::Hyperfine => "results of hyperfine; each execution stands for a boot with one iteration",
        ImportFormat::Csv => "a CSV of samples",
        ImportFormat::List => "lists of values",
    };
    format!(
        "Imported from {}, {source}. firebench did not measure this: it knows neither the machine nor what exactly ran.",
        imported.name
    )
}
