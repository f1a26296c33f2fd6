//! The memory workload with a block size: the command, and what the blocks of a run cost.
//!
//! Each block is a read into one buffer of its size, which is new in each iteration. So small blocks make many system calls, and a
//! large one touches many pages for the first time.

use firebench_protocol::{AGENT_COMMAND, BLOCK_OPTION, DIGEST_COMMAND};
use firebench_text::bytes;
use firebench_text::units::Size;

use crate::workload::{Difference, Run};

/// Bytes of a page.
const PAGE: u64 = 4096;

/// From so many on, the price of one shows in the time of an iteration.
const MANY: u64 = 1000;

/// Of two prices, the one is said of which there are at least so many times as many as of the other.
const OUTNUMBERS: u64 = 8;

/// A kernel that counts less than this share of the new pages as page faults does not count them all.
const COUNTED: f64 = 0.9;

/// The words before the files: the agent's own reader.
pub(super) fn command(block: Size) -> Vec<String> {
    [AGENT_COMMAND, DIGEST_COMMAND, BLOCK_OPTION].map(str::to_owned).into_iter().chain([block.0.to_string()]).collect()
}

/// What an iteration has so many of that a difference can be theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Many {
    Reads(u64),
    Pages(u64),
    /// Neither, or both.
    Neither,
}

impl Many {
    fn of(reads: u64, pages: u64) -> Many {
        if reads >= MANY && reads >= pages.saturating_mul(OUTNUMBERS) {
            Many::Reads(reads)
        } else if pages >= MANY && pages >= reads.saturating_mul(OUTNUMBERS) {
            Many::Pages(pages)
        } else {
            Many::Neither
        }
    }
}

/// What each read or each page costs beside the baseline, where the experiment has a block size.
pub(super) fn remarks(run: &Run<'_>) -> Vec<String> {
    let block = run.report.experiment.payload.block().map(|block| block.0).filter(|&block| block > 0);
    let Some(block) = block else { return Vec::new() };
    let (reads, pages) = (run.report.payload.bytes.div_ceil(block), block.div_ceil(PAGE));
    let many = Many::of(reads, pages);
    let what = match many {
        Many::Reads(_) => "",
        Many::Pages(_) => ", which are new each time",
        Many::Neither => ": a difference can be put down to neither of the two",
    };
    let (made, into) = (count(reads, "read"), count(pages, "page"));
    let lead = format!("Each iteration makes {made} of {} into a buffer of {into}{what}.", bytes(block));
    let prices = run.differences.iter().filter_map(|difference| price(difference, many));
    [lead].into_iter().chain(prices).collect()
}

/// A bound: whatever else differs between the two is in it.
fn price(difference: &Difference, many: Many) -> Option<String> {
    let Difference { contender, baseline, seconds, faults } = difference;
    let (number, what) = match many {
        Many::Reads(reads) => (reads, "read".to_owned()),
        Many::Pages(pages) if *faults < COUNTED * pages as f64 => {
            (pages, format!("page ({faults:.0} page faults counted)"))
        }
        Many::Pages(pages) => (pages, format!("page fault ({faults:.0} counted)")),
        Many::Neither => return None,
    };
    let [least, most] = seconds.map(|seconds| seconds / number as f64);
    if !(least.is_finite() && most.is_finite()) {
        return None;
    }
    let less = most <= 0.0;
    let (near, far) = if less { (-most, -least) } else { (least, most) };
    let (near, far) = (micros(near), micros(far));
    let range = if near == far { format!("{far} µs") } else { format!("{near} to {far} µs") };
    Some(format!(
        "In {contender} each {what} takes at most {far} µs {} than in {baseline}: {range} if all of the difference is theirs.",
        if less { "less" } else { "longer" },
    ))
}

/// Microseconds with three digits.
fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    match micros {
        _ if micros >= 99.95 => format!("{micros:.0}"),
        _ if micros >= 9.995 => format!("{micros:.1}"),
        _ if micros >= 0.9995 => format!("{micros:.2}"),
        _ => format!("{micros:.3}"),
    }
}

fn count(number: u64, noun: &str) -> String {
    firebench_text::count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}
