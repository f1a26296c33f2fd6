//! What firebench does not use, because somebody else could have changed it: docs/privileges.md.

use std::path::{Path, PathBuf};

use firebench_store::store::check_owner;
use firebench_supervise::ownership::{Distrust, Trust};

use super::failure::Failure;

/// What somebody else could have changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(super) enum TrustError {
    /// A directory of firebench's own.
    #[error("the {what} {} cannot be trusted", path.display())]
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
    /// What should be one is something else.
    #[error("the {what} {} is no directory", path.display())]
    #[diagnostic(help("name a directory of your own with {variable}"))]
    NoDirectory {
        /// What firebench keeps there.
        what: &'static str,
        /// What names another one.
        variable: &'static str,
        /// What is there.
        path: PathBuf,
    },
    /// An experiment, which names programs.
    #[error("the experiment {} may be somebody else's", path.display())]
    #[diagnostic(help(
        "the programs that it names would run as {}: read it first, then add --trust-experiment, or copy it into a directory \
         that you alone can write to",
        if nix::unistd::geteuid().is_root() { "root" } else { "you" }
    ))]
    Experiment {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: Distrust,
    },
    /// A store.
    #[error("the store {} may be somebody else's", path.display())]
    #[diagnostic(help(
        "only `runs`, `show`, `compare` and `export` read such a store; name one of your own with --store or FIREBENCH_STORE"
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
            "what is in it may have been exchanged: name a directory of your own with {variable}. One that holds nothing but \
             firebench's files may also be removed, and is made anew, or kept with `chmod -R go-w {}` where nobody else uses this machine",
            path.display()
        ),
        _ => format!("name a directory of your own with {variable}"),
    }
}

/// Refuses a directory in which somebody else could have changed anything. One that is not there yet is fine.
pub(super) fn directory(what: &'static str, variable: &'static str, path: &Path) -> Result<(), Failure> {
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(Failure::usage(TrustError::NoDirectory { what, variable, path: path.to_owned() }));
    }
    match Trust::own().tree(path) {
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
