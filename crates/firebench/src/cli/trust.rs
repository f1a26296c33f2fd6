//! Refuses files that somebody else could have changed: docs/privileges.md.

use std::path::{Path, PathBuf};

use firebench_image::roots;
use firebench_store::store::check_owner;
use firebench_supervise::ownership::{Distrust, Trust};

use super::failure::Failure;

/// A file or directory that somebody else could have changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(super) enum TrustError {
    /// A directory of firebench's own.
    #[error("cannot trust the {what} {}", path.display())]
    #[diagnostic(help("{}", directory_hint(variable, path, source)))]
    Directory {
        /// What firebench keeps there.
        what: &'static str,
        /// What names another one.
        variable: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
    /// It is not a directory.
    #[error("the {what} {} is not a directory", path.display())]
    #[diagnostic(help("set {variable} to a directory of your own"))]
    NoDirectory {
        /// What firebench keeps there.
        what: &'static str,
        /// What names another one.
        variable: &'static str,
        /// What is there.
        path: PathBuf,
    },
    /// An experiment, which names programs.
    #[error("cannot trust the experiment {}", path.display())]
    #[diagnostic(help(
        "read it first, because the programs in it would run as {}; then add --trust-experiment, or copy it into a \
        directory that only you can write to",
        if nix::unistd::geteuid().is_root() { "root" } else { "you" }
    ))]
    Experiment {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
    /// A store.
    #[error("cannot trust the store {}", path.display())]
    #[diagnostic(help(
        "use a store of your own with --store or FIREBENCH_STORE; only `runs`, `show`, `compare` and `export` read a \
        store that others can write to"
    ))]
    Store {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
}

fn directory_hint(variable: &str, path: &Path, distrust: &Distrust) -> String {
    match distrust {
        Distrust::Mode { .. } => format!(
            "set {variable} to a directory of your own, because others may have replaced files in this one. If it \
            contains only firebench's files, you can also remove it, and firebench creates it again; or keep it with \
            `chmod -R go-w {}`, if nobody else uses this machine",
            path.display()
        ),
        _ => format!("set {variable} to a directory of your own"),
    }
}

/// Refuses a directory in which somebody else could have changed anything. One that is not there yet is fine.
pub(super) fn directory(what: &'static str, variable: &'static str, path: &Path) -> Result<(), Failure> {
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(Failure::usage(TrustError::NoDirectory { what, variable, path: path.to_owned() }));
    }
    match Trust::own().tree_but(path, roots::is_of_a_root) {
        Err(source) if !source.is_missing() => {
            Err(TrustError::Directory { what, variable, path: path.to_owned(), source }.into())
        }
        _ => Ok(()),
    }
}

/// Refuses an experiment that somebody else could have written, unless the user says that it is `trusted`: root's, and, where nobody
/// has `named` it and it merely lay in the current directory, anybody's.
pub(super) fn experiment(file: &Path, named: bool, trusted: bool) -> Result<(), Failure> {
    if trusted || (named && !nix::unistd::geteuid().is_root()) {
        return Ok(());
    }
    match Trust::own().path(file) {
        // Whoever reads it says what is wrong with it.
        Ok(_) | Err(Distrust::Io { .. }) => Ok(()),
        Err(source) => Err(Failure::usage(TrustError::Experiment { path: file.to_owned(), source })),
    }
}

/// Refuses a store that somebody else could have written. To read from it is harmless, for that is done from a copy; what is written goes where its directory
/// leads, and what is resumed runs programs.
pub(super) fn store(path: &Path) -> Result<(), Failure> {
    match check_owner(path) {
        Ok(()) | Err(Distrust::Io { .. }) => Ok(()),
        Err(source) => Err(Failure::usage(TrustError::Store { path: path.to_owned(), source })),
    }
}
