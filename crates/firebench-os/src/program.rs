//! Where the programs of this machine are, and starting one that was just written.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the system keeps mke2fs and its like, outside of an ordinary user's PATH.
const SYSTEM_DIRS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The executable `name` on PATH, or in the system's directories, which ordinary users do not have there.
pub fn find_program(name: &str) -> Option<PathBuf> {
    find_program_in(name, std::env::var_os("PATH").as_deref())
}

fn find_program_in(name: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let on_path = path.map(std::env::split_paths).into_iter().flatten();
    on_path
        // An empty entry means the current directory: no place to take programs from.
        .filter(|dir| dir.is_absolute())
        .chain(SYSTEM_DIRS.map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

/// Whether `path` is a regular file with an executable bit.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// How long "text file busy" is waited out: it takes milliseconds, unless the machine is busy.
const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// Between two tries.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// The patience with a program that is busy.
///
/// A program that was just written cannot be executed while somebody has it open for writing (ETXTBSY, execve(2)). A process
/// that another thread forked while it was open has a copy of that descriptor until it executes its own program.
#[derive(Debug)]
pub struct Busy(Instant);

impl Busy {
    /// Patience from now on.
    pub fn from_now() -> Busy {
        Busy(Instant::now())
    }

    /// Whether to try again after this error; where so, a moment has passed.
    pub fn may_pass(&self, error: &io::Error) -> bool {
        let again = error.kind() == io::ErrorKind::ExecutableFileBusy && self.0.elapsed() < BUSY_LIMIT;
        if again {
            std::thread::sleep(BUSY_PAUSE);
        }
        again
    }
}

/// Starts a program, again and again while it is [`Busy`].
///
/// # Errors
/// The last try's.
pub fn start_unless_busy<T>(mut start: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let busy = Busy::from_now();
    loop {
        match start() {
            Err(error) if busy.may_pass(&error) => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::process::Command;

    #[test]
    fn a_busy_program_is_started_as_soon_as_it_is_free() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let program = dir.path().join("true");
        std::fs::copy("/bin/true", &program).expect("a copy");
        // Somebody has it open for writing until the third try.
        let writer = Cell::new(std::fs::File::options().append(true).open(&program).ok());
        let tries = Cell::new(0);
        let started = start_unless_busy(|| {
            tries.set(tries.get() + 1);
            if tries.get() == 3 {
                drop(writer.take());
            }
            Command::new(&program).status()
        });
        assert!(started.expect("it is free").success());
        assert!(tries.get() >= 3, "{}", tries.get());
    }

    #[test]
    fn other_errors_are_not_tried_again() {
        let tries = Cell::new(0);
        let outcome: io::Result<()> = start_unless_busy(|| {
            tries.set(tries.get() + 1);
            Err(io::Error::from(io::ErrorKind::NotFound))
        });
        assert!(outcome.is_err());
        assert_eq!(tries.get(), 1);
    }

    #[test]
    fn programs_are_looked_up_in_order_and_must_be_executable() {
        let dir = || tempfile::tempdir().expect("a temporary directory");
        let (first, second) = (dir(), dir());
        std::fs::write(first.path().join("tool"), "not executable").expect("room");
        std::fs::create_dir(first.path().join("other")).expect("room");
        let tool = second.path().join("tool");
        std::fs::write(&tool, "executable").expect("room");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("own file");
        let path = std::env::join_paths([first.path(), second.path()]).expect("plain paths");
        assert_eq!(find_program_in("tool", Some(&path)), Some(tool));
        assert_eq!(find_program_in("other", Some(&path)), None, "a directory is no program");
        assert_eq!(find_program_in("firebench-no-such-tool", None), None);
    }

    #[test]
    fn the_systems_programs_are_found_without_a_path() {
        assert!(find_program_in("mke2fs", None).expect("e2fsprogs is installed").is_absolute());
    }
}
