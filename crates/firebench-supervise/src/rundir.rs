//! The directory of one firebench process for what lives no longer than its run: launch files, job initramfs, logs.
//!
//! `BASE/firebench-UID-run-PID-TOKEN/`, mode 0700. TOKEN is random, so nobody can take the name before. The file `lock` in it is
//! held through flock as long as the owner lives, so that [`sweep`](crate::sweep()) tells the dead from the living without
//! trusting process ids; its file `cgroups` names the control groups that the owner makes.
//!
//! Other users can write BASE (usually `/tmp`). It is refused where they could move what is in it, and what firebench writes
//! goes through a descriptor of the directory, into new files, through no symbolic link.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::sys::stat::{Mode, mkdirat};

use crate::ownership::{Distrust, Trust};

/// Of the directories of runs, after that of the user.
pub(crate) const RUN_PREFIX: &str = "run-";
/// Of one that is being made.
pub(crate) const NEW_PREFIX: &str = "new-";
/// The file that the owner keeps locked.
pub(crate) const LOCK: &str = "lock";
/// The file that names the owner's control groups.
pub(crate) const CGROUPS: &str = "cgroups";
/// The mode of a file that only its owner reads and writes.
const PRIVATE: Mode = Mode::from_bits_truncate(0o600);

/// A directory for temporary files that cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunDirError {
    /// Somebody else could move or replace what is in it.
    #[error("cannot trust {path:?} with temporary files")]
    #[diagnostic(help("set TMPDIR to a directory of your own, or to one with the sticky bit, such as /tmp"))]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
    /// It cannot be made or read.
    #[error("cannot use {path:?} for temporary files")]
    #[diagnostic(help("set TMPDIR to a directory that exists, is writable and has free space"))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunDirError {
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> RunDirError {
        move |source| RunDirError::Io { path: path.to_owned(), source }
    }
}

/// A directory of this process, removed when dropped. Keep it longer than the VMs whose files are in it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    token: String,
    directory: OwnedFd,
    /// Unlocked after the directory is gone: fields are dropped after [`Drop::drop`].
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes a new one in `base`, the system's directory for temporary files.
    ///
    /// # Errors
    /// [`RunDirError`] when `base` cannot be written, or others could move what is in it.
    pub fn create(base: &Path) -> Result<RunDir, RunDirError> {
        let base = trusted(base)?;
        let pid = std::process::id();
        let prefix = format!("{}{NEW_PREFIX}{pid}-", users_prefix());
        let private = fs::Permissions::from_mode(0o700);
        let new = tempfile::Builder::new().prefix(&prefix).rand_bytes(8).permissions(private).tempdir_in(&base);
        let new = new.map_err(RunDirError::io(&base))?;
        let directory = open_own(new.path()).map_err(RunDirError::io(new.path()))?;
        let lock_path = new.path().join(LOCK);
        let lock = create_at(&directory, OsStr::new(LOCK)).map_err(RunDirError::io(&lock_path))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| RunDirError::io(&lock_path)(error.into()))?;
        let name = new.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let token = name.strip_prefix(&prefix).unwrap_or_default().to_owned();
        // From here on it is seen, and it is locked already.
        let path = base.join(format!("{}{RUN_PREFIX}{pid}-{token}", users_prefix()));
        fs::rename(new.path(), &path).map_err(RunDirError::io(&path))?;
        // Moved away: nothing is left to remove where it was.
        let _ = new.keep();
        Ok(RunDir { path, token, directory, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What distinguishes this run from every other one with the same process id.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Makes the directory `boot-N`, for [`Paths::work_dir`](firebench_vmm::Paths::work_dir). Each number serves once. The
    /// caller may remove it after the boot; it goes with the run at the latest.
    ///
    /// # Errors
    /// When it exists already, or cannot be made.
    pub fn boot_dir(&self, number: u32) -> io::Result<PathBuf> {
        let name = format!("boot-{number}");
        mkdirat(&self.directory, name.as_str(), Mode::S_IRWXU)?;
        Ok(self.path.join(name))
    }

    /// Writes a new file at `path`, which lies in this directory; through no symbolic link.
    ///
    /// # Errors
    /// When there is something at `path`, or it lies elsewhere, or cannot be written.
    pub fn write_new(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "it is not in the directory of the run");
        let within = path.strip_prefix(&self.path).map_err(|_| invalid())?;
        let mut names = Vec::new();
        for component in within.components() {
            match component {
                Component::Normal(name) => names.push(name),
                _ => return Err(invalid()),
            }
        }
        let (name, directories) = names.split_last().ok_or_else(invalid)?;
        let mut directory = self.directory.try_clone()?;
        for inner in directories {
            directory = openat(&directory, *inner, DIRECTORY, Mode::empty())?;
        }
        create_at(&directory, name)?.write_all(contents)
    }

    /// Notes that the control group `path` is about to be made, so that it is found if this process is killed.
    pub(crate) fn record_cgroup(&self, path: &Path) -> io::Result<()> {
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(b'\n');
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        File::from(openat(&self.directory, CGROUPS, flags, PRIVATE)?).write_all(&line)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // Nobody is left to tell. What cannot be removed now, the next sweep tries again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// How directories are opened.
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Makes a file of the name `name`, which nothing has yet, in `directory`.
fn create_at(directory: impl AsFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(directory, name, flags, PRIVATE)?.into())
}

/// Opens a directory of this user, no symbolic link to one.
pub(crate) fn open_own(path: &Path) -> io::Result<OwnedFd> {
    let directory = nix::fcntl::open(path, DIRECTORY, Mode::empty())?;
    let metadata = File::from(directory.try_clone()?).metadata()?;
    if metadata.uid() == nix::unistd::geteuid().as_raw() {
        Ok(directory)
    } else {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"))
    }
}

/// What the names of this user's directories begin with.
pub(crate) fn users_prefix() -> String {
    format!("firebench-{}-", nix::unistd::geteuid())
}

/// `base` without symbolic links, when nobody else can move what firebench puts there.
pub(crate) fn trusted(base: &Path) -> Result<PathBuf, RunDirError> {
    Trust::own().place(base).map_err(|distrust| match distrust {
        Distrust::Io { path, source } => RunDirError::Io { path, source },
        source => RunDirError::Untrusted { path: base.to_owned(), source },
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("metadata").mode() & 0o7777
    }

    #[test]
    fn it_is_private_and_leaves_nothing() {
        let base = tempfile::tempdir().expect("temporary directory");
        let run = RunDir::create(base.path()).expect("run directory");
        assert_eq!(mode(run.path()), 0o700);
        let boot = run.boot_dir(3).expect("boot directory");
        assert_eq!(boot, run.path().join("boot-3"));
        assert_eq!(mode(&boot), 0o700);
        assert_eq!(run.boot_dir(3).expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        run.write_new(&boot.join("file"), b"text").expect("write");
        assert_eq!((fs::read(boot.join("file")).expect("read"), mode(&boot.join("file"))), (b"text".to_vec(), 0o600));
        let second = RunDir::create(base.path()).expect("second run directory");
        assert_ne!(second.path(), run.path());
        drop(run);
        assert!(second.path().is_dir());
        drop(second);
        assert_eq!(fs::read_dir(base.path()).expect("list").count(), 0);
    }

    #[test]
    fn links_that_somebody_planted_are_not_followed() {
        let base = tempfile::tempdir().expect("temporary directory");
        let precious = base.path().join("precious");
        fs::write(&precious, "precious").expect("file");
        let run = RunDir::create(base.path()).expect("run directory");
        symlink(&precious, run.path().join("file")).expect("link");
        symlink(base.path(), run.path().join("boot-0")).expect("link");
        symlink(&precious, run.path().join(CGROUPS)).expect("link");
        assert!(run.write_new(&run.path().join("file"), b"x").is_err());
        assert!(run.write_new(&run.path().join("boot-0/new"), b"x").is_err());
        assert!(run.write_new(&run.path().join("../new"), b"x").is_err());
        assert!(run.write_new(&precious, b"x").is_err());
        assert!(run.record_cgroup(Path::new("/x")).is_err());
        assert!(run.boot_dir(0).is_err());
        assert_eq!(fs::read(&precious).expect("there"), b"precious");
        assert!(!base.path().join("new").exists());
    }

    #[test]
    fn what_is_exchanged_under_a_run_gets_nothing() {
        let base = tempfile::tempdir().expect("temporary directory");
        let run = RunDir::create(base.path()).expect("run directory");
        let moved = base.path().join("moved");
        fs::rename(run.path(), &moved).expect("moved");
        fs::create_dir(run.path()).expect("another one");
        run.write_new(&run.path().join("file"), b"text").expect("write");
        assert_eq!(fs::read(moved.join("file")).expect("in the true one"), b"text");
        assert_eq!(fs::read_dir(run.path()).expect("list").count(), 0);
    }

    #[test]
    fn a_base_in_which_others_can_move_things_is_refused() {
        let base = tempfile::tempdir().expect("temporary directory");
        let refused = |path: &Path| {
            let error = RunDir::create(path).expect_err("refused");
            assert!(matches!(error, RunDirError::Untrusted { .. }), "{error:?}");
            assert_eq!(fs::read_dir(path).expect("list").count(), 0, "nothing was made");
        };
        let shared = base.path().join("shared");
        fs::create_dir(&shared).expect("directory");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).expect("mode");
        refused(&shared);
        let inner = shared.join("inner");
        fs::create_dir(&inner).expect("directory");
        refused(&inner);
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("mode");
        drop(RunDir::create(&shared).expect("as /tmp is"));
        if nix::unistd::geteuid().is_root() {
            chown(&inner, Some(65534), None).expect("owner");
            refused(&inner);
        }
    }

    #[test]
    fn names_that_others_have_taken_are_in_nobodys_way() {
        let base = tempfile::tempdir().expect("temporary directory");
        for name in [format!("firebench-{}", nix::unistd::geteuid()), format!("{}run-1-abcdefgh", users_prefix())] {
            let taken = base.path().join(name);
            fs::create_dir(&taken).expect("directory");
            fs::set_permissions(&taken, fs::Permissions::from_mode(0o777)).expect("mode");
            if nix::unistd::geteuid().is_root() {
                chown(&taken, Some(65534), None).expect("owner");
            }
        }
        drop(RunDir::create(base.path()).expect("run directory"));
    }

    #[test]
    fn a_base_that_is_missing_is_an_error() {
        let base = tempfile::tempdir().expect("temporary directory");
        let missing = base.path().join("missing");
        assert!(matches!(RunDir::create(&missing), Err(RunDirError::Io { .. })));
    }
}
