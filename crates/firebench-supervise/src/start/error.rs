//! Why a launch did not become a process.

use std::io;
use std::path::PathBuf;

use crate::child::step::Step;

/// A VM that did not start. Nothing of it remains.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    /// The launch has no command.
    #[error("the launch has no command")]
    #[diagnostic(help("this is a bug in firebench: please report it"))]
    Empty,
    /// The card's name is not one that Linux accepts.
    #[error("invalid name of a network device: {name:?}")]
    #[diagnostic(help("use 1 to 15 letters, digits, dots, dashes and underscores, such as tap0"))]
    CardName {
        /// The name.
        name: String,
    },
    /// A file of the launch cannot be written.
    #[error("cannot write {path:?}")]
    #[diagnostic(help(
        "make sure that the directory for temporary files is writable and has free space; TMPDIR sets \
    another one"
    ))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that the jailed VMM must read.
    #[error("the jailed VMM cannot read {path:?}")]
    #[diagnostic(help("it runs as a user of its own: make the file readable for everybody (chmod o+r)"))]
    Jailed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("cannot run {program}")]
    Program {
        /// The program's path.
        program: String,
        /// Why.
        source: io::Error,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// The process could not be confined.
    #[error("the VMM's process could not {step}")]
    Confine {
        /// What failed.
        step: Step,
        /// Why.
        source: io::Error,
        /// What to do.
        #[help]
        help: Option<String>,
    },
    /// The system refused a new process, or the means to watch it.
    #[error("cannot {what}")]
    #[diagnostic(help(
        "check whether the system is out of processes, file descriptors or memory; firebench needs Linux 5.11 or newer"
    ))]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl StartError {
    /// Of the system call that does `what`.
    pub(super) fn system(what: &'static str) -> impl Fn(nix::errno::Errno) -> StartError {
        move |error| StartError::System { what, source: error.into() }
    }
}
