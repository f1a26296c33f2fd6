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
            let unknown = || {
                let kinds = kinds::all().filter(|vmm| vmm.program.is_some());
                let programs = kinds.map(|vmm| vmm.0.name).collect::<Vec<_>>().join(", ");
                D::Error::custom(format!("unknown field `{name}`; there are kernel, modules, add, {programs}"))
            };
            programs.set(vmm.ok_or_else(unknown)?, path);
        }
        Ok(programs)
    }
}

#[cfg(test)]
mod tests {
    use crate::experiment::Files;

    #[test]
    fn an_unknown_key_is_told_which_ones_there_are() {
        let error = toml::from_str::<Files>("qemo = \"x\"").expect_err("no such key").to_string();
        assert!(error.contains("unknown field `qemo`; there are kernel, modules, add, qemu, firecracker"), "{error}");
        assert!(toml::from_str::<Files>("host = \"x\"").is_err(), "the bare host has no program");
    }
}
