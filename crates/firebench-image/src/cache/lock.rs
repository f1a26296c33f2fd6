//! Locks among processes: flock on a file that is there only to be locked.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::files::remove;
use crate::{Error, Result};

/// Time between two attempts while another one has the lock.
const RETRY: Duration = Duration::from_millis(100);

/// Who else may have the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Others that only read.
    Shared,
    /// No one.
    Exclusive,
}

impl Mode {
    fn argument(self) -> FlockArg {
        match self {
            Mode::Shared => FlockArg::LockSharedNonblock,
            Mode::Exclusive => FlockArg::LockExclusiveNonblock,
        }
    }
}

/// A lock that is held until it is dropped, or until its process ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: Flock<File>,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock if no one stands in the way.
    pub(super) fn try_take(path: &Path, mode: Mode) -> Result<Option<Lock>> {
        loop {
            let file = open(path, mode).map_err(Error::io("open the lock", path))?;
            match Flock::lock(file, mode.argument()) {
                Ok(file) if is_at(&file, path)? => return Ok(Some(Lock { file, path: path.to_owned() })),
                // Whoever had it removed the file meanwhile: this lock is worth nothing.
                Ok(_) | Err((_, Errno::EINTR)) => {}
                Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
                Err((_, error)) => return Err(Error::io("lock", path)(error.into())),
            }
        }
    }

    /// Takes the lock; calls `on_wait` again and again while someone stands in the way. Its error ends the waiting.
    pub(super) fn take(path: &Path, mode: Mode, on_wait: impl Fn() -> Result<()>) -> Result<Lock> {
        loop {
            if let Some(lock) = Lock::try_take(path, mode)? {
                return Ok(lock);
            }
            on_wait()?;
            std::thread::sleep(RETRY);
        }
    }

    /// Lets others read, too. The kernel may give the lock to another one in between, so what was seen under the
    /// exclusive lock must be looked at again; None when another one has it now.
    pub(super) fn share(self) -> Result<Option<Lock>> {
        match self.file.relock(FlockArg::LockSharedNonblock) {
            Ok(()) => Ok(Some(self)),
            Err(Errno::EWOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::io("lock", &self.path)(error.into())),
        }
    }

    /// Removes the lock's file; only for who holds it exclusively.
    pub(super) fn remove(self) -> Result<()> {
        remove(&self.path)
    }
}

/// Opens the file, and makes it where it is not there. Who only reads may do so on a read-only file system, where it
/// is there for everything that somebody made.
fn open(path: &Path, mode: Mode) -> io::Result<File> {
    match File::options().read(true).write(true).create(true).truncate(false).open(path) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem && mode == Mode::Shared => File::open(path),
        opened => opened,
    }
}

/// Whether `file` is still what lies at `path`.
fn is_at(file: &File, path: &Path) -> Result<bool> {
    let held = file.metadata().map_err(Error::io("look at", path))?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_and_exclusive() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("lock");
        let take = |mode| Lock::try_take(&path, mode).expect("no error");
        let first = take(Mode::Shared).expect("free");
        let second = take(Mode::Shared).expect("shared with the first");
        assert!(take(Mode::Exclusive).is_none());
        drop((first, second));
        let exclusive = take(Mode::Exclusive).expect("free");
        assert!(take(Mode::Shared).is_none());
        let shared = exclusive.share().expect("no error").expect("no one else");
        assert!(take(Mode::Shared).is_some());
        drop(shared);
        take(Mode::Exclusive).expect("free").remove().expect("removed");
        assert!(!path.exists());
        assert!(take(Mode::Exclusive).is_some(), "the file is made anew");
    }

    #[test]
    fn waiting_can_be_ended() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("lock");
        let held = Lock::try_take(&path, Mode::Exclusive).expect("no error");
        let waited = Lock::take(&path, Mode::Shared, || Err(Error::Cancelled));
        assert!(held.is_some() && matches!(waited, Err(Error::Cancelled)));
    }
}
