//! A small Linux for guests, built from Debian's source package with a configuration of firebench's own. Nothing is installed.
//!
//! ```text
//! DATA/kernels/small/6.12.117-1~deb12u1-0123456789abcdef/{vmlinux,bzImage,config,build.json}
//! ```
//!
//! The directory is named after the version and a digest of all that the kernel is made of: source, configuration, compiler. It appears
//! whole or not at all.

mod build;
mod error;
mod toolchain;
mod wanted;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use firebench_image::digest::{sha256, sha256_file};
use firebench_os::outside;
use serde::{Deserialize, Serialize};

use super::data::entries;
use super::recorded;
use super::version_order::compare;

pub use build::{Step, build};
pub use error::BuildError;
pub use wanted::CONFIGURATION;

/// An ELF file, which every VMM but kvmtool boots.
const VMLINUX: &str = "vmlinux";
/// The same as a boot image.
const BZIMAGE: &str = "bzImage";
/// The `.config` that it was built with.
const CONFIG: &str = "config";
/// What it was made of.
const BUILD: &str = "build.json";
/// Most bytes of that file.
const LONGEST_BUILD: u64 = 64 << 10;

/// A small kernel that is in the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallKernel {
    /// The ELF file.
    pub vmlinux: PathBuf,
    /// Its SHA-256.
    pub vmlinux_sha256: String,
    /// The boot image.
    pub bzimage: PathBuf,
    /// Its SHA-256.
    pub bzimage_sha256: String,
    /// The version of Debian's package.
    pub version: String,
}

/// What a small kernel is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Inputs {
    /// The version of the source package.
    version: String,
    /// SHA-256 of the source package; its file's name, where the lists of packages have none.
    source: String,
    /// SHA-256 of the configuration that was asked for.
    configuration: String,
    /// Versions of compiler and linker.
    toolchain: String,
}

impl Inputs {
    /// The name of the directory.
    fn directory(&self) -> String {
        let all = [&self.version, &self.source, &self.configuration, &self.toolchain].map(String::as_str).join("\n");
        let digest = sha256(all.as_bytes());
        format!("{}-{}", self.version, digest.get(..16).unwrap_or_default())
    }
}

fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("kernels").join("small")
}

/// The newest small kernel in `data_dir` that has today's configuration; None if there is none. It must still be what was built.
///
/// # Errors
/// [`BuildError::Changed`].
pub fn small_kernel(data_dir: &Path) -> Result<Option<SmallKernel>, BuildError> {
    let configuration = sha256(CONFIGURATION.as_bytes());
    let home = home(data_dir);
    let found = entries(&home).filter_map(|directory| {
        let text = outside::read(&directory.join(BUILD), LONGEST_BUILD).ok()?;
        let inputs: Inputs = serde_json::from_slice(&text).ok()?;
        let made = directory.join(BUILD).metadata().and_then(|metadata| metadata.modified());
        // One that is being built has another name.
        let is_whole = directory.file_name().is_some_and(|name| *name == *inputs.directory());
        (is_whole && inputs.configuration == configuration)
            .then(|| (inputs.version, made.unwrap_or(SystemTime::UNIX_EPOCH), directory))
    });
    let newest = found.max_by(|(a, a_made, _), (b, b_made, _)| compare(a, b).then_with(|| a_made.cmp(b_made)));
    newest.map(|(version, _, directory)| open(&directory, version)).transpose()
}

/// The kernel in `directory`.
fn open(directory: &Path, version: String) -> Result<SmallKernel, BuildError> {
    let checked = |name: &str| {
        let path = directory.join(name);
        let check = || {
            let found = sha256_file(&path)?;
            recorded::check("kernel", &path, &found, &[]).map(|()| found)
        };
        let digest = check().map_err(|source| BuildError::Changed { path: path.clone(), source })?;
        Ok::<_, BuildError>((path, digest))
    };
    let (vmlinux, vmlinux_sha256) = checked(VMLINUX)?;
    let (bzimage, bzimage_sha256) = checked(BZIMAGE)?;
    Ok(SmallKernel { vmlinux, vmlinux_sha256, bzimage, bzimage_sha256, version })
}

#[cfg(test)]
mod tests;
