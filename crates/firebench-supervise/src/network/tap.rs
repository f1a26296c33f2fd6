//! A tap, for a VMM.

use std::io;

use super::interface::{Name, bring_up, datagram_socket, flags, name, socket_ioctl};
use crate::child::step::{Failed, Step, check, open};

/// A tap.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    name: Name,
    /// Who may attach to it.
    owner: libc::uid_t,
}

impl Tap {
    /// A tap called `name` for the user `owner`; `None` where the kernel would not take the name.
    pub(super) fn new(tap: &str, owner: libc::uid_t) -> Option<Tap> {
        Some(Tap { name: name(tap)?, owner })
    }

    /// Makes it and brings it up, in the network namespace of the calling process; `root` where that is root in a user namespace just
    /// made.
    pub(super) fn make(&self, root: bool) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        let tun = open(c"/dev/net/tun", libc::O_RDWR | libc::O_CLOEXEC).map_err(at(Step::OpenTun))?;
        // The flags with which QEMU (one queue) and Firecracker open it: only the number of queues must agree.
        let kind = flags(libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR);
        socket_ioctl(tun, libc::TUNSETIFF as _, &self.name, kind).map_err(at(Step::MakeTap))?;
        // That user alone is known in a namespace in which it is root.
        let owner = if root { 0 } else { self.owner };
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETOWNER as _, libc::c_ulong::from(owner)) })
            .map_err(at(Step::MakeTap))?;
        // It outlives this descriptor, and goes with the namespace.
        // SAFETY: takes its argument by value.
        check(unsafe { libc::ioctl(tun, libc::TUNSETPERSIST as _, 1 as libc::c_ulong) }).map_err(at(Step::MakeTap))?;
        let socket = datagram_socket().map_err(at(Step::TapUp))?;
        bring_up(socket, &self.name).map_err(at(Step::TapUp))?;
        for descriptor in [tun, socket] {
            // SAFETY: opened above, used nowhere else. The VMM opens the tap itself, and finds it free.
            unsafe { libc::close(descriptor) };
        }
        Ok(())
    }
}
