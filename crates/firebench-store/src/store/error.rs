//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

use firebench_os::outside::Refused;
use firebench_text as text;
use firebench_vmm::quote;
use rusqlite::{ErrorCode, ffi};

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// The file does not exist.
    #[error("cannot find the store {}", .0.display())]
    #[diagnostic(help("`firebench run` creates it; use --store for another one"))]
    Missing(PathBuf),
    /// The store or its lock file cannot be opened or made.
    #[error("cannot open the store {}", path.display())]
    #[diagnostic(help(
        "make sure that you may write to the file and to its directory; use --store for another file, or `run \
        --no-store` to run without a store"
    ))]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file that cannot be a store.
    #[error("cannot use {} as a store: {refused}", path.display())]
    #[diagnostic(help("use --store for another file"))]
    NoFile {
        /// The file.
        path: PathBuf,
        /// Why.
        refused: Refused,
    },
    /// A store that others can write to could not be copied.
    #[error("cannot copy the store {} into {}", path.display(), place.display())]
    #[diagnostic(help(
        "set TMPDIR to a directory of your own with enough space: others could write to this store, or beside it, so \
        firebench reads a copy of it"
    ))]
    NoCopy {
        /// The store.
        path: PathBuf,
        /// The directory for temporary files.
        place: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a firebench store", .0.display())]
    #[diagnostic(help("firebench did not change it; use --store for another file"))]
    NotAStore(PathBuf),
    /// It has other tables than firebench makes.
    #[error("the store {} is not as firebench made it: {what}", path.display())]
    #[diagnostic(help("firebench did not read from it; use --store for another file"))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The difference from a store of firebench.
        what: String,
    },
    /// An operation takes too long.
    #[error("reading or writing the store {} takes too long", .0.display())]
    #[diagnostic(help(
        "check whether the disk is very slow, or whether another program made the file; use --store for \
    another file"
    ))]
    Slow(PathBuf),
    /// A newer firebench made it.
    #[error("the store {} has version {found}, but this firebench supports only versions up to {known}", path.display())]
    #[diagnostic(help("update firebench, or use --store for another file; firebench did not change this one"))]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this firebench knows.
        known: i64,
    },
    /// The file is damaged.
    #[error("the store {} is damaged: {detail}", path.display())]
    #[diagnostic(help(
        "copy the file together with its -wal file, save what can be read with `sqlite3 FILE .recover`, and use \
        --store for another file meanwhile"
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A run in it is damaged; the others are not.
    #[error("the store {} is damaged: {detail}", path.display())]
    #[diagnostic(help(
        "remove this run with `firebench delete {}`, or first save what can be read with `sqlite3 FILE .recover`; other runs \
        can be read as before",
        quote(run)
    ))]
    DamagedRun {
        /// The file.
        path: PathBuf,
        /// The id or number of the run.
        run: String,
        /// What was found.
        detail: String,
    },
    /// A run in it is as it was written, but says something that this firebench does not know, such as another kind of contender.
    #[error("this firebench does not understand run {run} in the store {}: {detail}", path.display())]
    #[diagnostic(help(
        "update firebench, a newer one may have written the run; or remove it with `firebench delete {}`",
        quote(run)
    ))]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The id or number of the run.
        run: String,
        /// What it does not understand.
        detail: String,
    },
    /// Another process keeps the store locked for too long.
    #[error("another process keeps the store {} locked for too long", .0.display())]
    #[diagnostic(help("look for a program that was stopped while it wrote to the store, end it, and try again"))]
    Busy(PathBuf),
    /// The disk is full.
    #[error("the disk with the store {} is full", .0.display())]
    #[diagnostic(help(
        "free some space there (or raise `ulimit -f`, if it is set), or remove runs with `firebench delete`; \
        everything stored so far is intact, and `firebench run --resume` continues from there"
    ))]
    Full(PathBuf),
    /// Any other error of SQLite.
    #[error("cannot use the store {}", path.display())]
    #[diagnostic(help(
        "check that its disk works, that you may write there, and that no limit (`ulimit -f`) keeps files small; use \
        --store for another file"
    ))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// What is exported cannot be written.
    #[error("cannot write the export")]
    #[diagnostic(help("check that its directory exists and has space left, or use --output for another file"))]
    Output(#[source] io::Error),
    /// No run has this id.
    #[error("no run {0:?} in the store")]
    #[diagnostic(help("`firebench runs` lists all runs; give an id, an unambiguous beginning of one, or `latest`"))]
    NoSuchRun(String),
    /// The store does not contain a run.
    #[error("the store does not contain a run")]
    #[diagnostic(help("start one with `firebench run`"))]
    Empty,
    /// Several runs have ids that begin so.
    #[error("the run id {which:?} is ambiguous: it could be {}", ids.join(", "))]
    #[diagnostic(help("give more characters of the id"))]
    Ambiguous {
        /// What was given.
        which: String,
        /// Some of the runs that it could be.
        ids: Vec<String>,
    },
    /// A process is at work on the run.
    #[error("run {0} is still running")]
    #[diagnostic(help("wait until it ends, or stop its firebench with Ctrl-C"))]
    StillRunning(String),
    /// A complete run cannot be resumed.
    #[error("run {0} is already complete")]
    #[diagnostic(help(
        "show it with `firebench show {0}`; if its time was over, give it more with `--max-time TIME` beside \
        --resume; or start a new run with `firebench run`"
    ))]
    Complete(String),
    /// A run of this id is in the store already.
    #[error("run {0} is already in the store")]
    #[diagnostic(help(
        "show it with `firebench show {0}`, or remove it with `firebench delete {0}` to import the \
    other one"
    ))]
    AlreadyThere(String),
    /// A report that a run of firebench cannot have.
    #[error("cannot store this report: {0}")]
    #[diagnostic(help("check whether the file was edited: firebench does not write such a report"))]
    Inconsistent(String),
}

impl StoreError {
    /// Whether the error is a mistake in the command line.
    pub fn is_usage(&self) -> bool {
        match self {
            StoreError::Missing(_)
            | StoreError::NotAStore(_)
            | StoreError::NoFile { .. }
            | StoreError::Foreign { .. }
            | StoreError::NoSuchRun(_)
            | StoreError::Empty
            | StoreError::Ambiguous { .. }
            | StoreError::StillRunning(_)
            | StoreError::Complete(_)
            | StoreError::AlreadyThere(_)
            | StoreError::Inconsistent(_) => true,
            StoreError::Open { .. }
            | StoreError::NoCopy { .. }
            | StoreError::Newer { .. }
            | StoreError::Damaged { .. }
            | StoreError::DamagedRun { .. }
            | StoreError::NotUnderstood { .. }
            | StoreError::Slow(_)
            | StoreError::Busy(_)
            | StoreError::Full(_)
            | StoreError::Sqlite { .. }
            | StoreError::Output(_) => false,
        }
    }

    /// Whether the same may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, StoreError::Full(_) | StoreError::Busy(_))
    }

    /// Turns what SQLite says about the store at `path` into what the user must know.
    pub(super) fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        // The index of the write-ahead log: when it cannot grow, there is no space for it.
        if source.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            return StoreError::Full(path);
        }
        if is_foreign_value(&source) {
            return StoreError::Damaged { path, detail: text::excerpt(&source.to_string(), 300) };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => StoreError::Slow(path),
            Some(ErrorCode::TooBig) => StoreError::Damaged { path, detail: "a text in it is too long".to_owned() },
            Some(ErrorCode::NotADatabase) => StoreError::NotAStore(path),
            Some(ErrorCode::DatabaseCorrupt) => {
                StoreError::Damaged { path, detail: text::excerpt(&source.to_string(), 300) }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(path),
            Some(ErrorCode::DiskFull) => StoreError::Full(path),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                StoreError::Open { path, source: io::Error::other(source) }
            }
            _ => StoreError::Sqlite { path, source },
        }
    }
}

/// Whether a value is of a type that firebench does not write.
fn is_foreign_value(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// What goes wrong inside the store, before it is turned into a message for the user.
pub(super) enum Trouble {
    Store(StoreError),
    Sqlite(rusqlite::Error),
    /// Something in the store is not what was written there, or not anything that firebench writes.
    Damaged(String),
    /// Something in the store says what this firebench does not know.
    NotUnderstood(String),
    /// The one or the other, in the run of this id or number.
    InRun(String, Box<Trouble>),
    Lock(io::Error),
    /// The export could not be written.
    Output(io::Error),
}

impl Trouble {
    /// A text of the store that cannot be read, although its checksum is right.
    pub(super) fn of_record(error: serde_json::Error) -> Self {
        let said = text::excerpt(&error.to_string(), 300);
        if error.is_data() {
            Trouble::NotUnderstood(said)
        } else {
            Trouble::Damaged(format!("cannot read a record: {said}"))
        }
    }

    /// It arose from a run, and says nothing of the others.
    pub(super) fn in_run(self, run: impl std::fmt::Display) -> Self {
        match self {
            Trouble::Sqlite(error) if is_foreign_value(&error) => {
                Trouble::Damaged(text::excerpt(&error.to_string(), 300)).in_run(run)
            }
            Trouble::Damaged(_) | Trouble::NotUnderstood(_) => Trouble::InRun(run.to_string(), Box::new(self)),
            other => other,
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble::Store(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Trouble::Sqlite(error)
    }
}
