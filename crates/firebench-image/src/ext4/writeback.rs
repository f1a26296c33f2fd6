//! Starting to write dirty pages to the disk early, so that the disk works while the payload is still being made.

use std::fs::File;
use std::os::fd::AsRawFd as _;

/// Asks the kernel to start writing `length` bytes at `offset` of `file`. Only a hint: a file system that does not know
/// it loses nothing but time, so errors are ignored. The data are safe only after `sync_all`.
pub(super) fn start(file: &File, offset: u64, length: usize) {
    let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
    // SAFETY: the descriptor is open for as long as `file` is borrowed; no memory is passed.
    unsafe { libc::sync_file_range(file.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE) };
}
