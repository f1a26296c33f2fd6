//! Stores that somebody else could have written, or could write beside: they are read from a copy that is firebench's own.
//!
//! SQLite trusts what lies beside a file. It plays a journal back and removes the file that the journal names, it waits for a pipe
//! that lies there in a journal's place, it writes to wherever the name of its log leads, and it dies when somebody shortens the
//! log's index. None of that can happen to a copy of the file and of its log.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firebench_os::outside::{self, Counted, Refused};
use firebench_supervise::RunDir;
use firebench_supervise::ownership::{Distrust, Trust};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use super::StoreError;
use super::place::{PAUSE, beside, remove};

/// What firebench and SQLite put beside a store.
const BESIDE: [&str; 5] = ["-wal", "-shm", "-journal", "-lock", "-new"];

/// A copy has no more bytes.
const LARGEST: u64 = 2 << 30;
/// So often a store that changes while it is copied is copied again.
const TRIES: u32 = 5;

/// Who but this user could have written the store at `path`, or what lies beside it. In a directory with the sticky bit, others may
/// still put something beside it later.
///
/// # Errors
/// [`Distrust`].
pub fn check_owner(path: &Path) -> Result<(), Distrust> {
    let trust = Trust::own();
    trust.place(directory(path))?;
    for suffix in [""].iter().chain(&BESIDE) {
        let file = beside(path, suffix);
        if file.symlink_metadata().is_ok() {
            trust.path(&file)?;
        }
    }
    Ok(())
}

/// Whether SQLite may open it as it is: nobody else could have written it, or will, and this user may, as SQLite does even to read.
pub(super) fn is_own(path: &Path) -> bool {
    let is_closed = |path: &Path, flags| access(path, flags) == Err(Errno::EACCES);
    Trust::own().path(directory(path)).is_ok()
        && check_owner(path).is_ok()
        && !is_closed(directory(path), AccessFlags::W_OK | AccessFlags::X_OK)
        && !is_closed(path, AccessFlags::W_OK)
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Refuses what SQLite should not open, whoever owns it.
pub(super) fn check_files(path: &Path) -> Result<(), StoreError> {
    outside::open(path).map_err(failed(path))?;
    for file in BESIDE.map(|suffix| beside(path, suffix)) {
        match file.symlink_metadata() {
            Ok(metadata) if !metadata.is_file() => {
                let what = format!("{} is not a regular file", name(&file));
                return Err(StoreError::Foreign { path: path.to_owned(), what });
            }
            // A store has a write-ahead log in its place, from its first moment on.
            Ok(_) if file == beside(path, "-journal") => {
                let what = format!("there is a file {} beside it, which firebench never makes", name(&file));
                return Err(StoreError::Foreign { path: path.to_owned(), what });
            }
            _ => {}
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| match Refused::of(&source) {
        Some(refused) if refused != Refused::Stopped => StoreError::NoFile { path: path.clone(), refused },
        _ => StoreError::Open { path: path.clone(), source },
    }
}

/// Copies the store at `path` with its write-ahead log into a new directory. Returns that and the copy's path.
pub(super) fn copy(path: &Path) -> Result<(RunDir, PathBuf), StoreError> {
    let place = std::env::temp_dir();
    let at = |source| StoreError::NoCopy { path: path.to_owned(), place: place.clone(), source };
    // One that is left by a firebench that is killed is found by the next run.
    let dir = RunDir::create(&place).map_err(|error| at(io::Error::other(error)))?;
    let copied = dir.path().join("runs.db");
    let mut tries = TRIES;
    loop {
        let file = outside::open(path).map_err(failed(path))?;
        let before = state(&file).map_err(failed(path))?;
        write(&file, &copied, path, &at)?;
        let log = beside(path, "-wal");
        match outside::open(&log) {
            Ok(file) => write(&file, &beside(&copied, "-wal"), &log, &at)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                remove(&beside(&copied, "-wal")).map_err(at)?;
            }
            Err(error) => return Err(failed(&log)(error)),
        }
        tries = tries.saturating_sub(1);
        // What another process moves from the log into the file meanwhile would be in neither.
        if tries == 0 || state(&file).map_err(failed(path))? == before {
            return Ok((dir, copied));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Changes whenever the file does.
fn state(file: &File) -> io::Result<(u64, i64, i64)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

fn write(from: &File, to: &Path, path: &Path, at: &impl Fn(io::Error) -> StoreError) -> Result<(), StoreError> {
    // Before a byte of it is copied: a file may be all holes.
    if from.metadata().map_err(failed(path))?.len() > LARGEST {
        return Err(StoreError::NoFile { path: path.to_owned(), refused: Refused::TooLarge { most: LARGEST } });
    }
    let mut from = Counted::new(from, LARGEST, Refused::TooLarge { most: LARGEST });
    let mut to = File::create(to).map_err(at)?;
    io::copy(&mut from, &mut to).map(drop).map_err(|error| match Refused::of(&error) {
        Some(_) => failed(path)(error),
        None => at(error),
    })
}
