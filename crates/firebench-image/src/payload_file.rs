//! A payload as a file of the host, for a workload that runs there without a VM.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use firebench_os::interrupt;
use serde::Serialize;

use crate::cache::{Cache, Contents, Guard};
use crate::digest::key;
use crate::disk::{RootDisk, is_default};
use crate::payload::Payload;
use crate::{Error, Result, ext4};

/// Kind of the entries in the cache.
pub const KIND: &str = "payload";

const NAME: &str = "random.txt";

/// A payload's file in the cache. It stays as long as this is held.
#[derive(Debug)]
pub struct PayloadFile {
    /// The file.
    pub path: PathBuf,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the key of an entry is made of.
#[derive(Serialize)]
enum Inputs<'a> {
    OfDisk {
        sha256: &'a str,
        #[serde(skip_serializing_if = "is_default")]
        layout: u32,
    },
    Made(&'a Payload),
}

/// The payload of `disk`, byte for byte, taken out of the image unless the cache has it. Each `layout` is a file of its own.
///
/// # Errors
/// [`Error`], also when the image no longer holds what was written to it.
pub fn of_disk(cache: &Cache, disk: &RootDisk, layout: u32) -> Result<PayloadFile> {
    let expected = &disk.sha256_of_payload;
    file(cache, &Inputs::OfDisk { sha256: expected, layout }, |out, path| {
        let write = |piece: &[u8]| out.write_all(piece).map_err(Error::io("write", path));
        let found = ext4::read_out(&disk.path, &disk.payload_extents, disk.payload_bytes, write)?;
        if found == *expected {
            return Ok(found);
        }
        let reason = "its payload is not what firebench wrote".to_owned();
        Err(Error::Damaged { kind: crate::disk::KIND.to_owned(), key: disk.key.clone(), reason })
    })
}

/// A [`Payload::Seeded`] as a file, unless the cache has it.
///
/// # Errors
/// [`Error`].
pub fn seeded(cache: &Cache, seed: u64, bytes: u64) -> Result<PayloadFile> {
    let payload = Payload::Seeded { seed, bytes };
    file(cache, &Inputs::Made(&payload), |out, path| {
        let mut chunks = payload.open()?;
        let mut chunk = Vec::new();
        while chunks.next(&mut chunk)? {
            interrupt::check()?;
            out.write_all(&chunk).map_err(Error::io("write", path))?;
        }
        Ok(payload.digest()?.unwrap_or_default())
    })
}

/// Where the file of [`of_disk`] is or would be, and the file if the cache has it. Makes nothing.
///
/// # Errors
/// [`Error`].
pub fn find_of_disk(cache: &Cache, disk: &RootDisk, layout: u32) -> Result<(PathBuf, Option<PayloadFile>)> {
    find(cache, &Inputs::OfDisk { sha256: &disk.sha256_of_payload, layout })
}

/// Where the file of [`seeded`] is or would be, and the file if the cache has it. Makes nothing.
///
/// # Errors
/// [`Error`].
pub fn find_seeded(cache: &Cache, seed: u64, bytes: u64) -> Result<(PathBuf, Option<PayloadFile>)> {
    find(cache, &Inputs::Made(&Payload::Seeded { seed, bytes }))
}

fn find(cache: &Cache, inputs: &Inputs<'_>) -> Result<(PathBuf, Option<PayloadFile>)> {
    let entry = cache.entry(KIND, &key(inputs)?)?;
    let path = entry.path().join(NAME);
    let found = entry.get()?.map(|guard| PayloadFile { path: path.clone(), guard });
    Ok((path, found))
}

fn file(
    cache: &Cache,
    inputs: &Inputs<'_>,
    write: impl FnOnce(&mut File, &Path) -> Result<String>,
) -> Result<PayloadFile> {
    let guard = cache.entry(KIND, &key(inputs)?)?.get_or_build(|staging| {
        let path = staging.join(NAME);
        let mut out = File::create_new(&path).map_err(Error::io("create", &path))?;
        let sha256 = write(&mut out, &path)?;
        out.sync_all().map_err(Error::io("write", &path))?;
        let files = vec![(NAME.to_owned(), Some(sha256))];
        Ok(Contents { files, ..Contents::new("payload as a file".to_owned(), &())? })
    })?;
    Ok(PayloadFile { path: guard.path().join(NAME), guard })
}
