//! How closely a contender's VMM is confined beyond what every VMM is: QEMU's sandbox, Firecracker's jail.

use firebench_host::tools::{self, Tool};
use firebench_model::experiment::{ContenderSpec, MachineSpec, Preset};
use firebench_vmm::qemu::Sandbox;
use firebench_vmm::{Settings, VmmKind};

use super::PrepareError;
use crate::preset::PresetVm;

/// Whether a contender is to be jailed.
///
/// # Errors
/// [`PrepareError::NoJail`] for the host.
pub(super) fn jailed(spec: &ContenderSpec, machine: &MachineSpec) -> Result<bool, PrepareError> {
    let jailed = spec.jail || machine.jail;
    if jailed && spec.vmm == VmmKind::Host { Err(PrepareError::NoJail(spec.name.clone())) } else { Ok(jailed) }
}

/// Whether a jail can be made where the contender runs: a nested host has a root of its own.
///
/// # Errors
/// [`PrepareError::JailNeedsRoot`].
pub(super) fn check_rights(specs: &[ContenderSpec], machine: &MachineSpec, nested: bool) -> Result<(), PrepareError> {
    let able = nested || nix::unistd::geteuid().is_root();
    for spec in specs {
        if jailed(spec, machine)? && spec.vmm == VmmKind::Firecracker && !able {
            return Err(PrepareError::JailNeedsRoot(spec.name.clone()));
        }
    }
    Ok(())
}

/// Confines a VM: QEMU to its sandbox where its build has one and the preset does not say otherwise, either VMM to its jail
/// where that is asked for. Returns the jailer that is used.
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
    match &mut vm.settings {
        Settings::Qemu(settings) => {
            // The published machine had none.
            if !jail && preset == Preset::Published {
                return Ok(None);
            }
            let has = tools::has_sandbox(&tool.path);
            settings.sandbox = match (jail, has) {
                (true, false) => return Err(PrepareError::NoSandbox { path: tool.path.clone() }),
                (true, true) => Some(Sandbox::Strict),
                (false, true) => Some(Sandbox::On),
                (false, false) => {
                    notices.push(format!("qemu runs without -sandbox: {} has none", tool.path.display()));
                    None
                }
            };
            if preset == Preset::Published {
                notices.push("published: qemu gets -sandbox, for --jail".to_owned());
            }
            Ok(None)
        }
        Settings::Firecracker(_) if !jail => Ok(None),
        Settings::Firecracker(settings) => {
            let jailer = tools::jailer(tool)?;
            settings.jailer = Some(jailer.path.clone());
            if preset == Preset::Published {
                notices.push("published: firecracker runs under its jailer, for --jail".to_owned());
            }
            Ok(Some(jailer))
        }
    }
}
