//! SHA-256 as lower-case hexadecimal text, the way `sha256sum` prints it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use firebench_os::{interrupt, outside};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Size of the buffer that files are read with.
const BUFFER: usize = 1 << 20;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file's contents.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    read_through(outside::open(path).map_err(Error::io("open", path))?, path, |piece| hasher.update(piece))?;
    Ok(hex(&hasher.finalize()))
}

/// SHA-256 of a file's contents without `ranges`, each an offset and a number of bytes, which do not overlap.
pub(crate) fn sha256_file_without(path: &Path, ranges: &[(u64, u64)]) -> Result<String> {
    let file = outside::open(path).map_err(Error::io("open", path))?;
    let mut ranges = ranges.to_vec();
    ranges.sort_unstable();
    let mut hasher = Sha256::new();
    let mut from = 0_u64;
    for (offset, bytes) in ranges {
        let piece = Section { file: &file, at: from }.take(offset.saturating_sub(from));
        read_through(piece, path, |piece| hasher.update(piece))?;
        from = offset.saturating_add(bytes);
    }
    read_through(Section { file: &file, at: from }, path, |piece| hasher.update(piece))?;
    Ok(hex(&hasher.finalize()))
}

/// A file from `at` on.
struct Section<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

/// Hands all of `file` to `take`, piece by piece, unless the user wants it to end.
fn read_through(mut file: impl Read, path: &Path, mut take: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        interrupt::check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A key for the cache: SHA-256 of the inputs' JSON, shortened to 128 bits. Structures serialise in a fixed order.
pub fn key(inputs: &impl serde::Serialize) -> Result<String> {
    let json = serde_json::to_vec(inputs).map_err(|error| Error::io("describe", Path::new("inputs"))(error.into()))?;
    let mut text = sha256(&json);
    text.truncate(32);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-4's validation suite.
    #[test]
    fn known_digests() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn file_and_bytes_agree() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("f");
        let bytes = vec![7; BUFFER + 3];
        std::fs::write(&path, &bytes).expect("the file is written");
        assert_eq!(sha256_file(&path).expect("the file is read"), sha256(&bytes));
        assert!(matches!(sha256_file(&dir.path().join("g")), Err(Error::Io { action: "open", .. })));
    }

    #[test]
    fn ranges_are_left_out() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("f");
        std::fs::write(&path, b"0123456789").expect("the file is written");
        for (ranges, rest) in [
            (&[][..], "0123456789"),
            (&[(0, 3)], "3456789"),
            (&[(6, 2), (1, 2)], "034589"),
            (&[(8, 2)], "01234567"),
            (&[(8, 100)], "01234567"),
            (&[(100, 1)], "0123456789"),
        ] {
            assert_eq!(sha256_file_without(&path, ranges).expect("it is read"), sha256(rest.as_bytes()), "{ranges:?}");
        }
    }
}
