//! Kernel and modules, taken out of what they come in once and then kept in the cache.

mod directory;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firebench_protocol::OPTIONAL_MODULE;
use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Contents, Guard};
use crate::deb::{self, KernelPackage};
use crate::digest::{key, sha256};
use crate::kernel::{self, Beside, Config, Kernel, drivers, of_file};
use crate::modules::{self};
use crate::{Error, Result};
use source::{Modules, Set, Sources};

/// Kind of the entries in the cache.
pub const KIND: &str = "kernel";

/// Changes whenever the same inputs give other files than before.
const FORMAT: u32 = 4;

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSource {
    /// A bzImage, an ELF vmlinux, a unified kernel image, or a Debian package, which mostly holds the modules as well.
    pub path: PathBuf,
    /// The modules, if they are elsewhere: a directory such as `/lib/modules/RELEASE`, or another package. Without it
    /// they are taken from where distributions install them, if they are there.
    pub modules: Option<PathBuf>,
}

/// Names of modules, in sets for different uses: `[("guest", ["virtio_blk", ...]), ...]`.
pub type ModuleSets<'a> = &'a [(&'a str, &'a [&'a str])];

/// A kernel that is ready to be booted. Its files stay as long as this is held.
#[derive(Debug)]
pub struct PreparedKernel {
    /// The ELF file.
    pub vmlinux: PathBuf,
    /// The boot image (bzImage) that it came in; none where it came as an ELF file.
    pub boot_image: Option<PathBuf>,
    /// SHA-256 of `vmlinux`.
    pub vmlinux_sha256: String,
    /// SHA-256 of the kernel as it came: the bzImage (of the package), or the ELF file.
    pub original_sha256: String,
    /// Version string, `Linux version ...`.
    pub version: String,
    /// `uname -r`.
    pub release: String,
    /// Whether it has the PVH entry that QEMU needs.
    pub pvh: bool,
    /// Whether it has ACPI.
    pub acpi: bool,
    /// For people, one line.
    pub description: String,
    /// What a user should know of how it was taken, each a clause for people.
    pub notes: Vec<String>,
    /// Key of the entry in the cache.
    pub key: String,
    /// Keeps the entry in the cache.
    pub guard: Guard,
    sets: BTreeMap<String, Set>,
}

impl PreparedKernel {
    /// The files of a set's modules, in load order; empty for a set that was not asked for.
    ///
    /// # Errors
    /// When the kernel has something of the set neither built in nor as a module: what needs it cannot work.
    pub fn modules(&self, set: &str) -> Result<Vec<PathBuf>> {
        let release = self.release.clone();
        match self.sets.get(set) {
            Some(Set::Modules(names)) => Ok(names.iter().map(|name| self.guard.path().join(name)).collect()),
            Some(Set::NotAtHand(names)) => Err(Error::ModulesNeeded { release, names: names.clone() }),
            Some(Set::Lacks(names)) => {
                let without_acpi = names.iter().any(|name| drivers::is_for_machines_without_acpi(name));
                Err(Error::KernelLacks { release, names: names.clone(), without_acpi })
            }
            None => Ok(Vec::new()),
        }
    }
}

/// What the cache remembers of it. Paths are relative to the entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Data {
    boot_image: bool,
    vmlinux_sha256: String,
    original_sha256: String,
    version: String,
    release: String,
    pvh: bool,
    acpi: bool,
    sets: BTreeMap<String, Set>,
    left_out: Vec<String>,
}

/// What the key of an entry is made of.
#[derive(Serialize)]
struct Inputs<'a> {
    format: u32,
    source: String,
    modules: Option<String>,
    config: Option<&'a str>,
    wanted: ModuleSets<'a>,
}

/// Takes a kernel and the modules that are wanted from `source`, or finds them in the cache.
pub fn prepare_kernel(cache: &Cache, source: &KernelSource, wanted: ModuleSets<'_>) -> Result<PreparedKernel> {
    let path = &source.path;
    let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
    if !metadata.is_file() {
        return Err(of_file(path)(Error::no_kernel("it is not a regular file")));
    }
    let packaged = deb::is_package(path);
    let mut beside = if packaged { Beside::default() } else { Beside::find(path) };
    let mut notes = Vec::new();
    if source.modules.is_some() {
        beside.modules = None;
    } else if let Some(found) = &beside.modules {
        notes.push(format!("its modules are taken from {}", found.display()));
    }
    let mut other = source.modules.as_deref().or(beside.modules.as_deref()).map(Modules::open).transpose()?;
    let digest = cache.digests().of(path)?;
    let modules = other.as_ref().map(|modules| modules.fingerprint(cache)).transpose()?;
    let inputs = Inputs { format: FORMAT, source: digest, modules, config: beside.config.as_deref(), wanted };
    let key = key(&inputs)?;
    let entry = cache.entry(KIND, &key)?;
    let guard = entry.get_or_build(|staging| {
        if let Some(modules) = &mut other {
            modules.read(staging)?;
        }
        if packaged {
            let package = KernelPackage::open_in(path, staging)?;
            let kernel = package.vmlinuz().to_vec();
            let config = package.config().and_then(Config::parse);
            lay_out(staging, path, kernel, config, other.unwrap_or(Modules::Package(package)), wanted)
        } else {
            let config = beside.config.as_deref().and_then(Config::parse);
            lay_out(staging, path, kernel::read_file(path)?, config, other, wanted)
        }
    })?;
    let data: Data = guard.meta().data().ok_or_else(|| {
        entry.damaged(
            "its metadata do not describe a \
    kernel"
                .to_owned(),
        )
    })?;
    if !data.left_out.is_empty() {
        notes.push(format!("of the unified kernel image only the kernel is used, not {}", data.left_out.join(", ")));
    }
    Ok(PreparedKernel {
        vmlinux: guard.path().join(VMLINUX),
        boot_image: data.boot_image.then(|| guard.path().join(BOOT_IMAGE)),
        vmlinux_sha256: data.vmlinux_sha256,
        original_sha256: data.original_sha256,
        version: data.version,
        release: data.release,
        pvh: data.pvh,
        acpi: data.acpi,
        description: guard.meta().description.clone(),
        notes,
        key,
        guard,
        sets: data.sets,
    })
}

const VMLINUX: &str = "vmlinux";
const BOOT_IMAGE: &str = "bzImage";

/// Fills an entry: `vmlinux`, `bzImage` where it came in one, and `modules/NAME.ko` for every module of any set; of one that may fail to be loaded the name
/// ends with [`OPTIONAL_MODULE`].
fn lay_out(
    staging: &Path,
    path: &Path,
    original: Vec<u8>,
    config: Option<Config>,
    modules: impl Into<Option<Modules>>,
    wanted: ModuleSets<'_>,
) -> Result<Contents> {
    let original_sha256 = sha256(&original);
    let kernel = Kernel::from_bytes(original).map_err(of_file(path))?;
    let release = kernel.release().to_owned();
    let write = |name: &str, bytes: &[u8]| {
        let file = staging.join(name);
        std::fs::write(&file, bytes).map_err(Error::io("write", &file))?;
        Ok::<_, Error>((name.to_owned(), Some(sha256(bytes))))
    };
    let mut files = vec![write(VMLINUX, &kernel.vmlinux)?];
    if let Some(image) = &kernel.boot_image {
        files.push(write(BOOT_IMAGE, image)?);
    }
    let directory = staging.join("modules");
    std::fs::create_dir(&directory).map_err(Error::io("create", &directory))?;
    let config = config.or_else(|| Config::embedded(&kernel.vmlinux));
    let modules = modules.into();
    let sources = Sources { release: &release, vmlinux: &kernel.vmlinux, config, modules: modules.as_ref() };
    let mut sets = BTreeMap::new();
    let mut written = BTreeSet::new();
    for &(set, names) in wanted {
        let found = match sources.lacking(names) {
            Some(lacking) => lacking,
            None => {
                let mut paths = Vec::new();
                let modules = match modules::load_order(&sources, names) {
                    Err(Error::ModuleMissing { name, needed_by, .. }) => {
                        let user = needed_by.map_or_else(String::new, |user| format!(", which {user} needs"));
                        sets.insert(set.to_owned(), Set::Lacks(vec![format!("module {name}{user}")]));
                        continue;
                    }
                    modules => modules?,
                };
                for module in modules {
                    let ending = if module.needed { "" } else { OPTIONAL_MODULE };
                    let name = format!("modules/{}.ko{ending}", module.name);
                    if written.insert(name.clone()) {
                        files.push(write(&name, &module.bytes)?);
                    }
                    paths.push(name);
                }
                Set::Modules(paths)
            }
        };
        sets.insert(set.to_owned(), found);
    }
    let data = Data {
        boot_image: kernel.boot_image.is_some(),
        vmlinux_sha256: sha256(&kernel.vmlinux),
        original_sha256,
        version: kernel.version,
        release: release.clone(),
        pvh: kernel.pvh,
        acpi: kernel.acpi,
        sets,
        left_out: kernel.left_out,
    };
    let description = format!("Linux {release} ({}, {} modules)", kernel.kind, written.len());
    Ok(Contents { files, ..Contents::new(description, &data)? })
}
