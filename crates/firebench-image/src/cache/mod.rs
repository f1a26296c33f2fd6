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
mod files;
mod gc;
mod list;
mod lock;
mod meta;
mod verify;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use digests::Digests;
pub use entry::{Entry, Guard};
pub use gc::GcReport;
pub use list::Listed;
pub use meta::{Contents, FileMeta, Meta, Part, Range};

use crate::ask::{Ask, ask_as_a_child};
use crate::progress::{Progress, Watcher};
use crate::{Error, Result};

const ENTRIES: &str = "entries";
const STAGING: &str = "staging";
const LOCKS: &str = "locks";
const DIGESTS: &str = "digests";

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

    /// SHA-256 digests of files of the host, remembered in the cache.
    pub fn digests(&self) -> Digests {
        Digests::new(self.dir.join(DIGESTS))
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
}
