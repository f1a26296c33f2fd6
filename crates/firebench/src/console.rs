//! The console of a VM as a stream of items with their times.

use std::time::Instant;

use firebench_protocol::codec::{Decoder, Item};

/// An item and when it came. Where each byte of a serial console costs the guest a millisecond, a frame takes a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// When its first byte came.
    pub begun: Instant,
    /// When its last byte came.
    pub ended: Instant,
    /// What it is.
    pub item: Item,
}

/// Decodes one VM's console.
#[derive(Debug)]
pub struct Console {
    decoder: Decoder,
    /// When the first byte came that no item has accounted for.
    pending: Option<Instant>,
}

impl Console {
    /// For the boot with this nonce.
    pub fn new(nonce: &str) -> Self {
        Console { decoder: Decoder::new(nonce), pending: None }
    }

    /// The items that `bytes`, read at `at`, complete.
    pub fn read(&mut self, at: Instant, bytes: &[u8]) -> Vec<Arrived> {
        let mut begun = *self.pending.get_or_insert(at);
        let mut arrived = Vec::new();
        self.decoder.push(bytes, &mut |item| {
            arrived.push(Arrived { begun, ended: at, item });
            begun = at;
        });
        if bytes.ends_with(b"\n") {
            self.pending = None;
        } else if !arrived.is_empty() {
            self.pending = Some(at);
        }
        arrived
    }

    /// What is left when the VMM is gone.
    pub fn finish(&mut self, at: Instant) -> Vec<Arrived> {
        let begun = self.pending.take().unwrap_or(at);
        let mut arrived = Vec::new();
        self.decoder.finish(&mut |item| arrived.push(Arrived { begun, ended: at, item }));
        arrived
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use firebench_protocol::Event;
    use firebench_protocol::codec::encode;

    use super::*;

    #[test]
    fn a_frame_has_the_times_of_its_first_and_last_byte() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut console = Console::new("00");
        let first = encode("00", 0, &Event::IterationStart { index: 0 }).unwrap();
        let second = encode("00", 1, &Event::Done).unwrap();
        let times = |arrived: Vec<Arrived>| arrived.iter().map(|a| (a.begun, a.ended)).collect::<Vec<_>>();

        assert_eq!(times(console.read(at(1), &first[..5])), []);
        assert_eq!(times(console.read(at(2), &first[5..])), [(at(1), at(2))]);
        assert_eq!(times(console.read(at(7), &second)), [(at(7), at(7))]);
        // A piece that ends one item and begins another.
        assert_eq!(times(console.read(at(8), b"a line\nand")), [(at(8), at(8))]);
        assert_eq!(times(console.read(at(9), b" more\n")), [(at(8), at(9))]);
    }
}
