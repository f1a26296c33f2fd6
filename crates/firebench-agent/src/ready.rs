//! poll(2) over descriptors that may already be closed.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;

/// What to wait for: a descriptor to become readable, writable, or nothing.
#[derive(Clone, Copy)]
pub enum Interest<'a> {
    /// Readable, or at its end.
    Read(BorrowedFd<'a>),
    /// Writable, or without a reader.
    Write(BorrowedFd<'a>),
    /// Never ready.
    Closed,
}

/// Which of them are ready, after waiting up to `timeout` for one. None is after a signal.
pub fn ready<const N: usize>(interests: [Interest; N], timeout: PollTimeout) -> std::io::Result<[bool; N]> {
    let asked = |interest: &Interest<'_>| !matches!(interest, Interest::Closed);
    let mut descriptors: Vec<PollFd> = interests
        .iter()
        .filter_map(|interest| match *interest {
            Interest::Read(fd) => Some(PollFd::new(fd, PollFlags::POLLIN)),
            Interest::Write(fd) => Some(PollFd::new(fd, PollFlags::POLLOUT)),
            Interest::Closed => None,
        })
        .collect();
    match poll(&mut descriptors, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok([false; N]),
        Err(error) => return Err(error.into()),
    }
    let mut answers = descriptors.iter().map(|fd| fd.any().unwrap_or(true));
    Ok(interests.map(|interest| asked(&interest) && answers.next().unwrap_or(false)))
}
