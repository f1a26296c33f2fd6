//! System calls that nix does not wrap: the unsafe code of the agent, all of it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A child that ended: its PID, its raw wait status, what it used.
pub type Waited = (libc::pid_t, libc::c_int, libc::rusage);

/// wait4(2). `None` with WNOHANG if there is a child, but none that ended. Starts anew after a signal.
pub fn wait4(pid: libc::pid_t, options: libc::c_int) -> io::Result<Option<Waited>> {
    loop {
        let mut status = 0;
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: both pointers are to live, writable memory of the right types.
        let waited = unsafe { libc::wait4(pid, &raw mut status, options, usage.as_mut_ptr()) };
        match waited {
            0 => return Ok(None),
            // SAFETY: rusage is plain integers, for which zero bytes are valid, and the kernel filled it.
            1.. => return Ok(Some((waited, status, unsafe { usage.assume_init() }))),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

/// pidfd_open(2), since Linux 5.3: a descriptor that becomes readable when the process ends.
pub fn pidfd_open(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// From now on, SIGTERM and the death of the parent end this process's whole group at once.
pub fn end_group_with_parent() {
    extern "C" fn end_group(_: libc::c_int) {
        // SAFETY: kill(2) is async-signal-safe and takes integers; 0 is the group of the caller.
        unsafe { libc::kill(0, libc::SIGKILL) };
    }
    // In this order: until the second call, the parent's death means whatever it meant before.
    // SAFETY: the handler makes one async-signal-safe call and never returns to what it interrupts.
    unsafe { libc::signal(libc::SIGTERM, end_group as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    // SAFETY: integers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) };
}

/// Lets the kernel print only messages more urgent than `level` on the console (syslog(2), action 8).
pub fn set_console_loglevel(level: libc::c_int) -> io::Result<()> {
    const SYSLOG_ACTION_CONSOLE_LEVEL: libc::c_int = 8;
    // SAFETY: this action takes no buffer; the level goes where a length does otherwise.
    match unsafe { libc::klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, std::ptr::null_mut(), level) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// FIONREAD: how many bytes of a pipe nobody has read yet.
pub fn unread(pipe: BorrowedFd<'_>) -> io::Result<libc::c_int> {
    let mut count: libc::c_int = 0;
    // SAFETY: this request writes one int to the address that it is given.
    match unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut count) } {
        0 => Ok(count),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Brings an interface up (netdevice(7), `SIOCSIFFLAGS`).
pub fn bring_up(socket: &impl AsRawFd, name: &str) -> io::Result<()> {
    interface(
        socket,
        libc::SIOCSIFFLAGS,
        name,
        libc::__c_anonymous_ifr_ifru { ifru_flags: libc::IFF_UP as libc::c_short },
    )
}

/// Gives an interface its address and the mask of its network (netdevice(7), `SIOCSIFADDR`, `SIOCSIFNETMASK`).
pub fn set_address(
    socket: &impl AsRawFd,
    name: &str,
    address: std::net::Ipv4Addr,
    mask: std::net::Ipv4Addr,
) -> io::Result<()> {
    for (what, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
        // `struct sockaddr_in` as the general type: its port comes before the address.
        let [a, b, c, d] = value.octets().map(|byte| byte as libc::c_char);
        let sa_data = [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
        let ifru_addr = libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data };
        interface(socket, what, name, libc::__c_anonymous_ifr_ifru { ifru_addr })?;
    }
    Ok(())
}

fn interface(
    socket: &impl AsRawFd,
    what: libc::c_ulong,
    name: &str,
    value: libc::__c_anonymous_ifr_ifru,
) -> io::Result<()> {
    let mut request = libc::ifreq { ifr_name: [0; libc::IFNAMSIZ], ifr_ifru: value };
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the kernel reads an ifreq, which `request` is.
    match unsafe { libc::ioctl(socket.as_raw_fd(), what, &request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
