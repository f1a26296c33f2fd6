//! The end of a text of any length.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How much of a VMM's complaints is kept: its last words say why it died.
pub(crate) const LENGTH: usize = 16 * 1024;

/// Keeps the last [`LENGTH`] bytes of what is pushed.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(LENGTH)..).unwrap_or_default();
        let surplus = self.bytes.len().saturating_add(last.len()).saturating_sub(LENGTH);
        self.bytes.drain(..surplus.min(self.bytes.len()));
        self.bytes.extend(last);
    }

    /// As text; what is not UTF-8 shows as U+FFFD.
    pub(crate) fn text(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }
}

/// The last [`LENGTH`] bytes of the file `path`, as text. Whoever wrote it may have put something else in its place: a link to a
/// file that they may not read, a pipe in which nothing ever comes.
pub(crate) fn of_file(path: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    let length = metadata.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LENGTH as u64)))?;
    let mut bytes = Vec::new();
    file.take(LENGTH as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let mut tail = Tail::default();
        tail.push(b"gone");
        tail.push(&[b'x'; LENGTH - 4]);
        assert_eq!(tail.text().len(), LENGTH);
        assert!(tail.text().starts_with("gone"));
        tail.push(b"last");
        assert_eq!(tail.text().len(), LENGTH);
        assert!(tail.text().starts_with("xxx") && tail.text().ends_with("xlast"));
        tail.push(&vec![b'y'; 3 * LENGTH]);
        assert_eq!(tail.text(), "y".repeat(LENGTH));
    }

    #[test]
    fn reads_the_end_of_a_file() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("log");
        std::fs::write(&path, format!("first{}last", "x".repeat(2 * LENGTH))).expect("write");
        let text = of_file(&path).expect("read");
        assert_eq!(text.len(), LENGTH);
        assert!(text.ends_with("xlast"));
        std::fs::write(&path, "short").expect("write");
        assert_eq!(of_file(&path).expect("read"), "short");
    }

    #[test]
    fn a_log_that_is_a_link_or_a_pipe_is_not_read() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let (secret, link, pipe) = ["secret", "link", "pipe"].map(|name| directory.path().join(name)).into();
        std::fs::write(&secret, "secret").expect("write");
        std::os::unix::fs::symlink(&secret, &link).expect("link");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("pipe");
        assert!(of_file(&link).is_err() && of_file(&pipe).is_err() && of_file(directory.path()).is_err());
    }
}
