//! An interface of a network namespace: its name, and how it is set through a socket.

use std::io;
use std::net::Ipv4Addr;

use crate::child::step::check;

/// The name of an interface, ended by NUL.
pub(crate) type Name = [libc::c_char; libc::IFNAMSIZ];

/// The name of an interface; `None` where the kernel would not take it.
pub(crate) fn name(name: &str) -> Option<Name> {
    let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
    // The kernel also refuses slashes, colons and white space, and takes `%` for a pattern.
    if !fits || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return None;
    }
    let mut padded = [0; libc::IFNAMSIZ];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Some(padded)
}

/// A socket of the network namespace of the calling process, whose interfaces can be asked and set through it.
pub(super) fn datagram_socket() -> io::Result<libc::c_int> {
    // SAFETY: integers only.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(socket).map(|()| socket)
}

/// Sets something of an interface.
pub(crate) fn socket_ioctl(
    socket: libc::c_int,
    what: libc::Ioctl,
    name: &Name,
    value: libc::__c_anonymous_ifr_ifru,
) -> io::Result<()> {
    let request = libc::ifreq { ifr_name: *name, ifr_ifru: value };
    // SAFETY: the kernel reads and writes an ifreq, which `request` is.
    check(unsafe { libc::ioctl(socket, what, &request) })
}

/// Asks something of an interface.
pub(crate) fn ask(socket: libc::c_int, what: libc::Ioctl, name: &Name) -> io::Result<libc::__c_anonymous_ifr_ifru> {
    let mut request = libc::ifreq { ifr_name: *name, ifr_ifru: flags(0) };
    // SAFETY: the kernel reads and writes an ifreq, which `request` is.
    check(unsafe { libc::ioctl(socket, what, &raw mut request) }).map(|()| request.ifr_ifru)
}

/// `struct sockaddr_in` as the general type: its port comes before the address.
pub(crate) fn internet(address: Ipv4Addr) -> libc::sockaddr {
    let [a, b, c, d] = address.octets().map(|byte| byte as libc::c_char);
    libc::sockaddr { sa_family: libc::AF_INET as _, sa_data: [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0] }
}

/// Brings an interface up.
pub(crate) fn bring_up(socket: libc::c_int, name: &Name) -> io::Result<()> {
    socket_ioctl(socket, libc::SIOCSIFFLAGS as _, name, flags(libc::IFF_UP))
}

/// The interface flags and those of a tap fit 16 bits: the kernel's own type for them.
pub(super) fn flags(flags: libc::c_int) -> libc::__c_anonymous_ifr_ifru {
    libc::__c_anonymous_ifr_ifru { ifru_flags: flags as libc::c_short }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_names_that_the_kernel_takes() {
        for name in ["tap0", "fb-0.1_x", "fifteen-letters"] {
            assert!(super::name(name).is_some(), "{name}");
        }
        for name in ["", ".", "..", "sixteen-letters-", "tap/0", "tap 0", "tap%d", "tap:0", "täp"] {
            assert!(super::name(name).is_none(), "{name}");
        }
    }
}
