//! Programs that do not start: what passes by itself, and what helps with the rest.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::access::on_noexec;

/// How long "text file busy" (ETXTBSY, execve(2)) is waited out: a program that was just written cannot be executed while somebody
/// has it open for writing, and a process that another thread forked meanwhile has a copy of that descriptor until it executes its
/// own program. That takes milliseconds, unless the machine is busy.
pub(crate) const BUSY_LIMIT: Duration = Duration::from_secs(2);
/// Between two tries.
pub(crate) const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Whether a program could not be started because somebody has it open for writing.
pub(crate) fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ExecutableFileBusy
}

/// What the user can do about a program that the system refuses to execute.
pub fn help(program: &Path, error: &io::Error) -> Option<String> {
    advice(program, error.raw_os_error()?, on_noexec(program))
}

fn advice(program: &Path, code: i32, noexec: bool) -> Option<String> {
    let help = match code {
        libc::ENOENT if program.exists() => {
            "its interpreter is missing: the #! line of a script, or the loader of a dynamic program, names a file that is not here"
        }
        libc::ENOENT => "install it, or name another one",
        libc::EACCES if noexec => {
            let dir = program.parent().unwrap_or(program).display();
            return Some(format!(
                "{dir} is on a file system that is mounted noexec: mount it without (mount -o remount,exec), or move the program"
            ));
        }
        libc::EACCES => "make the file executable (chmod +x), and its directories accessible",
        libc::ENOEXEC => "the file is not a program for this machine (x86_64 Linux)",
        libc::ETXTBSY => "another process is writing to the program: wait for it, or see who with fuser",
        _ => return None,
    };
    Some(help.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_help() {
        let said =
            |program: &str, code| advice(Path::new(program), code, program.contains("noexec")).unwrap_or_default();
        assert!(said("/bin/sh", libc::ENOENT).contains("interpreter is missing"));
        assert!(said("/nowhere/x", libc::ENOENT).contains("install it"));
        assert!(said("/noexec/x", libc::EACCES).starts_with("/noexec is on a file system that is mounted noexec"));
        assert!(said("/bin/sh", libc::EACCES).contains("chmod +x"));
        assert_eq!(said("/bin/sh", libc::EIO), "");
    }
}
