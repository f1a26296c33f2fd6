//! Iterations that are too short for the host's clock to check them. Pure.

use firebench_model::clock::{self, Known};
use firebench_model::record::{ContenderRecord, Report};
use firebench_stats::median;

use crate::boots;

/// In emulated runs, where a clock that is off by less is not worth a word.
const EMULATED_SHARE: f64 = 0.25;

/// Iterations so short that what a frame takes, and what is within the bounds, is more than the run's verdict may be wrong by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unchecked {
    /// Median duration by the guests' clock.
    pub guest: f64,
    /// Median duration by the host's.
    pub host: f64,
    /// What of the host's the guest does not tell of, or tells of beyond it: a share.
    pub share: f64,
    /// The share up to which it matters to nobody.
    pub bound: f64,
}

/// The iterations of a contender that count, if the host's clock cannot check them as closely as a verdict needs.
pub fn unchecked(report: &Report, contender: &ContenderRecord) -> Option<Unchecked> {
    if report.imported.is_some() || report.measures_boots() {
        return None;
    }
    let design = &report.design;
    let boots = boots::good(contender, design);
    let counted = || boots.iter().flat_map(|boot| boots::sample(boot, design));
    let of = |metric: &'static str| median(counted().filter_map(|iteration| clock::value(iteration, metric)));
    let (guest, host) = (of("real")?, of("host_real").filter(|&seconds| seconds > 0.0)?);
    let apart = median(counted().filter_map(|iteration| Some(clock::offset(iteration)?.relative.abs())))?;
    let known = Known::recorded(report, contender);
    // A guest can also tell of what its frames take as if it were work; then the two clocks agree.
    let share = apart.max(known.slack().least / host);
    let bound = if known.emulated { EMULATED_SHARE } else { design.delta.max(clock::REAL.share) };
    (share > bound).then_some(Unchecked { guest, host, share, bound })
}
