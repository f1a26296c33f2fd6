//! A tap in the network namespace of a VMM, made by the child itself between fork and exec: async-signal-safe calls only.

use std::io;

use crate::child::step::{Failed, Step, check, open};

/// The one tap of a network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// The tap's name, ended by NUL.
    name: [libc::c_char; libc::IFNAMSIZ],
    /// Who may attach to it.
    owner: libc::uid_t,
}

impl Network {
    /// A tap called `name` for the user `owner`; `None` where the kernel would not take the name.
    pub(crate) fn new(name: &str, owner: libc::uid_t) -> Option<Network> {
        let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
        // The kernel also refuses slashes, colons and white space, and takes `%` for a pattern.
        if !fits || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return None;
        }
        let mut padded = [0; libc::IFNAMSIZ];
        for (to, from) in padded.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        Some(Network { name: padded, owner })
    }

    fn request(&self, flags: libc::c_int) -> libc::ifreq {
        libc::ifreq {
            ifr_name: self.name,
            // The interface flags and those of a tap fit 16 bits: the kernel's own type for them.
            ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags as libc::c_short },
        }
    }

    /// Makes the tap and brings it up, in the network namespace of the calling process.
    pub(crate) fn make(&self) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        let tun = open(c"/dev/net/tun", libc::O_RDWR | libc::O_CLOEXEC).map_err(at(Step::OpenTun))?;
        // The flags with which QEMU (one queue) and Firecracker open it: only the number of queues must agree.
        let request = self.request(libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR);
        // SAFETY: the kernel reads and writes an ifreq, which `request` is.
        check(unsafe { libc::ioctl(tun, libc::TUNSETIFF as _, &request) }).map_err(at(Step::MakeTap))?;
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETOWNER as _, libc::c_ulong::from(self.owner)) })
            .map_err(at(Step::MakeTap))?;
        // It outlives this descriptor, and goes with the namespace.
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETPERSIST as _, 1 as libc::c_ulong) }).map_err(at(Step::MakeTap))?;
        // SAFETY: integers only.
        let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        check(socket).map_err(at(Step::TapUp))?;
        let request = self.request(libc::IFF_UP);
        // SAFETY: the kernel reads an ifreq, which `request` is.
        check(unsafe { libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request) }).map_err(at(Step::TapUp))?;
        for descriptor in [tun, socket] {
            // SAFETY: opened above, used nowhere else. The VMM opens the tap itself, and finds it free.
            unsafe { libc::close(descriptor) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_kernel_takes() {
        for name in ["tap0", "fb-0.1_x", "fifteen-letters"] {
            assert!(Network::new(name, 0).is_some(), "{name}");
        }
        for name in ["", ".", "..", "sixteen-letters-", "tap/0", "tap 0", "tap%d", "tap:0", "täp"] {
            assert!(Network::new(name, 0).is_none(), "{name}");
        }
    }
}
