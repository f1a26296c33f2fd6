//! The payload's way into the image: one thread generates and hashes, another writes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

use super::extents::{Extent, Places};
use super::writeback;
use crate::payload::{CHUNK, PayloadReader};
use crate::progress::{Progress, Watcher, report};
use crate::{Error, Result};

/// Chunks on their way between the threads: enough to bridge a pause of the disk, small enough for any computer.
const IN_FLIGHT: usize = 8;

/// Writes the payload to where `extents` say and returns its SHA-256. The caller syncs the file.
pub(super) fn write(
    mut payload: PayloadReader,
    image: &File,
    path: &Path,
    extents: &[Extent],
    watcher: Watcher<'_>,
) -> Result<String> {
    let (full_sender, full) = sync_channel::<Vec<u8>>(IN_FLIGHT);
    let (empty_sender, empty) = channel::<Vec<u8>>();
    thread::scope(|scope| {
        let writer =
            scope.spawn(move || write_chunks(full, |chunk| drop(empty_sender.send(chunk)), image, path, extents));
        let made = make_chunks(&mut payload, full_sender, &empty, watcher);
        // The writer's error comes first: the maker stops only because the writer is gone.
        writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        made
    })?;
    payload.finish()
}

/// Makes chunks until the payload ends or the writer is gone.
fn make_chunks(
    payload: &mut PayloadReader,
    full: SyncSender<Vec<u8>>,
    empty: &Receiver<Vec<u8>>,
    watcher: Watcher<'_>,
) -> Result<()> {
    let total = payload.total();
    let mut done = 0_u64;
    loop {
        let mut chunk = empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK));
        if !payload.next_chunk(&mut chunk)? {
            return Ok(());
        }
        done = done.saturating_add(chunk.len() as u64);
        if full.send(chunk).is_err() {
            return Ok(());
        }
        report(watcher, Progress::Payload { done, total })?;
    }
}

/// Writes chunks until there are no more.
fn write_chunks(
    full: Receiver<Vec<u8>>,
    recycle: impl Fn(Vec<u8>),
    image: &File,
    path: &Path,
    extents: &[Extent],
) -> Result<()> {
    let mut places = Places::new(extents);
    for chunk in full {
        let mut rest = &chunk[..];
        while !rest.is_empty() {
            let (offset, count) = places.next(rest.len()).ok_or_else(|| Error::ToolFailed {
                tool: "debugfs",
                action: "allocated the payload's blocks in",
                image: path.to_owned(),
                output: "fewer blocks than the payload needs".to_owned(),
            })?;
            let (piece, later) = rest.split_at(count);
            image.write_all_at(piece, offset).map_err(Error::io("write", path))?;
            writeback::start(image, offset, count);
            rest = later;
        }
        recycle(chunk);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::payload::Payload;

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
