//! The options of the server. Pure.

use std::net::Ipv4Addr;
use std::time::Duration;

/// What the server is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Options {
    pub(super) port: u16,
    /// Bytes of the body in memory.
    pub(super) body: usize,
    /// The file that is the body in place of those.
    pub(super) disk: Option<String>,
    /// The address of the card that is brought up, and the bits of it that name the network.
    pub(super) card: Option<(Ipv4Addr, u8)>,
    /// How long to wait before listening.
    pub(super) delay: Duration,
}

impl Options {
    /// # Errors
    /// What is wrong, in a sentence without its end.
    pub(super) fn parse(words: &[&str]) -> Result<Options, String> {
        let (mut port, mut body) = (None, 0);
        let (mut disk, mut card, mut delay) = (None, None, Duration::ZERO);
        for pair in words.chunks(2) {
            let [option, value] = pair else { return Err(format!("{} has no value", pair.join(" "))) };
            let invalid = || format!("invalid value of {option}: {value}");
            match *option {
                "--port" => port = Some(value.parse().map_err(|_| invalid())?),
                "--body" => body = value.parse().map_err(|_| invalid())?,
                "--disk" => disk = Some((*value).to_owned()),
                "--card" => card = Some(address(value).ok_or_else(invalid)?),
                "--delay" => delay = Duration::from_millis(value.parse().map_err(|_| invalid())?),
                _ => return Err(format!("unknown option {option}")),
            }
        }
        Ok(Options { port: port.ok_or("--port is missing")?, body, disk, card, delay })
    }
}

/// An address and the bits of its network, such as `192.0.2.2/24`.
fn address(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, bits) = text.split_once('/')?;
    Some((address.parse().ok()?, bits.parse().ok().filter(|bits| (1..=32).contains(bits))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        let words = "--port 80 --body 4096 --card 192.0.2.2/24 --delay 200 --disk /random.txt";
        let options = Options::parse(&words.split(' ').collect::<Vec<_>>()).unwrap();
        let expected = Options {
            port: 80,
            body: 4096,
            disk: Some("/random.txt".to_owned()),
            card: Some((Ipv4Addr::new(192, 0, 2, 2), 24)),
            delay: Duration::from_millis(200),
        };
        assert_eq!(options, expected);
        for (words, wrong) in [
            ("--body 1", "--port is missing"),
            ("--port 80 --body", "--body has no value"),
            ("--port 70000", "invalid value of --port: 70000"),
            ("--port 80 --card 192.0.2.2/33", "invalid value of --card: 192.0.2.2/33"),
            ("--port 80 --card 192.0.2.2", "invalid value of --card: 192.0.2.2"),
            ("--port 80 --speed 3", "unknown option --speed"),
        ] {
            assert_eq!(Options::parse(&words.split(' ').collect::<Vec<_>>()).unwrap_err(), wrong);
        }
    }
}
