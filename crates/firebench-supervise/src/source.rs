//! An output of a VMM: read without waiting, counted, and closed at its end.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};

/// The read end of a pipe of the VMM.
#[derive(Debug)]
pub(crate) struct Source {
    /// Closed at the end of file.
    file: Option<File>,
    /// Bytes read so far.
    pub(crate) total: u64,
}

impl Source {
    /// Of a pipe that does not block.
    pub(crate) fn new(file: File) -> Source {
        Source { file: Some(file), total: 0 }
    }

    /// Whether its end was read.
    pub(crate) fn is_closed(&self) -> bool {
        self.file.is_none()
    }

    /// What to watch; nothing at the end of file.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there, without waiting; nothing at the end of file, which closes it.
    pub(crate) fn read<'b>(&mut self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let Some(file) = &mut self.file else { return Ok(&[]) };
        let count = match file.read(buffer) {
            Ok(0) => {
                self.file = None;
                0
            }
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(error) => return Err(error),
        };
        self.total = self.total.saturating_add(count as u64);
        Ok(buffer.get(..count).unwrap_or_default())
    }
}
