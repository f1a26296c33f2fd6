//! What a machine is made from, and what a kind makes of it.

use crate::machine::Accel;
use crate::setting::Values;

/// What a preset needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineRequest {
    /// What executes guest instructions.
    pub accel: Accel,
    /// vCPUs; the published machines have their own.
    pub vcpus: u32,
    /// Memory in MiB; the published machines have their own.
    pub memory_mib: u32,
    /// Whether each VM has a network card; the published machines always have one.
    pub tap: bool,
    /// The TSC frequency for the kernel command line of an emulated guest, in kHz.
    pub tsc_khz: u32,
    /// Whether the CPU that kvm would pass through is Intel's.
    pub intel: bool,
    /// Whether the kernel has ACPI, and finds devices through it.
    pub acpi_kernel: bool,
    /// Whether the kernel needs modules to find its disk.
    pub modular_kernel: bool,
    /// The settings of its own that the user gives it.
    pub own: Values,
    /// Words that the user adds to the end of the kernel command line.
    pub append: String,
}

/// A VMM's machine in the published benchmark, but for what all of them have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// vCPUs.
    pub vcpus: u32,
    /// The MAC address of its network card; the VMM's default when absent.
    pub mac: Option<&'static str>,
    /// What only its VMM has.
    pub values: Values,
    /// Kernel command line.
    pub cmdline: String,
}
