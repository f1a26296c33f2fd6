//! SHA-256 digests of files of the host, remembered: a warm start must not hash 150 MB of QEMU again.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use firebench_os::outside;
use serde::{Deserialize, Serialize};

use super::files::{names, remove};
use crate::digest::{key, sha256, sha256_file};
use crate::{Error, Result};

/// A file that changed less than this ago may change again without its times showing it: it is hashed each time.
const SETTLED: Duration = Duration::from_secs(2);

/// Smaller files are hashed faster than a record is read.
const WORTH_BYTES: u64 = 64 << 10;

/// Bytes that a record may have: a path has 4 KiB at most.
const MAX_RECORD: u64 = 64 << 10;

/// The store of digests, one small file each.
#[derive(Debug, Clone)]
pub struct Digests {
    dir: PathBuf,
}

/// What is remembered of a file, and what must be unchanged for it to be believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    path: PathBuf,
    stamp: Stamp,
    sha256: String,
    /// SHA-256 of all before it: a record may be damaged, too.
    #[serde(default)]
    seal: String,
}

impl Record {
    fn new(path: PathBuf, stamp: Stamp, sha256: String) -> Result<Record> {
        let record = Record { path, stamp, sha256, seal: String::new() };
        Ok(Record { seal: key(&record)?, ..record })
    }

    fn is_whole(&self) -> bool {
        let blank = Record { seal: String::new(), ..self.clone() };
        key(&blank).is_ok_and(|seal| seal == self.seal)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl Digests {
    pub(super) fn new(dir: PathBuf) -> Digests {
        Digests { dir }
    }

    /// SHA-256 of a regular file. Symbolic links are followed.
    pub fn of(&self, path: &Path) -> Result<String> {
        let path = std::fs::canonicalize(path).map_err(Error::io("find", path))?;
        let metadata = std::fs::metadata(&path).map_err(Error::io("look at", &path))?;
        if !metadata.is_file() {
            return Err(Error::HostFile { path, reason: "it is not a regular file" });
        }
        if metadata.len() < WORTH_BYTES {
            return sha256_file(&path);
        }
        let stamp = Stamp::of(&metadata);
        let record = self.dir.join(format!("{}.json", sha256(path.as_os_str().as_bytes())));
        if let Some(known) = read(&record).filter(|known| known.stamp == stamp && known.path == path) {
            return Ok(known.sha256);
        }
        let sha256 = sha256_file(&path)?;
        let after = std::fs::metadata(&path).map_err(Error::io("look at", &path))?;
        if Stamp::of(&after) == stamp && settled(&after) {
            // Not remembering costs time at the next start and nothing else.
            let _ = self.write(&record, &Record::new(path, stamp, sha256.clone())?);
        }
        Ok(sha256)
    }

    fn write(&self, path: &Path, record: &Record) -> std::io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(&self.dir)?;
        serde_json::to_writer(&file, record)?;
        file.persist(path)?;
        Ok(())
    }

    /// Forgets files that are gone or have changed.
    pub(super) fn collect(&self) -> Result<()> {
        for name in names(&self.dir)? {
            let path = self.dir.join(name);
            let valid = read(&path).is_some_and(|record| {
                std::fs::metadata(&record.path).is_ok_and(|metadata| Stamp::of(&metadata) == record.stamp)
            });
            if !valid {
                remove(&path)?;
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Option<Record> {
    serde_json::from_slice(&outside::read(path, MAX_RECORD).ok()?).ok().filter(Record::is_whole)
}

/// Whether the file's times are old enough that any later change shows in them.
fn settled(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime()).map(Duration::from_secs).unwrap_or_default();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(changed) > SETTLED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_until_the_file_changes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let digests = Digests::new(dir.path().join("digests"));
        std::fs::create_dir(&digests.dir).expect("a directory");
        let path = dir.path().join("file");
        std::fs::write(&path, vec![1; 100_000]).expect("written");
        let first = digests.of(&path).expect("hashed");
        assert_eq!(first, sha256(&vec![1; 100_000]));
        assert_eq!(names(&digests.dir).expect("listed").len(), 0, "too young to be remembered");
        std::thread::sleep(SETTLED + Duration::from_secs(1));
        assert_eq!(digests.of(&path).expect("hashed"), first);
        let record = digests.dir.join(&names(&digests.dir).expect("listed")[0]);
        // The record is believed: a false one shows. One that is damaged is not.
        let mut known = read(&record).expect("it is readable");
        known.sha256 = "remembered".to_owned();
        digests.write(&record, &known).expect("written");
        assert_eq!(digests.of(&path).expect("hashed"), first);
        let known = Record::new(known.path, known.stamp, known.sha256).expect("a record");
        digests.write(&record, &known).expect("written");
        assert_eq!(digests.of(&path).expect("known"), "remembered");
        digests.collect().expect("collected");
        assert_eq!(digests.of(&path).expect("known"), "remembered", "a valid record stays");
        std::fs::write(&path, vec![2; 100_000]).expect("written");
        assert_eq!(digests.of(&path).expect("hashed"), sha256(&vec![2; 100_000]));
        digests.collect().expect("collected");
        assert_eq!(names(&digests.dir).expect("listed").len(), 0, "an outdated record goes");
    }
}
