//! A root as a directory of the host, for containers.
//!
//! Everything in it belongs to whoever runs firebench, and can be read by them: set-uid programs and devices of an archive never come
//! to be on the host. Every file is made anew, seen from the descriptor of its directory: no link is followed, none is written through.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, UtimensatFlags, fchmod, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{linkat, symlinkat};

use super::listing::read;
use super::source::Opened;
use super::tree::{Id, Kind};
use super::wrong::{Wrong, shown, wrong};

/// What came to be.
#[derive(Debug, Default)]
pub(super) struct Extracted {
    /// The paths of the regular files, each once, where they are text.
    pub(super) files: Vec<String>,
}

const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const NEW: OFlag =
    OFlag::O_WRONLY.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Permissions that others keep: in firebench's cache nobody else writes.
const FOR_OTHERS: u32 = 0o755;
/// Permissions that whoever runs firebench has in any case: they must read and remove it.
const OF_A_DIRECTORY: u32 = 0o700;
const OF_A_FILE: u32 = 0o400;

/// Makes the tree in `directory`, which is there and empty.
pub(super) fn extract(opened: &Opened, directory: &Path) -> Result<Extracted, Wrong> {
    let top = open(directory, DIRECTORY, Mode::empty()).map_err(io::Error::from)?;
    let mut way: Vec<OwnedFd> = Vec::new();
    let mut first: BTreeMap<Id, Vec<u8>> = BTreeMap::new();
    let mut directories: Vec<(Vec<u8>, i64)> = Vec::new();
    let mut extracted = Extracted::default();
    opened.tree.walk(|path, id, node| {
        let of = |error: io::Error| Wrong::from(error).of(&shown(path));
        let depth = path.iter().filter(|byte| **byte == b'/').count();
        way.truncate(depth);
        let here = way.last().unwrap_or(&top);
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let time = TimeSpec::new(node.attributes.mtime, 0);
        if let Some(first) = first.get(&id) {
            return linkat(&top, first.as_slice(), here, name, AtFlags::empty()).map_err(|error| of(error.into()));
        }
        match &node.kind {
            Kind::Directory(_) => {
                let mode = Mode::from_bits_truncate(node.attributes.mode & FOR_OTHERS | OF_A_DIRECTORY);
                mkdirat(here, name, mode).map_err(|error| of(error.into()))?;
                let made = openat(here, name, DIRECTORY, Mode::empty()).map_err(|error| of(error.into()))?;
                fchmod(&made, mode).map_err(|error| of(error.into()))?;
                if way.len() != depth {
                    return wrong("its directories are in no order");
                }
                way.push(made);
                directories.push((path.to_vec(), node.attributes.mtime));
                return Ok(());
            }
            Kind::File(contents) => {
                let mode = Mode::from_bits_truncate(node.attributes.mode & FOR_OTHERS | OF_A_FILE);
                let made = openat(here, name, NEW, mode).map_err(|error| of(error.into()))?;
                let mut file = File::from(made);
                read(opened, contents, |piece| Ok(file.write_all(piece)?)).map_err(|wrong| wrong.of(&shown(path)))?;
                fchmod(&file, mode).map_err(|error| of(error.into()))?;
                if let Ok(path) = std::str::from_utf8(path) {
                    extracted.files.push(path.to_owned());
                }
            }
            Kind::Symlink(target) => symlinkat(target.as_slice(), here, name).map_err(|error| of(error.into()))?,
            Kind::Fifo => nix::sys::stat::mknodat(
                here,
                name,
                nix::sys::stat::SFlag::S_IFIFO,
                Mode::from_bits_truncate(node.attributes.mode & FOR_OTHERS | OF_A_FILE),
                0,
            )
            .map_err(|error| of(error.into()))?,
            // A container has a /dev of its own.
            Kind::Device { .. } => return Ok(()),
        }
        first.insert(id, path.to_vec());
        utimensat(here, name, &time, &time, UtimensatFlags::NoFollowSymlink).map_err(|error| of(error.into()))
    })?;
    // What is made in a directory changes its time.
    for (path, mtime) in directories.into_iter().rev() {
        let time = TimeSpec::new(mtime, 0);
        let set = utimensat(&top, path.as_slice(), &time, &time, UtimensatFlags::NoFollowSymlink);
        set.map_err(|error| Wrong::from(io::Error::from(error)).of(&shown(&path)))?;
    }
    Ok(extracted)
}
