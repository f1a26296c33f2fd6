//! Files that appear whole or not at all: written under another name, and given their own when they are complete.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// A file in `dir`, with a name that begins with `prefix`, that vanishes unless it is given a name
/// ([`NamedTempFile::persist`]). Its mode is that of any new file, before the user's umask; temporary files are private
/// otherwise.
///
/// # Errors
/// The system's.
pub fn in_dir(dir: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o666)).tempfile_in(dir)
}

/// The directory that a file of this path is in.
pub fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
