//! Whether what a boot says of itself can be believed: the one place that decides it, for the run and for every report. Pure.
//!
//! Everything that a guest says is its word: its clock, its counters, its own description. The host has its clock: it sees each
//! iteration from the frame before it to the frame after it (`host_real`), how long that last frame took to arrive
//! (`host_report`), and what passed between two iterations (`host_gap`). It knows when the boot began and ended, what CPU time
//! the VMM used, and which machine it gave the guest. What does not fit together makes the boot void, with a sentence that says
//! what. Bounds are wider where instructions are emulated: there, frames take longer, and no time is a statement about speed.
//!
//! What lies within the bounds cannot be seen. [`Unchecked`] says how much that is.

mod claims;
mod offsets;
#[cfg(test)]
mod tests;

use std::time::Duration;

use firebench_text::told_percent as percent;

use crate::plan::{Plan, PlannedContender, System};
use crate::record::{BootRecord, ContenderRecord, IterationRecord, Report};

pub use offsets::{Offset, Unchecked, unchecked};

/// More stolen time than this share of a boot's vCPU time, and what was measured is the host's scheduler. On a quiet
/// host it is below 0.01. The workload may run on one vCPU of several, and idle ones lose nothing: its own share is
/// larger.
pub const STEAL: f64 = 0.1;

/// Linux counts stolen time in ticks of 10 ms: less than ten of them are no evidence.
pub const STEAL_SECONDS: f64 = 0.1;

/// How far the host's clock and a guest's may be apart, in seconds where nothing else is said. A share and seconds are one
/// bound: what is beyond it is beyond both.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slack {
    /// Share of the host's duration.
    share: f64,
    /// In one iteration: a busy computer delays a frame now and then.
    one: f64,
    /// In most iterations of a boot, where the host saw more than the guest tells: what it takes to send a frame.
    longer: f64,
    /// In most iterations of a boot, where the host saw less: it read the first frame late.
    shorter: f64,
    /// For a frame to arrive, and between two iterations.
    frame: f64,
    /// CPU time beyond what the CPUs can give, as a share; the clocks of both are the guest's.
    cpu: f64,
    /// How late firebench itself may be.
    lateness: f64,
    /// What a frame takes on the best of days: so much of an iteration nobody can tell from its frames.
    least: f64,
}

/// At real speed a frame takes some ms: 3 under QEMU's own emulation of the serial console, of which KVM does no more.
const REAL: Slack =
    Slack { share: 0.01, one: 0.25, longer: 0.03, shorter: 0.02, frame: 0.25, cpu: 0.02, lateness: 1.0, least: 0.003 };

/// In a nested host it takes 17 ms, and 200 on a computer that is busy besides, where a whole report took 1.6 s.
const EMULATED: Slack =
    Slack { share: 0.1, one: 1.0, longer: 0.4, shorter: 0.2, frame: 5.0, cpu: 0.25, lateness: 3.0, least: 0.017 };

/// What the host knows of a boot beside its record.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Known {
    /// CPUs that the workload can use: the VM's, or those of the host that it may run on. 0 where that is not known.
    pub cpus: u32,
    /// CPUs whose stolen time is counted: the VM's, or all of the host's. 0 where that is not known.
    pub counted: u32,
    /// Bytes of the VM's memory; none on the bare host.
    pub memory: Option<u64>,
    /// Bytes that each iteration reads.
    pub payload: u64,
    /// Whether caches are dropped before each iteration, which takes as long as it takes.
    pub cold: bool,
    /// Whether instructions are emulated at any level.
    pub emulated: bool,
}

impl Known {
    /// Of a boot that a plan asks for.
    pub fn planned(plan: &Plan, contender: &PlannedContender) -> Known {
        let machine = &contender.machine;
        let known = Known { payload: plan.payload_bytes, cold: plan.cold, emulated: plan.emulated, ..Known::default() };
        match contender.system {
            System::Vm { .. } => known.of_vm(machine.vcpus, machine.memory_mib),
            System::Process { .. } => known.of_host(machine.cpus.as_deref(), plan.host_cpus),
        }
    }

    /// Of a boot in a report.
    pub fn recorded(report: &Report, contender: &ContenderRecord) -> Known {
        let cold = report.experiment.design.cold;
        let known = Known { payload: report.payload.bytes, cold, emulated: report.emulated, ..Known::default() };
        if contender.vmm.boots_a_guest() {
            return known.of_vm(contender.vcpus, contender.memory_mib);
        }
        let cpus = report.nested_host.as_ref().map(|nested| nested.cpus).or(report.host.cpus);
        known.of_host(contender.launch.cpus.as_deref(), cpus.unwrap_or(0))
    }

    fn of_vm(self, vcpus: u32, memory_mib: u32) -> Known {
        let memory = (memory_mib > 0).then(|| u64::from(memory_mib) << 20);
        Known { cpus: vcpus, counted: vcpus, memory, ..self }
    }

    fn of_host(self, allowed: Option<&[u32]>, all: u32) -> Known {
        let allowed = allowed.and_then(|cpus| u32::try_from(cpus.len()).ok());
        Known { cpus: allowed.unwrap_or(all), counted: all, memory: None, ..self }
    }

    fn slack(&self) -> &'static Slack {
        if self.emulated { &EMULATED } else { &REAL }
    }

    /// How late firebench itself may be at looking after the VM.
    pub fn lateness(&self) -> Duration {
        Duration::from_secs_f64(self.slack().lateness)
    }
}

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
    let reasons: [&dyn Fn() -> Option<String>; 6] = [
        &|| boot.iterations.iter().find_map(untimed),
        &|| too_long(boot, slack),
        &|| void.clone(),
        &|| claims::impossible(boot, known),
        &|| boot.iterations.iter().find_map(|iteration| hidden(iteration, known)),
        &|| robbed(boot, known, (stolen, available)),
    ];
    let void = reasons.iter().find_map(|reason| reason());
    ClockReport { worst: offsets.into_iter().reduce(Offset::worse), drift, steps, steal, void }
}

/// A metric of an iteration, if it is a number.
fn value(iteration: &IterationRecord, metric: &str) -> Option<f64> {
    iteration.metrics.get(metric).copied().filter(|value| value.is_finite())
}

/// The sum of a metric over a boot.
fn sum(boot: &BootRecord, metric: &str) -> f64 {
    boot.iterations.iter().filter_map(|iteration| value(iteration, metric)).sum()
}

/// An iteration's number for people.
fn number(iteration: &IterationRecord) -> u64 {
    u64::from(iteration.index).saturating_add(1)
}

/// An iteration without a duration by either clock.
fn untimed(iteration: &IterationRecord) -> Option<String> {
    let number = number(iteration);
    if !value(iteration, "real").is_some_and(|seconds| seconds > 0.0) {
        return Some(format!("the guest's clock told no duration of iteration {number}"));
    }
    let seen = value(iteration, "host_real").is_some_and(|seconds| seconds > 0.0);
    (!seen).then(|| {
        format!(
            "the host's clock saw no time pass in iteration {number}: its start and its report arrived at once, so either it is \
             too short to be measured (a larger --size), or its guest made them up"
        )
    })
}

/// More time in the iterations than in the whole boot.
fn too_long(boot: &BootRecord, slack: &Slack) -> Option<String> {
    let (told, life) = (sum(boot, "real"), boot.life_seconds);
    let left = life - boot.boot_seconds.unwrap_or(0.0);
    (told > left + slack.one).then(|| {
        format!(
            "the guest tells of {} s in its iterations, and after its first word it lived for {left:.1} s only",
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
            "the report of iteration {number} took {seconds:.2} s to arrive, in which the guest may have worked unmeasured (at \
             most {bound} s are believed)"
        ));
    }
    let seconds = beyond("host_gap").filter(|_| !known.cold)?;
    Some(format!(
        "{seconds:.2} s passed before iteration {number} began, in which the guest may have worked unmeasured (at most {bound} s \
         are believed)"
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
    let told = sum(boot, "user") + sum(boot, "sys");
    let (user, sys) = boot.vmm_cpu?;
    let used = user + sys;
    (told - used > STEAL_SECONDS.max(STEAL * told)).then(|| {
        format!(
            "the guest tells of {told:.2} s of CPU time, and all of its VMM used {used:.2} s: the host gave its CPUs to others, or \
             the guest lies"
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

/// A number that a guest told: of any size.
fn figure(number: f64) -> String {
    if number.abs() < 1e6 { format!("{number:.1}") } else { format!("{number:.1e}") }
}
