//! Ctrl-C and its kin, as something to wait for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use libc::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};

use crate::sys;

/// From here on, writing more to a file than RLIMIT_FSIZE allows is the error EFBIG, and no longer the end of the process.
/// Programs that it starts are not touched: a handler does not outlive exec.
///
/// # Errors
/// When the system refuses.
pub fn survive_large_files() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop)
}

/// From its installation on, SIGINT, SIGTERM and SIGHUP no longer end the process but make [`Interrupt::fd`] readable,
/// for good. A second Ctrl-C does no more than the first: cleaning up takes no time worth cutting short. A signal that
/// was ignored before (by `nohup`, or by a shell for its background jobs) stays ignored.
#[derive(Debug)]
pub struct Interrupt {
    reader: UnixStream,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Installs the handlers, which stay for the life of the process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Interrupt> {
        let (reader, writer) = UnixStream::pair()?;
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            if sys::is_ignored(signal) {
                continue;
            }
            let number = usize::try_from(signal).map_err(io::Error::other)?;
            // In this order: whoever is woken finds the signal.
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)?;
            signal_hook::low_level::pipe::register(signal, writer.try_clone()?)?;
        }
        Ok(Interrupt { reader, signal: last })
    }

    /// Readable after a signal, and from then on. Not to be read from.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// The last signal that came.
    pub fn signal(&self) -> Option<i32> {
        self.watch().received()
    }

    /// For who works without waiting and only looks now and then.
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.signal))
    }
}

/// Tells whether a signal came.
#[derive(Debug, Clone)]
pub struct Watch(Arc<AtomicUsize>);

impl Watch {
    /// The last signal that came.
    pub fn received(&self) -> Option<i32> {
        i32::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|&signal| signal != 0)
    }
}
