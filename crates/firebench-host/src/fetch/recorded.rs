//! The digest of each file that was fetched, recorded beside it as `sha256sum` writes it, and checked before each use.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use firebench_image::digest::sha256_file;
use firebench_os::new_file::NewFile;

use super::error::{FetchError, file_error};
use super::sums::listed_sha256;

/// What the name of a record ends with, after that of its file.
const SUFFIX: &str = ".sha256";
/// Records have one short line.
const LONGEST: u64 = 4096;

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(SUFFIX);
    name.into()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Records the digest of the file that is, or is about to be, at `path`.
pub(super) fn record(path: &Path, sha256: &str) -> Result<(), FetchError> {
    let place = beside(path);
    let write = || -> io::Result<()> {
        let mut file = NewFile::beside(&place)?;
        file.write_all(format!("{sha256}  {}\n", name(path)).as_bytes())?;
        file.permit(0o644)?;
        file.sync()?;
        file.persist(&place)
    };
    write().map_err(file_error("write", &place))
}

/// What is recorded of the file at `path`, if anything is.
fn recorded(path: &Path) -> Result<Option<String>, FetchError> {
    let place = beside(path);
    let mut text = String::new();
    match std::fs::File::open(&place).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(file_error("read", &place))?,
    };
    Ok(Some(listed_sha256(&text, &name(path)).unwrap_or_default().to_ascii_lowercase()))
}

/// Refuses the fetched `what` at `path`, whose digest is `found`, unless that was recorded when it was fetched, or is `known`.
///
/// # Errors
/// [`FetchError::Changed`] and [`FetchError::Unrecorded`].
pub(super) fn check(what: &'static str, path: &Path, found: &str, known: &[&str]) -> Result<(), FetchError> {
    let path = path.to_owned();
    match recorded(&path)? {
        Some(expected) if expected == found => Ok(()),
        None if known.contains(&found) => Ok(()),
        Some(expected) => Err(FetchError::Changed { what, path, expected, found: found.to_owned() }),
        None => Err(FetchError::Unrecorded { what, path }),
    }
}

/// [`check`] for a file whose digest is not known yet.
///
/// # Errors
/// Those of [`check`], and [`FetchError::File`].
pub(super) fn check_file(what: &'static str, path: &Path) -> Result<(), FetchError> {
    check(what, path, &digest(path)?, &[])
}

/// Records a file as it is, unless it has a record: one that an earlier firebench fetched, which kept none.
///
/// # Errors
/// [`FetchError::File`].
pub(super) fn adopt(path: &Path) -> Result<(), FetchError> {
    match recorded(path)? {
        Some(_) => Ok(()),
        None => record(path, &digest(path)?),
    }
}

fn digest(path: &Path) -> Result<String, FetchError> {
    Ok(sha256_file(path)?)
}

#[cfg(test)]
mod tests {
    use firebench_image::digest::sha256;

    use super::*;

    #[test]
    fn what_was_fetched_must_stay_as_it_was() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("tool");
        std::fs::write(&path, "tool").expect("room");
        assert!(matches!(check_file("busybox", &path), Err(FetchError::Unrecorded { .. })));
        assert!(check("busybox", &path, &sha256(b"tool"), &[&sha256(b"tool")]).is_ok(), "one that firebench knows");
        adopt(&path).expect("room");
        check_file("busybox", &path).expect("as recorded");
        std::fs::write(&path, "another").expect("room");
        adopt(&path).expect("it has a record");
        let error = check_file("busybox", &path).expect_err("another one").to_string();
        assert!(error.contains("tool is not the file that was fetched: its SHA-256 is "), "{error}");
        record(&path, &sha256(b"another")).expect("room");
        check_file("busybox", &path).expect("as recorded");
        std::fs::write(beside(&path), "nonsense").expect("room");
        assert!(matches!(check_file("busybox", &path), Err(FetchError::Changed { .. })));
    }

    #[test]
    fn a_record_is_what_sha256sum_checks() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("tool");
        record(&path, &"ab".repeat(32)).expect("room");
        assert_eq!(std::fs::read_to_string(beside(&path)).expect("there"), format!("{}  tool\n", "ab".repeat(32)));
    }
}
