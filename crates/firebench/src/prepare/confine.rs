//! How closely a contender's VMM is confined beyond what every VMM is: a filter of its system calls, a jail.

use firebench_host::tools::{self, Tool};
use firebench_model::experiment::{ContenderSpec, MachineSpec, Preset};
use firebench_run::executor::Place;
use firebench_vmm::VmmKind;
use firebench_vmm::kind::Jailing;
use firebench_vmm::preset::PresetVm;

use super::PrepareError;

/// What can hold a kind more closely.
fn jailing(vmm: VmmKind) -> &'static Jailing {
    vmm.0.guest().map_or(&Jailing::Nothing, |guest| &guest.jail)
}

/// Whether a contender is to be jailed.
///
/// # Errors
/// [`PrepareError::NoJail`] for a kind that cannot be.
pub(super) fn jailed(spec: &ContenderSpec, machine: &MachineSpec) -> Result<bool, PrepareError> {
    match (spec.jail || machine.jail, jailing(spec.vmm)) {
        (true, Jailing::Nothing) => Err(PrepareError::NoJail { name: spec.name.clone(), vmm: spec.vmm }),
        (jailed, _) => Ok(jailed),
    }
}

/// Whether a jail can be made where the contender runs: another machine than this one has a root of its own.
///
/// # Errors
/// [`PrepareError::JailNeedsRoot`].
pub(super) fn check_rights(specs: &[ContenderSpec], machine: &MachineSpec, place: Place) -> Result<(), PrepareError> {
    let able = !place.this_machine || nix::unistd::geteuid().is_root();
    for spec in specs {
        match (jailed(spec, machine)?, jailing(spec.vmm)) {
            (true, Jailing::Jailer(jailer)) if !able => {
                return Err(PrepareError::JailNeedsRoot { name: spec.name.clone(), why: jailer.root });
            }
            _ => {}
        }
    }
    Ok(())
}

/// Confines a VM: to a filter where its build has one and the preset does not say otherwise, to its jail where that is asked for.
/// Returns the jailer that is used.
///
/// # Errors
/// [`PrepareError`] when there is no such jail.
pub(super) fn confine(
    vm: &mut PresetVm,
    tool: &Tool,
    jail: bool,
    preset: Preset,
    notices: &mut Vec<String>,
) -> Result<Option<Tool>, PrepareError> {
    let (vmm, published) = (vm.settings.vmm, preset == Preset::Published);
    let values = &mut vm.settings.values;
    match jailing(vmm) {
        // The published machine had none.
        Jailing::Filter(_) if published && !jail => Ok(None),
        Jailing::Filter(filter) => {
            match (jail, tools::has_filter(vmm, &tool.path)) {
                (true, false) => {
                    let (option, remedy) = (filter.option, filter.remedy);
                    return Err(PrepareError::NoFilter { path: tool.path.clone(), option, remedy });
                }
                (true, true) => values.set(filter.setting, filter.strict),
                (false, true) => values.set(filter.setting, filter.on),
                (false, false) => {
                    notices.push(format!(
                        "{vmm} runs without {}: {} does not have it",
                        filter.option,
                        tool.path.display()
                    ));
                }
            }
            if published {
                notices.push(format!("published: {vmm} gets {}, for --jail", filter.option));
            }
            Ok(None)
        }
        Jailing::Jailer(jailing) if jail => {
            let jailer = tools::jailer(vmm, jailing, tool)?;
            let path = jailer.path.to_str().ok_or_else(|| PrepareError::NoText { path: jailer.path.clone() })?;
            values.set(jailing.setting, path);
            if published {
                notices.push(format!("published: {vmm} runs under its jailer, for --jail"));
            }
            Ok(Some(jailer))
        }
        Jailing::Jailer(_) | Jailing::Nothing => Ok(None),
    }
}
