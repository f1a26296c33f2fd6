//! The guests' kernels, each made ready once, and the initramfs for each.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firebench_host::fetch;
use firebench_host::tools::{self, Tool};
use firebench_image::initramfs;
use firebench_image::prepare::{KernelSource, PreparedKernel};
use firebench_model::experiment::{ContenderSpec, Files};
use firebench_model::record::Artifact;
use firebench_supervise::subprocess;
use firebench_vmm::kind::KernelEntry;

use super::contenders::own_values;
use super::parts::FoundKernel;
use super::{Places, PrepareError, parts};

/// Kernels and initramfs of a run. What lies in the cache stays there as long as this is held.
#[derive(Debug, Default)]
pub(super) struct Kernels {
    found: BTreeMap<Named, FoundKernel>,
    prepared: Vec<(KernelSource, PreparedKernel)>,
    initramfs: Vec<Initramfs>,
}

/// The kernel and the modules that a user names for a contender.
type Named = (Option<PathBuf>, Option<PathBuf>);

/// An initramfs without a job.
#[derive(Debug, Clone)]
pub(super) struct Initramfs {
    kernel: PathBuf,
    modules: Vec<PathBuf>,
    /// In the directory of the run.
    pub(super) path: PathBuf,
    /// For the report.
    pub(super) artifact: Artifact,
}

/// A guest's kernel, and what is to be known of it.
pub(super) struct GuestKernel {
    /// What the VMM loads: the ELF `vmlinux`, or the boot image that it came in; the program, where that is the kernel.
    pub(super) file: PathBuf,
    /// Its version.
    pub(super) version: Option<String>,
    /// Its release, as `uname -r` says it.
    pub(super) release: String,
    /// What it needs beside itself.
    pub(super) modules: Vec<PathBuf>,
    /// The same where it has a network card.
    pub(super) networked: Result<Vec<PathBuf>, PrepareError>,
    /// Whether it has ACPI.
    pub(super) acpi: bool,
    /// What the reader must know of it.
    pub(super) notices: Vec<String>,
}

impl GuestKernel {
    /// Of a kind whose program is the kernel.
    ///
    /// # Errors
    /// [`PrepareError::NoOverlay`] where it cannot lay memory over a root, and should.
    pub(super) fn own(spec: &ContenderSpec, tool: &Tool, overlay: bool) -> Result<GuestKernel, PrepareError> {
        let module = match overlay {
            true => fetch::overlay_module(spec.vmm, &tool.path, &tool.version)?,
            false => None,
        };
        if overlay && module.is_none() && !has_overlay(tool) {
            let (name, version) = (spec.name.clone(), tool.version.clone());
            return Err(PrepareError::NoOverlay { name, vmm: spec.vmm, version });
        }
        let modules: Vec<PathBuf> = module.into_iter().collect();
        Ok(GuestKernel {
            file: tool.path.clone(),
            version: Some(tool.version.clone()),
            release: tool.version.clone(),
            networked: Ok(modules.clone()),
            modules,
            acpi: false,
            notices: Vec::new(),
        })
    }
}

/// Whether a kernel that is a program says that it has the file system built in.
fn has_overlay(tool: &Tool) -> bool {
    const LIMIT: Duration = Duration::from_secs(10);
    let said = subprocess::ask_with(&tool.path, tools::libraries(&tool.path), &["--showconfig"], LIMIT);
    said.is_ok_and(|said| said.stdout.lines().any(|line| line == "CONFIG_OVERLAY_FS=y"))
}

impl Kernels {
    /// The kernel of a contender, with the modules that its guests need.
    pub(super) fn of_guest(
        &mut self,
        spec: &ContenderSpec,
        files: &Files,
        places: &Places,
    ) -> Result<GuestKernel, PrepareError> {
        let (kernel, file) = self.get(spec, files, places)?;
        let sets = parts::GuestModules::of(spec.vmm, &own_values(spec), files.overlay);
        let named = spec.kernel.is_some() || files.kernel.is_some();
        let of_contender = |error| PrepareError::of_contender(&spec.name, error);
        let modules = |set| PrepareError::of_user(named, kernel.modules(set).map_err(of_contender));
        Ok(GuestKernel {
            file,
            version: Some(kernel.version.clone()),
            release: kernel.release.clone(),
            modules: modules(sets.plain)?,
            networked: modules(sets.networked),
            acpi: kernel.acpi,
            notices: kernel.notes.iter().map(|note| format!("kernel {}: {note}", kernel.release)).collect(),
        })
    }

    /// The kernel of a contender: its own, else the experiment's, else the fetched one; and the file of it that its VMM
    /// loads.
    #[expect(clippy::indexing_slicing, reason = "the index is where it was found or put")]
    fn get(
        &mut self,
        spec: &ContenderSpec,
        files: &Files,
        places: &Places,
    ) -> Result<(&PreparedKernel, PathBuf), PrepareError> {
        // The experiment's modules belong to the experiment's kernel.
        let (named, modules) = match &spec.kernel {
            Some(kernel) => (Some(kernel), spec.modules.as_ref()),
            None => (files.kernel.as_ref(), spec.modules.as_ref().or(files.modules.as_ref())),
        };
        let FoundKernel { source, boot_image } = self.find((named.cloned(), modules.cloned()), places)?;
        let path = source.path.clone();
        let index = match self.prepared.iter().position(|(known, _)| *known == source) {
            Some(index) => index,
            None => {
                let kernel = PrepareError::of_user(named.is_some(), parts::kernel(&places.cache, &source))?;
                self.prepared.push((source, kernel));
                self.prepared.len().saturating_sub(1)
            }
        };
        let kernel = &self.prepared[index].1;
        let refused = |error| Err(PrepareError::of_contender(&spec.name, error));
        let file = match spec.vmm.guest().map(|guest| guest.kernel) {
            Some(KernelEntry::Pvh) if !kernel.pvh => return refused(PrepareError::NoPvh { vmm: spec.vmm, path }),
            Some(KernelEntry::BzImage) => match boot_image.or_else(|| kernel.boot_image.clone()) {
                Some(boot_image) => boot_image,
                None => return refused(PrepareError::NoBootImage { vmm: spec.vmm, path }),
            },
            _ => kernel.vmlinux.clone(),
        };
        Ok((kernel, file))
    }

    /// The kernel that a user names, found once for all contenders: its digests are not cheap.
    fn find(&mut self, named: Named, places: &Places) -> Result<FoundKernel, PrepareError> {
        if let Some(found) = self.found.get(&named) {
            return Ok(found.clone());
        }
        let found = parts::find_kernel(named.0.as_deref(), named.1.as_deref(), &places.data_dir)?;
        self.found.insert(named, found.clone());
        Ok(found)
    }

    /// The initramfs for a kernel with these modules.
    pub(super) fn initramfs(
        &mut self,
        kernel: &Path,
        modules: &[PathBuf],
        agent: &Path,
        places: &Places,
    ) -> Result<Initramfs, PrepareError> {
        let same = |known: &&Initramfs| known.kernel == kernel && known.modules == modules;
        if let Some(known) = self.initramfs.iter().find(same) {
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
        let made = Initramfs { kernel: kernel.to_owned(), modules: modules.to_vec(), path, artifact };
        self.initramfs.push(made.clone());
        Ok(made)
    }
}

/// The kernel of a nested host: the fetched one, whatever kernels the guests have. A kernel that is to be tested may lack what
/// the nested host needs.
pub(super) fn nested(places: &Places) -> Result<PreparedKernel, PrepareError> {
    let found = parts::find_kernel(None, None, &places.data_dir).map_err(|_| PrepareError::NoNestedKernel)?;
    parts::kernel(&places.cache, &found.source)
}
