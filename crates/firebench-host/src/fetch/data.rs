//! The data directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::FetchError;

/// Something that is now in the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Where.
    pub path: PathBuf,
    /// Its version, as its maker writes it.
    pub version: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Whether it was there before, so that nothing was downloaded.
    pub already: bool,
}

/// The data directory: `FIREBENCH_DATA`, else `XDG_DATA_HOME/firebench`, else `~/.local/share/firebench`.
///
/// # Errors
/// [`FetchError::NoDataDir`] when none of the three variables says anything.
pub fn data_dir() -> Result<PathBuf, FetchError> {
    data_dir_from(|name| std::env::var_os(name)).ok_or(FetchError::NoDataDir)
}

fn data_dir_from(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG Base Directory Specification: relative paths are to be ignored.
    let xdg = || set("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let home = || set("HOME").map(|home| home.join(".local/share"));
    set("FIREBENCH_DATA").or_else(|| xdg().or_else(home).map(|share| share.join("firebench")))
}

/// The entries of a directory; none where it cannot be read.
pub(super) fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_the_variables() {
        let with = |variables: &[(&str, &str)]| {
            data_dir_from(|name| {
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| OsString::from(value))
            })
        };
        let home = ("HOME", "/home/a");
        assert_eq!(with(&[home]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "/data")]), Some("/data/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "data")]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[home, ("XDG_DATA_HOME", "/data"), ("FIREBENCH_DATA", "/fb")]), Some("/fb".into()));
        assert_eq!(with(&[home, ("FIREBENCH_DATA", "")]), Some("/home/a/.local/share/firebench".into()));
        assert_eq!(with(&[]), None);
    }
}
