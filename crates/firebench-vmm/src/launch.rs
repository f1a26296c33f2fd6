//! From contender and image to a launch, as a pure function.

use firebench_protocol::End;
use serde::{Deserialize, Serialize};

use crate::machine::{Image, Launch, LaunchError, Machine, Paths, VmmKind};
use crate::{firecracker, qemu};

impl VmmKind {
    /// The most vCPUs that the VMM accepts; the host has the CPUs that it has.
    pub fn max_vcpus(self) -> Option<u32> {
        match self {
            VmmKind::Qemu => Some(qemu::MAX_VCPUS),
            VmmKind::Firecracker => Some(firecracker::MAX_VCPUS),
            VmmKind::Host => None,
        }
    }
}

/// Settings that only one VMM has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "vmm", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Settings {
    /// QEMU.
    Qemu(qemu::Settings),
    /// Firecracker.
    Firecracker(firecracker::Settings),
}

impl Settings {
    /// How guests end their machine. QEMU's microvm has ACPI's soft-off, and its restart hangs without `reboot=t` on the kernel
    /// command line; Firecracker has no power to switch off (`docs/getting-started.md`: "issuing a `reboot` command").
    pub fn end(&self) -> End {
        match self {
            Settings::Qemu(settings) if settings.acpi => End::PowerOff,
            Settings::Qemu(_) | Settings::Firecracker(_) => End::Restart,
        }
    }

    /// Whose settings they are.
    pub fn vmm(&self) -> VmmKind {
        match self {
            Settings::Qemu(_) => VmmKind::Qemu,
            Settings::Firecracker(_) => VmmKind::Firecracker,
        }
    }
}

/// A named VMM plus its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contender {
    /// Unique in the run.
    pub name: String,
    /// The machine that it builds.
    pub machine: Machine,
    /// What only this VMM has.
    pub settings: Settings,
}

/// Turns a contender and an image into a launch. Pure: reads and writes nothing.
///
/// # Errors
/// [`LaunchError`] when the VMM cannot build the machine.
pub fn launch(contender: &Contender, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let machine = &contender.machine;
    let vmm = contender.settings.vmm();
    if !vmm.supports(machine.accel) {
        return Err(LaunchError::Accelerator { vmm, accel: machine.accel });
    }
    match &contender.settings {
        Settings::Qemu(settings) => qemu::launch(machine, settings, image, paths),
        Settings::Firecracker(settings) => firecracker::launch(machine, settings, image, paths),
    }
}
