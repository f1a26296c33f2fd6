//! The programs that the user names instead of those that firebench finds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firebench_vmm::{VmmKind, kinds};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The executables of kinds, by the names of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Programs(BTreeMap<&'static str, PathBuf>);

impl Programs {
    /// The one of a kind.
    pub fn get(&self, vmm: VmmKind) -> Option<&Path> {
        self.0.get(vmm.0.name).map(PathBuf::as_path)
    }

    /// Names one.
    pub fn set(&mut self, vmm: VmmKind, path: PathBuf) {
        self.0.insert(vmm.0.name, path);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        self.0.iter().map(|(name, path)| (*name, path))
    }
}

impl<'de> Deserialize<'de> for Programs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut programs = Programs::default();
        for (name, path) in BTreeMap::<String, PathBuf>::deserialize(deserializer)? {
            let vmm = kinds::named(&name).filter(|vmm| vmm.program.is_some());
            let unknown = || D::Error::custom(format!("unknown field `{name}`"));
            programs.set(vmm.ok_or_else(unknown)?, path);
        }
        Ok(programs)
    }
}
