//! Cleans up after a firebench that was killed before it could do so itself.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, openat};
use nix::sys::stat::Mode;

use crate::cgroup::{self, Cgroup};
use crate::rundir::{CGROUPS, LOCK, NEW_PREFIX, RUN_PREFIX, RunDirError, open_own, trusted, users_prefix};

/// What a sweep found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Directories of dead runs, removed.
    pub runs: Vec<PathBuf>,
    /// Their control groups, killed and removed.
    pub cgroups: Vec<PathBuf>,
    /// Runs whose owner lives.
    pub alive: usize,
    /// What could not be removed, and why.
    pub problems: Vec<String>,
}

/// Removes what dead firebench processes of this user left below `base`: their run directories, and the control groups
/// that those name, with every process in them. Who is alive, and who is just being born, is left alone. Empty control groups
/// of dead firebenches go, too, whose directory somebody else has removed.
///
/// # Errors
/// [`RunDirError`] when `base` cannot be read, or others could move what is in it.
pub fn sweep(base: &Path) -> Result<SweepReport, RunDirError> {
    for own in cgroup::places() {
        remove_empty_groups(&own, lives);
    }
    let mut report = SweepReport::default();
    let base = match trusted(base) {
        Err(RunDirError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(report),
        base => base?,
    };
    let prefix = users_prefix();
    for entry in fs::read_dir(&base).map_err(RunDirError::io(&base))? {
        let entry = entry.map_err(RunDirError::io(&base))?;
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix(&prefix)) else { continue };
        let newborn = name.starts_with(NEW_PREFIX);
        if !newborn && !name.starts_with(RUN_PREFIX) {
            continue;
        }
        let path = entry.path();
        // Anybody can make something of that name where all may write.
        let Ok(directory) = open_own(&path) else { continue };
        if newborn && process_in(name, NEW_PREFIX).is_some_and(lives) {
            report.alive = report.alive.saturating_add(1);
            continue;
        }
        match claim(&directory) {
            Ok(Claim::Alive) => report.alive = report.alive.saturating_add(1),
            Ok(Claim::Dead(_lock)) => bury(&path, &mut report),
            Err(error) => report.problems.push(format!("cannot list {}: {error}", path.display())),
        }
    }
    Ok(report)
}

enum Claim {
    /// Somebody holds its lock: its owner, or another sweep.
    Alive,
    /// Nobody does, and now we hold it, so that one sweep alone clears it away.
    Dead(Option<Flock<File>>),
}

/// Finds out whether the run in `directory` has an owner. One that is being born is not locked for a moment of its life, in which
/// nobody else must try its lock: that would be in its owner's way. Whether the process in its name lives is good enough for those
/// microseconds: a mistake leaves an empty directory for longer.
fn claim(directory: &OwnedFd) -> io::Result<Claim> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let lock = match openat(directory, LOCK, flags, Mode::empty()) {
        Ok(lock) => File::from(lock),
        // A run is locked before it bears its name, so this one's removal was under way when its owner died. (Or
        // is: two that remove the same do no harm.)
        Err(Errno::ENOENT) => return Ok(Claim::Dead(None)),
        Err(error) => return Err(error.into()),
    };
    match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Claim::Dead(Some(lock))),
        Err((_, Errno::EWOULDBLOCK)) => Ok(Claim::Alive),
        Err((_, error)) => Err(error.into()),
    }
}

/// The process id that follows `prefix` in a name.
pub(crate) fn process_in(name: &str, prefix: &str) -> Option<i32> {
    let pid = name.strip_prefix(prefix)?.split('-').next()?.parse().ok()?;
    (pid > 0).then_some(pid)
}

fn lives(pid: i32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Removes the control groups in `directory` that are ours, of no process that lives, and empty: the kernel removes no others.
fn remove_empty_groups(directory: &Path, lives: impl Fn(i32) -> bool) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().and_then(|name| process_in(name, cgroup::PREFIX)).is_some_and(|pid| !lives(pid)) {
            // One that is in use, or another sweep's already, stays as it is.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Ends and removes what the dead run at `path` left.
fn bury(path: &Path, report: &mut SweepReport) {
    let recorded = fs::read(path.join(CGROUPS)).unwrap_or_default();
    let before = report.problems.len();
    for line in recorded.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let cgroup_path = Path::new(OsStr::from_bytes(line));
        let Some(cgroup) = Cgroup::leftover(cgroup_path) else { continue };
        match cgroup.remove() {
            Ok(()) => report.cgroups.push(cgroup_path.to_owned()),
            Err(error) => report.problems.push(format!("cannot remove {}: {error}", cgroup_path.display())),
        }
    }
    if report.problems.len() > before {
        // The directory alone knows of the group: it stays for the next sweep.
        return;
    }
    match fs::remove_dir_all(path) {
        Ok(()) => report.runs.push(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => report.problems.push(format!("cannot remove {}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::rundir::RunDir;

    fn base() -> tempfile::TempDir {
        tempfile::tempdir().expect("temporary directory")
    }

    /// A run directory as a killed owner leaves it.
    fn dead_run(base: &Path, name: &str) -> PathBuf {
        let path = base.join(format!("{}{name}", users_prefix()));
        fs::create_dir_all(path.join("boot-0")).expect("directory");
        fs::write(path.join(LOCK), "").expect("lock");
        fs::write(path.join("boot-0/firecracker.json"), "{}").expect("file");
        path
    }

    #[test]
    fn empty_groups_of_the_dead_are_removed() {
        let directory = tempfile::tempdir().expect("temporary directory");
        for name in ["firebench-7-dead-0", "firebench-8-alive-0", "firebench-9-full-0/x", "firebench-x", "system.slice"]
        {
            fs::create_dir_all(directory.path().join(name)).expect("directory");
        }
        remove_empty_groups(directory.path(), |pid| pid == 8);
        let mut left: Vec<_> =
            fs::read_dir(directory.path()).expect("list").map(|entry| entry.expect("entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["firebench-8-alive-0", "firebench-9-full-0", "firebench-x", "system.slice"]);
    }

    /// Where this process may make them: on most computers not without root.
    #[test]
    fn they_are_removed_wherever_firebench_makes_them() {
        let mut gone = std::process::Command::new("true").spawn().expect("true runs");
        gone.wait().expect("it ends");
        let name = format!("{}{}-forgotten-0", cgroup::PREFIX, gone.id());
        let left: Vec<_> = cgroup::places().map(|place| place.join(&name)).collect();
        let left: Vec<_> = left.into_iter().filter(|group| fs::create_dir(group).is_ok()).collect();
        sweep(base().path()).expect("a base");
        assert!(left.iter().all(|group| !group.exists()), "{left:?}");
    }

    #[test]
    fn a_base_in_which_others_can_move_things_is_left_alone() {
        let base = base();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).expect("mode");
        let dead = dead_run(base.path(), "dead");
        assert!(matches!(sweep(base.path()), Err(RunDirError::Untrusted { .. })));
        assert!(dead.exists());
    }

    #[test]
    fn nothing_to_sweep() {
        assert_eq!(sweep(base().path()).expect("sweep"), SweepReport::default());
    }

    #[test]
    fn the_dead_go_and_the_living_stay() {
        let base = base();
        let living = RunDir::create(base.path()).expect("run directory");
        let dead = dead_run(base.path(), "run-1-abcdefgh");
        let half_removed = base.path().join(format!("{}run-1-halfgone", users_prefix()));
        fs::create_dir(&half_removed).expect("directory");
        let report = sweep(base.path()).expect("sweep");
        assert_eq!(report.alive, 1);
        assert_eq!(report.runs.len(), 2, "{report:?}");
        assert!(report.problems.is_empty(), "{report:?}");
        assert!(living.path().is_dir());
        assert!(!dead.exists() && !half_removed.exists());
        drop(living);
        assert_eq!(fs::read_dir(base.path()).expect("list").count(), 0);
    }

    #[test]
    fn one_that_is_being_born_is_left_alone() {
        let base = base();
        let living = dead_run(base.path(), &format!("new-{}-abcdefgh", std::process::id()));
        // Above the kernel's largest process id (PID_MAX_LIMIT, 2^22).
        let dead = dead_run(base.path(), "new-4194999-abcdefgh");
        let report = sweep(base.path()).expect("sweep");
        assert_eq!((report.alive, report.runs), (1, vec![dead]));
        assert!(living.is_dir());
    }

    #[test]
    fn runs_come_and_go_while_others_sweep() {
        let base = base();
        let sweeping = std::sync::atomic::AtomicBool::new(true);
        let ordering = std::sync::atomic::Ordering::Relaxed;
        std::thread::scope(|scope| {
            let runs = || {
                for number in 0..100 {
                    let run = RunDir::create(base.path()).expect("run directory");
                    let boot = run.boot_dir(number).expect("boot directory");
                    std::thread::yield_now();
                    assert!(boot.is_dir() && run.path().join(LOCK).is_file(), "swept while alive");
                }
            };
            let runners = [scope.spawn(runs), scope.spawn(runs), scope.spawn(runs)];
            scope.spawn(|| {
                while sweeping.load(ordering) {
                    // One that ends at this moment may be counted as dead, or fail to be looked into: no harm.
                    let _ = sweep(base.path());
                }
            });
            let results = runners.map(std::thread::ScopedJoinHandle::join);
            sweeping.store(false, ordering);
            assert!(results.iter().all(Result::is_ok));
        });
        assert_eq!(fs::read_dir(base.path()).expect("list").count(), 0);
    }

    #[test]
    fn links_and_strangers_are_not_followed() {
        let base = base();
        let outside = base.path().join("outside");
        fs::create_dir(&outside).expect("directory");
        fs::write(outside.join("precious"), "").expect("file");
        let run = dead_run(base.path(), "run-1-abcdefgh");
        symlink(&outside, run.join("link")).expect("link");
        fs::write(run.join(CGROUPS), format!("{}\n", outside.display())).expect("file");
        let stranger = base.path().join(format!("{}something-else", users_prefix()));
        fs::create_dir(&stranger).expect("directory");
        let named = base.path().join(format!("{}run-2-abcdefgh", users_prefix()));
        symlink(&outside, &named).expect("link");
        let report = sweep(base.path()).expect("sweep");
        assert_eq!((report.runs, report.cgroups), (vec![run], vec![]));
        assert!(outside.join("precious").exists() && stranger.exists() && named.exists());
    }
}
