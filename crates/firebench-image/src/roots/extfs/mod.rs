//! A root in an image of an ext2, ext3 or ext4 file system: read as it lies in a file, without a mount and without rights.
//!
//! The image is somebody else's. No number in it is believed: every block must lie in the file, a directory has one name, trees of extents
//! become shorter with each step, and what is looked at is counted. Checksums of metadata are not compared.

mod disk;
mod map;
mod xattrs;

use std::collections::{BTreeMap, BTreeSet};

use firebench_os::outside::most_unpacked;

use super::section::Section;
use super::tree::{Attributes, Contents, Kind, Piece, Tree};
use super::wrong::{Wrong, shown, wrong};
use super::{layer::MOST_TEXT, name};
use disk::{Disk, damaged, u16_at, u32_at};

pub(super) use disk::is_one;

/// The inode of the root directory.
const ROOT: u32 = 2;
/// Most bytes of one directory.
const MOST_DIRECTORY: u64 = 256 << 20;
/// Most that all files together may hold: files of any size take no room where they have only zeros.
const MOST_CONTENTS: u64 = 64 << 30;
/// The directory that e2fsck puts into the root: every file system has its own.
const LOST: &[u8] = b"lost+found";
/// Numbers of a map of blocks that a link shorter than this has in their place.
const SHORT_LINK: u64 = 60;

/// An inode, as far as a tree has it.
struct Inode {
    mode: u16,
    flags: u32,
    bytes: u64,
    attributes: Attributes,
    map: [u8; 60],
}

/// Reads the tree of an image, which becomes the layer `layer`.
pub(super) fn read(section: &Section, layer: usize) -> Result<Tree, Wrong> {
    let mut disk = Disk::open(section)?;
    let mut reader = Reader {
        tree: Tree::new(),
        layer,
        first: BTreeMap::new(),
        directories: BTreeSet::new(),
        text: 0,
        contents: most_unpacked(disk.bytes(), MOST_CONTENTS),
    };
    let mut pending = vec![(ROOT, Vec::new())];
    while let Some((number, path)) = pending.pop() {
        reader.directory(&mut disk, number, &path, &mut pending).map_err(|wrong| match path.is_empty() {
            true => wrong,
            false => wrong.of(&shown(&path)),
        })?;
    }
    Ok(reader.tree)
}

struct Reader {
    tree: Tree,
    layer: usize,
    /// The first path of each inode that is no directory.
    first: BTreeMap<u32, Vec<u8>>,
    directories: BTreeSet<u32>,
    /// Bytes of names and attributes.
    text: u64,
    /// Bytes of contents that may still come.
    contents: u64,
}

impl Reader {
    /// Puts a directory and all in it that is none into the tree; those in it become pending.
    fn directory(
        &mut self,
        disk: &mut Disk<'_>,
        number: u32,
        path: &[u8],
        pending: &mut Vec<(u32, Vec<u8>)>,
    ) -> Result<(), Wrong> {
        if !self.directories.insert(number) {
            return Err(damaged("a directory has two names"));
        }
        let inode = inode(disk, number)?;
        if inode.mode & 0xf000 != 0x4000 {
            return Err(damaged("what should be a directory is none"));
        }
        if inode.bytes > MOST_DIRECTORY {
            return wrong("a directory in it is too large");
        }
        let pieces = map::pieces(disk, &inode.map, inode.flags, inode.bytes)?;
        self.put(path, inode.attributes, Kind::Directory(BTreeMap::new()))?;
        let (size, types) = (disk.block, disk.types);
        for block in pieces.iter().flat_map(|piece| blocks(piece, size)) {
            let block = disk.read(block)?;
            each_name(&block, types, |number, name| {
                if name == b"." || name == b".." || (path.is_empty() && name == LOST) {
                    return Ok(());
                }
                let parts = [path, name].join(&b'/');
                // A name with a slash would be another path.
                if name::parts(name)?.len() != 1 {
                    return Err(damaged("a name in it has a slash"));
                }
                self.entry(disk, number, parts, pending)
            })?;
        }
        Ok(())
    }

    /// What a name leads to.
    fn entry(
        &mut self,
        disk: &mut Disk<'_>,
        number: u32,
        path: Vec<u8>,
        pending: &mut Vec<(u32, Vec<u8>)>,
    ) -> Result<(), Wrong> {
        self.count(path.len())?;
        if let Some(first) = self.first.get(&number) {
            return self.tree.link(&path, first, self.layer);
        }
        let inode = inode(disk, number).map_err(|wrong| wrong.of(&shown(&path)))?;
        let kind = match inode.mode & 0xf000 {
            0x4000 => {
                pending.push((number, path));
                return Ok(());
            }
            0x8000 => {
                let no = |_| Wrong::Said(format!("{} and others hold more than is in it", shown(&path)));
                self.contents = self.contents.checked_sub(inode.bytes).ok_or(()).map_err(no)?;
                let pieces = map::pieces(disk, &inode.map, inode.flags, inode.bytes);
                let pieces = pieces.map_err(|wrong| wrong.of(&shown(&path)))?;
                Kind::File(Contents::Pieces { layer: self.layer, pieces, bytes: inode.bytes })
            }
            0xa000 => Kind::Symlink(target(disk, &inode).map_err(|wrong| wrong.of(&shown(&path)))?),
            0x2000 => device(false, &inode.map),
            0x6000 => device(true, &inode.map),
            0x1000 => Kind::Fifo,
            // A socket is nothing without its process.
            0xc000 => return Ok(()),
            _ => return Err(damaged("a file in it is of no kind").of(&shown(&path))),
        };
        self.put(&path, inode.attributes, kind)?;
        self.first.insert(number, path);
        Ok(())
    }

    fn put(&mut self, path: &[u8], attributes: Attributes, kind: Kind) -> Result<(), Wrong> {
        let xattrs = attributes
            .xattrs
            .iter()
            .fold(0, |sum: usize, (name, value)| sum.saturating_add(name.len()).saturating_add(value.len()));
        self.count(xattrs)?;
        self.tree.put(path, attributes, kind, self.layer)
    }

    fn count(&mut self, bytes: usize) -> Result<(), Wrong> {
        self.text = self.text.saturating_add(bytes as u64);
        if self.text > MOST_TEXT { wrong("it has too many files with too long names") } else { Ok(()) }
    }
}

/// The numbers of the blocks of a piece.
fn blocks(piece: &Piece, block: u64) -> std::ops::Range<u64> {
    let first = piece.at.checked_div(block).unwrap_or_default();
    first..first.saturating_add(piece.bytes.div_ceil(block.max(1)))
}

/// Calls `take` with each name in a block of a directory, and its inode's number.
fn each_name(block: &[u8], types: bool, mut take: impl FnMut(u32, &[u8]) -> Result<(), Wrong>) -> Result<(), Wrong> {
    let unreadable = || damaged("a directory cannot be read");
    let mut rest = block;
    while !rest.is_empty() {
        let (number, length) = (u32_at(rest, 0), u16_at(rest, 4));
        let (Some(number), Some(length), Some(&[name_low, name_high])) = (number, length, rest.get(6..8)) else {
            return Err(unreadable());
        };
        // Of blocks of 64 KiB, whose number has no room.
        let length = if matches!(length, 0 | 0xffff) && block.len() == 0x1_0000 { block.len() } else { length.into() };
        let name_length = if types { name_low.into() } else { usize::from(u16::from_le_bytes([name_low, name_high])) };
        let (entry, after) = rest.split_at_checked(length).filter(|_| length >= 8).ok_or_else(unreadable)?;
        if number != 0 {
            let name = entry.get(8..).and_then(|name| name.get(..name_length)).filter(|name| !name.is_empty());
            take(number, name.ok_or_else(unreadable)?)?;
        }
        rest = after;
    }
    Ok(())
}

fn inode(disk: &mut Disk<'_>, number: u32) -> Result<Inode, Wrong> {
    let inode = disk.inode(number)?;
    let (word, half) = (|at| u32_at(&inode, at).unwrap_or_default(), |at| u16_at(&inode, at).unwrap_or_default());
    let wide = |low: usize, high: usize| u32::from(half(high)) << 16 | u32::from(half(low));
    // Seconds since 1970 with a sign; two bits beside the nanoseconds go on where 31 bits end.
    let epoch = if half(0x80) >= 12 { i64::from(word(0x88) & 3) << 32 } else { 0 };
    let mode = half(0x0);
    if half(0x1a) == 0 {
        return Err(damaged("a name in it leads to a file that was removed"));
    }
    Ok(Inode {
        mode,
        flags: word(0x20),
        bytes: u64::from(word(0x6c)) << 32 | u64::from(word(0x4)),
        attributes: Attributes {
            mode: u32::from(mode) & 0o7777,
            uid: wide(0x2, 0x78),
            gid: wide(0x18, 0x7a),
            mtime: i64::from(word(0x10) as i32).saturating_add(epoch),
            xattrs: xattrs::of(disk, &inode)?,
        },
        map: inode.get(0x28..).and_then(|map| map.first_chunk().copied()).unwrap_or([0; 60]),
    })
}

/// What a symbolic link points to: in its inode, or in a block.
fn target(disk: &mut Disk<'_>, inode: &Inode) -> Result<Vec<u8>, Wrong> {
    let length = usize::try_from(inode.bytes).unwrap_or(usize::MAX);
    if inode.bytes < SHORT_LINK && inode.flags & map::EXTENTS == 0 {
        return name::target(inode.map.get(..length).unwrap_or_default());
    }
    let pieces = map::pieces(disk, &inode.map, inode.flags, inode.bytes)?;
    let first = pieces.first().filter(|piece| piece.from == 0).ok_or_else(|| damaged("a link points to nothing"))?;
    let block = disk.read(blocks(first, disk.block).start)?;
    name::target(block.get(..length).ok_or_else(|| damaged("a link is too long"))?)
}

/// A device: its numbers are 8 bits each in the first word, or else more in the second.
fn device(block: bool, map: &[u8; 60]) -> Kind {
    let (old, new) = (u32_at(map, 0).unwrap_or_default(), u32_at(map, 4).unwrap_or_default());
    let (major, minor) = match old {
        0 => (new >> 8 & 0xfff, new & 0xff | new >> 12 & 0xf_ff00),
        old => (old >> 8 & 0xff, old & 0xff),
    };
    Kind::Device { block, major, minor }
}

#[cfg(test)]
mod tests;
