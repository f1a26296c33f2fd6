//! Deterministic ext4 images, made without root and without loop mounts.
//!
//! mke2fs makes an empty file system, debugfs fills it by script: small files are copied, a reserved file (the payload)
//! gets its blocks and size within milliseconds. Its bytes are then written straight to those blocks of the image file, so
//! that they go through the computer once.
//!
//! The same tree and payload give the same bytes (with one version of e2fsprogs): UUID, hash seed and all times are fixed,
//! owners are root, permissions are normalised, inode generations are 0, and mke2fs' configuration file is not read.
//!
//! The file system has no journal: it is only ever mounted read-only, where a journal is never replayed nor written, and
//! would merely be 64 MiB more to make. Its features are otherwise those of ext4 as Debian makes it.

mod blocks;
mod extents;
mod programs;
mod script;
mod stream;
mod tree;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use firebench_os::interrupt;
use nix::sys::statvfs::statvfs;
use sha2::{Digest as _, Sha256};

pub use blocks::BLOCK;
pub use extents::Extent;
pub(crate) use script::Script;
pub(crate) use tree::Node;
pub use tree::{Fingerprint, GuestPath, Tree};

use crate::payload::Chunks;
use crate::progress::Watcher;
use crate::{Error, Result};
use blocks::blocks;

/// Changes whenever the same inputs give other bytes than before: part of every key in the cache.
pub(crate) const FORMAT: u32 = 1;

const FEATURES: &str = "none,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,dir_index,\
                        ext_attr,64bit,metadata_csum";

/// What distinguishes one file system from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    /// Volume label, at most 16 bytes.
    pub label: &'static str,
    /// UUID; also the seed of the directories' hashes.
    pub uuid: &'static str,
}

/// A file to be written into an image after all others.
pub(crate) struct Reserved<'a> {
    /// Where it goes.
    pub path: &'a Path,
    /// What it holds.
    pub contents: Chunks,
}

/// What [`build`] made.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// SHA-256 of the reserved file.
    pub reserved_sha256: Option<String>,
    /// Where the reserved file lies.
    pub extents: Vec<Extent>,
}

/// Makes the image file `image`, which must not exist, and syncs it. Nothing is left of it after an error.
pub(crate) fn build(
    image: &Path,
    identity: Identity,
    mut tree: Tree,
    reserved: Option<Reserved<'_>>,
    watcher: Watcher<'_>,
) -> Result<Built> {
    if let Some(reserved) = &reserved {
        tree.reserve(reserved.path, reserved.contents.total())?;
    }
    let file =
        File::options().read(true).write(true).create_new(true).open(image).map_err(Error::io("create", image))?;
    let built = fill(&file, image, identity, &tree, reserved, watcher);
    if built.is_err() {
        // The first error matters; a file that cannot be removed is in a staging directory that goes away anyway.
        let _ = std::fs::remove_file(image);
    }
    built
}

fn fill(
    file: &File,
    image: &Path,
    identity: Identity,
    tree: &Tree,
    reserved: Option<Reserved<'_>>,
    watcher: Watcher<'_>,
) -> Result<Built> {
    let full = Error::NoSpace { path: image.to_owned(), needed: None, available: None };
    let bytes = script::image_bytes(tree).ok_or(full)?;
    check_space(image, bytes)?;
    file.set_len(bytes).map_err(Error::io("enlarge", image))?;
    // 11 inodes are the file system's own.
    make_file_system(image, identity, (tree.nodes().count() as u64).saturating_add(64))?;
    debugfs_script(image, "filled", &script::fill(tree))?;
    let mut built = Built { reserved_sha256: None, extents: Vec::new() };
    if let Some(Reserved { path, contents }) = reserved {
        let path = GuestPath::new(path)?;
        if contents.total() > 0 {
            built.extents = initialise(image, &path, blocks(contents.total()))?;
        }
        check(image)?;
        built.reserved_sha256 = Some(stream::write(contents, file, image, &built.extents, watcher)?);
    } else {
        check(image)?;
    }
    file.sync_all().map_err(Error::io("sync", image))?;
    Ok(built)
}

/// Makes the image file `image` of `bytes` bytes, which must not exist, fills it as `script` says, and syncs it.
pub(crate) fn build_scripted(image: &Path, identity: Identity, inodes: u64, bytes: u64, script: &[u8]) -> Result<()> {
    let file =
        File::options().read(true).write(true).create_new(true).open(image).map_err(Error::io("create", image))?;
    check_space(image, bytes)?;
    file.set_len(bytes).map_err(Error::io("enlarge", image))?;
    make_file_system(image, identity, inodes)?;
    debugfs_script(image, "filled", script)?;
    check(image)?;
    file.sync_all().map_err(Error::io("sync", image))
}

/// Refuses what cannot fit before anything is written.
fn check_space(image: &Path, needed: u64) -> Result<()> {
    let directory = image.parent().unwrap_or(Path::new("."));
    let stat = statvfs(directory).map_err(|error| Error::io("look at", directory)(error.into()))?;
    let available = stat.blocks_available().saturating_mul(stat.fragment_size());
    if needed > available {
        return Err(Error::NoSpace { path: image.to_owned(), needed: Some(needed), available: Some(available) });
    }
    Ok(())
}

fn make_file_system(image: &Path, identity: Identity, inodes: u64) -> Result<()> {
    let options = format!("hash_seed={},root_owner=0:0,lazy_itable_init=0,nodiscard", identity.uuid);
    programs::run(
        "mke2fs",
        "making a file system in",
        image,
        |command| {
            command.args(["-q", "-F", "-b", "4096", "-I", "256", "-m", "0", "-O", FEATURES, "-E", &options]);
            command.args(["-N", &inodes.to_string(), "-U", identity.uuid, "-L", identity.label]).arg(image);
        },
        |code, _| code == Some(0),
    )
    .map(drop)
}

/// debugfs ends with 0 whatever happens; what went wrong is on its standard error.
fn debugfs(image: &Path, action: &'static str, arguments: impl FnOnce(&mut std::process::Command)) -> Result<String> {
    let arguments = |command: &mut std::process::Command| {
        arguments(command);
        command.arg(image);
    };
    programs::run("debugfs", action, image, arguments, |code, errors| code == Some(0) && errors.is_empty())
}

fn debugfs_script(image: &Path, action: &'static str, script: &[u8]) -> Result<()> {
    let directory = image.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(Error::io("create a file in", directory))?;
    file.write_all(script).map_err(Error::io("write", file.path()))?;
    debugfs(image, action, |command| {
        command.arg("-w").arg("-f").arg(file.path());
    })
    .map(drop)
}

/// Marks the blocks of the file at `path` as initialised and says where they are.
fn initialise(image: &Path, path: &GuestPath, blocks: u64) -> Result<Vec<Extent>> {
    let wrong = |output: String| Error::ToolFailed {
        tool: "debugfs",
        action: "allocating the payload's blocks in",
        image: image.to_owned(),
        output,
    };
    // Only the payload's own, fixed path comes here: nothing in it needs quoting.
    let request = format!("extents {path}");
    let list = || {
        let table = debugfs(image, "listing the extents of", |command| {
            command.arg("-R").arg(&request);
        })?;
        extents::parse(&table).map_err(wrong)
    };
    let allocated: Vec<Extent> = list()?.into_iter().map(|(extent, _)| extent).collect();
    if !extents::cover(&allocated, blocks) {
        return Err(wrong(format!("{} extents do not cover {blocks} blocks", allocated.len())));
    }
    debugfs_script(image, "marking the extents in", &script::initialise(path.as_str(), &allocated))?;
    let marked = list()?;
    if !marked.iter().map(|&(extent, _)| extent).eq(allocated.iter().copied())
        || marked.iter().any(|&(_, uninit)| uninit)
    {
        return Err(wrong("the extents were not marked as initialised".to_owned()));
    }
    Ok(allocated)
}

/// Whether the file system is sound, as far as its metadata go.
fn check(image: &Path) -> Result<()> {
    programs::run(
        "e2fsck",
        "checked",
        image,
        |command| {
            command.arg("-fn").arg(image);
        },
        |code, _| code == Some(0),
    )
    .map(drop)
}

/// SHA-256 of the file of `bytes` bytes that lies at `extents` of the image: reads the host's file, needs no e2fsprogs.
pub(crate) fn digest_of(image: &Path, extents: &[Extent], bytes: u64) -> Result<String> {
    read_out(image, extents, bytes, |_| Ok(()))
}

/// Hands the contents of a file of an image to `take`, piece by piece; returns their SHA-256.
pub(crate) fn read_out(
    image: &Path,
    extents: &[Extent],
    bytes: u64,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<String> {
    let file = File::open(image).map_err(Error::io("open", image))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; crate::payload::CHUNK];
    let mut places = extents::ExtentCursor::new(extents);
    let mut remaining = bytes;
    while remaining > 0 {
        interrupt::check()?;
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(buffer.len());
        let place = places.next(wanted).and_then(|(offset, count)| Some((offset, buffer.get_mut(..count)?)));
        let Some((offset, piece)) = place else {
            let short = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::io("read", image)(short));
        };
        file.read_exact_at(piece, offset).map_err(Error::io("read", image))?;
        hasher.update(&*piece);
        take(piece)?;
        remaining = remaining.saturating_sub(piece.len() as u64);
    }
    Ok(crate::digest::hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests;
