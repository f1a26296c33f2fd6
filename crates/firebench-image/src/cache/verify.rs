//! Whether entries are what was put there.

use std::path::{Path, PathBuf};

use super::entry::State;
use super::lock::Mode;
use super::meta::{Depth, Meta};
use super::{Cache, ENTRIES};
use crate::Result;

impl Cache {
    /// Reads all files of an entry and compares them with their digests; false when the entry is not there.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) when it is not what was put there.
    pub fn verify(&self, kind: &str, key: &str) -> Result<bool> {
        let entry = self.entry(kind, key)?;
        let _lock = entry.lock(Mode::Shared)?;
        match entry.state(Depth::Whole)? {
            State::Absent => Ok(false),
            State::Sound(_) => Ok(true),
            State::Damaged(reason) => Err(entry.damaged(reason)),
        }
    }

    /// SHA-256 of a file, for a report: of a file of an entry that which was recorded when it was built, and compared with the
    /// file when the entry was asked for.
    pub fn digest_of(&self, path: &Path) -> Result<String> {
        let recorded = || {
            let inside = path.strip_prefix(self.dir.join(ENTRIES)).ok()?;
            let mut parts = inside.components();
            let entry: PathBuf = parts.by_ref().take(2).collect();
            let meta = Meta::read(&self.dir.join(ENTRIES).join(entry))?.ok()?;
            meta.files.into_iter().find(|file| Path::new(&file.name) == parts.as_path()).map(|file| file.sha256)
        };
        recorded().map_or_else(|| self.digests().of(path), Ok)
    }
}
