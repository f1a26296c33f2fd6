//! The file system as a whole: its superblock, where its inodes are, and how much of it may be looked at.
//!
//! Source, also of the other files here: the kernel's `Documentation/filesystems/ext4/`.

use std::io::ErrorKind;

use super::super::section::{Pace, Section};
use super::super::wrong::{Wrong, wrong};

/// Where the superblock begins, and its bytes.
const SUPERBLOCK: u64 = 1024;
const MAGIC: u16 = 0xef53;
/// Blocks of 1 KiB to 64 KiB.
const MOST_LOG: u32 = 6;
/// Most bytes of an inode: as a block, as far as one is this small.
const MOST_INODE: u16 = 4096;
/// Most blocks of extents and of directories, files, and pieces of their contents that are looked at, of an image of any size.
const MOST_STEPS: u64 = 8_000_000;

/// What a file system may have and still be read: entries of directories with a type, extents, 64 bits, protection against being mounted
/// twice, flexible groups, and a seed of the checksums.
const READ: u32 = 0x2 | 0x40 | 0x80 | 0x100 | 0x200 | 0x2000 | 0x4000;
const TYPES_IN_ENTRIES: u32 = 0x2;
const NOT_UNMOUNTED: u32 = 0x4;
const WIDE: u32 = 0x80;
/// Names of others that people use.
const OTHERS: [(u32, &str); 7] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x400, "ea_inode"),
    (0x8000, "inline_data"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
];

/// A file system in a file.
#[derive(Debug)]
pub(super) struct Disk<'a> {
    section: &'a Section,
    /// Bytes of a block.
    pub(super) block: u64,
    /// Whether entries of directories say what they name.
    pub(super) types: bool,
    blocks: u64,
    inodes: u32,
    inodes_per_group: u32,
    inode_bytes: u16,
    /// Where the descriptors of groups begin, and the bytes of each.
    descriptors: u64,
    descriptor_bytes: u16,
    left: u64,
    pace: Pace,
}

/// Numbers in bytes, with the lowest byte first; None where there are too few.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// The same, of four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// What is wrong with it, in words for whoever repairs it.
pub(super) fn damaged(what: &str) -> Wrong {
    Wrong::Said(format!("its ext4 file system is damaged: {what}; `e2fsck -f` repairs it"))
}

/// Whether a file begins as an ext2, ext3 or ext4 file system does.
pub(in super::super) fn is_one(section: &Section) -> bool {
    let mut bytes = [0; 1024];
    let read = section.read_at(&mut bytes, SUPERBLOCK).is_ok();
    read && u16_at(&bytes, 0x38) == Some(MAGIC)
        && u32_at(&bytes, 0x18).is_some_and(|log| log <= MOST_LOG)
        && u32_at(&bytes, 0x4c).is_some_and(|revision| revision <= 1)
}

impl<'a> Disk<'a> {
    pub(super) fn open(section: &'a Section) -> Result<Disk<'a>, Wrong> {
        let mut bytes = [0; 1024];
        section.read_at(&mut bytes, SUPERBLOCK)?;
        let word = |at| u32_at(&bytes, at).unwrap_or_default();
        let half = |at| u16_at(&bytes, at).unwrap_or_default();
        let features = if word(0x4c) == 0 { 0 } else { word(0x60) };
        if features & NOT_UNMOUNTED != 0 {
            return wrong("its ext4 file system was not unmounted; `e2fsck -f` repairs it");
        }
        let foreign = features & !READ;
        if foreign != 0 {
            let known = OTHERS.iter().filter(|(bit, _)| foreign & bit != 0).map(|(_, name)| (*name).to_owned());
            let known: Vec<String> = known.collect();
            let names = if known.is_empty() { format!("{foreign:#x}") } else { known.join(", ") };
            return wrong(format!("its ext4 file system has features that firebench does not read: {names}"));
        }
        let wide = features & WIDE != 0;
        let block = 1024_u64 << word(0x18).min(MOST_LOG);
        let high = if wide { u64::from(word(0x150)) << 32 } else { 0 };
        let (descriptor_bytes, inode_bytes) =
            (if wide { half(0xfe) } else { 32 }, if word(0x4c) == 0 { 128 } else { half(0x58) });
        let (blocks, inodes_per_group) = (high | u64::from(word(0x4)), word(0x28));
        if !(128..=MOST_INODE).contains(&inode_bytes)
            || inodes_per_group == 0
            || !(if wide { 64..=1024 } else { 32..=32 }).contains(&descriptor_bytes)
        {
            return Err(damaged("its superblock says what cannot be"));
        }
        let end = blocks.checked_mul(block).filter(|bytes| *bytes <= section.bytes());
        if end.is_none() {
            return wrong(format!("it is cut off: its ext4 file system has {blocks} blocks of {block} bytes"));
        }
        let descriptors = u64::from(word(0x14)).saturating_add(1).saturating_mul(block);
        Ok(Disk {
            section,
            block,
            types: features & TYPES_IN_ENTRIES != 0,
            blocks,
            inodes: word(0x0),
            inodes_per_group,
            inode_bytes,
            descriptors,
            descriptor_bytes,
            left: MOST_STEPS,
            pace: Pace::default(),
        })
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.section.bytes()
    }

    /// One step more: what refers to itself ends here.
    pub(super) fn step(&mut self) -> Result<(), Wrong> {
        self.pace.step()?;
        self.left =
            self.left.checked_sub(1).ok_or_else(|| Wrong::Said("it has too many files, or pieces of them".into()))?;
        Ok(())
    }

    /// Where blocks lie, in bytes; an error for those that are not there.
    pub(super) fn place(&self, block: u64, count: u64) -> Result<u64, Wrong> {
        let end = block.checked_add(count).filter(|end| *end <= self.blocks && block > 0);
        let place = end.and_then(|_| block.checked_mul(self.block));
        place.ok_or_else(|| damaged("it has blocks beyond its end"))
    }

    /// A block.
    pub(super) fn read(&mut self, block: u64) -> Result<Vec<u8>, Wrong> {
        self.step()?;
        let at = self.place(block, 1)?;
        let mut bytes = vec![0; usize::try_from(self.block).unwrap_or_default()];
        self.fill(&mut bytes, at)?;
        Ok(bytes)
    }

    /// Fills `bytes` from a byte of the file on, which it may not have.
    fn fill(&self, bytes: &mut [u8], at: u64) -> Result<(), Wrong> {
        self.section.read_at(bytes, at).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => damaged("it has parts beyond its end"),
            _ => error.into(),
        })
    }

    /// The bytes of an inode.
    pub(super) fn inode(&mut self, number: u32) -> Result<Vec<u8>, Wrong> {
        self.step()?;
        let absent = || damaged("a name in it leads to no file");
        let index = number.checked_sub(1).filter(|index| *index < self.inodes).ok_or_else(absent)?;
        let (group, index) = (index.div_euclid(self.inodes_per_group), index.rem_euclid(self.inodes_per_group));
        let mut descriptor = vec![0; self.descriptor_bytes.into()];
        let at = u64::from(group).saturating_mul(self.descriptor_bytes.into()).saturating_add(self.descriptors);
        self.fill(&mut descriptor, at)?;
        let high = u32_at(&descriptor, 0x28).filter(|_| self.descriptor_bytes > 32).unwrap_or_default();
        let table = u64::from(high) << 32 | u64::from(u32_at(&descriptor, 0x8).unwrap_or_default());
        let table = self.place(table, 1)?;
        let at = u64::from(index).saturating_mul(self.inode_bytes.into()).saturating_add(table);
        let mut inode = vec![0; self.inode_bytes.into()];
        self.fill(&mut inode, at)?;
        Ok(inode)
    }
}
