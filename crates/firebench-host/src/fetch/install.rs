//! Files that appear whole or not at all.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use firebench_image::digest::sha256;
use firebench_os::new_file::NewFile;
use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use super::data::entries;
use super::error::{FetchError, file_error};
use super::recorded;

/// What every directory for work in progress begins with.
const STAGING: &str = ".fetch-";

/// A directory for work in progress, locked while it is in use; removed when dropped.
#[derive(Debug)]
pub(super) struct Staging {
    dir: TempDir,
    _lock: Flock<File>,
}

impl Staging {
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Makes a directory for work in progress inside of `dir`, on the same file system as its destination; removes those that a
/// killed firebench left there.
pub(super) fn staging(dir: &Path) -> Result<Staging, FetchError> {
    fs::create_dir_all(dir).map_err(file_error("make", dir))?;
    let make = || -> io::Result<Staging> {
        // Nobody sweeps what is made, but not locked yet.
        let _making = locked(dir, FlockArg::LockExclusive)?;
        for left in entries(dir).filter(|path| path.file_name().is_some_and(is_staging)) {
            // Who holds the lock works there. What cannot be removed is in nobody's way.
            if let Ok(_lock) = locked(&left, FlockArg::LockExclusiveNonblock) {
                let _ = fs::remove_dir_all(&left);
            }
        }
        let staging = tempfile::Builder::new().prefix(STAGING).tempdir_in(dir)?;
        let lock = locked(staging.path(), FlockArg::LockExclusive)?;
        Ok(Staging { dir: staging, _lock: lock })
    };
    make().map_err(file_error("write into", dir))
}

fn is_staging(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(STAGING.as_bytes())
}

fn locked(path: &Path, how: FlockArg) -> io::Result<Flock<File>> {
    Flock::lock(File::open(path)?, how).map_err(|(_, error)| error.into())
}

/// Puts an executable at `path`: nobody sees it half written, and what was there before is replaced at once.
pub(super) fn executable(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(file_error("make", dir))?;
    let write = || -> io::Result<()> {
        let mut file = NewFile::in_dir(dir)?;
        file.write_all(bytes)?;
        file.permit(0o755)?;
        file.sync()?;
        file.persist(path)
    };
    write().map_err(file_error("write", path))
}

/// Puts a fetched executable at `path`, and its digest beside it. The digest comes first: a firebench that is killed in between
/// leaves what is refused and fetched again.
pub(super) fn fetched(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(file_error("make", dir))?;
    recorded::record(path, &sha256(bytes))?;
    executable(path, bytes)
}

/// Refuses bytes that do not have the digest `expected`, in either case of letters.
pub(super) fn check(what: &str, bytes: &[u8], expected: &str) -> Result<(), FetchError> {
    let found = sha256(bytes);
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(FetchError::Digest { what: what.to_owned(), expected: expected.to_ascii_lowercase(), found })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_executable_replaces_its_predecessor_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a/b/tool");
        executable(&path, b"one").expect("room");
        executable(&path, b"two").expect("room");
        assert_eq!(fs::read(&path).expect("there"), b"two");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(dir.path().join("a/b")).expect("there").count(), 1);
    }

    #[test]
    fn staging_ends_with_its_scope() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let staged = staging(&dir.path().join("x")).expect("room");
        fs::write(staged.path().join("file"), "").expect("room");
        drop(staged);
        assert_eq!(fs::read_dir(dir.path().join("x")).expect("there").count(), 0);
    }

    #[test]
    fn staging_sweeps_what_nobody_works_in() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in [".fetch-dead", "fetched"] {
            fs::create_dir(dir.path().join(name)).expect("room");
        }
        fs::write(dir.path().join(".fetch-dead/file"), "").expect("room");
        let (first, second) = (staging(dir.path()).expect("room"), staging(dir.path()).expect("room"));
        assert!(first.path().is_dir() && second.path().is_dir() && dir.path().join("fetched").is_dir());
        assert!(!dir.path().join(".fetch-dead").exists());
    }

    #[test]
    fn another_digest_is_refused() {
        let right = sha256(b"x");
        assert!(check("x", b"x", &right.to_ascii_uppercase()).is_ok());
        let error = check("the file", b"y", &right).expect_err("another digest");
        assert!(error.to_string().starts_with("the file has the SHA-256 "), "{error}");
    }
}
