//! A process namespace of a program's own, in which it is the first process: when that ends, by itself or by a kill, the kernel
//! ends all others in it, whatever session or group they have made for themselves. Made between fork and exec: async-signal-safe
//! calls only.
//!
//! Whoever calls `unshare` does not enter the namespace, its next child does. So the process that firebench knows stays outside,
//! waits for that child, and ends as it has ended.
//!
//! Source: `pid_namespaces(7)`.

use std::io;

use crate::child::step::check;

/// Goes on as the first process of the namespace, which the calling process, of one thread, has made. That itself never returns.
pub(crate) fn enter() -> io::Result<()> {
    let mut ends = [0; 2];
    // SAFETY: writes two descriptors to an array of two.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let [waits, lives] = ends;
    // Not the C library's fork, which would run its handlers.
    // SAFETY: like fork(2); either process makes system calls alone.
    let child = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } as libc::pid_t;
    match child {
        0 => die_with_the_one_outside(waits, lives),
        child if child < 0 => Err(io::Error::last_os_error()),
        child => stand_for(child, lives),
    }
}

/// In the namespace nobody sees the parent's id: a file that only the parent holds open shows whether it has died
/// already.
fn die_with_the_one_outside(waits: libc::c_int, lives: libc::c_int) -> io::Result<()> {
    // SAFETY: integers only; the descriptor is this process's copy.
    unsafe { libc::close(lives) };
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    let mut poll = libc::pollfd { fd: waits, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, on the stack.
    let ended = unsafe { libc::poll(&raw mut poll, 1, 0) };
    check(ended)?;
    if ended > 0 { Err(io::Error::from_raw_os_error(libc::ESRCH)) } else { Ok(()) }
}

/// Waits for the child and ends as it did.
fn stand_for(child: libc::pid_t, lives: libc::c_int) -> ! {
    // Nobody shall wait for the end of what this process holds open: the outputs, the report of the start.
    // SAFETY: integers only. Nothing in this process uses what is closed.
    unsafe {
        libc::syscall(libc::SYS_dup3, lives, 0, 0);
        libc::syscall(libc::SYS_close_range, 1, libc::c_uint::MAX, 0);
    }
    let mut status = 0;
    // SAFETY: writes an integer on the stack. EINTR alone is an error here.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {}
    if libc::WIFSIGNALED(status) {
        // SAFETY: integers only.
        unsafe { libc::kill(libc::getpid(), libc::WTERMSIG(status)) };
    }
    // SAFETY: ends the process, without handlers.
    unsafe { libc::_exit(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 1 }) }
}

/// Gives up, for the program to come and all that it starts, every right of root but that to look for and read files: it cannot
/// undo what holds it.
pub(crate) fn renounce() -> io::Result<()> {
    const CAP_DAC_READ_SEARCH: libc::c_int = 2;
    const LAST_POSSIBLE: libc::c_int = 63;
    // SAFETY: integers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    for capability in (0..=LAST_POSSIBLE).filter(|&capability| capability != CAP_DAC_READ_SEARCH) {
        // Who has no right to do so is not root, or has none of these. Of those that the kernel does not know nothing is left.
        // SAFETY: integers only.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
    Ok(())
}
