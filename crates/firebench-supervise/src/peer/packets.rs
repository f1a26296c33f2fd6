//! The packets of a peer's questions and answers. Pure.
//!
//! Source: RFC 826 (ARP), RFC 792 (ICMP echo), RFC 1071 (their checksum), RFC 791 (the header of IPv4).

use std::net::Ipv4Addr;

/// A hardware address.
pub type Mac = [u8; 6];

/// An ARP packet of Ethernet and IPv4, up to what it wants: their numbers, and the lengths of their addresses.
const ARP: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// Asks who has the address `wanted`, for somebody.
pub(super) fn arp_request(mac: Mac, address: Ipv4Addr, wanted: Ipv4Addr) -> Vec<u8> {
    [&ARP[..], &[0, 1], &mac, &address.octets(), &[0; 6], &wanted.octets()].concat()
}

/// Who says in this packet that they have the address.
pub(super) fn arp_answer(packet: &[u8], wanted: Ipv4Addr) -> Option<Mac> {
    let rest = packet.strip_prefix(&ARP[..])?.strip_prefix(&[0, 2])?;
    let (mac, rest) = rest.split_first_chunk::<6>()?;
    // Neither everybody nor nobody.
    let is_one = mac.first().is_some_and(|byte| byte & 1 == 0) && *mac != [0; 6];
    (is_one && rest.starts_with(&wanted.octets())).then_some(*mac)
}

/// What a question of ours is known by.
const TOKEN: &[u8; 8] = b"firebnch";

const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
/// `IPPROTO_ICMP`.
const ICMP: u8 = 1;

/// An echo request.
pub(super) fn echo_request() -> Vec<u8> {
    let message = |[high, low]: [u8; 2]| [&[ECHO_REQUEST, 0, high, low, 0xfb, 0xfb, 0, 1], &TOKEN[..]].concat();
    let sum = checksum(&message([0, 0]));
    message(sum.to_be_bytes())
}

/// Whether this packet, with its IP header, is the answer of `from` to [`echo_request`].
pub(super) fn is_echo_answer(packet: &[u8], from: Ipv4Addr) -> bool {
    let header = packet.first().filter(|byte| *byte >> 4 == 4).map(|byte| usize::from(byte & 15).saturating_mul(4));
    let Some((header, message)) = header.and_then(|length| packet.split_at_checked(length)) else { return false };
    header.get(9) == Some(&ICMP)
        && header.get(12..16) == Some(&from.octets())
        && message.first() == Some(&ECHO_REPLY)
        && message.get(4..8) == Some(&[0xfb, 0xfb, 0, 1])
        && message.get(8..) == Some(TOKEN)
        && checksum(message) == 0
}

/// The one's complement of the one's complement sum of the 16-bit words.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|word| u32::from(word.first().copied().unwrap_or(0)) << 8 | u32::from(word.get(1).copied().unwrap_or(0)));
    let mut sum = words.fold(0_u32, u32::wrapping_add);
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

    #[test]
    fn an_arp_answer_is_the_owners() {
        let ours = Ipv4Addr::new(192, 0, 2, 1);
        let request = arp_request([2, 0, 0, 0, 0, 9], ours, THEIRS);
        assert_eq!(request.len(), 28);
        assert_eq!(arp_answer(&request, THEIRS), None, "our own question");
        let answer = |mac: Mac, address: Ipv4Addr| {
            [&ARP[..], &[0, 2], &mac, &address.octets(), &[2, 0, 0, 0, 0, 9], &ours.octets()].concat()
        };
        assert_eq!(arp_answer(&answer([2, 1, 2, 3, 4, 5], THEIRS), THEIRS), Some([2, 1, 2, 3, 4, 5]));
        assert_eq!(arp_answer(&answer([2, 1, 2, 3, 4, 5], ours), THEIRS), None, "another's address");
        assert_eq!(arp_answer(&answer([0xff; 6], THEIRS), THEIRS), None, "everybody");
        assert_eq!(arp_answer(&answer([0; 6], THEIRS), THEIRS), None, "nobody");
        for cut in 0..18 {
            assert_eq!(arp_answer(&answer([2, 1, 2, 3, 4, 5], THEIRS)[..cut], THEIRS), None, "{cut}");
        }
    }

    #[test]
    fn an_echo_is_that_of_our_question() {
        let request = echo_request();
        assert_eq!(checksum(&request), 0, "RFC 1071");
        let mut reply = request.clone();
        reply[0] = ECHO_REPLY;
        reply[2..4].fill(0);
        let sum = checksum(&reply);
        reply[2..4].copy_from_slice(&sum.to_be_bytes());
        let packet = |message: &[u8], from: Ipv4Addr| {
            let mut header = [0_u8; 20];
            (header[0], header[9]) = (0x45, ICMP);
            header[12..16].copy_from_slice(&from.octets());
            [&header[..], message].concat()
        };
        assert!(is_echo_answer(&packet(&reply, THEIRS), THEIRS));
        assert!(!is_echo_answer(&packet(&request, THEIRS), THEIRS), "a question");
        assert!(!is_echo_answer(&packet(&reply, Ipv4Addr::LOCALHOST), THEIRS), "somebody else");
        let mut wrong = reply.clone();
        wrong[2] ^= 1;
        assert!(!is_echo_answer(&packet(&wrong, THEIRS), THEIRS), "damaged");
        for cut in 0..packet(&reply, THEIRS).len() {
            assert!(!is_echo_answer(&packet(&reply, THEIRS)[..cut], THEIRS), "{cut}");
        }
    }

    #[test]
    fn the_example_of_the_standard() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
    }
}
