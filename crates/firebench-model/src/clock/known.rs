//! What the host knows of a boot beside its record, and how far two clocks may be apart then.

use std::time::Duration;

use crate::plan::{Plan, PlannedContender, System};
use crate::record::{ContenderRecord, Report};

/// How far the host's clock and a guest's may be apart, in seconds where nothing else is said. A share and seconds are one
/// bound: what is beyond it is beyond both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slack {
    /// Share of the host's duration.
    pub share: f64,
    /// In one iteration: a busy computer delays a frame now and then.
    pub one: f64,
    /// In most iterations of a boot, where the host saw more than the guest tells: what it takes to send a frame.
    pub longer: f64,
    /// In most iterations of a boot, where the host saw less: it read the first frame late.
    pub shorter: f64,
    /// For a frame to arrive, and between two iterations.
    pub frame: f64,
    /// CPU time beyond what the CPUs can give, as a share; the clocks of both are the guest's.
    pub cpu: f64,
    /// How late firebench itself may be.
    pub lateness: f64,
    /// What a frame takes on the best of days: so much of an iteration nobody can tell from its frames.
    pub least: f64,
}

/// At real speed a frame takes some ms: 3 under QEMU's own emulation of the serial console, of which KVM does no more.
pub const REAL: Slack =
    Slack { share: 0.01, one: 0.25, longer: 0.03, shorter: 0.02, frame: 0.25, cpu: 0.02, lateness: 1.0, least: 0.003 };

/// In a nested host it takes 17 ms, and 200 on a computer that is busy besides, where a whole report took 1.6 s.
pub const EMULATED: Slack =
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
    /// Whether something is done between iterations that takes as long as it takes: caches are dropped, or a command of the user's runs.
    pub pauses: bool,
    /// Whether instructions are emulated at any level.
    pub emulated: bool,
    /// Whether each boot is measured as a whole.
    pub whole_boots: bool,
    /// Whether the CPU time that the guest tells is not what the host gave.
    pub own_cpu_account: bool,
}

impl Known {
    /// Of a boot that a plan asks for, but for whether it is measured as a whole, which its workload says.
    pub fn planned(plan: &Plan, contender: &PlannedContender) -> Known {
        let machine = &contender.machine;
        let own_cpu_account = contender.system.vmm().own_cpu_account.is_some();
        let (payload, emulated) = (plan.inputs.bytes(), plan.emulated);
        let pauses = plan.cold || !contender.task.prepare.is_empty() || !contender.task.conclude.is_empty();
        let known = Known { payload, pauses, emulated, own_cpu_account, ..Known::default() };
        match contender.system {
            System::Vm { .. } => known.of_vm(machine.vcpus, machine.memory_mib),
            System::Container { .. } | System::Process { .. } => known.of_host(machine.cpus.as_deref(), plan.host_cpus),
        }
    }

    /// Of a boot in a report.
    pub fn recorded(report: &Report, contender: &ContenderRecord) -> Known {
        let command = report.experiment.command.as_ref();
        let between = command.is_some_and(|command| command.prepare.is_some() || command.conclude.is_some());
        let pauses = report.experiment.design.cold || between;
        let own_cpu_account = contender.vmm.own_cpu_account.is_some();
        let (payload, emulated) = (report.payload.bytes, report.emulated);
        let whole_boots = report.measures_boots();
        let known = Known { payload, pauses, emulated, whole_boots, own_cpu_account, ..Known::default() };
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

    /// How far the two clocks may be apart.
    pub fn slack(&self) -> &'static Slack {
        if self.emulated { &EMULATED } else { &REAL }
    }

    /// How late firebench itself may be at looking after the VM.
    pub fn lateness(&self) -> Duration {
        Duration::from_secs_f64(self.slack().lateness)
    }
}
