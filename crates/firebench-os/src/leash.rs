//! Programs that do not outlive this process, however it ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// Has the kernel kill the program when the thread that starts it ends, so that not even SIGKILL of this process leaves it
/// running: wait for it on that thread. What it starts itself is not held.
pub fn leash(command: &mut Command) -> &mut Command {
    let parent = Pid::this();
    let hold = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        // Whose parent died before that is held by nobody.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: prctl and getppid are system calls and nothing else, and making an error of errno allocates nothing.
    unsafe { command.pre_exec(hold) }
}

/// Has the system end the program where it writes a file of more than `most` bytes: nothing that it downloads, or says,
/// becomes larger. No core is written of it.
pub fn limit_files(command: &mut Command, most: u64) -> &mut Command {
    let limit = move || {
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE)?;
        setrlimit(Resource::RLIMIT_FSIZE, most.min(hard), most.min(hard)).map_err(io::Error::from)
    };
    // SAFETY: getrlimit and setrlimit are system calls and nothing else, and making an error of errno allocates nothing.
    unsafe { command.pre_exec(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_ends_with_the_thread_that_started_it() {
        let start = || leash(Command::new("sleep").arg("1000")).spawn();
        let mut program = std::thread::spawn(start).join().expect("a thread").expect("sleep starts");
        let status = program.wait().expect("a child");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(Signal::SIGKILL as i32));
    }

    #[test]
    fn a_program_that_writes_without_end_is_ended() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("file");
        let mut command = Command::new("cat");
        command.arg("/dev/zero").stdout(std::fs::File::create(&path).expect("room"));
        let status = limit_files(&mut command, 100_000).status().expect("cat starts");
        assert!(!status.success());
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 100_000);
    }
}
