//! Whether a boot's clock is to be believed: the guest's against the host's, and the time that was taken from it. Pure.
//!
//! The host sees each iteration too (`host_real`), from the guest's frame before it to the guest's frame after it. That
//! takes some ms longer than the iteration itself, so a small offset means nothing. Everything but `host_real` is the
//! guest's word, and a guest may say anything: NaN, zero and negative durations are no exception here.

use firebench_vmm::VmmKind;

use crate::record::{BootRecord, ContenderRecord, IterationRecord, Report};

/// An iteration is off when its two durations differ by more than this share of the host's ...
pub const SHARE: f64 = 0.01;
/// ... and by more than this many seconds. In iterations that are so short that a busy host delays the frames for more
/// than their hundredth part, the share alone would find fault with good clocks.
pub const SECONDS: f64 = 0.25;

/// A clock that runs at another rate shows in short iterations, too: in the sum of their offsets. But the way of each
/// frame is in that sum: the longest that was seen, in a nested host, was 30 ms. Up to this many seconds an iteration
/// are its.
pub const WAY: f64 = 0.05;

/// Offsets are in proportion, which makes them a drift and not steps, while the largest share is less than this many
/// times the least.
const PROPORTION: f64 = 2.0;

/// More stolen time than this share of a boot's vCPU time, and what was measured is the host's scheduler. On a quiet
/// host it is below 0.01. The workload may run on one vCPU of several, and idle ones lose nothing: its own share is
/// larger.
pub const STEAL: f64 = 0.1;

/// Linux counts stolen time in ticks of 10 ms: less than ten of them are no evidence.
pub const STEAL_SECONDS: f64 = 0.1;

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
    /// Whether this is more than the way of a frame from guest to host explains.
    pub fn is_off(&self) -> bool {
        // A clock that does not go backwards tells no negative duration, however small.
        self.relative > 1.0 || self.relative.abs() > SHARE && self.seconds.abs() > SECONDS
    }

    /// The one that is further off, as a share.
    pub fn worse(self, other: Offset) -> Offset {
        if other.relative.abs() > self.relative.abs() { other } else { self }
    }
}

/// What the clocks of a boot say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClockReport {
    /// The iteration that is furthest off, as a share; none where no iteration has both durations.
    pub worst: Option<Offset>,
    /// Every iteration is off in the same direction and in proportion: by this share of the host's time.
    pub drift: Option<f64>,
    /// Iterations that are off while the boot as a whole does not drift.
    pub steps: Vec<Offset>,
    /// Stolen share of the vCPUs' time during the iterations; may be above 1, since the guest says it.
    pub steal: Option<f64>,
    /// Why nothing that was measured in the boot is to be believed, in a sentence.
    pub void: Option<String>,
}

/// The CPUs whose stolen time a contender's boots count: for [`check`].
pub fn cpus(report: &Report, contender: &ContenderRecord) -> u32 {
    let host = || report.nested_host.as_ref().map(|nested| nested.cpus).or(report.host.cpus);
    if contender.vmm == VmmKind::Host { host().unwrap_or(contender.vcpus) } else { contender.vcpus }
}

/// Looks at all iterations of a boot, the first ones included.
///
/// `vcpus` is the number of CPUs whose stolen time the boot counts: the VM's vCPUs, and on the bare host all of its
/// CPUs ([`cpus`]). 0 leaves stolen time out.
pub fn check(boot: &BootRecord, vcpus: u32) -> ClockReport {
    let offsets: Vec<Offset> = boot.iterations.iter().filter_map(offset).collect();
    let worst = offsets.iter().copied().reduce(Offset::worse);
    let drift = drift(&offsets);
    let steps: Vec<Offset> = match drift {
        Some(_) => Vec::new(),
        None => offsets.iter().copied().filter(Offset::is_off).collect(),
    };
    let (stolen, available) = steal(boot, vcpus);
    let steal = (available > 0.0).then(|| stolen / available);
    let void = bad_clock(boot, drift, &steps).or_else(|| {
        let share = steal.filter(|&share| share > STEAL && stolen > STEAL_SECONDS)?;
        Some(format!(
            "{} of the vCPUs' time was stolen ({stolen:.2} s of {available:.2} s), more than {}: the host gave it to others",
            percent(share),
            percent(STEAL)
        ))
    });
    ClockReport { worst, drift, steps, steal, void }
}

/// What is wrong with the clock, in a sentence.
fn bad_clock(boot: &BootRecord, drift: Option<f64>, steps: &[Offset]) -> Option<String> {
    let number = |index: u32| u64::from(index) + 1;
    let untold = boot.iterations.iter().find(|i| i.metrics.get("real").is_some_and(|real| !real.is_finite()));
    if let Some(iteration) = untold {
        return Some(format!("the guest's clock told no duration of iteration {}", number(iteration.index)));
    }
    if let Some(drift) = drift {
        return Some(format!("the guest's clock is {}", apart(drift)));
    }
    let step = steps.iter().copied().reduce(Offset::worse)?;
    let others = if steps.len() == 1 { "in no other".to_owned() } else { format!("off in {} in all", steps.len()) };
    Some(format!("the guest's clock is {} in iteration {}, {others}", apart(step.relative), number(step.index)))
}

/// `slower than the host's by 5.0%`.
fn apart(relative: f64) -> String {
    format!("{} than the host's by {}", if relative > 0.0 { "slower" } else { "faster" }, percent(relative.abs()))
}

/// A guest may say numbers of any length.
fn percent(share: f64) -> String {
    if share < 10.0 { format!("{:.1}%", share * 100.0) } else { "more than 1000%".to_owned() }
}

fn offset(iteration: &IterationRecord) -> Option<Offset> {
    let value = |metric| iteration.metrics.get(metric).copied().filter(|seconds: &f64| seconds.is_finite());
    let host = value("host_real").filter(|&seconds| seconds > 0.0)?;
    let seconds = host - value("real")?;
    Some(Offset { index: iteration.index, seconds, relative: seconds / host })
}

/// The share by which a clock is off that runs at another rate, if that is what the offsets say: two at least, all in
/// one direction, in proportion, and in sum more than the bounds.
fn drift(offsets: &[Offset]) -> Option<f64> {
    let (least, largest) = offsets.iter().fold((f64::INFINITY, 0.0_f64), |(least, largest), offset| {
        (least.min(offset.relative.abs()), largest.max(offset.relative.abs()))
    });
    let one_way = offsets.iter().all(|o| o.seconds > 0.0) || offsets.iter().all(|o| o.seconds < 0.0);
    if offsets.len() < 2 || !one_way || largest >= PROPORTION * least {
        return None;
    }
    let seconds: f64 = offsets.iter().map(|offset| offset.seconds).sum();
    let host: f64 = offsets.iter().map(|offset| offset.seconds / offset.relative).sum();
    let relative = seconds / host;
    let beyond_the_way = seconds.abs() > WAY * offsets.len() as f64;
    (relative.abs() > SHARE && seconds.abs() > SECONDS && beyond_the_way).then_some(relative)
}

/// Seconds that were stolen during the iterations, and those of which they were.
fn steal(boot: &BootRecord, vcpus: u32) -> (f64, f64) {
    let mut sums = (0.0, 0.0);
    for iteration in &boot.iterations {
        let duration = ["host_real", "real"].iter().filter_map(|&metric| iteration.metrics.get(metric));
        if let Some(seconds) = duration.copied().find(|seconds| seconds.is_finite() && *seconds > 0.0) {
            sums.0 += iteration.counters.steal_us as f64 / 1e6;
            sums.1 += seconds * f64::from(vcpus);
        }
    }
    sums
}

#[cfg(test)]
mod tests;
