//! What a kernel has built in and what it has as modules, from everything that is known of it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::directory::ModulesDir;
use crate::cache::Cache;
use crate::deb::{self, KernelPackage};
use crate::kernel::{Config, drivers};
use crate::modules::{Catalogue, ModuleSource, normalise};
use crate::{Error, Result};

/// What is known of a set of modules.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Set {
    /// The files, in load order.
    Modules(Vec<String>),
    /// These are not built in, and no modules came with the kernel.
    NotAtHand(Vec<String>),
    /// These are neither built in nor modules.
    Lacks(Vec<String>),
}

/// Modules, wherever they lie.
#[derive(Debug)]
pub(super) enum Modules {
    /// In a directory.
    Directory(ModulesDir),
    /// In a package that is not read yet.
    Unread(PathBuf),
    /// In a package.
    Package(KernelPackage),
}

impl Modules {
    /// The modules in a directory or a package.
    pub(super) fn open(path: &Path) -> Result<Modules> {
        let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
        if metadata.is_dir() {
            return ModulesDir::open(path).map(Modules::Directory);
        }
        match deb::is_package(path) {
            true => Ok(Modules::Unread(path.to_owned())),
            false => {
                let reason = "it is neither a directory nor a Debian package".to_owned();
                Err(Error::NoModules { path: path.to_owned(), reason })
            }
        }
    }

    /// Changes whenever a module does.
    pub(super) fn fingerprint(&self, cache: &Cache) -> Result<String> {
        match self {
            Modules::Directory(directory) => directory.fingerprint(),
            Modules::Unread(path) => cache.digests().of(path),
            Modules::Package(package) => cache.digests().of(package.path()),
        }
    }

    /// Reads the package, if they are in one; what is unpacked lies in `staging`, in a file without a name.
    pub(super) fn read(&mut self, staging: &Path) -> Result<()> {
        if let Modules::Unread(path) = self {
            let package = KernelPackage::open_any_in(path, staging)?;
            if package.is_without_modules() {
                let reason = "the package does not contain a kernel module".to_owned();
                return Err(Error::NoModules { path: path.clone(), reason });
            }
            *self = Modules::Package(package);
        }
        Ok(())
    }

    fn catalogue(&self) -> Option<&Catalogue> {
        match self {
            Modules::Directory(directory) => Some(&directory.catalogue),
            Modules::Package(package) => Some(package.catalogue()),
            Modules::Unread(_) => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Modules::Directory(directory) => directory.files.contains_key(name),
            Modules::Package(package) => package.has(name),
            Modules::Unread(_) => false,
        }
    }

    /// Whether there is any: Ubuntu's packages of kernels hold none.
    fn is_empty(&self) -> bool {
        match self {
            Modules::Directory(directory) => directory.files.is_empty(),
            Modules::Package(package) => package.is_without_modules(),
            Modules::Unread(_) => true,
        }
    }
}

/// Everything that is known of a kernel. What its modules say goes before its configuration, and that before what its bytes
/// let one guess.
pub(super) struct Sources<'a> {
    pub(super) release: &'a str,
    pub(super) vmlinux: &'a [u8],
    pub(super) config: Option<Config>,
    pub(super) modules: Option<&'a Modules>,
}

impl Sources<'_> {
    /// What of `names` the kernel has neither built in nor as a module; None if nothing. A kernel of which too little is known
    /// is taken to have it.
    pub(super) fn lacking(&self, names: &[&str]) -> Option<Set> {
        let config = self.config.as_ref();
        let mut lacks = drivers::missing_features(config);
        let missing = |name: &&&str| !self.is_builtin(&normalise(name)) && !self.has(&normalise(name));
        let missing: Vec<&str> = names.iter().filter(missing).copied().collect();
        // Without modules there may be some elsewhere, unless the configuration says that there are none.
        let at_hand = self.modules.is_some_and(|modules| !modules.is_empty());
        let absent = missing.iter().filter(|name| at_hand || drivers::is_absent(name, config));
        lacks.extend(absent.map(|name| drivers::with_option(name)));
        if !lacks.is_empty() {
            return Some(Set::Lacks(lacks));
        }
        (!missing.is_empty()).then(|| Set::NotAtHand(missing.iter().map(|&name| name.to_owned()).collect()))
    }

    fn has(&self, name: &str) -> bool {
        self.modules.is_some_and(|modules| modules.has(name))
    }
}

impl ModuleSource for Sources<'_> {
    fn release(&self) -> &str {
        self.release
    }

    fn is_builtin(&self, name: &str) -> bool {
        let catalogue = self.modules.and_then(Modules::catalogue);
        if catalogue.is_some_and(|catalogue| catalogue.is_builtin(name)) {
            return true;
        }
        if self.has(name) {
            return false;
        }
        // What no list names and nobody can tell is taken to be built in where there is no list.
        let unlisted = || self.modules.is_some() && !catalogue.is_some_and(Catalogue::lists_builtin);
        drivers::is_builtin(name, self.vmlinux, self.config.as_ref()).unwrap_or_else(unlisted)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.modules {
            Some(Modules::Directory(directory)) => directory.read(name),
            Some(Modules::Package(package)) => package.read(name),
            Some(Modules::Unread(_)) | None => Ok(None),
        }
    }

    fn providers(&self, alias: &str) -> Result<Vec<String>> {
        match self.modules.and_then(Modules::catalogue) {
            Some(catalogue) => catalogue.providers(alias, self),
            None => Ok(Vec::new()),
        }
    }
}
