//! The payload's way into the image: made, written, hashed and brought to the disk by a thread each.
//!
//! The disk is the slowest, so it must have work from the first moment on: a chunk is written before it is hashed, and the
//! file is synced again and again while it grows. (Starting the writing alone, with sync_file_range, gains little: a disk
//! with a cache of its own, as virtual ones have, does the work when it is asked to flush.)

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::extents::{Extent, ExtentCursor};
use crate::digest::hex;
use crate::payload::Chunks;
use crate::progress::{Progress, Watcher, report};
use crate::{Error, Result};

/// Chunks on their way to the writer, and as many to the hasher: enough to bridge a pause of the disk, small enough for
/// any computer.
const IN_FLIGHT: usize = 32;

/// The file is synced whenever this many bytes were written since the last time.
const SYNC_BYTES: usize = 64 << 20;

/// A chunk that two threads read; the last of them sends it back to be filled again.
struct Shared {
    bytes: Arc<Vec<u8>>,
    back: Sender<Vec<u8>>,
}

impl Shared {
    fn give_back(self) {
        if let Some(bytes) = Arc::into_inner(self.bytes) {
            // Nobody wants it any more when the last chunk was made.
            let _ = self.back.send(bytes);
        }
    }
}

/// Writes the payload to where `extents` say and returns its SHA-256. The caller syncs the rest.
pub(super) fn write(
    payload: Chunks,
    image: &File,
    path: &Path,
    extents: &[Extent],
    watcher: Watcher<'_>,
) -> Result<String> {
    let (to_writer, from_maker) = sync_channel(IN_FLIGHT);
    let (to_hasher, for_hasher) = sync_channel(IN_FLIGHT);
    let (to_syncer, for_syncer) = sync_channel(1);
    // It owns the senders: wherever it ends, the threads see that there is no more to do.
    thread::scope(move |scope| {
        let threads = Threads { scope, path };
        let writer = threads.start(move || write_chunks(from_maker, image, path, extents, &to_syncer))?;
        // An error of the disk is told once: it must not be lost here.
        let syncer = threads.start(move || for_syncer.into_iter().try_for_each(|()| image.sync_data()))?;
        let hasher = threads.start(move || hash_chunks(for_hasher))?;
        let made = make_chunks(payload, &to_writer, &to_hasher, watcher);
        drop((to_writer, to_hasher));
        let written = join(writer);
        let digest = join(hasher);
        let synced = join(syncer).map_err(Error::io("sync", path));
        // The writer's error comes first: the maker stops because the writer is gone.
        written.and(synced).and(made).map(|()| digest)
    })
}

/// Starts threads that work on one image.
struct Threads<'a, 'scope, 'env> {
    scope: &'scope thread::Scope<'scope, 'env>,
    path: &'a Path,
}

impl<'scope> Threads<'_, 'scope, '_> {
    fn start<T: Send + 'scope>(
        &self,
        work: impl FnOnce() -> T + Send + 'scope,
    ) -> Result<thread::ScopedJoinHandle<'scope, T>> {
        let started = thread::Builder::new().spawn_scoped(self.scope, work);
        started.map_err(Error::io("start a thread that makes", self.path))
    }
}

/// The result of a thread; a panic goes on in this one.
fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Makes chunks until the payload ends or the writer is gone.
fn make_chunks(
    mut payload: Chunks,
    writer: &SyncSender<Shared>,
    hasher: &SyncSender<Shared>,
    watcher: Watcher<'_>,
) -> Result<()> {
    let (back, returned) = channel::<Vec<u8>>();
    let total = payload.total();
    let mut done = 0_u64;
    loop {
        let mut chunk = returned.try_recv().unwrap_or_default();
        if !payload.next(&mut chunk)? {
            return payload.finish();
        }
        done = done.saturating_add(chunk.len() as u64);
        let bytes = Arc::new(chunk);
        for receiver in [writer, hasher] {
            if receiver.send(Shared { bytes: Arc::clone(&bytes), back: back.clone() }).is_err() {
                return Ok(());
            }
        }
        report(watcher, Progress::Payload { done, total })?;
    }
}

fn hash_chunks(chunks: Receiver<Shared>) -> String {
    let mut hasher = Sha256::new();
    for chunk in chunks {
        hasher.update(&*chunk.bytes);
        chunk.give_back();
    }
    hex(&hasher.finalize())
}

/// Writes chunks until there are no more; wakes the syncer from time to time.
fn write_chunks(
    chunks: Receiver<Shared>,
    image: &File,
    path: &Path,
    extents: &[Extent],
    syncer: &SyncSender<()>,
) -> Result<()> {
    let mut places = ExtentCursor::new(extents);
    let mut unsynced = 0;
    for chunk in chunks {
        let mut rest = &chunk.bytes[..];
        while !rest.is_empty() {
            let (offset, count) = places.next(rest.len()).ok_or_else(|| Error::ToolFailed {
                tool: "debugfs",
                action: "allocating the payload's blocks in",
                image: path.to_owned(),
                output: "fewer blocks than the payload needs".to_owned(),
            })?;
            let (piece, later) = rest.split_at(count);
            image.write_all_at(piece, offset).map_err(Error::io("write", path))?;
            rest = later;
        }
        unsynced = usize::saturating_add(unsynced, chunk.bytes.len());
        // A syncer that is still busy is woken by a later chunk.
        if unsynced >= SYNC_BYTES && syncer.try_send(()).is_ok() {
            unsynced = 0;
        }
        chunk.give_back();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::payload::{CHUNK, Payload};

    const SILENT: Watcher<'_> = &|_| ControlFlow::Continue(());

    fn extents(blocks: u64) -> [Extent; 2] {
        let half = blocks / 2;
        [
            Extent { logical: 0, physical: 3, blocks: half },
            Extent { logical: half, physical: half + 10, blocks: blocks - half },
        ]
    }

    #[test]
    fn bytes_land_where_the_extents_say() {
        let payload = Payload::seeded(3 * CHUNK as u64 + 17);
        let image = tempfile::NamedTempFile::new().expect("a temporary file");
        let extents = extents(3 * 256 + 1);
        let digest =
            write(payload.open().expect("it opens"), image.as_file(), image.path(), &extents, SILENT).expect("written");
        assert_eq!(Some(&digest), payload.digest().expect("a digest").as_ref());
        let bytes = std::fs::read(image.path()).expect("the image is read");
        let mut found: Vec<u8> = Vec::new();
        for extent in extents {
            let start = extent.physical as usize * 4096;
            found.extend(&bytes[start..(start + extent.blocks as usize * 4096).min(bytes.len())]);
        }
        assert_eq!(crate::digest::sha256(&found[..3 * CHUNK + 17]), digest);
    }

    #[test]
    fn a_full_disk_is_said_to_be_full() {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let payload = Payload::seeded(64 * CHUNK as u64).open().expect("it opens");
        let error = write(payload, &full, Path::new("/dev/full"), &extents(64 * 256), SILENT);
        assert!(matches!(error, Err(Error::NoSpace { .. })), "{error:?}");
    }

    #[test]
    fn the_watcher_can_stop_it() {
        let image = tempfile::tempfile().expect("a temporary file");
        let payload = Payload::seeded(64 * CHUNK as u64).open().expect("it opens");
        let stop: Watcher<'_> = &|progress| match progress {
            Progress::Payload { done, .. } if done >= 2 * CHUNK as u64 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let error = write(payload, &image, Path::new("x"), &extents(64 * 256), stop);
        assert!(matches!(error, Err(Error::Cancelled)), "{error:?}");
        assert!(image.metadata().expect("metadata").len() < 32 * CHUNK as u64);
    }

    #[test]
    fn too_few_extents_are_an_error() {
        let image = tempfile::tempfile().expect("a temporary file");
        let payload = Payload::seeded(4097).open().expect("it opens");
        let error = write(payload, &image, Path::new("x"), &extents(1)[1..], SILENT);
        assert!(matches!(error, Err(Error::ToolFailed { .. })), "{error:?}");
    }
}
