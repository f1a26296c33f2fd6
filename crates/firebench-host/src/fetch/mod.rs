//! What firebench brings in from outside: the programs of contenders, a kernel, a busybox. Into the data directory, checked, whole or
//! not at all.
//!
//! ```text
//! DATA/firecracker/1.12.1/{firecracker,jailer}
//! DATA/kernels/linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
//! DATA/kernels/small/6.12.117-1~deb12u1-0123456789abcdef/{vmlinux,bzImage}
//! DATA/busybox/busybox
//! DATA/gvisor/0.0~20240729.0-4~bpo12+2/runsc
//! ```
//!
//! Beside each file is one with its digest, `firecracker.sha256`, which must still be right when it is used.

mod apt;
pub mod archive;
mod binaries;
mod busybox;
mod data;
mod debian;
mod download;
mod error;
#[cfg(test)]
mod fake_elf;
mod firecracker;
mod install;
mod installer;
mod installers;
mod kernel;
mod packaged;
mod recorded;
mod release;
mod small_kernel;
mod sums;
mod version_order;
mod wheel;

use std::path::Path;

pub use binaries::FIRECRACKER;
pub use busybox::{busybox, find_busybox};
pub use data::{Fetched, data_dir};
pub use debian::{Debian, DebianRoot};
pub use error::FetchError;
pub use firecracker::{PINNED_VERSION, Source, firecracker, installed_firecracker};
pub use installer::Installer;
pub use installers::installer;
pub use kernel::{checked_kernel, installed_kernel, kernel};
pub use packaged::{is_whole, overlay_module, packaged, program};
pub use release::RELEASE_URL;
pub use small_kernel::{BuildError, CONFIGURATION, SmallKernel, Step, build as build_small_kernel, small_kernel};

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
