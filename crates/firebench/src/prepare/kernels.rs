//! The guests' kernels, each made ready once, and the initramfs for each.

use std::io::Write;
use std::path::{Path, PathBuf};

use firebench_image::initramfs;
use firebench_image::prepare::{KernelSource, PreparedKernel};

use super::{Places, PrepareError, parts};
use crate::record::Artifact;

/// Kernels and initramfs of a run. What lies in the cache stays there as long as this is held.
#[derive(Debug, Default)]
pub(super) struct Kernels {
    prepared: Vec<(PathBuf, PreparedKernel)>,
    initramfs: Vec<Initramfs>,
}

/// An initramfs without a job.
#[derive(Debug, Clone)]
pub(super) struct Initramfs {
    kernel: PathBuf,
    networked: bool,
    /// In the directory of the run.
    pub(super) path: PathBuf,
    /// For the report.
    pub(super) artifact: Artifact,
}

impl Kernels {
    /// The kernel that the user names, or the fetched one; `qemu` where QEMU must be able to start it.
    #[expect(clippy::indexing_slicing, reason = "the index is where it was found or put")]
    pub(super) fn get(
        &mut self,
        named: Option<&Path>,
        qemu: bool,
        places: &Places,
    ) -> Result<&PreparedKernel, PrepareError> {
        let source = parts::kernel_source(named, &places.data_dir)?;
        let path = parts::path(&source).to_owned();
        let index = match self.prepared.iter().position(|(known, _)| *known == path) {
            Some(index) => index,
            None => {
                let kernel = PrepareError::of_user(named.is_some(), parts::kernel(&places.cache, &source))?;
                self.prepared.push((path.clone(), kernel));
                self.prepared.len().saturating_sub(1)
            }
        };
        let kernel = &self.prepared[index].1;
        if qemu && !kernel.pvh { Err(PrepareError::NoPvh { path }) } else { Ok(kernel) }
    }

    /// The initramfs for a kernel of [`Kernels::get`].
    pub(super) fn initramfs(
        &mut self,
        kernel: &Path,
        modules: &[PathBuf],
        networked: bool,
        agent: &Path,
        places: &Places,
    ) -> Result<Initramfs, PrepareError> {
        if let Some(known) = self.initramfs.iter().find(|known| known.kernel == kernel && known.networked == networked)
        {
            return Ok(known.clone());
        }
        let bytes = initramfs::build_base(agent, modules)?;
        let path = places.run_dir.join(format!("initramfs-{}", self.initramfs.len()));
        let written = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(&bytes));
        written.map_err(|source| PrepareError::Write { path: path.clone(), source })?;
        let artifact = Artifact {
            role: "initramfs".to_owned(),
            contenders: Vec::new(),
            name: "agent and modules".to_owned(),
            version: None,
            bytes: bytes.len() as u64,
            sha256: firebench_image::digest::sha256(&bytes),
        };
        let made = Initramfs { kernel: kernel.to_owned(), networked, path, artifact };
        self.initramfs.push(made.clone());
        Ok(made)
    }
}

/// The kernel of a nested host: that of a guest where it has modules, else the fetched one.
pub(super) fn nested(experiment_kernel: Option<&Path>, places: &Places) -> Result<PreparedKernel, PrepareError> {
    match parts::kernel_source(experiment_kernel, &places.data_dir)? {
        source @ KernelSource::Package(_) => parts::kernel(&places.cache, &source),
        KernelSource::File { .. } => parts::nested_kernel(&places.cache, &places.data_dir),
    }
}
