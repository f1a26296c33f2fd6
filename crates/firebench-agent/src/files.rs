//! Files as text.

use crate::error::Error;

/// The text of a file.
pub fn read(path: &str) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|cause| Error::Read { path: path.to_owned(), cause })
}
