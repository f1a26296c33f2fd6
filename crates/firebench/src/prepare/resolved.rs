//! The experiment as it is carried out.

use firebench_model::experiment::{ContenderSpec, Experiment, PayloadSpec, Preset};
use firebench_model::plan::Plan;
use firebench_text::units::Size;

use super::defaults;

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
