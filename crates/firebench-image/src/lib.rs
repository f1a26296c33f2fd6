//! What a guest boots: kernel, modules, initramfs, root disk, payload, and the content-addressed cache that keeps
//! them. Nothing here knows of a VMM.
//!
//! | module | makes |
//! |---|---|
//! | [`payload`] | the bytes of `/random.txt` and their SHA-256 |
//! | [`ext4`] | a deterministic ext4 image of a tree of files, without root and without loop mounts |
//! | [`payload_file`] | the same bytes as a file of the host |
//! | [`disk`] | the guest's root disk: busybox, payload, files of the user |
//! | [`tools`] | a disk of host binaries for the nested host |
//! | [`kernel`] | an ELF `vmlinux` from a bzImage or an ELF file |
//! | [`deb`] | kernel and modules out of a Debian package |
//! | [`modules`] | which modules, in which order |
//! | [`prepare`] | kernel and modules, ready to boot, kept in the cache |
//! | [`roots`] | a disk and a directory of a root of the user's |
//! | [`own_image`] | nothing: says what a root disk of the user's is |
//! | [`initramfs`] | the cpio archives with the agent, the modules and the job |
//! | [`elf`] | nothing: says how an executable is linked |
//! | [`ask`] | nothing: asks programs that the user names |
//! | [`cache`] | the directory that keeps all of it, safe among processes |

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod ask;
pub mod cache;
pub mod deb;
pub mod digest;
pub mod disk;
pub mod elf;
mod error;
pub mod ext4;
pub mod initramfs;
pub mod kernel;
pub mod modules;
pub mod own_image;
pub mod payload;
pub mod payload_file;
pub mod prepare;
mod progress;
pub mod roots;
pub mod tools;

pub use error::{Error, Result};
pub use progress::Progress;
