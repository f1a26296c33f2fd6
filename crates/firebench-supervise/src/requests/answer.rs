//! Reads the answers to requests: as much of HTTP/1.1 as a VMM's API speaks. Nothing in them is believed; pure.
//!
//! Source: RFC 9112, sections 4 and 6.

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its status code.
    pub(super) status: u16,
    /// What it says.
    pub(super) body: Vec<u8>,
    /// Bytes of it, from the first one of the status line.
    pub(super) length: usize,
}

/// What is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Garbled {
    #[error("it does not begin like an answer of HTTP/1.1")]
    Start,
    #[error("its headers do not say how long it is")]
    Length,
    #[error("it is longer than {} KiB", MAX_BYTES >> 10)]
    TooLong,
    #[error("it is longer than it says")]
    Surplus,
}

/// The longest answer. Those of Firecracker have some hundred bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;

const STATUS_LINE: &[u8] = b"HTTP/1.1 ";
const END_OF_HEADERS: &[u8] = b"\r\n\r\n";

/// The answer with which `bytes` begin; none where the rest of it is still to come.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Answer>, Garbled> {
    if !bytes.iter().zip(STATUS_LINE).all(|(byte, expected)| byte == expected) {
        return Err(Garbled::Start);
    }
    let Some(at) = bytes.windows(END_OF_HEADERS.len()).position(|window| window == END_OF_HEADERS) else {
        return if bytes.len() > MAX_BYTES { Err(Garbled::TooLong) } else { Ok(None) };
    };
    let head = std::str::from_utf8(bytes.get(..at).unwrap_or_default()).map_err(|_| Garbled::Start)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(status).ok_or(Garbled::Start)?;
    let begin = at.saturating_add(END_OF_HEADERS.len());
    let length = begin.saturating_add(length(lines)?);
    if length > MAX_BYTES {
        return Err(Garbled::TooLong);
    }
    Ok(bytes.get(begin..length).map(|body| Answer { status, body: body.to_vec(), length }))
}

/// The code in a status line: three digits, and nothing or a phrase behind them.
fn status(line: &str) -> Option<u16> {
    let code = line.strip_prefix("HTTP/1.1 ")?.split(' ').next()?;
    code.parse().ok().filter(|status| (100..=599).contains(status) && code.len() == 3)
}

/// Bytes of the body by the headers.
fn length<'a>(headers: impl Iterator<Item = &'a str>) -> Result<usize, Garbled> {
    let mut length = None;
    for header in headers {
        let (name, value) = header.split_once(':').ok_or(Garbled::Start)?;
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Garbled::Length);
        }
        if name.eq_ignore_ascii_case("content-length") {
            let value = value.trim();
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let bytes =
                if digits { value.parse::<usize>().unwrap_or(usize::MAX) } else { return Err(Garbled::Length) };
            if length.is_some_and(|other| other != bytes) {
                return Err(Garbled::Length);
            }
            length = Some(bytes);
        }
    }
    Ok(length.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Firecracker 1.12.1 sent it.
    const DONE: &str = "HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
    const REFUSED: &str = "HTTP/1.1 400 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\
                           Content-Type: application/json\r\nContent-Length: 21\r\n\r\n{\"fault_message\":\"x\"}";

    fn answer(text: &str) -> Result<Option<(u16, String)>, Garbled> {
        let read = read(text.as_bytes())?;
        Ok(read.map(|answer| (answer.status, String::from_utf8(answer.body).expect("text"))))
    }

    #[test]
    fn answers_are_read_once_they_are_whole() {
        assert_eq!(answer(DONE), Ok(Some((204, String::new()))));
        assert_eq!(answer(REFUSED), Ok(Some((400, "{\"fault_message\":\"x\"}".to_owned()))));
        for whole in [DONE, REFUSED] {
            for end in 0..whole.len() {
                assert_eq!(read(&whole.as_bytes()[..end]), Ok(None), "{end}");
            }
            // What follows belongs to another one.
            let both = format!("{whole}HTTP");
            assert_eq!(read(both.as_bytes()).expect("an answer").expect("whole").length, whole.len());
        }
    }

    #[test]
    fn what_is_no_answer_is_known_at_once() {
        for (text, garbled) in [
            ("h", Garbled::Start),
            ("HTTP/2 200\r\n", Garbled::Start),
            ("HTTP/1.1 2000 \r\n\r\n", Garbled::Start),
            ("HTTP/1.1 +99 \r\n\r\n", Garbled::Start),
            ("HTTP/1.1 600 \r\n\r\n", Garbled::Start),
            ("HTTP/1.1 204 \r\nno header\r\n\r\n", Garbled::Start),
            ("HTTP/1.1 204 \r\nContent-Length: -1\r\n\r\n", Garbled::Length),
            ("HTTP/1.1 204 \r\nContent-Length: +1\r\n\r\n", Garbled::Length),
            ("HTTP/1.1 204 \r\nContent-Length: \r\n\r\n", Garbled::Length),
            ("HTTP/1.1 204 \r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n", Garbled::Length),
            ("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n", Garbled::Length),
            ("HTTP/1.1 204 \r\nContent-Length: 99999999999999999999999\r\n\r\n", Garbled::TooLong),
            ("HTTP/1.1 204 \r\nContent-Length: 65536\r\n\r\n", Garbled::TooLong),
        ] {
            assert_eq!(answer(text), Err(garbled), "{text:?}");
        }
        let endless = format!("HTTP/1.1 204 \r\n{}", "X: y\r\n".repeat(MAX_BYTES));
        assert_eq!(answer(&endless), Err(Garbled::TooLong));
    }
}
