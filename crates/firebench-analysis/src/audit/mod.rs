//! Whether a comparison is fair: what two contenders do not share, ranked by what it means. Pure.
//!
//! Everything is computed from what the run saw, from inside the guests ([`firebench_protocol::GuestFacts`]) and from
//! the launches; what was asked for, a preset above all, is not looked at. So an audit can be made of any report at any
//! time. `report.json` holds all that it reads; what stands there under `findings` is computed anew whenever it is written.

mod clocks;
pub mod compare;
pub mod exercise;
mod limits;
mod short_iterations;

use firebench_model::record::{BootRecord, ContenderRecord, Report};
use firebench_protocol::{CpuFacts, GuestFacts};

use crate::boots;
use crate::facts::AuditedContender;

pub use clocks::{ContenderClock, clocks};
pub use compare::{Compared, Fairness, Finding, PairAudit, between};
pub use short_iterations::Unchecked;

/// An audit of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// Every contender after the first one against the first one.
    pub pairs: Vec<PairAudit>,
    /// What limited all contenders alike, in sentences without their ends.
    pub limits: Vec<String>,
    /// What was not the same in all boots of a contender that count.
    pub changes: Vec<Change>,
}

/// A fact that changed from boot to boot of one contender.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The contender.
    pub contender: String,
    /// What changed: the values are those of the first good boot and of the first one that is not like it.
    pub finding: Finding,
    /// Block, from 0, of that boot.
    pub block: u32,
    /// Boots that are not like the first one.
    pub boots: usize,
    /// Boots that count.
    pub of: usize,
}

/// Audits a run.
pub fn audit(report: &Report) -> Audit {
    let subjects: Vec<AuditedContender> = report.contenders.iter().map(|c| AuditedContender::new(report, c)).collect();
    let pairs = match subjects.split_first() {
        Some((baseline, others)) => others.iter().map(|other| between(baseline, other)).collect(),
        None => Vec::new(),
    };
    Audit {
        pairs,
        limits: limits::limits(report),
        changes: report.contenders.iter().flat_map(|c| changes(report, c)).collect(),
    }
}

/// What differs between a contender's first boot that counts and the later ones.
fn changes(report: &Report, contender: &ContenderRecord) -> Vec<Change> {
    let good = boots::good(contender, &report.design);
    let mut changes: Vec<Change> = Vec::new();
    let Some((first, later)) = good.split_first() else { return changes };
    let of_first = told(first);
    let first = AuditedContender::of_boot(report, contender, first);
    for boot in later.iter().filter(|boot| told(boot) != of_first) {
        for finding in between(&first, &AuditedContender::of_boot(report, contender, boot)).findings {
            match changes.iter_mut().find(|change| change.finding.fact == finding.fact) {
                Some(change) => change.boots = change.boots.saturating_add(1),
                None => changes.push(Change {
                    contender: contender.name.clone(),
                    finding,
                    block: boot.block,
                    boots: 1,
                    of: good.len(),
                }),
            }
        }
    }
    changes
}

/// What may change from boot to boot, but for the CPU's frequency, which the kernel measures anew each time, and its pauses,
/// which are never quite the same: boots alike in it, nearly all, need no closer look.
fn told(boot: &BootRecord) -> impl PartialEq + use<> {
    let facts = boot.facts.clone().map(|facts| GuestFacts {
        cpu: CpuFacts { mhz: 0.0, ..facts.cpu },
        kernel_lines: None,
        kernel_pauses: Vec::new(),
        ..facts
    });
    (facts, boot.host_cache_resident, boot.pinned.clone(), boot.without.clone())
}
