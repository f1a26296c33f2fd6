//! The network card of a guest, which nobody but the server brings up.

use crate::sys;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

/// Where the kernel shows its interfaces.
const INTERFACES: &str = "/sys/class/net";
/// How long the card may take to appear, and how often it is looked for.
const DEADLINE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(1);
/// `ARPHRD_ETHER` (`linux/if_arp.h`), as the file `type` has it.
const ETHERNET: &str = "1";
/// What the names of cards begin with that are somewhere else than in the kernel's imagination: `eth0`, `ens3`, `enp0s2`, `vec0`.
const CARDS: [&str; 3] = ["eth", "en", "vec"];

/// Brings `lo` and the card up, the card with this address in a network of so many bits.
pub(super) fn bring_up(address: Ipv4Addr, bits: u8) -> io::Result<()> {
    // Through any socket; this one needs no address.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let named = |what: &'static str| move |error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    sys::bring_up(&socket, "lo").map_err(named("lo"))?;
    let card = card().map_err(named("network card"))?;
    let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0));
    sys::set_address(&socket, &card, address, mask).map_err(named("address of the network card"))?;
    sys::bring_up(&socket, &card).map_err(named("network card"))
}

/// The name of the first card.
fn card() -> io::Result<String> {
    let start = Instant::now();
    loop {
        let mut cards: Vec<String> = fs::read_dir(INTERFACES)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| CARDS.iter().any(|card| name.starts_with(card)))
            .filter(|name| fs::read_to_string(format!("{INTERFACES}/{name}/type")).is_ok_and(|t| t.trim() == ETHERNET))
            .collect();
        cards.sort();
        match cards.into_iter().next() {
            Some(card) => return Ok(card),
            None if start.elapsed() > DEADLINE => return Err(io::Error::new(ErrorKind::NotFound, "there is none")),
            None => std::thread::sleep(LOOK),
        }
    }
}
