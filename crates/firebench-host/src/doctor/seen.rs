//! What the checks look at.

use std::path::PathBuf;

use firebench_model::host::HostFacts;
use firebench_supervise::Confinement;
use firebench_supervise::kvm::KvmReport;
use firebench_vmm::VmmKind;

use super::trials::{Trials, Tried};
use crate::fetch::{BuildError, FetchError};
use crate::tools::{Tool, ToolError};

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Where.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
}

/// Everything that the checks look at.
#[derive(Debug)]
pub struct Facts {
    /// What /dev/kvm can do.
    pub kvm: KvmReport,
    /// The machine.
    pub host: HostFacts,
    /// Share of CPU time that a hypervisor gave to others while all this was looked at.
    pub steal_now: Option<f64>,
    /// The program of each kind that has one.
    pub programs: Vec<(VmmKind, Result<Tool, ToolError>)>,
    /// The jailers of those that have one; absent where the program itself is.
    pub jailers: Vec<(VmmKind, Result<Tool, ToolError>)>,
    /// Whether firebench is root.
    pub root: bool,
    /// How a VM would be confined; absent if not even a harmless program could be started.
    pub confinement: Option<Confinement>,
    /// The newest kernel package in the data directory.
    pub kernel: Option<FoundFile>,
    /// The small kernel in the data directory; none where none was built.
    pub small_kernel: Result<Option<FoundFile>, BuildError>,
    /// A static busybox.
    pub busybox: Result<Option<FoundFile>, FetchError>,
    /// `mke2fs`, which makes the root disk.
    pub mke2fs: Option<Tried<PathBuf>>,
    /// `debugfs`, which puts the payload into it.
    pub debugfs: Option<Tried<PathBuf>>,
    /// `curl`, for `fetch firecracker --from release`.
    pub curl: Option<Tried<PathBuf>>,
    /// pip's version, for `fetch firecracker --from wheel`.
    pub pip: Option<String>,
    /// `apt-get`, for `fetch kernel`.
    pub apt_get: Option<Tried<PathBuf>>,
    /// The results of trying all that.
    pub trials: Trials,
}
