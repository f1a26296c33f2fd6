//! The payload: what the guest reads as `/random.txt`.
//!
//! # The seeded stream
//! Generator: ChaCha with 8 rounds, as D. J. Bernstein described it (64-bit block counter from 0, 64-bit nonce 0), key =
//! the seed's 8 bytes in little-endian order followed by 24 zero bytes. The payload is the first `bytes` bytes of the
//! keystream. Any ChaCha8 implementation makes the same bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::{Error, Result};

/// The seed when the user names none: "firebenc" in ASCII.
pub const DEFAULT_SEED: u64 = 0x6669_7265_6265_6e63;

/// Where random bytes come from.
const URANDOM: &str = "/dev/urandom";

/// Size of the pieces in which a payload is made, hashed and written.
pub const CHUNK: usize = 1 << 20;

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// Where the payload's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Payload {
    /// The [seeded stream](self): the same bytes on every machine.
    Seeded {
        /// The seed; [`DEFAULT_SEED`] when absent.
        #[serde(default = "default_seed")]
        seed: u64,
        /// Size in bytes.
        bytes: u64,
    },
    /// Bytes of the system's random number generator. Made once, then kept in the cache like the others.
    Urandom {
        /// Size in bytes.
        bytes: u64,
    },
    /// A copy of a regular file.
    File {
        /// The file on the host.
        path: PathBuf,
    },
}

impl Payload {
    /// The seeded stream with the default seed.
    pub fn seeded(bytes: u64) -> Payload {
        Payload::Seeded { seed: DEFAULT_SEED, bytes }
    }

    /// Size in bytes.
    pub fn bytes(&self) -> Result<u64> {
        match self {
            Payload::Seeded { bytes, .. } | Payload::Urandom { bytes } => Ok(*bytes),
            Payload::File { path } => {
                let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
                if !metadata.is_file() {
                    return Err(Error::HostFile { path: path.clone(), reason: "not a regular file" });
                }
                Ok(metadata.len())
            }
        }
    }

    /// Starts to read the payload.
    pub fn open(&self) -> Result<PayloadReader> {
        let bytes = self.bytes()?;
        let source = match self {
            Payload::Seeded { seed, .. } => Source::Seeded(Box::new(generator(*seed))),
            Payload::Urandom { .. } => Source::open(Path::new(URANDOM))?,
            Payload::File { path } => Source::open(path)?,
        };
        Ok(PayloadReader { source, total: bytes, remaining: bytes, hasher: Sha256::new() })
    }

    /// SHA-256 of the payload, without writing it anywhere. None for [`Payload::Urandom`], whose bytes are only known
    /// once they are written.
    pub fn digest(&self) -> Result<Option<String>> {
        if matches!(self, Payload::Urandom { .. }) {
            return Ok(None);
        }
        let mut reader = self.open()?;
        let mut buffer = Vec::new();
        while reader.next_chunk(&mut buffer)? {}
        reader.finish().map(Some)
    }
}

/// The seeded stream's generator, at its start.
fn generator(seed: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

enum Source {
    Seeded(Box<ChaCha8Rng>),
    File { file: File, path: PathBuf },
}

impl Source {
    fn open(path: &Path) -> Result<Source> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        Ok(Source::File { file, path: path.to_owned() })
    }
}

/// Reads a payload and hashes it on the way.
pub struct PayloadReader {
    source: Source,
    total: u64,
    remaining: u64,
    hasher: Sha256,
}

impl PayloadReader {
    /// Size of the whole payload in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Puts the next [`CHUNK`] bytes into `buffer`, fewer only at the payload's end; false when nothing is left.
    pub fn next_chunk(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        let count = usize::try_from(self.remaining).unwrap_or(CHUNK).min(CHUNK);
        buffer.resize(count, 0);
        if count == 0 {
            return Ok(false);
        }
        match &mut self.source {
            Source::Seeded(generator) => generator.fill_bytes(buffer),
            Source::File { file, path } => file.read_exact(buffer).map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => Error::PayloadChanged { path: path.clone() },
                _ => Error::io("read", path)(error),
            })?,
        }
        self.hasher.update(&*buffer);
        self.remaining -= count as u64;
        Ok(true)
    }

    /// SHA-256 of all that was read; the payload must have been read to its end.
    pub fn finish(mut self) -> Result<String> {
        debug_assert_eq!(self.remaining, 0, "the payload is read to its end");
        match &mut self.source {
            Source::File { file, path } if path != Path::new(URANDOM) => {
                let grown = file.read(&mut [0]).map_err(Error::io("read", path))?;
                if grown > 0 {
                    return Err(Error::PayloadChanged { path: path.clone() });
                }
            }
            _ => {}
        }
        Ok(hex(&self.hasher.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &Payload) -> (Vec<u8>, String) {
        let mut reader = payload.open().expect("the payload opens");
        let (mut all, mut chunk) = (Vec::new(), Vec::new());
        while reader.next_chunk(&mut chunk).expect("a chunk is read") {
            all.extend_from_slice(&chunk);
        }
        (all, reader.finish().expect("the payload was read to its end"))
    }

    /// ChaCha8 as in its paper, one block, without any crate: the stream is what the documentation states.
    fn chacha8_block(key: [u32; 8], counter: u64) -> Vec<u8> {
        let mut input = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        input[4..12].copy_from_slice(&key);
        input[12] = counter as u32;
        input[13] = (counter >> 32) as u32;
        let mut x: [u32; 16] = input;
        let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
            for (into, from, turned, by) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                x[into] = x[into].wrapping_add(x[from]);
                x[turned] = (x[turned] ^ x[into]).rotate_left(by);
            }
        };
        for _ in 0..4 {
            for i in 0..4 {
                quarter(i, 4 + i, 8 + i, 12 + i);
            }
            for i in 0..4 {
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
            }
        }
        x.iter().zip(input).flat_map(|(word, start)| word.wrapping_add(start).to_le_bytes()).collect()
    }

    #[test]
    fn seeded_stream_is_plain_chacha8() {
        let (bytes, _) = read(&Payload::Seeded { seed: 0x1122_3344_5566_7788, bytes: 1000 });
        let key = [0x5566_7788, 0x1122_3344, 0, 0, 0, 0, 0, 0];
        let reference: Vec<u8> = (0..16).flat_map(|counter| chacha8_block(key, counter)).take(1000).collect();
        assert_eq!(bytes, reference);
    }

    /// Frozen: whoever changes the stream changes what every published digest means.
    #[test]
    fn default_stream_is_frozen() {
        let digest = Payload::seeded(1 << 20).digest().expect("a digest").expect("it is known beforehand");
        assert_eq!(digest, "ce15b24fe127a3b6242038aaa079cea0024338202bd09512c16dc14a2e31ee87");
    }

    #[test]
    fn a_longer_stream_begins_with_the_shorter_one() {
        let (short, _) = read(&Payload::seeded(CHUNK as u64 - 1));
        let (long, _) = read(&Payload::seeded(2 * CHUNK as u64 + 5));
        assert_eq!(long.len(), 2 * CHUNK + 5);
        assert_eq!(long[..short.len()], short);
    }

    #[test]
    fn every_kind_hashes_what_it_yields() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("payload");
        std::fs::write(&path, b"hello").expect("the file is written");
        let file = Payload::File { path };
        for payload in [Payload::seeded(0), Payload::seeded(1), Payload::Urandom { bytes: 4097 }, file] {
            let (bytes, digest) = read(&payload);
            assert_eq!(bytes.len() as u64, payload.bytes().expect("a size"), "{payload:?}");
            assert_eq!(digest, crate::digest::sha256(&bytes), "{payload:?}");
            let known = payload.digest().expect("no error");
            assert_eq!(known.is_none(), matches!(payload, Payload::Urandom { .. }));
            assert!(known.is_none_or(|known| known == digest));
        }
    }

    #[test]
    fn a_file_that_grows_or_shrinks_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("payload");
        for (then, now) in [("hello", "hello, world"), ("hello", "hell")] {
            std::fs::write(&path, then).expect("the file is written");
            let mut reader = Payload::File { path: path.clone() }.open().expect("the payload opens");
            std::fs::write(&path, now).expect("the file is written");
            let mut chunk = Vec::new();
            let outcome = loop {
                match reader.next_chunk(&mut chunk) {
                    Ok(true) => {}
                    Ok(false) => break reader.finish().map(drop),
                    Err(error) => break Err(error),
                }
            };
            assert!(matches!(outcome, Err(Error::PayloadChanged { .. })), "{then} -> {now}: {outcome:?}");
        }
    }

    #[test]
    fn json_form() {
        let json = r#"{"kind":"seeded","bytes":7}"#;
        assert_eq!(serde_json::from_str::<Payload>(json).expect("it parses"), Payload::seeded(7));
        assert!(serde_json::from_str::<Payload>(r#"{"kind":"seeded","bytes":7,"x":1}"#).is_err());
    }

    #[test]
    fn a_directory_is_no_payload() {
        let payload = Payload::File { path: "/".into() };
        assert!(matches!(payload.bytes(), Err(Error::HostFile { .. })));
    }
}
