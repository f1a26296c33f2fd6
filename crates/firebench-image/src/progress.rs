//! What a long piece of work says while it goes on.

use std::ops::ControlFlow;

/// One report. The receiver answers [`ControlFlow::Break`] to end the work: it stops with
/// [`Error::Cancelled`](crate::Error::Cancelled) and leaves nothing half done behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Another process (or thread) builds or uses this entry of the cache; reported about ten times a second.
    Waiting {
        /// Kind of the entry.
        kind: &'a str,
        /// Key of the entry.
        key: &'a str,
    },
    /// The entry is not there and is built now; reported once.
    Building {
        /// Kind of the entry.
        kind: &'a str,
        /// Key of the entry.
        key: &'a str,
    },
    /// The entry is there, but not what was built: it is thrown away and built now; reported once.
    Replacing {
        /// Kind of the entry.
        kind: &'a str,
        /// Key of the entry.
        key: &'a str,
        /// What is wrong with it.
        reason: &'a str,
    },
    /// The payload is being written; reported once a MiB.
    Payload {
        /// Bytes generated and hashed so far.
        done: u64,
        /// Bytes of the whole payload.
        total: u64,
    },
}

/// Who receives the reports.
pub(crate) type Watcher<'a> = &'a (dyn Fn(Progress<'_>) -> ControlFlow<()> + Send + Sync);

/// Reports to `watcher`; its wish to stop becomes an error.
pub(crate) fn report(watcher: Watcher<'_>, progress: Progress<'_>) -> crate::Result<()> {
    match watcher(progress) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(crate::Error::Cancelled),
    }
}
