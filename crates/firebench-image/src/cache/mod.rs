//! The content-addressed cache: finished images, each in an entry named after what it was made of.
//!
//! # Layout
//! ```text
//! DIR/CACHEDIR.TAG                 backup programs skip the directory (bford.info/cachedir)
//! DIR/entries/KIND/KEY/meta.json   what the entry is: see `Meta`
//! DIR/entries/KIND/KEY/used        its modification time is when the entry was last used
//! DIR/entries/KIND/KEY/...         the entry's files
//! DIR/staging/KIND.KEY.RANDOM/     an entry being built; renamed into `entries` when it is complete and on the disk
//! DIR/locks/KIND.KEY               flock: shared by who uses the entry, exclusive for who builds or removes it
//! DIR/digests/HASH.json            SHA-256 of a file of the host, valid while its size, times and inode stay the same
//! ```
//! An entry is compared with its digests each time it is asked for (see `Meta`). One that is not what was built is built anew.
//! KIND and KEY consist of lower-case letters, digits and `-`. Locks are the kernel's: they vanish with their process, so
//! a staging directory that no one has locked is a leftover, whoever it was.

mod digests;
mod entry;
mod gc;
mod lock;
mod meta;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use firebench_os::program::{Ask, ask_as_a_child};

pub use digests::Digests;
pub use entry::{Entry, Guard};
pub use gc::GcReport;
pub use meta::{Contents, FileMeta, Meta, Part, Range};

use crate::progress::{Progress, Watcher};
use crate::{Error, Result};

const ENTRIES: &str = "entries";
const STAGING: &str = "staging";
const LOCKS: &str = "locks";
const DIGESTS: &str = "digests";

/// Longest kind or key.
const NAME_MAX: usize = 100;

type OwnedWatcher = Arc<dyn Fn(Progress<'_>) -> ControlFlow<()> + Send + Sync>;

/// A cache directory. Cheap to clone; any number of processes may use one directory at once.
#[derive(Clone)]
pub struct Cache {
    dir: PathBuf,
    watcher: OwnedWatcher,
    ask: Ask,
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Where the cache is when the user says nothing else: `$FIREBENCH_CACHE`, else `$XDG_CACHE_HOME/firebench`, else
/// `~/.cache/firebench`. Relative values are ignored, as the XDG specification wants it.
pub fn default_dir() -> Result<PathBuf> {
    default_dir_of(|name| env::var_os(name))
}

fn default_dir_of(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let directory = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    directory("FIREBENCH_CACHE")
        .or_else(|| Some(directory("XDG_CACHE_HOME")?.join("firebench")))
        .or_else(|| Some(directory("HOME")?.join(".cache/firebench")))
        .ok_or(Error::NoCacheDir)
}

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
    /// Opens the cache in `dir`, which is made when it is not there.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Cache> {
        let dir = dir.into();
        let dir = std::path::absolute(&dir).map_err(Error::io("find", &dir))?;
        for name in [ENTRIES, STAGING, LOCKS, DIGESTS] {
            let path = dir.join(name);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        let tag = dir.join("CACHEDIR.TAG");
        if !tag.exists() {
            fs::write(&tag, "Signature: 8a477f597d28d172789f06886806bc55\n# firebench keeps its images here.\n")
                .map_err(Error::io("write", &tag))?;
        }
        Ok(Cache { dir, watcher: Arc::new(|_| ControlFlow::Continue(())), ask: ask_as_a_child })
    }

    /// Reports to `watcher` what goes on; see [`Progress`].
    pub fn on_progress(mut self, watcher: impl Fn(Progress<'_>) -> ControlFlow<()> + Send + Sync + 'static) -> Cache {
        self.watcher = Arc::new(watcher);
        self
    }

    /// Asks programs that the user names, such as a busybox for its applets, in this way.
    pub fn asking(mut self, ask: Ask) -> Cache {
        self.ask = ask;
        self
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The entry of `kind` and `key`, which need not exist.
    pub fn entry(&self, kind: &str, key: &str) -> Result<Entry<'_>> {
        for name in [kind, key] {
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(good) {
                return Err(Error::EntryName { name: name.to_owned() });
            }
        }
        Ok(Entry::new(self, kind, key))
    }

    /// SHA-256 digests of files of the host, remembered in the cache.
    pub fn digests(&self) -> Digests {
        Digests::new(self.dir.join(DIGESTS))
    }

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
    fn entries(&self) -> Result<Vec<Entry<'_>>> {
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

    fn watcher(&self) -> Watcher<'_> {
        &*self.watcher
    }
}

/// For the modules that build entries: how programs are asked.
pub(crate) fn ask(cache: &Cache) -> Ask {
    cache.ask
}

/// For the modules that build entries.
pub(crate) fn watcher(cache: &Cache) -> Watcher<'_> {
    cache.watcher()
}

/// Names in a directory, those in UTF-8, sorted. Empty when it is not there.
fn names(dir: &Path) -> Result<Vec<String>> {
    let listing = match fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(Error::io("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(Error::io("list", dir))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Removes a file or a directory with all that is in it; it may be gone already.
fn remove(path: &Path) -> Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes a rename in `dir` survive a power failure.
fn sync_dir(dir: &Path) -> Result<()> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_directory() {
        let with = |set: &'static [(&str, &str)]| {
            default_dir_of(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        let all: &[(&str, &str)] = &[("FIREBENCH_CACHE", "/f"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(with(all).expect("set"), Path::new("/f"));
        assert_eq!(with(&all[1..]).expect("set"), Path::new("/x/firebench"));
        assert_eq!(with(&all[2..]).expect("set"), Path::new("/h/.cache/firebench"));
        assert_eq!(
            with(&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")]).expect("set"),
            Path::new("/h/.cache/firebench")
        );
        assert!(matches!(with(&[]), Err(Error::NoCacheDir)));
    }

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
