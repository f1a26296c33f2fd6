//! The directory of one firebench process for what lives no longer than its run: launch files, job initramfs, logs.
//!
//! `BASE/firebench-UID/run-PID-TOKEN/`, mode 0700. Its file `lock` is held through flock as long as the owner lives, so
//! that [`sweep`](crate::sweep()) tells the dead from the living without trusting process ids; its file `cgroups`
//! names the control groups that the owner makes. Other users can write BASE (usually `/tmp`): what is not a plain
//! directory of this user alone is refused, not followed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Of the directories of runs, inside of the user's.
pub(crate) const RUN_PREFIX: &str = "run-";
/// Of one that is being made.
pub(crate) const NEW_PREFIX: &str = "new-";
/// The file that the owner keeps locked.
pub(crate) const LOCK: &str = "lock";
/// The file that names the owner's control groups.
pub(crate) const CGROUPS: &str = "cgroups";

/// A directory for temporary files that cannot be had.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RunDirError {
    /// Somebody else could read or change what is in it.
    #[error("{path:?} cannot be trusted with temporary files: {reason}")]
    #[diagnostic(help("remove it, or set TMPDIR to a directory of your own"))]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// It cannot be made or read.
    #[error("cannot use {path:?} for temporary files")]
    #[diagnostic(help("set TMPDIR to a directory that exists, has room and can be written"))]
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
    /// Unlocked after the directory is gone: fields are dropped after [`Drop::drop`].
    _lock: Flock<File>,
}

impl RunDir {
    /// Makes a new one below `base`, the system's directory for temporary files.
    ///
    /// # Errors
    /// [`RunDirError`] when `base` cannot be written, or what is there belongs to somebody else.
    pub fn create(base: &Path) -> Result<RunDir, RunDirError> {
        // Whoever ends last removes the user's directory, perhaps between our making it and making ours in it.
        const TRIES: u32 = 10;
        let mut left = 1..TRIES;
        loop {
            match RunDir::try_create(base) {
                Err(RunDirError::Io { source, .. })
                    if source.kind() == io::ErrorKind::NotFound && left.next().is_some() => {}
                result => return result,
            }
        }
    }

    fn try_create(base: &Path) -> Result<RunDir, RunDirError> {
        let users = users_dir(base);
        match DirBuilder::new().mode(0o700).create(&users) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(RunDirError::io(&users)(error)),
            _ => trust(&users)?,
        }
        let pid = std::process::id();
        let prefix = format!("{NEW_PREFIX}{pid}-");
        let private = fs::Permissions::from_mode(0o700);
        let new = tempfile::Builder::new().prefix(&prefix).rand_bytes(8).permissions(private).tempdir_in(&users);
        let new = new.map_err(RunDirError::io(&users))?;
        let lock_path = new.path().join(LOCK);
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock_path);
        let lock = lock.map_err(RunDirError::io(&lock_path))?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| RunDirError::io(&lock_path)(error.into()))?;
        let name = new.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let token = name.strip_prefix(&prefix).unwrap_or_default().to_owned();
        // From here on it is seen, and it is locked already.
        let path = users.join(format!("{RUN_PREFIX}{pid}-{token}"));
        fs::rename(new.path(), &path).map_err(RunDirError::io(&path))?;
        // Moved away: nothing is left to remove where it was.
        let _ = new.keep();
        Ok(RunDir { path, token, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells this run from every other one of the same process id.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Makes the directory `boot-N`, for [`Paths::work_dir`](crate::Paths::work_dir). Each number serves once. The
    /// caller may remove it after the boot; it goes with the run at the latest.
    ///
    /// # Errors
    /// When it exists already, or cannot be made.
    pub fn boot_dir(&self, number: u32) -> io::Result<PathBuf> {
        let path = self.path.join(format!("boot-{number}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Notes that the control group `path` is about to be made, so that it is found if this process is killed.
    pub(crate) fn record_cgroup(&self, path: &Path) -> io::Result<()> {
        let mut line = path.as_os_str().as_bytes().to_vec();
        line.push(b'\n');
        OpenOptions::new().append(true).create(true).mode(0o600).open(self.path.join(CGROUPS))?.write_all(&line)
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        // Nobody is left to tell. What cannot be removed now, the next sweep tries again.
        let _ = fs::remove_dir_all(&self.path);
        remove_if_empty(self.path.parent());
    }
}

/// Removes the user's directory after its last run: other runs in it keep it.
pub(crate) fn remove_if_empty(users: Option<&Path>) {
    if let Some(users) = users {
        let _ = fs::remove_dir(users);
    }
}

/// The directory of the runs of this user.
pub(crate) fn users_dir(base: &Path) -> PathBuf {
    base.join(format!("firebench-{}", nix::unistd::geteuid()))
}

/// Makes sure that `users` is a directory, no symbolic link, and nobody else's. As its parent is sticky (or ours), no
/// other user can then put something else in its place.
pub(crate) fn trust(users: &Path) -> Result<(), RunDirError> {
    let untrusted = |reason| RunDirError::Untrusted { path: users.to_owned(), reason };
    let metadata = fs::symlink_metadata(users).map_err(RunDirError::io(users))?;
    if !metadata.is_dir() {
        return Err(untrusted("it is no directory"));
    }
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(untrusted("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(untrusted("others may enter it (its mode is not 0700)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn it_is_private_and_leaves_nothing() {
        let base = tempfile::tempdir().expect("temporary directory");
        let run = RunDir::create(base.path()).expect("run directory");
        let mode = |path: &Path| fs::metadata(path).expect("metadata").mode() & 0o7777;
        assert_eq!(mode(run.path()), 0o700);
        assert_eq!(mode(run.path().parent().expect("parent")), 0o700);
        let boot = run.boot_dir(3).expect("boot directory");
        assert_eq!(boot, run.path().join("boot-3"));
        assert_eq!(mode(&boot), 0o700);
        assert_eq!(run.boot_dir(3).expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        fs::write(boot.join("file"), "text").expect("write");
        let second = RunDir::create(base.path()).expect("second run directory");
        assert_ne!(second.path(), run.path());
        drop(run);
        assert!(second.path().is_dir());
        drop(second);
        assert_eq!(fs::read_dir(base.path()).expect("list").count(), 0);
    }

    #[test]
    fn what_others_control_is_refused() {
        let base = tempfile::tempdir().expect("temporary directory");
        let users = users_dir(base.path());
        let target = base.path().join("elsewhere");
        fs::create_dir(&target).expect("directory");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).expect("mode");
        symlink(&target, &users).expect("link");
        assert!(matches!(RunDir::create(base.path()), Err(RunDirError::Untrusted { .. })), "a symbolic link");
        assert_eq!(fs::read_dir(&target).expect("list").count(), 0, "nothing went through the link");
        fs::remove_file(&users).expect("unlink");
        fs::create_dir(&users).expect("directory");
        fs::set_permissions(&users, fs::Permissions::from_mode(0o770)).expect("mode");
        assert!(matches!(RunDir::create(base.path()), Err(RunDirError::Untrusted { .. })), "a shared directory");
        if nix::unistd::geteuid().is_root() {
            fs::set_permissions(&users, fs::Permissions::from_mode(0o700)).expect("mode");
            std::os::unix::fs::chown(&users, Some(65534), None).expect("owner");
            assert!(matches!(RunDir::create(base.path()), Err(RunDirError::Untrusted { .. })), "somebody else's");
        }
    }

    #[test]
    fn a_base_that_is_missing_is_an_error() {
        let base = tempfile::tempdir().expect("temporary directory");
        let missing = base.path().join("missing");
        assert!(matches!(RunDir::create(&missing), Err(RunDirError::Io { .. })));
    }
}
