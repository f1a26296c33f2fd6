//! What the cache has.

use std::time::SystemTime;

use super::files::names;
use super::{Cache, ENTRIES, Entry, Meta};
use crate::Result;

/// An entry as [`Cache::list`] sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What sort of thing it is, such as `disk`.
    pub kind: String,
    /// Digest of what it was made of.
    pub key: String,
    /// Size of its files in bytes.
    pub bytes: u64,
    /// When it was last used.
    pub last_used: SystemTime,
    /// For people.
    pub description: String,
}

impl Cache {
    /// All complete entries, damaged ones too, the most recently used first. Takes no locks: an entry may be gone a moment later.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let mut all = Vec::new();
        for entry in self.entries()? {
            let Some(meta) = Meta::read(&entry.path()) else { continue };
            let bytes = meta.as_ref().map_or(0, Meta::bytes);
            all.push(Listed {
                kind: entry.kind().to_owned(),
                key: entry.key().to_owned(),
                bytes,
                last_used: entry.last_used(),
                description: meta.map_or_else(|reason| reason, |meta| meta.description),
            });
        }
        all.sort_by(|a, b| b.last_used.cmp(&a.last_used).then_with(|| (&a.kind, &a.key).cmp(&(&b.kind, &b.key))));
        Ok(all)
    }

    /// Every directory under `entries`, complete or not.
    pub(super) fn entries(&self) -> Result<Vec<Entry<'_>>> {
        let root = self.dir.join(ENTRIES);
        let mut all = Vec::new();
        for kind in names(&root)? {
            for key in names(&root.join(&kind))? {
                // What has another name is not ours.
                all.extend(self.entry(&kind, &key).ok());
            }
        }
        Ok(all)
    }
}
