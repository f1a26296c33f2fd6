//! firebench's own place in the network of a launch: at the other end of its card, or, where it has none, at its `lo`.
//!
//! Everything here is a socket of that network, which the child handed out before it became the launch's program (`network/hatch.rs`).
//! What comes through them is a guest's word: it has bounds, and means nothing until it is the answer to a question.
//!
//! Source: `packet(7)`, `arp(7)`, `netdevice(7)`, and of the kernel `drivers/net/tun.c` (its queue).

mod packets;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use firebench_vmm::{Launch, Peer, Veth};
use nix::poll::{PollFd, PollFlags, ppoll};

pub use packets::Mac;

use crate::network::hatch::MOST;
use crate::network::interface::{Name, ask, bring_up, internet, name, socket_ioctl};

/// Packets that may wait in a tap while nobody in there reads it: what a guest finds when it comes up shall be a few questions, not
/// hundreds.
const QUEUE: libc::c_int = 8;

/// Packets that one look takes: a guest that floods its card keeps nobody from anything else.
const PACKETS: usize = 64;

/// firebench's place in the network of a launch.
#[derive(Debug)]
pub struct PeerEnd {
    /// The addresses.
    pub peer: Peer,
    /// As many as the launch asks for, of which none is connected; none of them blocks.
    pub connections: Vec<TcpStream>,
    settings: OwnedFd,
    packets: OwnedFd,
    icmp: OwnedFd,
    card: Option<Card>,
}

/// The other end of a card.
#[derive(Debug)]
struct Card {
    name: Name,
    index: libc::c_int,
    mac: Mac,
    /// The length of a tap's queue before it was made shorter.
    queue: Option<libc::c_int>,
}

impl PeerEnd {
    /// The place in a launch that has just been started, whose sockets wait at `hatch`.
    pub(crate) fn of(launch: &Launch, peer: &Peer, hatch: &OwnedFd) -> io::Result<PeerEnd> {
        let mut sockets = receive(hatch)?.into_iter();
        let first = [sockets.next(), sockets.next(), sockets.next()];
        let [Some(settings), Some(packets), Some(icmp)] = first else { return Err(ErrorKind::UnexpectedEof.into()) };
        let connections = sockets.map(TcpStream::from).collect();
        let card = match launch {
            Launch { tap: Some(tap), .. } => Some(Card::of_tap(&settings, &tap.name, peer.address)?),
            Launch { veth: Some(veth), .. } => Some(Card::new(&settings, known(&veth.host_name)?, None)?),
            _ => {
                bring_up(settings.as_raw_fd(), &known("lo")?)?;
                None
            }
        };
        Ok(PeerEnd { peer: peer.clone(), connections, settings, packets, icmp, card })
    }

    /// Whether there is a card, and so somebody who can be asked for a hardware address.
    pub fn has_card(&self) -> bool {
        self.card.is_some()
    }

    /// What becomes readable when an answer to [`PeerEnd::ask_arp`], or to [`PeerEnd::ask_icmp`], is there.
    pub fn answers(&self) -> [BorrowedFd<'_>; 2] {
        [self.packets.as_fd(), self.icmp.as_fd()]
    }

    /// Asks everybody who has the service's address. That the card takes nothing now is no error.
    pub fn ask_arp(&self) {
        let Some(card) = &self.card else { return };
        let request = packets::arp_request(card.mac, self.peer.address, self.peer.service);
        // SAFETY: zeros are a valid sockaddr_ll.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = libc::AF_PACKET as _;
        to.sll_protocol = (libc::ETH_P_ARP as u16).to_be();
        to.sll_ifindex = card.index;
        to.sll_halen = 6;
        to.sll_addr = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
        // SAFETY: an address of this size.
        unsafe { send_to(&self.packets, &request, (&raw const to).cast(), size_of::<libc::sockaddr_ll>()) };
    }

    /// The hardware address of whoever said that the service's address is theirs, if somebody has. Looks at a few packets.
    pub fn heard_arp(&self) -> Option<Mac> {
        let mut packet = [0_u8; 64];
        (0..PACKETS)
            .map_while(|_| take(&self.packets, &mut packet))
            .find_map(|packet| packets::arp_answer(&packet, self.peer.service))
    }

    /// Sends an echo request to the service's address. That it cannot be sent now is no error.
    pub fn ask_icmp(&self) {
        let to = address(SocketAddrV4::new(self.peer.service, 0));
        // SAFETY: an address of this size.
        unsafe {
            send_to(&self.icmp, &packets::echo_request(), (&raw const to).cast(), size_of::<libc::sockaddr_in>());
        }
    }

    /// Whether an answer to that has come. Looks at a few packets.
    pub fn heard_icmp(&self) -> bool {
        let mut packet = [0_u8; 128];
        let mut heard = (0..PACKETS).map_while(|_| take(&self.icmp, &mut packet));
        heard.any(|packet| packets::is_echo_answer(&packet, self.peer.service))
    }

    /// Has the kernel know a hardware address for the service's: it asks once a second where it does not, and what is sent waits for that.
    ///
    /// # Errors
    /// Where the kernel refuses.
    pub fn know(&self, mac: Mac) -> io::Result<()> {
        let Some(card) = &self.card else { return Ok(()) };
        // SAFETY: zeros are a valid arpreq.
        let mut request: libc::arpreq = unsafe { std::mem::zeroed() };
        request.arp_pa = internet(self.peer.service);
        request.arp_ha.sa_family = libc::ARPHRD_ETHER;
        for (to, from) in request.arp_ha.sa_data.iter_mut().zip(mac) {
            *to = from as libc::c_char;
        }
        request.arp_flags = libc::ATF_PERM | libc::ATF_COM;
        request.arp_dev = card.name;
        // SAFETY: the kernel reads an arpreq, which `request` is.
        let result = unsafe { libc::ioctl(self.settings.as_raw_fd(), libc::SIOCSARP as _, &request) };
        check(result)
    }

    /// Gives a tap the length of its queue back that it had, for traffic.
    ///
    /// # Errors
    /// Where the kernel refuses.
    pub fn widen(&self) -> io::Result<()> {
        match &self.card {
            Some(Card { name, queue: Some(queue), .. }) => set_queue(&self.settings, name, *queue),
            _ => Ok(()),
        }
    }
}

impl Card {
    fn new(settings: &OwnedFd, name: Name, queue: Option<libc::c_int>) -> io::Result<Card> {
        let ask = |what| ask(settings.as_raw_fd(), what, &name);
        let (index, address) = (ask(libc::SIOCGIFINDEX as _)?, ask(libc::SIOCGIFHWADDR as _)?);
        // SAFETY: the kernel has written these fields; both are plain integers.
        let (index, address) = unsafe { (index.ifru_ifindex, address.ifru_hwaddr) };
        let [a, b, c, d, e, f, ..] = address.sa_data.map(|byte| byte as u8);
        Ok(Card { name, index, mac: [a, b, c, d, e, f], queue })
    }

    /// A tap, which gets its address and a short queue.
    fn of_tap(settings: &OwnedFd, tap: &str, address: Ipv4Addr) -> io::Result<Card> {
        let name = known(tap)?;
        let mask = Ipv4Addr::from_bits(u32::MAX << 32_u32.saturating_sub(Veth::PREFIX.into()));
        for (what, value) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
            let value = libc::__c_anonymous_ifr_ifru { ifru_addr: internet(value) };
            socket_ioctl(settings.as_raw_fd(), what as _, &name, value)?;
        }
        bring_up(settings.as_raw_fd(), &name)?;
        let queue = ask(settings.as_raw_fd(), libc::SIOCGIFTXQLEN as _, &name)?;
        // SAFETY: the kernel has written this field, `ifr_qlen`, an integer.
        let queue = unsafe { queue.ifru_metric };
        set_queue(settings, &name, QUEUE)?;
        Card::new(settings, name, Some(queue))
    }
}

fn set_queue(settings: &OwnedFd, name: &Name, length: libc::c_int) -> io::Result<()> {
    let value = libc::__c_anonymous_ifr_ifru { ifru_metric: length };
    socket_ioctl(settings.as_raw_fd(), libc::SIOCSIFTXQLEN as _, name, value)
}

fn known(text: &str) -> io::Result<Name> {
    name(text).ok_or_else(|| ErrorKind::InvalidInput.into())
}

/// Begins to connect, without waiting: writable once that has come to an end, of whatever kind.
///
/// # Errors
/// Why it cannot, or could not the last time; `InProgress` where it has merely begun.
pub fn connect(stream: &TcpStream, to: SocketAddrV4) -> io::Result<()> {
    let to = address(to);
    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: reads an address of the size that is told.
    check(unsafe { libc::connect(stream.as_raw_fd(), (&raw const to).cast(), length) })
}

/// Ends a connection, or the try to make one, at once; the socket can connect again.
///
/// # Errors
/// Where the kernel refuses.
pub fn disconnect(stream: &TcpStream) -> io::Result<()> {
    // SAFETY: zeros are a valid sockaddr.
    let mut nobody: libc::sockaddr = unsafe { std::mem::zeroed() };
    nobody.sa_family = libc::AF_UNSPEC as _;
    let length = size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: reads an address of the size that is told.
    check(unsafe { libc::connect(stream.as_raw_fd(), &raw const nobody, length) })
}

/// Has the calling thread sleep as exactly as it is told; else the kernel takes 50 µs more where that suits it (`prctl(2)`,
/// `PR_SET_TIMERSLACK`).
pub fn sleep_exactly() {
    const NANOSECOND: libc::c_ulong = 1;
    // SAFETY: integers only.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, NANOSECOND) };
}

fn address(address: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: zeros are a valid sockaddr_in.
    let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    to.sin_family = libc::AF_INET as _;
    to.sin_port = address.port().to_be();
    to.sin_addr.s_addr = address.ip().to_bits().to_be();
    to
}

/// Sends, if that can be done at once.
///
/// # Safety
/// `to` is an address of so many bytes.
unsafe fn send_to(socket: &OwnedFd, bytes: &[u8], to: *const libc::sockaddr, length: usize) {
    let length = length as libc::socklen_t;
    // SAFETY: reads the bytes, and the address as the caller says.
    unsafe { libc::sendto(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_DONTWAIT, to, length) };
}

/// The beginning of a packet that is there.
fn take(socket: &OwnedFd, buffer: &mut [u8]) -> Option<Vec<u8>> {
    // SAFETY: writes at most the size that is told.
    let length =
        unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
    buffer.get(..usize::try_from(length).ok()?).map(<[u8]>::to_vec)
}

/// Words of a control message with [`MOST`] descriptors.
const WORDS: usize = (size_of::<libc::cmsghdr>() + MOST * size_of::<libc::c_int>()).div_ceil(size_of::<u64>());

/// The descriptors of the one message that waits.
fn receive(hatch: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut byte = 0_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let mut control = [0_u64; WORDS];
    // SAFETY: zeros are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the message points to memory of the sizes that it tells.
    let length = unsafe { libc::recvmsg(hatch.as_raw_fd(), &raw mut message, flags) };
    check(length as libc::c_int)?;
    let mut descriptors = Vec::new();
    // SAFETY: the kernel has filled the message; its headers lie in `control`, and the descriptors after the one of SCM_RIGHTS are new and
    // nobody else's. As many as the length of that header says.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS && (*header).cmsg_level == libc::SOL_SOCKET {
            let bytes = ((*header).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
            let first = libc::CMSG_DATA(header).cast::<libc::c_int>();
            for place in 0..bytes.checked_div(size_of::<libc::c_int>()).unwrap_or(0) {
                descriptors.push(OwnedFd::from_raw_fd(first.add(place).read_unaligned()));
            }
        }
    }
    Ok(descriptors)
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until one of the descriptors is readable (or, where it says so, writable), but for no longer than `time`; which of them are.
/// An end, or an error, is something to read. None is after a signal.
///
/// # Errors
/// When the system fails.
pub fn ready(descriptors: &[(BorrowedFd<'_>, bool)], time: Duration) -> io::Result<Vec<bool>> {
    let flags = |writable: bool| if writable { PollFlags::POLLOUT } else { PollFlags::POLLIN };
    let mut polled: Vec<PollFd<'_>> =
        descriptors.iter().map(|&(fd, writable)| PollFd::new(fd, flags(writable))).collect();
    match ppoll(&mut polled, Some(time.into()), None) {
        Ok(_) => Ok(polled.iter().map(|fd| fd.any().unwrap_or(true)).collect()),
        Err(nix::errno::Errno::EINTR) => Ok(vec![false; descriptors.len()]),
        Err(error) => Err(error.into()),
    }
}

/// The CPU time that the calling thread has taken so far.
pub fn thread_cpu() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
