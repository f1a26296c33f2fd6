//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

use firebench_os::outside::Refused;
use firebench_text as text;
use firebench_vmm::quote;
use rusqlite::{ErrorCode, ffi};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StoreError {
    /// There is no file.
    #[error("there is no store at {}", .0.display())]
    #[diagnostic(help("the first `firebench run` makes it; --store names another one"))]
    Missing(PathBuf),
    /// The store or its lock file cannot be opened or made.
    #[error("cannot open the store {}", path.display())]
    #[diagnostic(help(
        "it must be a file that you may write, in a directory that you may write; --store names another one, and `run \
         --no-store` needs none"
    ))]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is no file that could be one.
    #[error("{} cannot be a store: {refused}", path.display())]
    #[diagnostic(help("--store names another file"))]
    NoFile {
        /// What it is not.
        path: PathBuf,
        /// Why.
        refused: Refused,
    },
    /// A store that is not to be trusted cannot be copied.
    #[error("cannot copy the store {} into {}", path.display(), place.display())]
    #[diagnostic(help(
        "others could write to this store, or beside it, so firebench reads a copy: set TMPDIR to a directory of your own with \
         enough space"
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
    #[error("{} is not a store of firebench", .0.display())]
    #[diagnostic(help("nothing was changed in it; --store names another file"))]
    NotAStore(PathBuf),
    /// It has other tables than firebench makes.
    #[error("the store {} was not made by firebench alone: {what}", path.display())]
    #[diagnostic(help("nothing was read from it; --store names another file"))]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is in it, or is not.
        what: String,
    },
    /// It takes too long.
    #[error("reading or writing the store {} takes too long", .0.display())]
    #[diagnostic(help("is the disk very slow, or was the file not made by firebench? --store names another file"))]
    Slow(PathBuf),
    /// A newer firebench made it.
    #[error("the store {} has version {found}; this firebench knows versions up to {known}", path.display())]
    #[diagnostic(help(
        "nothing was changed in it: update firebench, or let --store name another file for this one's runs"
    ))]
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
        "keep a copy of it with its -wal file; `sqlite3 FILE .recover` saves what can be read; --store names another file \
         meanwhile"
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A run in it is damaged; the others are not.
    #[error("the store {} is damaged: {detail}", path.display())]
    #[diagnostic(help("all other runs are as they were written; `firebench delete {}` removes this one", quote(run)))]
    DamagedRun {
        /// The file.
        path: PathBuf,
        /// By which the run can be named.
        run: String,
        /// What was found.
        detail: String,
    },
    /// Another process writes, and does not come to an end.
    #[error("another process holds the store {} for too long", .0.display())]
    #[diagnostic(help("is a program stopped in the middle of writing to it? End it, then try again"))]
    Busy(PathBuf),
    /// The disk is full.
    #[error("the disk with the store {} is full", .0.display())]
    #[diagnostic(help(
        "free some space there (or raise `ulimit -f`, if it is set), or `firebench delete` runs that are not needed; what was stored is whole, and `firebench run \
         --resume` goes on after it"
    ))]
    Full(PathBuf),
    /// Anything else that SQLite says.
    #[error("the store {} cannot be used", path.display())]
    #[diagnostic(help(
        "is its disk in order, may you write there, and does no limit (`ulimit -f`) keep files small? --store names another \
         file"
    ))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// What is exported cannot be written.
    #[error("cannot write the export")]
    #[diagnostic(help("is there space left? --output names another file"))]
    Output(#[source] io::Error),
    /// No run has this id.
    #[error("no run {0:?} in the store")]
    #[diagnostic(help(
        "`firebench runs` lists them; an id may be cut short as long as it is clear, and `latest` is one"
    ))]
    NoSuchRun(String),
    /// There is no run at all.
    #[error("there is no run in the store")]
    #[diagnostic(help("`firebench run` makes one"))]
    Empty,
    /// Several runs have ids that begin so.
    #[error("{which:?} could be {}", ids.join(", "))]
    #[diagnostic(help("give more of the id"))]
    Ambiguous {
        /// What was given.
        which: String,
        /// Some of the runs that it could be.
        ids: Vec<String>,
    },
    /// A process is at work on the run.
    #[error("run {0} is still going on")]
    #[diagnostic(help("wait for it, or stop its firebench with Ctrl-C"))]
    StillRunning(String),
    /// A run that is complete cannot go on.
    #[error("run {0} is complete")]
    #[diagnostic(help(
        "`firebench show {0}` shows it; if its time was over, `--max-time TIME` beside --resume gives it more; `firebench run` \
         makes a new one"
    ))]
    Complete(String),
    /// A run of this id is in the store already.
    #[error("run {0} is in the store already")]
    #[diagnostic(help("`firebench show {0}` shows it; `firebench delete {0}` makes room for the other one"))]
    AlreadyThere(String),
    /// A report that no run can have left.
    #[error("this report cannot be stored: {0}")]
    #[diagnostic(help("was the file edited? A run of firebench leaves no such report"))]
    Inconsistent(String),
}

impl StoreError {
    /// Whether another command line would have gone well.
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
            | StoreError::Slow(_)
            | StoreError::Busy(_)
            | StoreError::Full(_)
            | StoreError::Sqlite { .. }
            | StoreError::Output(_) => false,
        }
    }

    /// Whether the same may go well later.
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
        // A value of a type that firebench does not write.
        if matches!(
            source,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        ) {
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

/// What goes wrong in the midst of it, before it is known what the user must be told.
pub(super) enum Trouble {
    Store(StoreError),
    Sqlite(rusqlite::Error),
    /// A text in the store is not what was written there.
    Record(serde_json::Error),
    /// Something in the store is not what was written there, or nothing that firebench writes.
    Damaged(String),
    Lock(io::Error),
    /// Whoever gets the export does not take it.
    Output(io::Error),
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
