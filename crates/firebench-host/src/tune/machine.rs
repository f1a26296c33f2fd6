//! The files through which settings of the kernel are read and written.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firebench_model::kernel_text::marked;

/// A machine whose settings are files. Paths are relative to the root of its file system. A trait so that tests can
/// refuse, and stop between any two writes.
pub(super) trait Machine {
    /// The value in force: the word in brackets (`always [madvise] never`), else the whole line.
    fn read(&self, path: &str) -> io::Result<String>;
    /// Whether the kernel lets no one, not even root, write the file.
    fn is_read_only(&self, path: &str) -> bool;
    /// Fails where [`Machine::write`] would for lack of permission. Changes nothing.
    fn check_writable(&self, path: &str) -> io::Result<()>;
    /// Sets a value.
    fn write(&self, path: &str, value: &str) -> io::Result<()>;
    /// Names in a directory, sorted; none where there is no such directory.
    fn names(&self, path: &str) -> Vec<String>;
}

/// The files below a root.
pub(super) struct Files<'a>(pub(super) &'a Path);

impl Files<'_> {
    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Machine for Files<'_> {
    fn read(&self, path: &str) -> io::Result<String> {
        let text = fs::read_to_string(self.path(path))?;
        Ok(marked(&text).unwrap_or(text.trim()).to_owned())
    }

    fn is_read_only(&self, path: &str) -> bool {
        fs::metadata(self.path(path)).is_ok_and(|data| data.permissions().mode() & 0o222 == 0)
    }

    fn check_writable(&self, path: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path(path)).map(drop)
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        fs::OpenOptions::new().write(true).truncate(true).open(self.path(path))?.write_all(value.as_bytes())
    }

    fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(path)).into_iter().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}
