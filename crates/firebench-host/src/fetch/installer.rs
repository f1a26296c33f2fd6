//! What fetches the program of a kind of contender.

use std::path::{Path, PathBuf};

use firebench_vmm::VmmKind;

use super::error::FetchError;

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
