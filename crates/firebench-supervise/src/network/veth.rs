//! A pair of cards between two network namespaces, made by the child itself between fork and exec: async-signal-safe calls only, and
//! no memory but what was made ready before the fork.
//!
//! The namespace that the child finds itself in becomes that of the host's end. It keeps no process: a mount holds it, in the child's
//! own mounts, and goes with them. The child goes on in a second one, with the other end.
//!
//! Source: `veth(4)`, `netlink(7)`, `rtnetlink(7)`, and of the kernel `drivers/net/veth.c`.

use std::ffi::CString;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use firebench_vmm::Veth;

use super::hatch::Hatch;
use super::interface::{Name, bring_up, datagram_socket, internet, name, socket_ioctl};
use crate::child::step::{Failed, Step, c_path, check, mount};

/// The pair, prepared before the fork.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    card: End,
    host: End,
    /// What asks the kernel for it, but for the number of the process in whose namespace the card is.
    request: Vec<u8>,
    /// Where that number is in it.
    process: std::ops::Range<usize>,
    /// The file on which the namespace of the host's end is mounted.
    namespace: CString,
}

/// One end.
#[derive(Debug, Clone)]
struct End {
    name: Name,
    address: Ipv4Addr,
}

impl Pair {
    /// The pair, with the namespace of the host's end on the file `namespace`; `None` where the kernel would not take the names.
    pub(crate) fn new(veth: &Veth, namespace: &Path) -> Option<Pair> {
        let card = End { name: name(&veth.name)?, address: veth.address };
        let host = End { name: name(&veth.host_name)?, address: veth.host_address };
        let (request, process) = request(&veth.host_name, &veth.name)?;
        Some(Pair { card, host, request, process, namespace: c_path(namespace).ok()? })
    }

    /// Makes it. The calling process, of one thread, is in a network namespace of its own before, which then is that of the host's
    /// end, and in another one afterwards. Through `hatch` sockets of the first one are handed out.
    pub(crate) fn make(&self, hatch: Option<&Hatch>) -> Result<(), Failed> {
        let at = |step: Step| move |error: io::Error| (step, error);
        mount(Some(c"/proc/self/ns/net"), &self.namespace, libc::MS_BIND).map_err(at(Step::KeepNetwork))?;
        hatch.map_or(Ok(()), Hatch::hand_out)?;
        // A socket stays in the namespace in which it was made.
        // SAFETY: integers only.
        let netlink =
            unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
        check(netlink).map_err(at(Step::MakeVeth))?;
        let outside = datagram_socket().map_err(at(Step::VethUp))?;
        // SAFETY: integers only; a child just forked has one thread.
        check(unsafe { libc::unshare(libc::CLONE_NEWNET) }).map_err(at(Step::Namespaces))?;
        self.ask(netlink).map_err(at(Step::MakeVeth))?;
        let inside = datagram_socket().map_err(at(Step::VethUp))?;
        for (socket, end) in [(outside, &self.host), (inside, &self.card)] {
            end.bring_up(socket).map_err(at(Step::VethUp))?;
        }
        // As every container's.
        bring_up(inside, &LOOPBACK).map_err(at(Step::VethUp))?;
        for descriptor in [netlink, outside, inside] {
            // SAFETY: opened above, used nowhere else.
            unsafe { libc::close(descriptor) };
        }
        Ok(())
    }

    /// Has the kernel make the pair, and reads its answer.
    fn ask(&self, netlink: libc::c_int) -> io::Result<()> {
        let mut request = [0; MAX_REQUEST];
        let unfit = || io::Error::from_raw_os_error(libc::EMSGSIZE);
        let request = request.get_mut(..self.request.len()).ok_or_else(unfit)?;
        request.copy_from_slice(&self.request);
        // SAFETY: takes nothing, never fails. It is the number by which this process itself finds its namespace.
        let process = unsafe { libc::getpid() };
        request.get_mut(self.process.clone()).ok_or_else(unfit)?.copy_from_slice(&process.to_ne_bytes());
        // SAFETY: reads `request`. A socket of netlink that is not connected sends to the kernel.
        let sent = unsafe { libc::send(netlink, request.as_ptr().cast(), request.len(), 0) };
        check(sent as libc::c_int)?;
        // An acknowledgement: header, error number, and the beginning of the request or all of it.
        let mut answer = [0_u8; 2 * MAX_REQUEST];
        // SAFETY: writes at most the size that is told.
        let length = unsafe { libc::recv(netlink, answer.as_mut_ptr().cast(), answer.len(), 0) };
        check(length as libc::c_int)?;
        let error = answer.get(HEADER..HEADER + 4).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes);
        match error.filter(|_| length as usize >= HEADER + 4) {
            Some(0) => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(error.saturating_neg())),
            None => Err(io::Error::from_raw_os_error(libc::EBADMSG)),
        }
    }
}

/// `lo`, ended by NUL.
const LOOPBACK: Name = {
    let mut name = [0; libc::IFNAMSIZ];
    let [first, second, ..] = &mut name;
    *first = b'l' as libc::c_char;
    *second = b'o' as libc::c_char;
    name
};

/// [`Veth::PREFIX`] bits.
const MASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

impl End {
    /// Gives it its address and brings it up, through a socket of its namespace.
    fn bring_up(&self, socket: libc::c_int) -> io::Result<()> {
        let values = [(libc::SIOCSIFADDR, self.address), (libc::SIOCSIFNETMASK, MASK)];
        for (what, value) in values {
            socket_ioctl(socket, what as _, &self.name, libc::__c_anonymous_ifr_ifru { ifru_addr: internet(value) })?;
        }
        bring_up(socket, &self.name)
    }
}

/// Bytes that a request may have: more than twice what it takes with the longest names.
const MAX_REQUEST: usize = 256;
/// `struct nlmsghdr`.
const HEADER: usize = 16;

// `linux/if_link.h`, `linux/veth.h`.
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

/// A request for a pair, of which the end `here` is made in the namespace of the socket, and the end `there` in that of the process
/// whose number is to be put at the range; `None` where it would be too long.
fn request(here: &str, there: &str) -> Option<(Vec<u8>, std::ops::Range<usize>)> {
    let mut peer = interface();
    attribute(&mut peer, libc::IFLA_IFNAME, &terminated(there))?;
    attribute(&mut peer, libc::IFLA_NET_NS_PID, MARK)?;
    let mut data = Vec::new();
    attribute(&mut data, VETH_INFO_PEER, &peer)?;
    let mut info = Vec::new();
    attribute(&mut info, IFLA_INFO_KIND, &terminated("veth"))?;
    attribute(&mut info, IFLA_INFO_DATA, &data)?;
    let mut body = interface();
    attribute(&mut body, libc::IFLA_IFNAME, &terminated(here))?;
    attribute(&mut body, libc::IFLA_LINKINFO, &info)?;

    let length = HEADER.checked_add(body.len()).filter(|&length| length <= MAX_REQUEST)?;
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let mut request = u32::try_from(length).ok()?.to_ne_bytes().to_vec();
    request.extend(libc::RTM_NEWLINK.to_ne_bytes());
    request.extend(u16::try_from(flags).ok()?.to_ne_bytes());
    // Number of the request, and of the sender: the kernel gives the second.
    request.extend([0; 8]);
    request.extend(body);
    // Names are letters, digits and dashes: they do not hold the mark.
    let start = request.windows(MARK.len()).position(|window| window == MARK)?;
    Some((request, start..start.checked_add(MARK.len())?))
}

/// What stands for the number of the process.
const MARK: &[u8; 4] = &[0xff, 0xfe, 0xfd, 0xfc];

/// `struct ifinfomsg` of an interface that is to be made.
fn interface() -> Vec<u8> {
    vec![0; 16]
}

fn terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

/// Adds an attribute (`struct rtattr`): its length, what it is, the value, and zeros up to a multiple of four.
fn attribute(to: &mut Vec<u8>, what: u16, value: &[u8]) -> Option<()> {
    let length = value.len().checked_add(4)?;
    to.extend(u16::try_from(length).ok()?.to_ne_bytes());
    to.extend(what.to_ne_bytes());
    to.extend(value);
    to.resize(to.len().next_multiple_of(4), 0);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_fit() {
        let (longest, other) = ("fifteen-letters", "fifteen-lettert");
        let (request, process) = request(longest, other).expect("fits");
        assert!(request.len() < MAX_REQUEST / 2, "{}", request.len());
        assert_eq!(request.len() % 4, 0);
        assert_eq!(request[..4], u32::try_from(request.len()).expect("short").to_ne_bytes());
        assert_eq!(request[process], *MARK);
        for name in [longest, other, "veth"] {
            assert_eq!(request.windows(name.len()).filter(|window| *window == name.as_bytes()).count(), 1, "{name}");
        }
    }

    #[test]
    fn the_mask_is_that_of_the_prefix() {
        assert_eq!(MASK.to_bits().leading_ones(), u32::from(Veth::PREFIX));
        assert_eq!(MASK.to_bits().trailing_zeros(), 32 - u32::from(Veth::PREFIX));
    }

    #[test]
    fn only_names_that_the_kernel_takes() {
        let veth = firebench_vmm::preset::veth();
        let pair = |veth: &Veth| Pair::new(veth, Path::new("/tmp/x"));
        assert!(pair(&veth).is_some());
        assert!(pair(&Veth { name: "a/b".to_owned(), ..veth.clone() }).is_none());
        assert!(pair(&Veth { host_name: String::new(), ..veth }).is_none());
    }
}
