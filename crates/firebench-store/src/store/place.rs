//! What lies beside a store's file, and how long its makers wait for each other.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a process waits for another one that writes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at one that makes the store.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// The file on which [leases](super::lease) are taken.
pub(super) fn lock_path(path: &Path) -> PathBuf {
    beside(path, "-lock")
}

/// `path` with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Removes a file, which may be gone already.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
