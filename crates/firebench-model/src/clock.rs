//! Whether what a boot says of itself can be believed: the one place that decides it, for the run and for every report. Pure.
//!
//! Everything that a guest says is its word: its clock, its counters, its own description. The host has its clock: it sees each
//! iteration from the frame before it to the frame after it (`host_real`), how long that last frame took to arrive
//! (`host_report`), and what passed between two iterations (`host_gap`). It knows when the boot began and ended, what CPU time
//! the VMM used, and which machine it gave the guest. What does not fit together makes the boot void, with a sentence that says
//! what. Bounds are wider where instructions are emulated: there, frames take longer, and no time is a statement about speed.
//!
//! What lies within the bounds cannot be seen: `audit/short_iterations.rs` says how much that is.

mod claims;
mod figures;
mod known;
mod offsets;
#[cfg(test)]
mod tests;

use crate::record::{BootRecord, IterationRecord};
use firebench_text::told_percent as percent;

pub use figures::value;
use figures::{figure, number};
pub use known::{Known, REAL, Slack};
pub use offsets::{Offset, offset};

/// More stolen time than this share of a boot's vCPU time, and what was measured is the host's scheduler. On a quiet
/// host it is below 0.01. The workload may run on one vCPU of several, and idle ones lose nothing: its own share is
/// larger.
pub const STEAL: f64 = 0.1;

/// Linux counts stolen time in ticks of 10 ms: less than ten of them are no evidence.
pub const STEAL_SECONDS: f64 = 0.1;

/// What is to be said of a boot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClockReport {
    /// The iteration that is furthest off, as a share; none where no iteration has both durations.
    pub worst: Option<Offset>,
    /// Every iteration is off in the same direction and in proportion: by this share of the host's time.
    pub drift: Option<f64>,
    /// Iterations that are off by themselves while the boot as a whole does not drift.
    pub steps: Vec<Offset>,
    /// Stolen share of the vCPUs' time during the iterations.
    pub steal: Option<f64>,
    /// Why nothing that was measured in the boot is to be believed, in a sentence.
    pub void: Option<String>,
}

/// Looks at a boot, its first iterations included.
pub fn check(boot: &BootRecord, known: &Known) -> ClockReport {
    let slack = known.slack();
    let offsets: Vec<Offset> = boot.iterations.iter().filter_map(offsets::offset).collect();
    let offsets::Judged { drift, steps, void } = offsets::judge(&offsets, slack);
    let (stolen, available) = steal(boot, known.counted);
    let steal = (available > 0.0).then(|| stolen / available);
    let reasons: [&dyn Fn() -> Option<String>; 7] = [
        &|| boot.iterations.iter().find_map(untimed).filter(|_| !known.whole_boots),
        &|| too_long(boot, slack),
        &|| void.clone().filter(|_| !known.whole_boots),
        &|| booted_too_long(boot, known),
        &|| claims::impossible(boot, known),
        &|| boot.iterations.iter().find_map(|iteration| hidden(iteration, known)),
        &|| robbed(boot, known, (stolen, available)),
    ];
    let void = reasons.iter().find_map(|reason| reason());
    ClockReport { worst: offsets.into_iter().reduce(Offset::worse), drift, steps, steal, void }
}

/// The sum of a metric over a boot.
fn sum(boot: &BootRecord, metric: &str) -> f64 {
    boot.iterations.iter().filter_map(|iteration| value(iteration, metric)).sum()
}

/// An iteration without a duration by either clock.
fn untimed(iteration: &IterationRecord) -> Option<String> {
    let number = number(iteration);
    if !value(iteration, "real").is_some_and(|seconds| seconds > 0.0) {
        return Some(format!("the guest's clock measured no time in iteration {number}"));
    }
    let seen = value(iteration, "host_real").is_some_and(|seconds| seconds > 0.0);
    (!seen).then(|| {
        format!(
            "the host's clock measured no time in iteration {number}: its start and its report arrived at the same \
            time, so either it is too short to be measured, or the guest faked them"
        )
    })
}

/// More time in the iterations than in the whole boot.
fn too_long(boot: &BootRecord, slack: &Slack) -> Option<String> {
    let (told, life) = (sum(boot, "real"), boot.life_seconds);
    let left = life - boot.boot_seconds.unwrap_or(0.0);
    (told > left + slack.one).then(|| {
        format!(
            "the guest reports {} s in its iterations, but it ran for only {left:.1} s after its first frame",
            figure(told)
        )
    })
}

/// More time in the guest's kernel than passed until it reported.
fn booted_too_long(boot: &BootRecord, known: &Known) -> Option<String> {
    let moments = boot.moments.filter(|_| known.memory.is_some())?;
    let (told, passed) = (moments.kernel + moments.awake, moments.up - moments.executed);
    let slack = known.slack();
    (told > passed * (1.0 + slack.share) + slack.one).then(|| {
        format!(
            "the guest reports that its kernel booted for {} s, but its VMM ran for only {passed:.1} s by then",
            figure(told)
        )
    })
}

/// Time in which a guest may have worked without being measured.
fn hidden(iteration: &IterationRecord, known: &Known) -> Option<String> {
    let number = number(iteration);
    let bound = known.slack().frame;
    let beyond = |metric| value(iteration, metric).filter(|&seconds| seconds > bound);
    if let Some(seconds) = beyond("host_report") {
        return Some(format!(
            "the report of iteration {number} took {seconds:.2} s to arrive, in which the guest may have worked \
            unmeasured (firebench accepts at most {bound} s)"
        ));
    }
    let seconds = beyond("host_gap").filter(|_| !known.pauses)?;
    Some(format!(
        "{seconds:.2} s passed before iteration {number} began, in which the guest may have worked unmeasured \
        (firebench accepts at most {bound} s)"
    ))
}

/// Time that somebody else had, as the guest tells, or as the VMM's CPU time shows. Under emulation that is always so.
fn robbed(boot: &BootRecord, known: &Known, (stolen, available): (f64, f64)) -> Option<String> {
    if known.emulated {
        return None;
    }
    let share = stolen / available;
    if share > STEAL && stolen > STEAL_SECONDS {
        return Some(format!(
            "{} of the vCPUs' time was stolen ({stolen:.2} s of {available:.2} s), more than {}: the host gave it to others",
            percent(share),
            percent(STEAL)
        ));
    }
    if known.own_cpu_account {
        return None;
    }
    let told = sum(boot, "user") + sum(boot, "sys");
    let (user, sys) = boot.vmm_cpu?;
    let used = user + sys;
    (told - used > STEAL_SECONDS.max(STEAL * told)).then(|| {
        format!(
            "the guest reports {told:.2} s of CPU time, but its whole VMM used only {used:.2} s: the host gave its \
            CPUs to others, or the guest lies"
        )
    })
}

/// Seconds that were stolen during the iterations, and those of which they were.
fn steal(boot: &BootRecord, cpus: u32) -> (f64, f64) {
    let timed = boot.iterations.iter().filter_map(|i| Some((i, value(i, "host_real").filter(|&real| real > 0.0)?)));
    timed.fold((0.0, 0.0), |(stolen, available), (iteration, real)| {
        (stolen + iteration.counters.steal_us as f64 / 1e6, available + real * f64::from(cpus))
    })
}
