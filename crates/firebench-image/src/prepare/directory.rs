//! The modules of a kernel that is installed.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firebench_os::{interrupt, outside};

use crate::digest::key;
use crate::modules::{self, Catalogue};
use crate::{Error, Result};

/// Bytes that the list of what a kernel has built in may have: real ones have 10 KB.
const MAX_LIST: u64 = 16 << 20;

/// An installed kernel's modules.
#[derive(Debug)]
pub(super) struct ModulesDir {
    pub(super) catalogue: Catalogue,
    pub(super) files: BTreeMap<String, PathBuf>,
}

impl ModulesDir {
    pub(super) fn open(dir: &Path) -> Result<ModulesDir> {
        let mut catalogue = Catalogue::default();
        let read = |name: &str| {
            let path = dir.join(name);
            match outside::read(&path, MAX_LIST) {
                Ok(bytes) => Ok(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(Error::io("read", &path)(error)),
            }
        };
        catalogue.add_builtin(&String::from_utf8_lossy(&read("modules.builtin")?));
        catalogue.add_builtin_info(&read("modules.builtin.modinfo")?);
        let mut files = BTreeMap::new();
        collect(dir, &mut files, 0)?;
        if files.is_empty() && !catalogue.lists_builtin() {
            let reason =
                "there is neither a file *.ko (or *.ko.xz, *.ko.zst, *.ko.gz) nor modules.builtin in it".to_owned();
            return Err(Error::NoModules { path: dir.to_owned(), reason });
        }
        for (name, path) in &files {
            catalogue.add_module(name, &path.strip_prefix(dir).unwrap_or(path).to_string_lossy());
        }
        Ok(ModulesDir { catalogue, files })
    }

    /// Changes whenever a module does: sizes and times of all files.
    pub(super) fn fingerprint(&self) -> Result<String> {
        let mut all = Vec::new();
        for (name, path) in &self.files {
            let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
            all.push((name, path, metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
        }
        key(&(self.catalogue.builtin().collect::<Vec<_>>(), all))
    }

    /// The module of this name, unpacked.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.files.get(name) else { return Ok(None) };
        let bytes = outside::read(path, MAX_MODULE).map_err(Error::io("read", path))?;
        crate::kernel::module(&path.to_string_lossy(), bytes).map(Some)
    }
}

/// Directories below each other that modules lie in; those of a real kernel are some eight deep.
const DEEPEST: usize = 32;
/// A module's file is not larger.
const MAX_MODULE: u64 = 64 << 20;

/// Finds all modules below `dir`. Links to directories are not followed (`build`, `source`).
fn collect(dir: &Path, files: &mut BTreeMap<String, PathBuf>, depth: usize) -> Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        interrupt::check()?;
        let entry = entry.map_err(Error::io("list", dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::io("look at", &path))?;
        if kind.is_dir() && !outside::is_kernels_own(&path) {
            collect(&path, files, depth.saturating_add(1))?;
        } else if kind.is_file() {
            if let Some(name) = entry.file_name().to_str().and_then(modules::name_of_file) {
                files.insert(name, path);
            }
        }
    }
    Ok(())
}
