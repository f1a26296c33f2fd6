//! What firebench fetches for which kind of contender.

use std::path::{Path, PathBuf};

use firebench_vmm::VmmKind;

use super::binaries::FIRECRACKER;
use super::error::FetchError;
use super::firecracker::{self, installed_firecracker};
use super::installer::Installer;
use super::packaged::PACKAGED;

/// Firecracker's.
struct Firecracker;

impl Installer for Firecracker {
    fn vmm(&self) -> VmmKind {
        FIRECRACKER
    }

    fn installed(&self, data_dir: &Path) -> Option<PathBuf> {
        installed_firecracker(data_dir)
    }

    fn check(&self, path: &Path, found: &str) -> Result<(), FetchError> {
        firecracker::check_firecracker(path, found)
    }

    fn check_jailer(&self, path: &Path, found: &str) -> Result<(), FetchError> {
        firecracker::check_jailer(path, found)
    }
}

/// What fetches the program of a kind; none where firebench does not.
pub fn installer(vmm: VmmKind) -> Option<&'static dyn Installer> {
    let packaged = PACKAGED.iter().map(|packaged| packaged as &dyn Installer);
    std::iter::once(&Firecracker as &dyn Installer).chain(packaged).find(|installer| installer.vmm() == vmm)
}
