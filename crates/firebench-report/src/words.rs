//! What terminal and Markdown say in the same words.

use firebench_analysis::audit::{self, Unchecked};
use firebench_analysis::boots;
use firebench_analysis::judged::{self, Unjudged};
use firebench_analysis::summary::{ContenderSummary, Pair, Summary};
use firebench_model::clock::{self, Known};
use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, Report};
use firebench_protocol::Moment;
use firebench_stats::{Better, Quantity, Scale};
use firebench_text as text;

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
        BootStatus::Void => "VOID",
        BootStatus::Interrupted => "interrupted",
    }
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
pub const CHECKS: [Check; 7] = [
    ("good boots", |s| Some(format!("{} of {}", s.boots_ok, s.boots_ok + s.boots_not_ok))),
    ("boot time", |s| s.boot_seconds.map(text::duration)),
    ("against host", |s| s.to_host.map(|ratio| format!("{ratio:.3}"))),
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
fn verdict(report: &Report, pair: &Pair, unlike: &[String]) -> String {
    let Pair { contender, baseline, .. } = pair;
    let primary = report.primary();
    let metric = &primary.name;
    match (&pair.judgement, pair.unjudged) {
        (Some(judgement), _) => {
            let sentence = primary.sentence(contender, baseline, judgement);
            let by_difference = judgement.scale == Scale::Raw && primary.scale == Scale::Ratio;
            let note = match (by_difference, primary.quantity()) {
                (false, _) => "",
                (true, Quantity::Time) => " A ratio needs times above zero, and some are zero: this is the difference.",
                (true, _) => " A ratio needs values above zero, and some are zero: this is the difference.",
            };
            format!("{sentence}{}.{note}", judged::not_like_with_like(unlike))
        }
        (None, Some(reason)) if pair.apart.is_some() || reason != Unjudged::TooFew => {
            format!("{contender} and {baseline} in {metric}: no verdict: {reason}.")
        }
        (None, _) => format!(
            "{contender} and {baseline} in {metric}: no verdict from {}, it takes two at least.",
            text::count(pair.blocks, "block")
        ),
    }
}

/// The verdict on a pair, which differ in `unlike` ([`audit::unlike`]), in a sentence; or why there is none.
pub fn pair_sentence(report: &Report, pair: &Pair, unlike: &[String]) -> String {
    match pair.judgement {
        None if report.emulated => NO_SPEED.to_owned(),
        _ => verdict(report, pair, unlike),
    }
}

/// In place of a verdict on emulated timings.
const NO_SPEED: &str = "Emulated: this says nothing about which one is faster.";

/// What must be said next to the ratios.
pub fn caveats(report: &Report, summary: &Summary) -> Vec<String> {
    let mut sentences = Vec::new();
    if report.emulated {
        sentences.push(NO_SPEED.to_owned());
    }
    sentences.extend(doubts(report));
    for pair in summary.pairs.iter().filter(|pair| pair.blocks_left_out > 0) {
        let blocks = text::count(pair.blocks_left_out, "block");
        sentences
            .push(format!("{}: {blocks} left out, where it or {} has no good boot.", pair.contender, pair.baseline));
    }
    if !report.emulated {
        let unlike = audit::unlike(report);
        sentences.extend(summary.pairs.iter().zip(&unlike).map(|(pair, unlike)| verdict(report, pair, unlike)));
    }
    if summary.pairs.iter().any(|pair| pair.apart.is_some()) {
        sentences.push(
            "Unpaired: the boots were not measured side by side, so all boots of one are compared with all of the other \
             (Welch's interval)."
                .to_owned(),
        );
    }
    if summary.single_iteration && report.imported.is_none() {
        sentences.push("Each boot ran one iteration: it is the sample, cold as it is.".to_owned());
    }
    sentences
}

/// What is not to be believed, and what nothing bears out.
pub fn doubts(report: &Report) -> Vec<String> {
    let of = |contender| unbelievable(report, contender).into_iter().chain(unchecked(report, contender));
    report.contenders.iter().flat_map(of).collect()
}

/// That the host's clock cannot check iterations as closely as a verdict needs.
fn unchecked(report: &Report, contender: &ContenderRecord) -> Option<String> {
    let Unchecked { guest, host, share, bound } = audit::unchecked(report, contender)?;
    Some(format!(
        "{}: its iterations take {} by its own clock and {} by the host's: that is {} of the time for which its word \
         stands unchecked, more than {}. A larger --size makes iterations long enough to be checked.",
        contender.name,
        text::duration(guest),
        text::duration(host),
        text::percent(share),
        text::exact_percent(bound)
    ))
}

/// That boots count that are not to be believed: those of reports of an older firebench, or that somebody changed.
fn unbelievable(report: &Report, contender: &ContenderRecord) -> Option<String> {
    if report.imported.is_some() {
        return None;
    }
    let known = Known::recorded(report, contender);
    let void = |boot: &BootRecord| clock::check(boot, &known).void;
    let mut voids =
        boots::good(contender, &report.design).into_iter().filter_map(|boot| Some((boot.block, void(boot)?)));
    let (block, reason) = voids.next()?;
    let boot = u64::from(block) + 1;
    Some(match voids.count() {
        0 => format!("{}, boot {boot}: {reason}; do not believe its times.", contender.name),
        more => format!(
            "{}, boot {boot}: {reason}, and so in {}; do not believe their times.",
            contender.name,
            text::count(more, "other boot")
        ),
    })
}
