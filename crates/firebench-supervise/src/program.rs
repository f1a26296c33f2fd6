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
            "install its interpreter: the script's #! line, or the program's dynamic loader, names a file that does \
            not exist"
        }
        libc::ENOENT => "install it, or give another one",
        libc::EACCES if noexec => {
            let dir = program.parent().unwrap_or(program).display();
            return Some(format!(
                "{dir} is on a file system mounted noexec: remount it (mount -o remount,exec), or move the program"
            ));
        }
        libc::EACCES => "make the file executable (chmod +x), and its directories accessible",
        libc::ENOEXEC => "give a program for this machine (x86_64 Linux): this file is not one",
        libc::ETXTBSY => "another process is writing to the program: wait for it, or find it with fuser",
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
        assert!(said("/bin/sh", libc::ENOENT).contains("install its interpreter"));
        assert!(said("/nowhere/x", libc::ENOENT).contains("install it"));
        assert!(said("/noexec/x", libc::EACCES).starts_with("/noexec is on a file system mounted noexec"));
        assert!(said("/bin/sh", libc::EACCES).contains("chmod +x"));
        assert_eq!(said("/bin/sh", libc::EIO), "");
    }
}
