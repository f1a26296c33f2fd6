//! The record of the settings before firebench changed them, which outlives firebench.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use firebench_supervise::ownership::Trust;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::error::{TuneError, refused};
use super::settings::{Change, is_known};

/// Below the root of the file system.
const DIR: &str = "var/lib/firebench";
const FILE: &str = "tune.json";
const VERSION: u32 = 1;

/// The settings before the first change since the machine was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    /// The kernel's `random/boot_id`: after a restart all settings are the kernel's own again.
    pub(super) boot_id: String,
    /// In the order in which they were changed.
    pub(super) settings: Vec<Setting>,
}

/// A setting that was, or was about to be, changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is: `governor`.
    pub name: String,
    /// Its file, relative to the root of the file system.
    pub path: String,
    /// The value before firebench's first change.
    pub before: String,
    /// The values that firebench gave it, the latest last.
    pub ours: Vec<String>,
}

impl Record {
    pub(super) fn new(boot_id: String) -> Record {
        Record { version: VERSION, boot_id, settings: Vec::new() }
    }

    /// Adds what is about to be changed. What a setting was before the first change stays.
    pub(super) fn add(&mut self, changes: &[Change]) {
        for change in changes {
            match self.settings.iter_mut().find(|setting| setting.path == change.path) {
                Some(setting) => {
                    setting.ours.retain(|value| *value != change.after);
                    setting.ours.push(change.after.clone());
                }
                None => self.settings.push(Setting {
                    name: change.name.to_owned(),
                    path: change.path.clone(),
                    before: change.before.clone(),
                    ours: vec![change.after.clone()],
                }),
            }
        }
    }
}

/// Where the record is kept.
pub(super) struct Place {
    dir: PathBuf,
}

impl Place {
    /// Below the root `root`.
    pub(super) fn below(root: &Path) -> Place {
        Place { dir: root.join(DIR) }
    }

    fn file(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// The record, if there is one.
    pub(super) fn load(&self) -> Result<Option<Record>, TuneError> {
        let path = self.file();
        match trusted(&path) {
            Err(TuneError::Untrusted { source, .. }) if source.is_missing() => return Ok(None),
            checked => checked?,
        }
        let text = read(&path).map_err(refused("read", &path))?;
        let damaged = |reason: String| TuneError::Damaged { path: path.clone(), reason };
        let record: Record = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if record.version != VERSION {
            return Err(damaged(format!(
                "it has version {}, but this firebench supports version {VERSION}",
                record.version
            )));
        }
        let known = |setting: &Setting| is_known(&setting.name, &setting.path, &setting.before, &setting.ours);
        match record.settings.iter().find(|setting| !known(setting)) {
            Some(Setting { name, path, .. }) => Err(damaged(format!(
                "`firebench tune` does not make the setting {name:?} in {path:?}, or not with these values"
            ))),
            None => Ok(Some(record)),
        }
    }

    /// Makes the directory, and keeps other firebenches from tuning until the lock is dropped.
    pub(super) fn lock(&self) -> Result<Flock<File>, TuneError> {
        if !self.dir.is_dir() {
            fs::create_dir_all(&self.dir).map_err(refused("make", &self.dir))?;
            // Everybody may see that the machine is tuned, whatever root's umask.
            fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o755)).map_err(refused("make", &self.dir))?;
        }
        trusted(&self.dir)?;
        let dir = File::open(&self.dir).map_err(refused("open", &self.dir))?;
        Flock::lock(dir, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            Errno::EWOULDBLOCK => TuneError::Busy,
            errno => refused("lock", &self.dir)(errno.into()),
        })
    }

    /// Writes the record, whole or not at all. A crash of the whole machine must not leave an empty one, which nobody
    /// could tell from a damaged one: hence the syncs.
    pub(super) fn save(&self, record: &Record) -> Result<(), TuneError> {
        let new = self.dir.join("tune.json.new");
        let write = || {
            match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = File::create_new(&new)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            file.sync_all()?;
            fs::rename(&new, self.file())?;
            self.sync()
        };
        write().map_err(|error| {
            // The first error matters.
            let _ = fs::remove_file(&new);
            refused("write", &self.file())(error)
        })
    }

    pub(super) fn remove(&self) -> Result<(), TuneError> {
        fs::remove_file(self.file()).and_then(|()| self.sync()).map_err(refused("remove", &self.file()))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}

/// Refuses what anybody but root could have changed: the record decides what root writes.
fn trusted(path: &Path) -> Result<(), TuneError> {
    let checked = Trust::strict().path(path);
    checked.map(drop).map_err(|source| TuneError::Untrusted { path: path.to_owned(), source })
}

/// The text of a record, which is a regular file and small.
fn read(path: &Path) -> io::Result<String> {
    const LONGEST: u64 = 1 << 20;
    let file = File::options().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a small regular file"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}
