//! What firebench brings in from outside: Firecracker, a kernel, a busybox. Into the data directory, checked, whole or
//! not at all.
//!
//! ```text
//! DATA/firecracker/1.12.1/{firecracker,jailer}
//! DATA/kernels/linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
//! DATA/busybox/busybox
//! ```
//!
//! Beside each file is one with its digest, `firecracker.sha256`, which must still be right when it is used.

mod apt;
pub mod archive;
mod busybox;
mod download;
mod error;
#[cfg(test)]
mod fake_elf;
mod firecracker;
mod install;
mod kernel;
mod recorded;
mod release;
mod sums;
mod version_order;
mod wheel;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use firebench_vmm::VmmKind;
use serde::{Deserialize, Serialize};

pub use busybox::{busybox, find_busybox};
pub use error::FetchError;
pub use firecracker::{KIND as FIRECRACKER, PINNED_VERSION, Source, firecracker, installed_firecracker};
pub use kernel::{checked_kernel, installed_kernel, kernel};
pub use release::RELEASE_URL;

/// Something that is now in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
    /// Its version, as its maker writes it.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Whether it was there before, so that nothing was downloaded.
    pub already: bool,
}

/// The data directory: `FIREBENCH_DATA`, else `XDG_DATA_HOME/firebench`, else `~/.local/share/firebench`.
///
/// # Errors
/// [`FetchError::NoDataDir`] when none of the three variables says anything.
pub fn data_dir() -> Result<PathBuf, FetchError> {
    data_dir_from(|name| std::env::var_os(name)).ok_or(FetchError::NoDataDir)
}

fn data_dir_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG Base Directory Specification: relative paths are to be ignored.
    let xdg = || set("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".local/share"));
    set("FIREBENCH_DATA").or_else(|| xdg().or_else(home).map(|share| share.join("firebench")))
}

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
    vmm: firecracker::KIND,
    installed: installed_firecracker,
    check: firecracker::check_firecracker,
    check_jailer: firecracker::check_jailer,
}];

/// What fetches the program of a kind; none where firebench does not.
pub fn installer(vmm: VmmKind) -> Option<&'static Installer> {
    INSTALLERS.iter().find(|installer| installer.vmm == vmm)
}

/// Takes in what an earlier firebench fetched, which recorded no digests: from here on it must stay as it is.
///
/// # Errors
/// [`FetchError::File`].
pub fn adopt(data_dir: &Path) -> Result<(), FetchError> {
    let firecracker = installed_firecracker(data_dir);
    let jailer = firecracker.as_deref().map(|path| path.with_file_name("jailer"));
    let found = [firecracker, jailer, installed_kernel(data_dir), Some(busybox::home(data_dir))];
    found.iter().flatten().filter(|path| path.is_file()).try_for_each(|path| recorded::adopt(path))
}

/// The entries of a directory; none where it cannot be read.
fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_the_variables() {
        let with = |variables: &[(&str, &str)]| {
            data_dir_from(|name| {
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
            })
        };
        let home = ("HOME", "/home/a");
        assert_eq!(with(&[home]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "/data")]), Some("/data/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "data")]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "/data"), ("FIREBENCH_DATA", "/fb")]), Some("/fb".into()));
        assert_eq!(with(&[home, ("FIREBENCH_DATA", "")]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[]), None);
    }
}
