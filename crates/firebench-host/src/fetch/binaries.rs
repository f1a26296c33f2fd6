//! What every source of Firecracker brings.

use firebench_vmm::VmmKind;

/// The kind whose program firebench fetches.
pub const FIRECRACKER: VmmKind = VmmKind(&firebench_vmm::firecracker::KIND);

/// The executables of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) firecracker: Vec<u8>,
    pub(super) jailer: Option<Vec<u8>>,
}
