//! Whether a contender's clock is to be believed: what its boots that count come to beside the host's clock, looked at once for
//! everything that is said of it. Pure.

use super::short_iterations::{Unchecked, unchecked};
use crate::boots;
use firebench_model::clock::{self, ClockReport, Known, Offset};
use firebench_model::record::{ContenderRecord, Report};

/// The clock of a contender.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContenderClock {
    /// The contender.
    pub contender: String,
    /// The iteration in which it was furthest from the host's.
    pub worst: Option<Offset>,
    /// The boot in which most time was stolen: the share of its vCPUs' time.
    pub steal: Option<f64>,
    /// Boots that count and are not to be believed, those of reports of an older firebench, or that somebody changed: block, and why.
    pub void: Vec<(u32, String)>,
    /// Its iterations are too short to be checked as closely as a verdict needs.
    pub unchecked: Option<Unchecked>,
}

/// The clocks of all contenders, in their order; of figures of others nothing is known.
pub fn clocks(report: &Report) -> Vec<ContenderClock> {
    report.contenders.iter().map(|contender| of_contender(report, contender)).collect()
}

fn of_contender(report: &Report, contender: &ContenderRecord) -> ContenderClock {
    let name = contender.name.clone();
    if report.imported.is_some() {
        return ContenderClock { contender: name, ..ContenderClock::default() };
    }
    let known = Known::recorded(report, contender);
    let boots = boots::good(contender, &report.design);
    let checked: Vec<(u32, ClockReport)> = boots.iter().map(|boot| (boot.block, clock::check(boot, &known))).collect();
    ContenderClock {
        contender: name,
        worst: checked.iter().filter_map(|(_, clock)| clock.worst).reduce(Offset::worse),
        steal: checked.iter().filter_map(|(_, clock)| clock.steal).reduce(f64::max),
        void: checked.into_iter().filter_map(|(block, clock)| Some((block, clock.void?))).collect(),
        unchecked: unchecked(report, contender),
    }
}
