//! Kernel and modules, taken out of what they come in once and then kept in the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Contents, Guard};
use crate::deb::KernelPackage;
use crate::digest::{key, sha256};
use crate::kernel::{self, Kernel, of_file};
use crate::modules::{self, ModuleSource};
use crate::{Error, Result, interrupt, outside};

/// Kind of the entries in the cache.
pub const KIND: &str = "kernel";

/// Changes whenever the same inputs give other files than before.
const FORMAT: u32 = 2;

/// Bytes that the list of what a kernel has built in may have: real ones have 10 KB.
const MAX_LIST: u64 = 16 << 20;

/// Where a kernel comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KernelSource {
    /// A Debian package, which holds the modules as well.
    Package(PathBuf),
    /// A bzImage or an ELF vmlinux.
    File {
        /// The file.
        path: PathBuf,
        /// The directory of its modules, such as `/lib/modules/RELEASE`. Without it the kernel is taken to have
        /// everything built in, and no modules are loaded.
        modules_dir: Option<PathBuf>,
    },
}

/// Names of modules, in sets for different uses: `[("guest", ["virtio_blk", ...]), ...]`.
pub type ModuleSets<'a> = &'a [(&'a str, &'a [&'a str])];

/// A kernel that is ready to be booted. Its files stay as long as this is held.
#[derive(Debug)]
pub struct PreparedKernel {
    /// The ELF file.
    pub vmlinux: PathBuf,
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
    /// Set name to files, in load order. Every set that was asked for is here, if only empty.
    pub modules: BTreeMap<String, Vec<PathBuf>>,
    /// For people, one line.
    pub description: String,
    /// Key of the entry in the cache.
    pub key: String,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the cache remembers of it. Paths are relative to the entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Data {
    vmlinux_sha256: String,
    original_sha256: String,
    version: String,
    release: String,
    pvh: bool,
    acpi: bool,
    modules: BTreeMap<String, Vec<String>>,
}

/// What the key of an entry is made of.
#[derive(Serialize)]
struct Inputs<'a> {
    format: u32,
    source: String,
    modules_dir: Option<String>,
    wanted: ModuleSets<'a>,
}

/// Takes a kernel and the modules that are wanted from `source`, or finds them in the cache.
pub fn prepare_kernel(cache: &Cache, source: &KernelSource, wanted: ModuleSets<'_>) -> Result<PreparedKernel> {
    let (KernelSource::Package(path) | KernelSource::File { path, .. }) = source;
    let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
    if !metadata.is_file() {
        return Err(of_file(path)(Error::no_kernel("it is not a regular file")));
    }
    let modules_dir = match source {
        KernelSource::File { modules_dir: Some(dir), .. } => Some(ModulesDir::open(dir)?),
        _ => None,
    };
    let digest = cache.digests().of(path)?;
    let modules_inputs = modules_dir.as_ref().map(ModulesDir::fingerprint).transpose()?;
    let inputs = Inputs { format: FORMAT, source: digest, modules_dir: modules_inputs, wanted };
    let key = key(&inputs)?;
    let entry = cache.entry(KIND, &key)?;
    let guard = entry.get_or_build(|staging| match source {
        KernelSource::Package(path) => {
            let package = KernelPackage::open_in(path, staging)?;
            let kernel = package.vmlinuz().to_vec();
            lay_out(staging, path, kernel, Some(&package), wanted)
        }
        KernelSource::File { path, .. } => {
            lay_out(staging, path, kernel::read_file(path)?, modules_dir.as_ref(), wanted)
        }
    })?;
    let data: Data = guard.meta().data().ok_or_else(|| entry.damaged("its metadata are not a kernel's".to_owned()))?;
    let files = |names: Vec<String>| names.iter().map(|name| guard.path().join(name)).collect();
    Ok(PreparedKernel {
        vmlinux: guard.path().join(VMLINUX),
        vmlinux_sha256: data.vmlinux_sha256,
        original_sha256: data.original_sha256,
        version: data.version,
        release: data.release,
        pvh: data.pvh,
        acpi: data.acpi,
        modules: data.modules.into_iter().map(|(set, names)| (set, files(names))).collect(),
        description: guard.meta().description.clone(),
        key,
        guard,
    })
}

const VMLINUX: &str = "vmlinux";

/// Fills an entry: `vmlinux`, and `modules/NAME.ko` for every module of any set.
fn lay_out(
    staging: &Path,
    path: &Path,
    original: Vec<u8>,
    source: Option<&impl ModuleSource>,
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
    let directory = staging.join("modules");
    std::fs::create_dir(&directory).map_err(Error::io("create", &directory))?;
    let mut sets = BTreeMap::new();
    let mut written = BTreeSet::new();
    for &(set, names) in wanted {
        let loaded = match source {
            Some(source) => modules::load_order(source, names)?,
            None => Vec::new(),
        };
        let mut paths = Vec::new();
        for module in loaded {
            let name = format!("modules/{}.ko", module.name);
            if written.insert(module.name) {
                files.push(write(&name, &module.bytes)?);
            }
            paths.push(name);
        }
        sets.insert(set.to_owned(), paths);
    }
    let data = Data {
        vmlinux_sha256: sha256(&kernel.vmlinux),
        original_sha256,
        version: kernel.version,
        release: release.clone(),
        pvh: kernel.pvh,
        acpi: kernel.acpi,
        modules: sets,
    };
    let description = format!("Linux {release} ({}, {} modules)", kernel.kind, written.len());
    Ok(Contents { files, ..Contents::new(description, &data)? })
}

/// An installed kernel's modules.
#[derive(Debug)]
struct ModulesDir {
    release: String,
    builtin: BTreeSet<String>,
    files: BTreeMap<String, PathBuf>,
}

impl ModulesDir {
    fn open(dir: &Path) -> Result<ModulesDir> {
        let builtin = match outside::read(&dir.join("modules.builtin"), MAX_LIST) {
            Ok(text) => modules::builtin_names(&String::from_utf8_lossy(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(Error::io("read", &dir.join("modules.builtin"))(error)),
        };
        let mut files = BTreeMap::new();
        collect(dir, &mut files)?;
        let release = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(ModulesDir { release, builtin, files })
    }

    /// Changes whenever a module does: sizes and times of all files.
    fn fingerprint(&self) -> Result<String> {
        let mut all = Vec::new();
        for (name, path) in &self.files {
            let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
            all.push((name, path, metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
        }
        key(&(&self.builtin, all))
    }
}

/// Finds all modules below `dir`. Links to directories are not followed (`build`, `source`).
fn collect(dir: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        interrupt::check()?;
        let entry = entry.map_err(Error::io("list", dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::io("look at", &path))?;
        if kind.is_dir() {
            collect(&path, files)?;
        } else if kind.is_file() {
            if let Some(name) = entry.file_name().to_str().and_then(modules::name_of_file) {
                files.insert(name, path);
            }
        }
    }
    Ok(())
}

impl ModuleSource for ModulesDir {
    fn release(&self) -> &str {
        &self.release
    }

    fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.files.get(name) else { return Ok(None) };
        let bytes = outside::read(path, kernel::MAX_FILE_BYTES).map_err(Error::io("read", path))?;
        crate::kernel::module(&path.to_string_lossy(), bytes).map(Some)
    }
}
