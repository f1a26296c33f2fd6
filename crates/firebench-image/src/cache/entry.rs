//! One entry: used by many, built by one.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::files::{names, remove, sync_dir};
use super::lock::{Lock, Mode};
use super::meta::{Contents, Depth, Meta};
use super::{Cache, ENTRIES, LOCKS, STAGING};
use crate::progress::{Progress, report};
use crate::{Error, Result};

/// Its modification time is when the entry was last used.
const USED: &str = "used";

/// Longest kind or key.
const NAME_MAX: usize = 100;

/// The name of an entry, which may or may not be there.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    cache: &'a Cache,
    kind: String,
    key: String,
}

/// An entry in use: complete, and neither rebuilt nor removed by anyone until this is dropped.
#[derive(Debug)]
pub struct Guard {
    kind: String,
    key: String,
    path: PathBuf,
    meta: Meta,
    built: bool,
    _lock: Lock,
}

/// What there is of an entry.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing, or something of another version.
    Absent,
    /// What was built.
    Sound(Meta),
    /// Something else, and what is wrong with it.
    Damaged(String),
}

impl Guard {
    /// The entry's directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the entry is.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Whether it was built just now, and not found.
    pub fn built(&self) -> bool {
        self.built
    }

    /// Ends this use of the entry and removes it, unless somebody else uses it.
    ///
    /// # Errors
    /// [`Error`] when a file cannot be removed.
    pub fn discard(self, cache: &Cache) -> Result<()> {
        let Guard { kind, key, _lock: own, .. } = self;
        drop(own);
        let entry = cache.entry(&kind, &key)?;
        entry.try_lock()?.map_or(Ok(()), |lock| entry.remove(lock))
    }
}

impl Cache {
    /// The entry of `kind` and `key`, which need not exist.
    pub fn entry(&self, kind: &str, key: &str) -> Result<Entry<'_>> {
        for name in [kind, key] {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(good) {
                return Err(Error::EntryName { name: name.to_owned() });
            }
        }
        Ok(Entry { cache: self, kind: kind.to_owned(), key: key.to_owned() })
    }
}

impl Entry<'_> {
    /// What sort of thing it is.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Digest of what it is made of.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The entry if it is there and what was built; waits while someone builds it.
    pub fn get(&self) -> Result<Option<Guard>> {
        let lock = self.lock(Mode::Shared)?;
        match self.state(Depth::ForUse)? {
            State::Sound(meta) => self.guard(lock, meta, false).map(Some),
            State::Absent | State::Damaged(_) => Ok(None),
        }
    }

    /// The entry, built first if it is not there, or if its files are not what was built: that is reported.
    ///
    /// `build` fills an empty staging directory. When it fails, or its process dies, nothing of it is ever seen as an
    /// entry. Do not ask for an entry while the same thread holds a guard of it: a damaged one would wait for itself.
    pub fn get_or_build(&self, build: impl FnOnce(&Path) -> Result<Contents>) -> Result<Guard> {
        let mut build = Some(build);
        loop {
            if let Some(guard) = self.get()? {
                return Ok(guard);
            }
            let lock = self.lock(Mode::Exclusive)?;
            // Someone else may have built it meanwhile.
            let state = self.state(Depth::ForUse)?;
            let built = !matches!(state, State::Sound(_));
            if built {
                let Some(build) = build.take() else {
                    return Err(self.damaged("it was removed right after it was built".to_owned()));
                };
                let (kind, key) = (self.kind.as_str(), self.key.as_str());
                report(
                    self.cache.watcher(),
                    match &state {
                        State::Damaged(reason) => Progress::Replacing { kind, key, reason },
                        _ => Progress::Building { kind, key },
                    },
                )?;
                self.build(build)?;
            }
            // Someone may remove the entry while the lock changes hands: then the next round looks again.
            if let (Some(lock), Some(meta)) = (lock.share()?, self.meta()) {
                return self.guard(lock, meta, built);
            }
        }
    }

    /// Builds in the staging directory and moves the result to its place. The exclusive lock is held.
    fn build(&self, build: impl FnOnce(&Path) -> Result<Contents>) -> Result<()> {
        let root = self.cache.dir.join(STAGING);
        let prefix = format!("{}.", self.file_name());
        for leftover in names(&root)?.iter().filter(|name| name.starts_with(&prefix)) {
            remove(&root.join(leftover))?;
        }
        // A program that a builder started may outlive it for a moment: it must not find its directory again.
        let open_to_all = fs::Permissions::from_mode(0o777);
        let staging = tempfile::Builder::new().prefix(&prefix).permissions(open_to_all).tempdir_in(&root);
        let staging = staging.map_err(Error::io("create a directory in", &root))?;
        // What remains of it when this ends, well or badly, goes with it.
        self.fill(staging.path(), build)
    }

    fn fill(&self, staging: &Path, build: impl FnOnce(&Path) -> Result<Contents>) -> Result<()> {
        let meta = Meta::of(build(staging)?, staging)?;
        meta.write(staging)?;
        File::create(staging.join(USED)).map_err(Error::io("create", &staging.join(USED)))?;
        sync_tree(staging)?;
        let path = self.path();
        let parent = self.cache.dir.join(ENTRIES).join(&self.kind);
        fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
        remove(&path)?;
        fs::rename(staging, &path).map_err(Error::io("move an entry to", &path))?;
        sync_dir(&parent)
    }

    fn guard(&self, lock: Lock, meta: Meta, built: bool) -> Result<Guard> {
        let path = self.path();
        let used = path.join(USED);
        let touched = File::options().append(true).create(true).open(&used);
        match touched.and_then(|file| file.set_modified(SystemTime::now())) {
            // A cache on a read-only file system can be read nevertheless.
            Err(error) if error.kind() != std::io::ErrorKind::ReadOnlyFilesystem => {
                Err(Error::io("note the use of", &used)(error))
            }
            _ => Ok(Guard { kind: self.kind.clone(), key: self.key.clone(), path, meta, built, _lock: lock }),
        }
    }

    pub(super) fn lock(&self, mode: Mode) -> Result<Lock> {
        Lock::take(&self.lock_path(), mode, || {
            report(self.cache.watcher(), Progress::Waiting { kind: &self.kind, key: &self.key })
        })
    }

    /// The exclusive lock, if no one uses or builds the entry.
    pub(super) fn try_lock(&self) -> Result<Option<Lock>> {
        Lock::try_take(&self.lock_path(), Mode::Exclusive)
    }

    /// What there is of it.
    pub(super) fn state(&self, depth: Depth) -> Result<State> {
        Ok(match Meta::read(&self.path()) {
            None => State::Absent,
            Some(Err(reason)) => State::Damaged(reason),
            Some(Ok(meta)) => match meta.mismatch(&self.path(), depth, &self.cache.digests())? {
                None => State::Sound(meta),
                Some(reason) => State::Damaged(reason),
            },
        })
    }

    pub(super) fn meta(&self) -> Option<Meta> {
        Meta::read(&self.path())?.ok()
    }

    /// When it was last used; long ago if unknown.
    pub(super) fn last_used(&self) -> SystemTime {
        fs::metadata(self.path().join(USED)).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The directory that it has, or would have.
    pub(crate) fn path(&self) -> PathBuf {
        self.cache.dir.join(ENTRIES).join(&self.kind).join(&self.key)
    }

    /// Removes it, of which the exclusive lock is held: out of sight in one step, then piece by piece.
    pub(super) fn remove(&self, lock: Lock) -> Result<()> {
        let doomed = self.cache.dir.join(STAGING).join(format!("{}.gone", self.file_name()));
        remove(&doomed)?;
        match fs::rename(self.path(), &doomed) {
            Ok(()) => remove(&doomed)?,
            Err(_) => remove(&self.path())?,
        }
        lock.remove()
    }

    fn lock_path(&self) -> PathBuf {
        self.cache.dir.join(LOCKS).join(self.file_name())
    }

    fn file_name(&self) -> String {
        format!("{}.{}", self.kind, self.key)
    }

    /// The error for an entry that is not what it should be.
    pub(crate) fn damaged(&self, reason: String) -> Error {
        Error::Damaged { kind: self.kind.clone(), key: self.key.clone(), reason }
    }
}

/// Brings a directory and all that is in it to the disk.
fn sync_tree(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::io("look at", &path))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
            // Links and pipes of a root are names in their directory, which is synced below: to open them would lead elsewhere, or wait.
            File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("sync", &path))?;
        }
    }
    sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_escape() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let cache = Cache::open(dir.path()).expect("it opens");
        let long = "x".repeat(101);
        for bad in ["", "..", "a/b", "A", "a.b", long.as_str()] {
            assert!(cache.entry(bad, "key").is_err(), "{bad:?}");
            assert!(cache.entry("kind", bad).is_err(), "{bad:?}");
        }
    }
}
