//! What is known of a set of modules without reading them all: what depmod would write down at installation, as far as
//! a guest needs it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{Info, ModuleSource, builtin_names};
use crate::Result;
use crate::kernel::MAX_FILE_BYTES;

/// Directories of modules that are asked for by the name of an algorithm. Others are asked for by their own.
const ALGORITHMS: [&str; 3] = ["crypto", "lib", "zlib"];

/// The modules of one kernel.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    builtin: BTreeSet<String>,
    builtin_aliases: BTreeSet<String>,
    algorithms: BTreeSet<String>,
    /// Other name to modules, of the algorithms; read when it is first asked for.
    aliases: OnceCell<BTreeMap<String, Vec<String>>>,
}

impl Catalogue {
    /// Takes in a `modules.builtin`: one path a line.
    pub(crate) fn add_builtin(&mut self, text: &str) {
        self.builtin.extend(builtin_names(text));
    }

    /// Takes in a `modules.builtin.modinfo`: `module.key=value`, each ended by a zero byte.
    pub(crate) fn add_builtin_info(&mut self, bytes: &[u8]) {
        let entries = bytes.split(|&byte| byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok());
        let aliases = entries.filter_map(|entry| entry.split_once('.')?.1.strip_prefix("alias="));
        self.builtin_aliases.extend(aliases.map(str::to_owned));
    }

    /// Takes in a module by its file's path.
    pub(crate) fn add_module(&mut self, name: &str, file: &str) {
        if file.split('/').any(|directory| ALGORITHMS.contains(&directory)) {
            self.algorithms.insert(name.to_owned());
        }
    }

    /// Whether anything is known of what is built in.
    pub(crate) fn lists_builtin(&self) -> bool {
        !self.builtin.is_empty()
    }

    /// Whether a module is built in.
    pub(crate) fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(name)
    }

    /// What is built in, in order.
    pub(crate) fn builtin(&self) -> impl Iterator<Item = &str> {
        self.builtin.iter().chain(&self.builtin_aliases).map(String::as_str)
    }

    /// As [`ModuleSource::providers`]. A module of `source` that cannot be read goes by no other name.
    pub(crate) fn providers(&self, alias: &str, source: &impl ModuleSource) -> Result<Vec<String>> {
        if self.builtin_aliases.contains(alias) {
            return Ok(Vec::new());
        }
        let aliases = match self.aliases.get() {
            Some(aliases) => aliases,
            None => {
                let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
                let mut room = MAX_FILE_BYTES;
                for name in &self.algorithms {
                    let Some(bytes) = source.read(name)? else { continue };
                    let Some(left) = room.checked_sub(bytes.len() as u64) else { break };
                    room = left;
                    for other in Info::of(&bytes).unwrap_or_default().aliases {
                        aliases.entry(other).or_default().push(name.clone());
                    }
                }
                self.aliases.get_or_init(|| aliases)
            }
        };
        Ok(aliases.get(alias).cloned().unwrap_or_default())
    }
}
