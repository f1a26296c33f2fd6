//! The payload: what the guest reads as `/random.txt`.
//!
//! # The seeded stream
//! Generator: ChaCha with 8 rounds, as D. J. Bernstein described it (64-bit block counter from 0, 64-bit nonce 0), key =
//! the seed's 8 bytes in little-endian order followed by 24 zero bytes. The payload is the first `bytes` bytes of the
//! keystream. Any ChaCha8 implementation makes the same bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use firebench_os::{interrupt, outside};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::digest::hex;
use crate::{Error, Result};

/// The seed when the user names none.
pub const DEFAULT_SEED: u64 = 1;

/// Where random bytes come from.
const URANDOM: &str = "/dev/urandom";

/// Size of the pieces in which a payload is made, hashed and written.
pub(crate) const CHUNK: usize = 1 << 20;

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
    pub(crate) fn open(&self) -> Result<Chunks> {
        let bytes = self.bytes()?;
        let source = match self {
            Payload::Seeded { seed, .. } => Source::Seeded(Box::new(generator(*seed))),
            Payload::Urandom { .. } => Source::open(Path::new(URANDOM), |path| File::open(path))?,
            Payload::File { path } => Source::open(path, outside::open)?,
        };
        Ok(Chunks { source, total: bytes, remaining: bytes })
    }

    /// SHA-256 of the payload, without writing it anywhere. None for [`Payload::Urandom`], whose bytes are only known
    /// once they are written.
    pub fn digest(&self) -> Result<Option<String>> {
        if matches!(self, Payload::Urandom { .. }) {
            return Ok(None);
        }
        let mut chunks = self.open()?;
        let (mut hasher, mut chunk) = (Sha256::new(), Vec::new());
        while chunks.next(&mut chunk)? {
            interrupt::check()?;
            hasher.update(&chunk);
        }
        chunks.finish()?;
        Ok(Some(hex(&hasher.finalize())))
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
    fn open(path: &Path, open: impl FnOnce(&Path) -> std::io::Result<File>) -> Result<Source> {
        let file = open(path).map_err(Error::io("open", path))?;
        Ok(Source::File { file, path: path.to_owned() })
    }
}

/// A payload being read, piece by piece.
pub(crate) struct Chunks {
    source: Source,
    total: u64,
    remaining: u64,
}

impl Chunks {
    /// Size of the whole payload in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Puts the next [`CHUNK`] bytes into `buffer`, fewer only at the payload's end; false when nothing is left.
    pub(crate) fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
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
        self.remaining = self.remaining.saturating_sub(count as u64);
        Ok(true)
    }

    /// After the last chunk: whether a file has grown meanwhile.
    pub(crate) fn finish(self) -> Result<()> {
        match self.source {
            Source::File { mut file, path } if path != Path::new(URANDOM) => {
                match file.read(&mut [0]).map_err(Error::io("read", &path))? {
                    0 => Ok(()),
                    _ => Err(Error::PayloadChanged { path }),
                }
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &Payload) -> Vec<u8> {
        let mut chunks = payload.open().expect("the payload opens");
        let (mut all, mut chunk) = (Vec::new(), Vec::new());
        while chunks.next(&mut chunk).expect("a chunk is read") {
            all.extend_from_slice(&chunk);
        }
        chunks.finish().expect("the payload was read to its end");
        all
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
        let bytes = read(&Payload::Seeded { seed: 0x1122_3344_5566_7788, bytes: 1000 });
        let key = [0x5566_7788, 0x1122_3344, 0, 0, 0, 0, 0, 0];
        let reference: Vec<u8> = (0..16).flat_map(|counter| chacha8_block(key, counter)).take(1000).collect();
        assert_eq!(bytes, reference);
    }

    /// Frozen: whoever changes the stream changes what every published digest means.
    #[test]
    fn default_stream_is_frozen() {
        let digest = Payload::seeded(1 << 20).digest().expect("a digest").expect("it is known beforehand");
        assert_eq!(digest, "b7fd906bbf836758cb02df69454000095513dcfda4f9fa94c6dce42a5927b163");
    }

    #[test]
    fn a_longer_stream_begins_with_the_shorter_one() {
        let short = read(&Payload::seeded(CHUNK as u64 - 1));
        let long = read(&Payload::seeded(2 * CHUNK as u64 + 5));
        assert_eq!(long.len(), 2 * CHUNK + 5);
        assert_eq!(long[..short.len()], short);
    }

    #[test]
    fn every_kind_has_its_size_and_its_digest() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("payload");
        std::fs::write(&path, b"hello").expect("the file is written");
        let file = Payload::File { path };
        for payload in [Payload::seeded(0), Payload::seeded(1), Payload::Urandom { bytes: 4097 }, file] {
            let bytes = read(&payload);
            assert_eq!(bytes.len() as u64, payload.bytes().expect("a size"), "{payload:?}");
            let known = payload.digest().expect("no error");
            assert_eq!(known.is_none(), matches!(payload, Payload::Urandom { .. }));
            assert!(known.is_none_or(|known| known == crate::digest::sha256(&bytes)));
        }
    }

    #[test]
    fn a_file_that_grows_or_shrinks_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("payload");
        for (then, now) in [("hello", "hello, world"), ("hello", "hell")] {
            std::fs::write(&path, then).expect("the file is written");
            let mut chunks = Payload::File { path: path.clone() }.open().expect("the payload opens");
            std::fs::write(&path, now).expect("the file is written");
            let mut chunk = Vec::new();
            let outcome = loop {
                match chunks.next(&mut chunk) {
                    Ok(true) => {}
                    Ok(false) => break chunks.finish(),
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
