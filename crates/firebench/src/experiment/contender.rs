//! A contender as the user describes it.

use std::path::PathBuf;

use firebench_vmm::VmmKind;
use serde::{Deserialize, Serialize};

use crate::units::{Share, Size};

/// A named VMM, or the host, with what differs from the experiment's machine and the preset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ContenderSpec {
    /// Unique in the experiment.
    pub name: String,
    /// What runs it.
    pub vmm: VmmKind,
    /// The VMM's executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<PathBuf>,
    /// vCPUs; on the host, CPUs that the workload may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Memory of the VM; on the host, the limit of the workload's control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// The guest's kernel, as for `files.kernel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<PathBuf>,
    /// Words added to the end of the kernel command line, after the experiment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// The busybox in its image: the program that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busybox: Option<PathBuf>,
    /// A root disk of the user's in place of the one that firebench builds: ext4, with the workload's program and payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PathBuf>,
    /// More work than the others have, as a share of the payload: a difference that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handicap: Option<Share>,
    /// QEMU's CPU model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Firecracker's CPU template, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How the VMM caches the root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheMode>,
    /// How the VMM reads the root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Io>,
    /// Whether the guest's memory lies on huge pages of the host, 2 MiB each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub huge_pages: bool,
}

impl ContenderSpec {
    /// Nothing but its VMM.
    pub fn new(name: &str, vmm: VmmKind) -> Self {
        ContenderSpec {
            name: name.to_owned(),
            vmm,
            binary: None,
            vcpus: None,
            memory: None,
            kernel: None,
            append: None,
            busybox: None,
            image: None,
            handicap: None,
            cpu: None,
            template: None,
            cache: None,
            io: None,
            huge_pages: false,
        }
    }
}

/// How a VMM caches a disk: QEMU's `cache=`, Firecracker's `cache_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// QEMU: past the host's page cache.
    None,
    /// Both: through the page cache, flushed when the guest says so.
    Writeback,
    /// QEMU: through the page cache, each write flushed.
    Writethrough,
    /// QEMU: past the page cache, each write flushed.
    Directsync,
    /// Both: through the page cache, never flushed.
    Unsafe,
}

/// How a VMM reads a disk: QEMU's `aio=`, Firecracker's `io_engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Io {
    /// QEMU: a pool of threads.
    Threads,
    /// QEMU: Linux' asynchronous I/O.
    Native,
    /// QEMU: io_uring.
    IoUring,
    /// Firecracker: in the thread of the device.
    Sync,
    /// Firecracker: io_uring.
    Async,
}
