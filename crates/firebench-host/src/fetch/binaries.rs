//! What every source of Firecracker brings.

/// The executables of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) firecracker: Vec<u8>,
    pub(super) jailer: Option<Vec<u8>>,
}
