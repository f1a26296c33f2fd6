//! Files that appear whole or not at all.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use firebench_image::digest::sha256;
use tempfile::{NamedTempFile, TempDir};

use super::error::{FetchError, file_error};

/// A directory for work in progress inside of `dir`, on the same file system as its destination; removed when dropped.
pub(super) fn staging(dir: &Path) -> Result<TempDir, FetchError> {
    fs::create_dir_all(dir).map_err(file_error("make", dir))?;
    tempfile::Builder::new().prefix(".fetch-").tempdir_in(dir).map_err(file_error("write into", dir))
}

/// Puts an executable at `path`: nobody sees it half written, and what was there before is replaced at once.
pub(super) fn executable(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(file_error("make", dir))?;
    let write = |dir: &Path| -> std::io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(".fetch-").tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(0o755))?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write(dir).map_err(file_error("write", path))?;
    file.persist(path).map_err(|error| file_error("write", path)(error.error))?;
    Ok(())
}

/// Refuses bytes that do not have the digest `expected`, in either case of letters.
pub(super) fn check(what: &str, bytes: &[u8], expected: &str) -> Result<(), FetchError> {
    let found = sha256(bytes);
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(FetchError::Digest { what: what.to_owned(), expected: expected.to_ascii_lowercase(), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_replaces_its_predecessor_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a/b/tool");
        executable(&path, b"one").expect("room");
        executable(&path, b"two").expect("room");
        assert_eq!(fs::read(&path).expect("there"), b"two");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o755);
        assert_eq!(fs::read_dir(dir.path().join("a/b")).expect("there").count(), 1);
    }

    #[test]
    fn staging_ends_with_its_scope() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let staged = staging(&dir.path().join("x")).expect("room");
        fs::write(staged.path().join("file"), "").expect("room");
        drop(staged);
        assert_eq!(fs::read_dir(dir.path().join("x")).expect("there").count(), 0);
    }

    #[test]
    fn another_digest_is_refused() {
        let right = sha256(b"x");
        assert!(check("x", b"x", &right.to_ascii_uppercase()).is_ok());
        let error = check("the file", b"y", &right).expect_err("another digest");
        assert!(error.to_string().starts_with("the file has the SHA-256 "), "{error}");
    }
}
