//! Where the programs of this machine are.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::leash::leash;

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

/// How a program that the user names is asked: with these arguments, to its end. Returns what it printed.
pub type Ask = fn(&Path, &[&str]) -> io::Result<Vec<u8>>;

/// Asks it as a child of this process, without environment and input. Whoever does not trust the program asks in another way.
///
/// # Errors
/// When it does not start, or fails.
pub fn ask_as_a_child(path: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    let mut command = Command::new(path);
    command.args(arguments).env_clear().stdin(Stdio::null());
    let output = leash(&mut command).output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(output.status.to_string())) }
}

/// Whether `path` is a regular file with an executable bit.
pub fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

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
