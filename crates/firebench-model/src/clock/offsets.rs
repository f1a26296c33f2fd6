//! The guest's clock against the host's.

use firebench_text::told_percent as percent;

use super::figures::value;
use super::known::Slack;
use crate::record::IterationRecord;

/// Offsets are in proportion, which makes them a drift and not steps, while the largest share is less than this many
/// times the least.
const PROPORTION: f64 = 2.0;

/// Iterations from which on there is one in the middle that a single delay does not move.
const TYPICAL: usize = 3;

/// How far an iteration's durations are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offset {
    /// The iteration, from 0.
    pub index: u32,
    /// Host's minus guest's, in seconds.
    pub seconds: f64,
    /// The same as a share of the host's: above 0 where the guest's clock is slow.
    pub relative: f64,
}

impl Offset {
    /// The one that is further off, as a share.
    pub fn worse(self, other: Offset) -> Offset {
        if other.relative.abs() > self.relative.abs() { other } else { self }
    }

    /// The host's duration.
    fn host(&self) -> f64 {
        if self.relative == 0.0 { 0.0 } else { self.seconds / self.relative }
    }
}

/// Both durations of an iteration; none where one is missing.
pub fn offset(iteration: &IterationRecord) -> Option<Offset> {
    let host = value(iteration, "host_real").filter(|&seconds| seconds > 0.0)?;
    let seconds = host - value(iteration, "real")?;
    Some(Offset { index: iteration.index, seconds, relative: seconds / host })
}

/// What the offsets of a boot say.
pub(super) struct Judged {
    pub(super) drift: Option<f64>,
    pub(super) steps: Vec<Offset>,
    pub(super) void: Option<String>,
}

/// Holds the iterations of a boot against the bounds: each one, the one in the middle, and all together.
pub(super) fn judge(offsets: &[Offset], slack: &Slack) -> Judged {
    let off: Vec<Offset> =
        offsets.iter().copied().filter(|o| o.relative.abs() > slack.share && o.seconds.abs() > slack.one).collect();
    let middle = middle(offsets).filter(|middle| beyond(middle, slack, 1.0, 0.0));
    let together = together(offsets).filter(|all| beyond(all, slack, offsets.len() as f64, slack.one));
    let proportional = proportional(offsets);
    let drift = together.or(middle).filter(|_| proportional).map(|offset| offset.relative);
    let steps = if drift.is_some() { Vec::new() } else { off };
    let void = match (drift, steps.iter().copied().reduce(Offset::worse), middle, together) {
        (Some(drift), ..) => Some(format!("the guest's clock is {}", apart(drift))),
        (None, Some(step), ..) => {
            let others = if steps.len() == 1 {
                " only".to_owned()
            } else {
                format!(", and wrong in {} iterations in total", steps.len())
            };
            let number = u64::from(step.index).saturating_add(1);
            Some(format!("the guest's clock is {} in iteration {number}{others}", apart(step.relative)))
        }
        (None, None, Some(middle), _) => {
            Some(format!("the guest's clock is {} in the median iteration", apart(middle.relative)))
        }
        (None, None, None, Some(all)) => {
            Some(format!("the guest's clock is {} in all iterations together", apart(all.relative)))
        }
        (None, None, None, None) => None,
    };
    Judged { drift, steps, void }
}

/// Whether an offset of `count` iterations is more than their frames explain, and than one delay of `once`.
fn beyond(offset: &Offset, slack: &Slack, count: f64, once: f64) -> bool {
    let frames = count * if offset.seconds > 0.0 { slack.longer } else { slack.shorter };
    offset.relative.abs() > slack.share && offset.seconds.abs() > frames.max(once)
}

/// The iteration in the middle by its offset, where there are enough of them.
fn middle(offsets: &[Offset]) -> Option<Offset> {
    if offsets.len() < TYPICAL {
        return None;
    }
    let mut sorted = offsets.to_vec();
    sorted.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    sorted.get(sorted.len() / 2).copied()
}

/// All iterations together.
fn together(offsets: &[Offset]) -> Option<Offset> {
    let seconds: f64 = offsets.iter().map(|offset| offset.seconds).sum();
    let host: f64 = offsets.iter().map(Offset::host).sum();
    let first = offsets.first()?;
    (host > 0.0).then_some(Offset { index: first.index, seconds, relative: seconds / host })
}

/// Whether the offsets are those of a clock that runs at another rate: two at least, all in one direction, in proportion.
fn proportional(offsets: &[Offset]) -> bool {
    let (least, largest) = offsets.iter().fold((f64::INFINITY, 0.0_f64), |(least, largest), offset| {
        (least.min(offset.relative.abs()), largest.max(offset.relative.abs()))
    });
    let one_way = offsets.iter().all(|o| o.seconds > 0.0) || offsets.iter().all(|o| o.seconds < 0.0);
    offsets.len() >= 2 && one_way && largest < PROPORTION * least
}

/// `slower than the host's by 5.0%`.
fn apart(relative: f64) -> String {
    format!("{} than the host's by {}", if relative > 0.0 { "slower" } else { "faster" }, percent(relative.abs()))
}
