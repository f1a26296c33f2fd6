//! Programs that do not outlive this process, however it ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
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
}
