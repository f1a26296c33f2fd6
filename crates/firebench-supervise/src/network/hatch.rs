//! Sockets of the network namespace in which they are made, handed out of it by the child itself between fork and exec:
//! async-signal-safe calls only.
//!
//! A socket stays in the namespace in which it was made, whoever has it. So firebench asks and answers at the other end of a card
//! without entering a namespace, which no program of several threads may do as an ordinary user.
//!
//! Source: `network_namespaces(7)`, `unix(7)` (`SCM_RIGHTS`), `packet(7)`, `raw(7)`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use firebench_vmm::Peer;

use crate::child::step::{Failed, Step, check};

/// Sockets before those of TCP: one for settings, one of packets, one of ICMP.
pub(crate) const OTHERS: usize = 3;

/// Sockets of one message. The kernel takes 253.
pub(crate) const MOST: usize = OTHERS + Peer::MOST as usize;

/// Words of the control message that carries them, its header included.
const WORDS: usize = (size_of::<libc::cmsghdr>() + MOST * size_of::<libc::c_int>()).div_ceil(size_of::<u64>());

/// Where they are handed out.
#[derive(Debug, Clone)]
pub(crate) struct Hatch {
    socket: Arc<OwnedFd>,
    /// Sockets of TCP.
    connections: usize,
}

impl Hatch {
    /// One for a peer, and the socket at which they arrive.
    pub(crate) fn pair(peer: &Peer) -> io::Result<(OwnedFd, Hatch)> {
        let (outside, inside) = UnixDatagram::pair()?;
        let connections = usize::try_from(peer.connections.clamp(1, Peer::MOST)).unwrap_or(1);
        Ok((outside.into(), Hatch { socket: Arc::new(inside.into()), connections }))
    }

    /// Makes them in the network namespace of the calling process, and hands them out.
    pub(super) fn hand_out(&self) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        let count = OTHERS.saturating_add(self.connections).min(MOST);
        let mut sockets: [libc::c_int; MOST] = [-1; MOST];
        for (place, socket) in sockets.iter_mut().take(count).enumerate() {
            let (family, kind, protocol) = match place {
                0 => (libc::AF_INET, libc::SOCK_DGRAM, 0),
                1 => (libc::AF_PACKET, libc::SOCK_DGRAM, i32::from((libc::ETH_P_ARP as u16).to_be())),
                2 => (libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
                _ => (libc::AF_INET, libc::SOCK_STREAM, 0),
            };
            // SAFETY: integers only.
            *socket = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol) };
            check(*socket).map_err(at(Step::Sockets))?;
        }
        send(self.socket.as_raw_fd(), sockets.get(..count).unwrap_or_default()).map_err(at(Step::Sockets))?;
        for socket in sockets.iter().take(count) {
            // SAFETY: made above, used nowhere else here.
            unsafe { libc::close(*socket) };
        }
        Ok(())
    }
}

/// Sends descriptors, with one byte.
fn send(to: libc::c_int, descriptors: &[libc::c_int]) -> io::Result<()> {
    let mut byte = 0_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = [0_u64; WORDS];
    let bytes = size_of_val(descriptors) as libc::c_uint;
    // SAFETY: zeros are a valid msghdr: no address, no parts, no control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: computes with integers.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(bytes) } as _;
    // SAFETY: `control`, to which the message points, is aligned for a header and has room for it and for MOST descriptors, of which
    // there are no more.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(bytes) as _;
        std::ptr::copy_nonoverlapping(
            descriptors.as_ptr(),
            libc::CMSG_DATA(header).cast::<libc::c_int>(),
            descriptors.len(),
        );
    }
    // SAFETY: reads what the message points to, all of which is alive.
    let sent = unsafe { libc::sendmsg(to, &raw const message, libc::MSG_NOSIGNAL) };
    check(sent as libc::c_int)
}
