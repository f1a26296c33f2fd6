//! A keeper: a process beside a VMM that becomes another user, which lets the kernel forget that the VMM should die with
//! firebench (`PR_SET_PDEATHSIG` in `prctl(2)`). It waits until firebench is gone and then ends the process group of the VMM,
//! and itself with it. Async-signal-safe calls only.

use std::io;
use std::os::fd::RawFd;

use crate::child::step::check;

/// Forks the keeper off the calling process, which has one thread. `pipe` must end with firebench and with nothing else.
pub(crate) fn leave_behind(pipe: RawFd) -> io::Result<()> {
    // Not the C library's fork, which would run its handlers.
    // SAFETY: like fork(2); the child makes system calls alone and never returns.
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) };
    match pid {
        0 => keep(pipe),
        pid => check(pid as libc::c_int),
    }
}

fn keep(pipe: RawFd) -> ! {
    // Nobody shall wait for the end of what this process holds open: the VMM's outputs, the report of its start.
    // SAFETY: integers only. Nothing in this process uses what is closed.
    unsafe {
        libc::syscall(libc::SYS_dup3, pipe, 0, 0);
        libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0);
    }
    let mut byte = 0u8;
    loop {
        // SAFETY: reads one byte at most into one that is there.
        let read = unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
        if read >= 0 {
            // SAFETY: integers only. Ends this process, too: it is in the group.
            unsafe { libc::kill(0, libc::SIGKILL) };
        }
    }
}
