//! SHA-256 as lower-case hexadecimal text, the way `sha256sum` prints it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

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
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hasher.finalize())),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
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
pub(crate) fn key(inputs: &impl serde::Serialize) -> Result<String> {
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
}
