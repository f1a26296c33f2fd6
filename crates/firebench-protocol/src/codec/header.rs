//! The header of a frame.

use super::{Damage, MAX_NONCE, MAX_PAYLOAD, SENTINEL, head};

/// Most bytes of a header: sentinel, nonce, two numbers of ten digits at most, checksum, a blank after each.
pub(super) const MAX_HEADER: usize = SENTINEL.len() + (MAX_NONCE + 1) + (10 + 1) + (10 + 1) + (8 + 1);

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub seq: u32,
    pub len: usize,
    pub crc: u32,
    /// Bytes of the header itself: where the payload begins.
    pub size: usize,
}

/// Reads the header at the start of `frame`; `None` while it is incomplete and may still become a good one.
pub(super) fn parse(frame: &[u8], nonce: &str) -> Result<Option<Header>, Damage> {
    let Some(rest) = frame.strip_prefix(SENTINEL) else {
        return if SENTINEL.starts_with(frame) { Ok(None) } else { Err(Damage::BadHeader) };
    };
    const ROOM: usize = MAX_HEADER - SENTINEL.len();
    let window = head(rest, ROOM);
    let mut fields = window.splitn(5, |&b| b == b' ');
    let (Some(their_nonce), Some(seq), Some(len), Some(crc), Some(after)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return if window.len() < rest.len() { Err(Damage::BadHeader) } else { Ok(None) };
    };
    let seq = decimal(seq).and_then(|n| u32::try_from(n).ok()).ok_or(Damage::BadHeader)?;
    let len = decimal(len).ok_or(Damage::BadHeader)?;
    let crc = hexadecimal(crc).ok_or(Damage::BadHeader)?;
    if their_nonce != nonce.as_bytes() {
        return Err(Damage::WrongNonce);
    }
    let len = usize::try_from(len).ok().filter(|&len| len <= MAX_PAYLOAD).ok_or(Damage::TooLong)?;
    // What comes before `after` in the window, and before the window.
    let fields = window.len().saturating_sub(after.len());
    Ok(Some(Header { seq, len, crc, size: SENTINEL.len().saturating_add(fields) }))
}

fn decimal(text: &[u8]) -> Option<u64> {
    // `from_str` alone would take a sign, too.
    let digits = text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn hexadecimal(text: &[u8]) -> Option<u32> {
    let digits = text.len() == 8 && text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_header() {
        let frame = b"@firebench1 abc 7 12 00c0ffee {\"x\": 1}";
        let header = Header { seq: 7, len: 12, crc: 0x00c0_ffee, size: 30 };
        assert_eq!(parse(frame, "abc"), Ok(Some(header)));
        assert_eq!(parse(frame, "abd"), Err(Damage::WrongNonce));
        for cut in 0..header.size {
            assert_eq!(parse(&frame[..cut], "abc"), Ok(None), "{cut}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for (text, damage) in [
            ("@firebunch1 abc 7 12 00c0ffee ", Damage::BadHeader),
            ("@firebench1 abc +7 12 00c0ffee ", Damage::BadHeader),
            ("@firebench1 abc  12 00c0ffee ", Damage::BadHeader),
            ("@firebench1 abc 4294967296 12 00c0ffee ", Damage::BadHeader),
            ("@firebench1 abc 7 -1 00c0ffee ", Damage::BadHeader),
            ("@firebench1 abc 7 12 00C0FFEE ", Damage::BadHeader),
            ("@firebench1 abc 7 12 0c0ffee ", Damage::BadHeader),
            ("@firebench1 abc 7 1048577 00c0ffee ", Damage::TooLong),
            ("@firebench1 abc 7 18446744073709551615 00c0ffee ", Damage::TooLong),
        ] {
            assert_eq!(parse(text.as_bytes(), "abc"), Err(damage), "{text}");
        }
        let endless = [SENTINEL, &[b'a'; MAX_HEADER]].concat();
        assert_eq!(parse(&endless, "abc"), Err(Damage::BadHeader));
    }
}
