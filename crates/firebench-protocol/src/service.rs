//! The HTTP service of the agent: what its command line is, and what it answers.

/// First argument of [`crate::AGENT_COMMAND`] that makes it an HTTP server: `serve --port PORT --body BYTES`, and if wished
/// `--card ADDRESS/BITS` (the first Ethernet card and `lo` are brought up, the card with this address), `--disk FILE` (the body is read
/// from the file for every answer, around the page cache; its length is the file's), `--delay MS` (it waits before it listens).
pub const SERVE_COMMAND: &str = "serve";

/// The port on which it listens, on all addresses: one that takes no right.
pub const SERVICE_PORT: u16 = 8080;

/// The path whose answer is short, with the body [`GREETING`].
pub const GREETING_PATH: &str = "/";

/// The body of the answer to [`GREETING_PATH`].
pub const GREETING: &[u8] = b"firebench\n";

/// The path whose answer has the body that was asked for: [`body`], or the bytes of the file.
pub const BODY_PATH: &str = "/body";

/// The path whose answer is the last one: the server then ends, with status 0.
pub const SHUTDOWN_PATH: &str = "/shutdown";

/// Bytes of the largest body.
pub const MAX_BODY: usize = 64 << 20;

/// Bytes of the longest head of a request or an answer.
pub const MAX_HEAD: usize = 4 << 10;

/// The bytes of a body of this length that is kept in memory: pseudo-random, so that neither zeros nor repetitions help anybody, and the
/// same for both sides.
///
/// Source: Marsaglia, "Xorshift RNGs", 2003, with the multiplier of Vigna's xorshift64*.
pub fn body(bytes: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(bytes.next_multiple_of(8));
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    while body.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        body.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    body.truncate(bytes);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_length_and_does_not_repeat() {
        for bytes in [0, 1, 7, 8, 80 << 10] {
            assert_eq!(body(bytes).len(), bytes);
        }
        let long = body(80 << 10);
        assert_eq!(&long[..100], &body(100)[..]);
        let mut words: Vec<&[u8]> = long.chunks(8).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), (80 << 10) / 8);
    }
}
