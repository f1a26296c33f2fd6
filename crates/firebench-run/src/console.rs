//! The console of a VM as a stream of items with their times.

use std::collections::VecDeque;
use std::time::Instant;

use firebench_protocol::codec::{Decoder, Item};
use firebench_text as text;

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

/// The lines of a console that are kept in case of a failure: its first and its last ones. (A kernel in trouble says the
/// reason first and repeats its consequences.)
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    first: Vec<String>,
    last: VecDeque<String>,
    dropped: u64,
}

impl Words {
    /// Lines kept of the beginning, and of the end.
    const KEPT: usize = 20;

    /// Characters shown of a line. All words of a boot must fit into one line of the nested host's output, as JSON.
    const SHOWN: usize = 500;

    /// A line as it is shown: printable, and not long.
    pub fn shown(line: &str) -> String {
        text::excerpt(line, Self::SHOWN)
    }

    /// Adds a line.
    pub fn push(&mut self, mut line: String) {
        // More than is shown, whatever its characters are: what quotes a frame may be as long as that.
        let most = 4 * (Self::SHOWN + 1);
        if line.len() > most {
            line.truncate((0..=most).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0));
        }
        if self.first.len() < Self::KEPT {
            self.first.push(line);
            return;
        }
        if self.last.len() == Self::KEPT {
            self.last.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.last.push_back(line);
    }

    /// The kept lines in order, as they are shown; one between them says how many are missing.
    pub fn lines(&self) -> Vec<String> {
        let shown = |line: &String| Self::shown(line);
        let gap = (self.dropped > 0).then(|| format!("({} lines left out)", self.dropped));
        self.first.iter().map(shown).chain(gap).chain(self.last.iter().map(shown)).collect()
    }
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

    /// The rest of the console after the end of the VMM.
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
    fn words_are_the_first_and_the_last() {
        let mut words = Words::default();
        for number in 0..50 {
            words.push(number.to_string());
        }
        let lines = words.lines();
        assert_eq!(lines.len(), 41);
        assert_eq!(
            [&lines[0], &lines[19], &lines[20], &lines[21], &lines[40]],
            ["0", "19", "(10 lines left out)", "30", "49"]
        );
    }

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
