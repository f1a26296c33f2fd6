//! The store: every run that this user made, in one SQLite file. `docs/store.md` has its tables and promises.
//!
//! A boot is written in one transaction when it is over, so a process that is killed loses the boot in flight and nothing
//! else. [`Store::load`] gives back the [`Report`](firebench_model::record::Report) that the run printed, numbers bit for bit.

mod checksum;
mod error;
mod export;
mod figures;
mod foreign;
mod guard;
mod lease;
mod place;
mod read;
mod record;
mod reopen;
mod schema;
mod short;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::ffi::c_int;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firebench_supervise::RunDir;
use nix::sys::statvfs::{FsFlags, statvfs};
use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

pub use error::StoreError;
use error::Trouble;
pub use export::{BETTER, BLOCK, COLUMNS, UNIT};
pub use foreign::check_owner;
use guard::Watch;
use lease::Lease;
use place::{PATIENCE, PAUSE, beside, lock_path, remove};
pub use read::Done;
pub use record::Recorder;
pub use write::{Deleted, Outcome};

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Of the runs that this store carries out.
    leases: HashMap<i64, Lease>,
    watch: Watch,
    /// Where the file is that was opened instead of one that is not to be trusted. It goes after the connection.
    _copy: Option<RunDir>,
}

impl Store {
    /// Opens the store at `path`, and makes it where there is none. A store of an older firebench is brought up to date; one
    /// of a newer firebench is not touched.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        open(path, schema::STEPS)
    }

    /// Opens the store at `path`, which must be there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] and others.
    pub fn open_existing(path: &Path) -> Result<Store, StoreError> {
        open_existing(path, schema::STEPS)
    }

    /// Opens the store at `path`, which must be there, and is not written to: one that somebody else could have written is copied
    /// first, and read from the copy.
    ///
    /// # Errors
    /// As [`open_existing`](Store::open_existing).
    pub fn open_to_read(path: &Path) -> Result<Store, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        if foreign::is_own(path) {
            return Store::open_existing(path);
        }
        let (dir, copy) = foreign::copy(path)?;
        Ok(Store { _copy: Some(dir), ..open_file(&copy, path, schema::STEPS)? })
    }

    fn lock_path(&self) -> PathBuf {
        lock_path(&self.path)
    }

    /// For `map_err`: what the user must know. For a damaged file it says what SQLite's own check finds.
    fn explain(&self) -> impl Fn(Trouble) -> StoreError + '_ {
        |trouble| {
            let error = self.said(trouble);
            let is_damage = matches!(error, StoreError::Damaged { .. } | StoreError::DamagedRun { .. });
            if !is_damage {
                return error;
            }
            self.watch.restart();
            match guard::quick_check(&self.connection) {
                Some(detail) => StoreError::Damaged { path: self.path.clone(), detail },
                None => error,
            }
        }
    }

    /// What the user must know, as far as the trouble itself tells it.
    fn said(&self, trouble: Trouble) -> StoreError {
        let path = self.path.clone();
        match trouble {
            Trouble::Store(error) => error,
            Trouble::Sqlite(error) => StoreError::sqlite(&path, error),
            Trouble::Damaged(detail) | Trouble::NotUnderstood(detail) => StoreError::Damaged { path, detail },
            Trouble::InRun(run, trouble) => match *trouble {
                Trouble::Damaged(detail) => StoreError::DamagedRun { path, run, detail },
                Trouble::NotUnderstood(detail) => StoreError::NotUnderstood { path, run, detail },
                other => self.said(other),
            },
            Trouble::Lock(source) => StoreError::Open { path: self.lock_path(), source },
            Trouble::Output(source) => StoreError::Output(source),
        }
    }
}

fn open(path: &Path, steps: &[&str]) -> Result<Store, StoreError> {
    if !path.try_exists().map_err(|source| StoreError::Open { path: path.to_owned(), source })? {
        create(path, steps)?;
    }
    open_existing(path, steps)
}

fn open_existing(path: &Path, steps: &[&str]) -> Result<Store, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    foreign::check_files(path)?;
    open_file(path, path, steps)
}

/// Opens `file`, which is the store at `path` or a copy of it.
fn open_file(file: &Path, path: &Path, steps: &[&str]) -> Result<Store, StoreError> {
    let failed = |error| StoreError::sqlite(path, error);
    let connection = connect(file).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    let watch = guard::guard(&connection).map_err(failed)?;
    if let Err(refused) = check(&connection, path, steps) {
        // Else SQLite would move what lies in the write-ahead log into the file.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        return Err(refused);
    }
    let (connection, watch) = up_to_date(connection, watch, steps).map_err(failed)?;
    settings(&connection).map_err(failed)?;
    Ok(Store { connection, path: path.to_owned(), leases: HashMap::new(), watch, _copy: None })
}

/// Brings a store up to date: the file, or, where that can only be read, a copy of it in memory, to which nothing is written.
fn up_to_date(mut connection: Connection, watch: Watch, steps: &[&str]) -> rusqlite::Result<(Connection, Watch)> {
    watch.restart();
    let is_old = schema::version(&connection)? < schema::newest(steps);
    if !(is_old && connection.is_readonly(MAIN_DB)?) {
        schema::migrate(&mut connection, steps)?;
        return Ok((connection, watch));
    }
    let mut copy = Connection::open_in_memory()?;
    Backup::new(&connection, &mut copy)?.run_to_completion(BACKUP_PAGES, Duration::ZERO, None)?;
    let watch = guard::guard(&copy)?;
    schema::migrate(&mut copy, steps)?;
    copy.pragma_update(None, "query_only", true)?;
    Ok((copy, watch))
}

/// So many pages are copied at once.
const BACKUP_PAGES: c_int = 1000;

/// Opens the file. On a read-only file system, where SQLite could not make the index of the write-ahead log, it is taken for
/// what it is, unchangeable, unless there is such a log.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read_only = statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_RDONLY));
    if read_only && !beside(path, "-wal").exists() {
        let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        return Connection::open_with_flags(unchangeable(path), flags);
    }
    Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The URI of a file that nobody changes (SQLite's "Uniform Resource Identifiers", `immutable`).
fn unchangeable(path: &Path) -> String {
    let escaped = path.as_os_str().as_bytes().iter().map(|&byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("file:{}?immutable=1", escaped.collect::<String>())
}

/// Whether the file is a store that this version knows. Changes nothing.
fn check(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let failed = |error| StoreError::sqlite(path, error);
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if id != schema::APPLICATION_ID {
        return Err(StoreError::NotAStore(path.to_owned()));
    }
    guard::check_version(connection, path, steps).map_err(|trouble| match trouble {
        Trouble::Store(error) => error,
        Trouble::Sqlite(error) => failed(error),
        _ => StoreError::NotAStore(path.to_owned()),
    })
}

/// What SQLite keeps a connection, not a file.
fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "foreign_keys", true)?;
    // KiB; of the usual 2 MiB a run would fill a bit with each boot.
    connection.pragma_update(None, "cache_size", -256)?;
    // With a write-ahead log, what is committed survives the death of the process either way. FULL would also sync the disk
    // after each boot, which disturbs the next one; without it a power cut can take the last boots, never half of one, and
    // `run --resume` repeats them.
    connection.pragma_update(None, "synchronous", "NORMAL")
}

/// Makes an empty store under another name and gives it its own when it is whole, so that nobody ever opens half of one. One
/// process at a time does: what is there under the other name was left by one that was killed.
fn create(path: &Path, steps: &[&str]) -> Result<(), StoreError> {
    let at = |source| StoreError::Open { path: path.to_owned(), source };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(at)?;
    }
    let begun = Instant::now();
    let _lease = loop {
        match lease::take(&lock_path(path), lease::CREATION).map_err(at)? {
            Some(lease) => break lease,
            None if begun.elapsed() > PATIENCE => return Err(StoreError::Busy(path.to_owned())),
            None => std::thread::sleep(PAUSE),
        }
    };
    if path.exists() {
        // Another process was quicker; its store is as good.
        return Ok(());
    }
    let new = beside(path, "-new");
    let remove = || ["", "-journal", "-wal", "-shm"].iter().try_for_each(|suffix| remove(&beside(&new, suffix)));
    remove().map_err(at)?;
    let made = fill(&new, steps).map_err(|error| StoreError::sqlite(path, error));
    let made = made.and_then(|()| fs::rename(&new, path).map_err(at));
    if made.is_err() {
        // The first error matters.
        let _ = remove();
    }
    made
}

/// Makes an empty store.
fn fill(path: &Path, steps: &[&str]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    // Before the first table: `delete` gives pages back to the system.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::migrate(&mut connection, steps)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.close().map_err(|(_, error)| error)
}
