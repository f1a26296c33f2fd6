//! The host's page cache of an image, put into a known state: a guest that reads its disk from the host's memory and
//! one that waits for the host's disk are not comparable.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use firebench_vmm::HostCache;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

use crate::sys;

/// How much of a file is in the host's page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheState {
    /// Bytes in memory, in whole pages but not more than there are.
    pub resident_bytes: u64,
    /// Bytes of the file or device.
    pub total_bytes: u64,
}

impl CacheState {
    /// The part in memory, 0 to 1; 1 for an empty file.
    pub fn fraction(self) -> f64 {
        if self.total_bytes == 0 { 1.0 } else { self.resident_bytes as f64 / self.total_bytes as f64 }
    }
}

/// A page cache that cannot be controlled or seen.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PageCacheError {
    /// The file cannot be read.
    #[error("cannot {what} {path:?}")]
    #[diagnostic(help("the image must be a readable file or block device"))]
    Io {
        /// What was attempted.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel shows the state of the cache only to those who could change the file.
    #[error("the kernel does not let this user inspect the page cache of {path:?}")]
    #[diagnostic(help("use an image that you own, such as a copy in the cache directory"))]
    Hidden {
        /// The file.
        path: PathBuf,
    },
}

/// Brings the page cache of the file or block device `path` into `state`, and returns how far that went. Not all states
/// can be had: tmpfs has no other place for its data, pages that a process has mapped stay, and what exceeds the memory
/// does not become warm. As soon as `is_over` says so, it is left as it is: to read a large disk takes minutes.
///
/// # Errors
/// [`PageCacheError`].
pub fn set(path: &Path, state: HostCache, is_over: impl Fn() -> bool) -> Result<CacheState, PageCacheError> {
    let mut file = open(path)?;
    let mut reached = bring(&mut file, path, state, &is_over)?;
    for _ in 1..PASSES {
        if !is_nearly(reached.fraction(), state) {
            break;
        }
        reached = bring(&mut file, path, state, &is_over)?;
    }
    Ok(reached)
}

/// How often a file is brought into a state that it misses by little. A kernel that is short of free memory, or takes away
/// what it finds cold (DAMON), drops a page here and there between its reading and the look at it.
const PASSES: usize = 3;

/// Whether another pass is worth its time: the part in memory misses the state, but by less than a hundredth. What misses
/// it by more is too large for the memory, or cannot be dropped.
fn is_nearly(fraction: f64, state: HostCache) -> bool {
    let missing = match state {
        HostCache::Cold => fraction,
        HostCache::Warm => 1.0 - fraction,
    };
    missing > 0.0 && missing < 0.01
}

fn bring(
    file: &mut File,
    path: &Path,
    state: HostCache,
    is_over: &impl Fn() -> bool,
) -> Result<CacheState, PageCacheError> {
    match state {
        HostCache::Cold => {
            // Only clean pages are dropped.
            file.sync_all().map_err(failed("write back", path))?;
            posix_fadvise(&*file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
                .map_err(|error| failed("drop the page cache of", path)(error.into()))?;
        }
        HostCache::Warm => read_through(file, is_over).map_err(failed("read", path))?,
    }
    state_of(file, path)
}

/// How much of the file or block device `path` is in the page cache.
///
/// # Errors
/// [`PageCacheError`].
pub fn look(path: &Path) -> Result<CacheState, PageCacheError> {
    state_of(&mut open(path)?, path)
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> PageCacheError {
    move |source| PageCacheError::Io { what, path: path.to_owned(), source }
}

fn open(path: &Path) -> Result<File, PageCacheError> {
    let check = |metadata: fs::Metadata| {
        let kind = metadata.file_type();
        let good = kind.is_file() || kind.is_block_device();
        good.then_some(()).ok_or_else(|| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a block device");
            failed("open", path)(source)
        })
    };
    check(fs::metadata(path).map_err(failed("open", path))?)?;
    // Whatever the name means by now, its other end is not waited for.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed("open", path))?;
    check(file.metadata().map_err(failed("open", path))?)?;
    Ok(file)
}

/// Reads all of it, in pieces that readahead keeps up with.
fn read_through(file: &mut File, is_over: impl Fn() -> bool) -> io::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    file.seek(SeekFrom::Start(0))?;
    while !is_over() {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn state_of(file: &mut File, path: &Path) -> Result<CacheState, PageCacheError> {
    // The metadata of a block device has no length; its end has.
    let total_bytes = file.seek(SeekFrom::End(0)).map_err(failed("measure", path))?;
    if total_bytes == 0 {
        return Ok(CacheState { resident_bytes: 0, total_bytes });
    }
    let pages = match sys::cached_pages(file) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => mapped_pages(file, path, total_bytes)?,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(PageCacheError::Hidden { path: path.to_owned() });
        }
        result => result.map_err(failed("inspect the page cache of", path))?,
    };
    Ok(CacheState { resident_bytes: pages.saturating_mul(sys::page_size()).min(total_bytes), total_bytes })
}

/// The way of kernels before 6.5.
fn mapped_pages(file: &File, path: &Path, length: u64) -> Result<u64, PageCacheError> {
    let owner = file.metadata().map_err(failed("find the owner of", path))?.uid();
    if owner != nix::unistd::geteuid().as_raw() && access(path, AccessFlags::W_OK).is_err() {
        return Err(PageCacheError::Hidden { path: path.to_owned() });
    }
    sys::mapped_pages(file, length).map_err(failed("inspect the page cache of", path))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file of 5 MiB and a bit on a file system with a disk behind it, or at least not all in memory.
    fn file() -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).expect("temporary file");
        file.write_all(&vec![7; (5 << 20) + 17]).expect("write");
        file
    }

    #[test]
    fn cold_and_warm_are_what_they_say() {
        let file = file();
        let total_bytes = (5 << 20) + 17;
        let cold = set(file.path(), HostCache::Cold, || false).expect("cold");
        assert_eq!(cold, CacheState { resident_bytes: 0, total_bytes });
        let warm = set(file.path(), HostCache::Warm, || false).expect("warm");
        assert_eq!(warm, CacheState { resident_bytes: total_bytes, total_bytes });
        assert_eq!(look(file.path()).expect("look"), warm);
        // Whoever wants it to end does not wait until all is read.
        set(file.path(), HostCache::Cold, || false).expect("cold");
        assert_eq!(set(file.path(), HostCache::Warm, || true).expect("left as it is").resident_bytes, 0);
        assert_eq!(set(file.path(), HostCache::Cold, || false).expect("cold").fraction(), 0.0);
    }

    #[test]
    fn only_what_is_missed_by_little_is_tried_again() {
        let again = |fraction| (is_nearly(fraction, HostCache::Warm), is_nearly(fraction, HostCache::Cold));
        assert_eq!(again(1.0), (false, false));
        assert_eq!(again(0.9997), (true, false));
        assert_eq!(again(0.5), (false, false));
        assert_eq!(again(0.0003), (false, true));
        assert_eq!(again(0.0), (false, false));
    }

    #[test]
    fn both_ways_of_looking_agree() {
        let temporary = file();
        let file = temporary.as_file();
        let length = file.metadata().expect("metadata").len();
        set(temporary.path(), HostCache::Warm, || false).expect("warm");
        let pages = length.div_ceil(sys::page_size());
        assert_eq!(mapped_pages(file, temporary.path(), length).expect("mincore"), pages);
        set(temporary.path(), HostCache::Cold, || false).expect("cold");
        assert_eq!(mapped_pages(file, temporary.path(), length).expect("mincore"), 0);
    }

    #[test]
    fn what_has_no_page_cache_is_refused() {
        for path in ["/dev/null", "/", "/nowhere"] {
            let error = set(Path::new(path), HostCache::Warm, || false).expect_err(path);
            assert!(matches!(error, PageCacheError::Io { what: "open", .. }), "{error:?}");
        }
    }

    #[test]
    fn an_empty_file_is_in_any_state() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        assert_eq!(set(file.path(), HostCache::Cold, || false).expect("cold").fraction(), 1.0);
    }
}
