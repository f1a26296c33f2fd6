//! What can go wrong while a machine is tuned.

use std::io;
use std::path::{Path, PathBuf};

use firebench_supervise::ownership::Distrust;

/// Why the machine was not tuned, or not put back.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum TuneError {
    /// Nothing was changed: a file may not be written.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("run `firebench tune` as root, with sudo"))]
    NotPermitted {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Nothing was changed: the settings belong to somebody else.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("run `firebench tune` on the machine itself, not in a container"))]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another error with a file.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("check the file, its directory, and the free space there"))]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The kernel did not take a value, after others may have been changed.
    #[error("the kernel does not accept {value:?} in {}", path.display())]
    #[diagnostic(help("run `sudo firebench tune --restore` to put back what was changed before"))]
    Refused {
        /// The setting's file.
        path: PathBuf,
        /// The value.
        value: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Somebody else could have written the record.
    #[error("cannot trust the record {}: another user may have written it", path.display())]
    #[diagnostic(help(
        "nothing was changed: give the record to root (chown root, chmod go-w), or remove it and restart the machine, \
        which resets all settings"
    ))]
    Untrusted {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
    /// The record is not a valid one.
    #[error("cannot use the record {}: {reason}", path.display())]
    #[diagnostic(help(
        "set the values in it by hand, or restart the machine, which resets all settings; then remove the record"
    ))]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another firebench has the lock.
    #[error("another `firebench tune` is running")]
    #[diagnostic(help("try again when it has ended"))]
    Busy,
}

/// For `map_err`: the system refuses to do `action`.
pub(super) fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TuneError {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied => TuneError::NotPermitted { action, path, source },
        io::ErrorKind::ReadOnlyFilesystem => TuneError::ReadOnly { action, path, source },
        _ => TuneError::File { action, path, source },
    }
}
