//! The report of a run before its first boot.

use std::time::SystemTime;

use firebench_host::accel::Chosen;
use firebench_host::tools::Tool;
use firebench_image::prepare::PreparedKernel;
use firebench_model::experiment::{ContenderSpec, Experiment, PayloadSpec, Preset};
use firebench_model::host::HostFacts;
use firebench_model::plan::{Plan, PlannedContender};
use firebench_model::record::{Artifact, ContenderRecord, NestedHost, Overhead, PayloadRecord, Report, SCHEMA};
use firebench_run::executor::nested::{self, NestedError, NestedMachine};
use firebench_run::runner::{self, RunError};
use firebench_stats::design::Schedule;
use firebench_text::units::Size;

use super::parts::Programs;
use super::{PrepareError, defaults};

/// What the preparation found.
pub(super) struct Seen {
    pub(super) host: HostFacts,
    pub(super) payload: PayloadRecord,
    pub(super) artifacts: Vec<Artifact>,
    pub(super) notices: Vec<String>,
    pub(super) nested_host: Option<NestedHost>,
}

/// The report without what the run will bring.
pub(super) fn report(
    experiment: Experiment,
    chosen: Chosen,
    plan: &Plan,
    programs: &Programs,
    seen: Seen,
) -> Result<Report, PrepareError> {
    let state = Schedule::new(plan.design.clone()).map_err(RunError::from)?.state();
    // The host's own command names files of this machine: a guest's is the one to show.
    let in_a_vm = plan.contenders.iter().find(|planned| planned.system.settings().is_some());
    let command = in_a_vm.or(plan.contenders.first()).map(|planned| planned.task.argv.clone());
    let contenders = plan.contenders.iter().zip(&programs.contenders);
    // Those that have one of their own, which is the same in a guest and on the host but for where the files are.
    let own = |name: &str| {
        experiment
            .contenders
            .iter()
            .any(|spec| spec.name == name && (spec.command.is_some() || spec.parameters.is_some()))
    };
    let own = |planned: &PlannedContender| if own(&planned.name) { planned.task.argv.clone() } else { Vec::new() };
    let contender = |(planned, tool)| ContenderRecord { command: own(planned), ..contender(planned, tool) };
    let contenders = contenders.map(contender).collect();
    let metrics = firebench_workload::metrics(firebench_workload::of(&experiment.workload)?);
    Ok(Report {
        schema: SCHEMA.to_owned(),
        id: None,
        imported: None,
        firebench: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        duration: 0.0,
        overhead: Overhead::default(),
        design: runner::recorded(&plan.design, &plan.primary, &state),
        experiment,
        accelerator: chosen.accel,
        emulated: chosen.emulated,
        accelerator_reason: chosen.reason,
        nested_host: seen.nested_host,
        host: seen.host,
        payload: seen.payload,
        command: command.unwrap_or_default(),
        metrics: metrics.cloned().collect(),
        artifacts: seen.artifacts,
        contenders,
        notices: seen.notices,
        failure: None,
    })
}

/// A contender without launch and boots.
fn contender(planned: &PlannedContender, tool: &Tool) -> ContenderRecord {
    ContenderRecord {
        name: planned.name.clone(),
        vmm: planned.system.vmm(),
        version: tool.version.clone(),
        binary: tool.path.clone(),
        sha256: tool.sha256.clone(),
        vcpus: planned.machine.vcpus,
        memory_mib: planned.machine.memory_mib,
        concurrent: planned.concurrent,
        accel: planned.machine.accel,
        settings: planned.system.settings().cloned(),
        cmdline: planned.system.cmdline().to_owned(),
        command: Vec::new(),
        launch: firebench_vmm::Launch::default(),
        boots: Vec::new(),
        discarded: Vec::new(),
        figures: None,
    }
}

/// The nested host for the report.
pub(super) fn nested_host(
    machine: &NestedMachine,
    qemu: &Tool,
    kernel: &PreparedKernel,
) -> Result<NestedHost, PrepareError> {
    let machine = NestedMachine { initramfs: "initramfs".into(), ..machine.clone() };
    let launch = nested::launch(&machine).map_err(NestedError::from)?;
    Ok(NestedHost {
        qemu: qemu.version_line.clone(),
        kernel: Some(kernel.version.clone()),
        argv: launch.argv,
        cpus: nested::CPUS,
        memory_mib: machine.memory_mib,
    })
}

/// The experiment with what was chosen filled in, so that it can be run again as it was.
pub(super) fn resolved(experiment: &Experiment, plan: &Plan, design: &defaults::Chosen) -> Experiment {
    let mut resolved = experiment.clone();
    match (&mut resolved.payload, &plan.inputs.payload) {
        (PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size, .. }, Some(payload)) => {
            *size = Some(Size(payload.bytes));
        }
        (PayloadSpec::File { .. }, _) | (_, None) => {}
    }
    if resolved.preset == Preset::Matched {
        // The first contender without wishes of its own has the experiment's machine.
        let plain = |spec: &ContenderSpec| spec.vcpus.is_none() && spec.memory.is_none();
        let specs = experiment.specs();
        let named = |spec: &ContenderSpec| plan.contenders.iter().find(|planned| planned.name == spec.name);
        if let Some(planned) = specs.iter().filter(|spec| plain(spec)).find_map(named) {
            resolved.machine.vcpus.get_or_insert(planned.machine.vcpus);
            resolved.machine.memory.get_or_insert(Size(u64::from(planned.machine.memory_mib) << 20));
        }
    }
    design.resolve(&mut resolved.design);
    resolved.design.primary.get_or_insert_with(|| plan.primary.clone());
    resolved
}
