//! Files that somebody else names or wrote. They are opened without waiting, and only if they are what they should be; they
//! are read up to a bound, and a signal ends the reading.
//!
//! | reader | work and memory, for an input of N bytes |
//! |---|---|
//! | [`read`], [`read_or_wait`] | reads and holds at most the given number of bytes |
//! | [`Counted`] | passes on at most the given number of bytes; looks for an interrupt every 64 KiB |
//! | what is compressed | at most [`most_unpacked`]: 16 MiB and 100 N bytes |

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::statfs::{self, FsType, fstatfs};

use crate::interrupt;

/// Milliseconds between two checks for an interrupt while a pipe is silent.
const PATIENCE: u8 = 100;

/// What anything may unpack to, however small it is.
const UNPACKED_FREE: u64 = 16 << 20;

/// What is compressed unpacks to at most so many times its size: kernels and programs shrink to a tenth at best.
const UNPACKED_FACTOR: u64 = 100;

/// Reads of a [`Counted`] after which it looks for an interrupt, whatever came of them.
const READS: u32 = 4096;

/// File systems whose files are the kernel's words: they have no size, and some never end.
const KERNELS_OWN: [FsType; 8] = [
    statfs::PROC_SUPER_MAGIC,
    statfs::SYSFS_MAGIC,
    statfs::DEBUGFS_MAGIC,
    statfs::TRACEFS_MAGIC,
    statfs::CGROUP_SUPER_MAGIC,
    statfs::CGROUP2_SUPER_MAGIC,
    statfs::SECURITYFS_MAGIC,
    statfs::BPF_FS_MAGIC,
];

/// Why a file is not read, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A directory.
    #[error("it is a directory, not a file")]
    Directory,
    /// A named pipe, or an unnamed one.
    #[error("it is a pipe, not a regular file: write its contents to a file first")]
    Pipe,
    /// A socket.
    #[error("it is a socket, not a regular file")]
    Socket,
    /// A device.
    #[error("it is a device, not a regular file")]
    Device,
    /// A file of /proc, /sys and their like.
    #[error(
        "it is a file that the kernel generates on reading (as in /proc and /sys): copy it to a regular file first"
    )]
    KernelsOwn,
    /// More than there may be.
    #[error("it is larger than {} MiB, which is the limit for such a file", .most >> 20)]
    TooLarge {
        /// Bytes that it may have.
        most: u64,
    },
    /// It unpacks to more than there may be.
    #[error("it unpacks to more than {} MiB, which is implausible", .most >> 20)]
    Bomb {
        /// Bytes that there may be.
        most: u64,
    },
    /// The user wants firebench to end.
    #[error("interrupted")]
    Stopped,
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> io::Error {
        io::Error::other(refused)
    }
}

impl Refused {
    /// The reason behind an error, where it is one of these.
    pub fn of(error: &io::Error) -> Option<Refused> {
        error.get_ref()?.downcast_ref().copied()
    }

    /// Refuses anything but a regular file.
    fn check(metadata: &Metadata) -> Result<(), Refused> {
        let kind = metadata.file_type();
        if kind.is_file() {
            Ok(())
        } else if kind.is_dir() {
            Err(Refused::Directory)
        } else if kind.is_fifo() {
            Err(Refused::Pipe)
        } else if kind.is_socket() {
            Err(Refused::Socket)
        } else {
            Err(Refused::Device)
        }
    }
}

/// Opens a regular file for reading. Nothing is waited for: neither the other end of a pipe nor a device. Symbolic links are
/// followed.
///
/// # Errors
/// The system's, and [`Refused`] for anything but a regular file with a size.
pub fn open(path: &Path) -> io::Result<File> {
    // A look before: to open a device may do something to it.
    Refused::check(&std::fs::metadata(path)?)?;
    regular(open_now(path)?)
}

/// As [`open`], for who also takes a block device: a disk.
///
/// # Errors
/// As [`open`], but accepts block devices.
pub fn open_disk(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.file_type().is_block_device() {
        return open(path);
    }
    let file = open_now(path)?;
    let there = file.metadata()?;
    // A name may mean another file than a moment before.
    if there.file_type().is_block_device() { Ok(file) } else { regular(file) }
}

/// As [`open`], for who also takes what a pipe brings, as in `firebench import <(program)`.
fn open_or_pipe(path: &Path) -> io::Result<(File, bool)> {
    match Refused::check(&std::fs::metadata(path)?) {
        Ok(()) => Ok((regular(open_now(path)?)?, false)),
        Err(Refused::Pipe) => Ok((open_now(path)?, true)),
        Err(refused) => Err(refused.into()),
    }
}

fn open_now(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()).open(path)
}

/// Once more, of what was opened: a name may mean another file than a moment before.
fn regular(file: File) -> io::Result<File> {
    Refused::check(&file.metadata()?)?;
    let system = fstatfs(&file).map_err(io::Error::from)?.filesystem_type();
    if KERNELS_OWN.contains(&system) {
        return Err(Refused::KernelsOwn.into());
    }
    Ok(file)
}

/// Whether a path lies on a file system whose files are the kernel's words.
pub fn is_kernels_own(path: &Path) -> bool {
    statfs::statfs(path).is_ok_and(|system| KERNELS_OWN.contains(&system.filesystem_type()))
}

/// The contents of a regular file, `most` bytes at most.
///
/// # Errors
/// Those of [`open`], and [`Refused::TooLarge`].
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    contents(open(path)?, false, most)
}

/// The contents of a regular file, or what comes out of a pipe until its end, `most` bytes at most.
///
/// # Errors
/// As [`read`], but accepts pipes.
pub fn read_or_wait(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, waits) = open_or_pipe(path)?;
    contents(file, waits, most)
}

/// As [`read_or_wait`], for text.
///
/// # Errors
/// As [`read_or_wait`], and `InvalidData` for what is not UTF-8.
pub fn text_or_wait(path: &Path, most: u64) -> io::Result<String> {
    let bytes = read_or_wait(path, most)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn contents(file: File, waits: bool, most: u64) -> io::Result<Vec<u8>> {
    let announced = file.metadata()?.len();
    if announced > most {
        return Err(Refused::TooLarge { most }.into());
    }
    let mut bytes = Vec::new();
    // One more byte shows that it is at its end.
    bytes.try_reserve_exact(usize::try_from(announced).unwrap_or(usize::MAX).saturating_add(1))?;
    Counted::new(Waiting { file, waits }, most, Refused::TooLarge { most }).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file that may have to be waited for; a signal ends the waiting.
struct Waiting {
    file: File,
    waits: bool,
}

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if interrupt::is_wanted() {
                return Err(Refused::Stopped.into());
            }
            // A named pipe to which nobody writes yet would seem to be at its end.
            if self.waits && !is_ready(&self.file)? {
                continue;
            }
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(is_ready(&self.file)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

/// Waits a moment for something to read, or for the end.
fn is_ready(file: &File) -> io::Result<bool> {
    let mut awaited = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    match poll(&mut awaited, PollTimeout::from(PATIENCE)) {
        Ok(0) | Err(Errno::EINTR) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What `packed` bytes may unpack to, and never more than `most`.
pub fn most_unpacked(packed: u64, most: u64) -> u64 {
    packed.saturating_mul(UNPACKED_FACTOR).saturating_add(UNPACKED_FREE).min(most)
}

/// A reader that counts: it passes on so many bytes, refuses more, and looks for an interrupt on the way.
#[derive(Debug)]
pub struct Counted<R> {
    inner: R,
    left: u64,
    beyond: Refused,
    unseen: usize,
    reads: u32,
}

impl<R: Read> Counted<R> {
    /// At most `most` bytes of `inner`; what is beyond is the error `beyond`.
    pub fn new(inner: R, most: u64, beyond: Refused) -> Counted<R> {
        Counted { inner, left: most, beyond, unseen: 0, reads: 0 }
    }

    /// What comes out of a decompressor that is given `packed` bytes, at most `most` of it.
    pub fn unpacked(inner: R, packed: u64, most: u64) -> Counted<R> {
        let most = most_unpacked(packed, most);
        Counted::new(inner, most, Refused::Bomb { most })
    }

    /// All of `inner`: only the interrupt is looked for.
    pub fn all(inner: R) -> Counted<R> {
        Counted::new(inner, u64::MAX, Refused::TooLarge { most: u64::MAX })
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Decoders read byte by byte: to look each time would cost more than they do.
        self.reads = self.reads.saturating_add(1);
        if self.unseen >= interrupt::INTERVAL || self.reads >= READS {
            (self.unseen, self.reads) = (0, 0);
            if interrupt::is_wanted() {
                return Err(Refused::Stopped.into());
            }
        }
        // One byte more than allowed shows that there is more.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.unseen = self.unseen.saturating_add(count);
        self.left = self.left.checked_sub(count as u64).ok_or(self.beyond)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    fn refused<T>(result: io::Result<T>) -> Option<Refused> {
        result.err().as_ref().and_then(Refused::of)
    }

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let dir = tempfile::tempdir().expect("a directory");
        let fifo = dir.path().join("fifo");
        mkfifo(&fifo, Mode::S_IRWXU).expect("a pipe");
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).expect("a socket");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).expect("a link");
        for (path, expected) in [
            (dir.path(), Refused::Directory),
            (&fifo, Refused::Pipe),
            (&socket, Refused::Socket),
            (&link, Refused::Device),
            (Path::new("/proc/kmsg"), Refused::KernelsOwn),
            (Path::new("/proc/self/maps"), Refused::KernelsOwn),
            (Path::new("/sys/kernel/mm/transparent_hugepage/enabled"), Refused::KernelsOwn),
        ] {
            // An ordinary user may not open some of these, and machines differ.
            if std::fs::metadata(path).is_ok() && refused(open(path)) != Some(expected) {
                let error = open(path).expect_err("it is refused");
                assert!(error.kind() == io::ErrorKind::PermissionDenied, "{}: {error}", path.display());
            }
        }
        assert_eq!(refused(read_or_wait(&link, 1)), Some(Refused::Device));
        assert_eq!(open(&dir.path().join("none")).expect_err("nothing").kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[7; 100]).expect("room");
        assert_eq!(read(file.path(), 100).expect("small enough"), [7; 100]);
        assert_eq!(refused(read(file.path(), 99)), Some(Refused::TooLarge { most: 99 }));
        assert_eq!(
            refused(Counted::new(io::repeat(0), 5, Refused::Pipe).read_to_end(&mut Vec::new())),
            Some(Refused::Pipe)
        );
        let mut all = Vec::new();
        Counted::new(&[1, 2, 3][..], 3, Refused::Pipe).read_to_end(&mut all).expect("just enough");
        assert_eq!(all, [1, 2, 3]);
    }

    #[test]
    fn a_pipe_is_read_to_its_end_however_late_its_writer_comes() {
        let dir = tempfile::tempdir().expect("a directory");
        let fifo = dir.path().join("fifo");
        mkfifo(&fifo, Mode::S_IRWXU).expect("a pipe");
        let writer = fifo.clone();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            let mut pipe = File::options().write(true).open(writer).expect("somebody reads");
            pipe.write_all(b"hello, ").expect("somebody reads");
            std::thread::sleep(std::time::Duration::from_millis(300));
            pipe.write_all(b"world").expect("somebody reads");
        });
        assert_eq!(read_or_wait(&fifo, 100).expect("all of it"), b"hello, world");
        writer.join().expect("it wrote");
    }

    #[test]
    fn what_unpacks_is_bounded_by_what_is_packed() {
        assert_eq!(most_unpacked(0, u64::MAX), 16 << 20);
        assert_eq!(most_unpacked(1 << 20, u64::MAX), 116 << 20);
        assert_eq!(most_unpacked(1 << 20, 1000), 1000);
        assert_eq!(most_unpacked(u64::MAX, u64::MAX), u64::MAX);
    }
}
