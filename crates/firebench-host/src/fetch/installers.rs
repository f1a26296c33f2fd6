//! What firebench fetches for which kind of contender.

use std::path::{Path, PathBuf};

use firebench_vmm::VmmKind;

use super::binaries::FIRECRACKER;
use super::error::FetchError;
use super::firecracker::{self, installed_firecracker};

/// How a kind's program is found where it was fetched to, and known to be what was fetched.
#[derive(Debug)]
pub struct Installer {
    /// Of what.
    vmm: VmmKind,
    /// The newest one in the data directory.
    pub installed: fn(&Path) -> Option<PathBuf>,
    /// Refuses one there whose digest is not what was fetched.
    pub check: fn(&Path, &str) -> Result<(), FetchError>,
    /// The same of its jailer; any elsewhere is its owner's matter.
    pub check_jailer: fn(&Path, &str) -> Result<(), FetchError>,
}

/// The kinds whose program firebench fetches.
const INSTALLERS: &[Installer] = &[Installer {
    vmm: FIRECRACKER,
    installed: installed_firecracker,
    check: firecracker::check_firecracker,
    check_jailer: firecracker::check_jailer,
}];

/// What fetches the program of a kind; none where firebench does not.
pub fn installer(vmm: VmmKind) -> Option<&'static Installer> {
    INSTALLERS.iter().find(|installer| installer.vmm == vmm)
}
