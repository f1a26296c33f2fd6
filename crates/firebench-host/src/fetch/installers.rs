//! What firebench fetches for which kind of contender.

use std::path::{Path, PathBuf};

use firebench_vmm::VmmKind;

use super::binaries::FIRECRACKER;
use super::error::FetchError;
use super::firecracker::{self, installed_firecracker};
use super::packaged::PACKAGED;

/// How a kind's program is found where it was fetched to, and known to be what was fetched.
pub trait Installer: Sync {
    /// Of what.
    fn vmm(&self) -> VmmKind;

    /// The newest one in the data directory.
    fn installed(&self, data_dir: &Path) -> Option<PathBuf>;

    /// Refuses one there whose digest `found` is not what was fetched.
    ///
    /// # Errors
    /// [`FetchError::Changed`], [`FetchError::Unrecorded`].
    fn check(&self, path: &Path, found: &str) -> Result<(), FetchError>;

    /// The same of its jailer; any elsewhere is its owner's matter.
    ///
    /// # Errors
    /// Those of [`Installer::check`].
    fn check_jailer(&self, _: &Path, _: &str) -> Result<(), FetchError> {
        Ok(())
    }
}

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
