//! Where the contents of an inode lie: by extents, or by blocks of numbers, as ext2 and ext3 have them.

use super::super::tree::Piece;
use super::super::wrong::Wrong;
use super::disk::{Disk, damaged, u16_at, u32_at};

/// The flag of an inode whose contents lie in extents.
pub(super) const EXTENTS: u32 = 0x8_0000;
const EXTENT_MAGIC: u16 = 0xf30a;
/// How deep a tree of extents may be (`EXT4_MAX_EXTENT_DEPTH`).
const DEEPEST: u16 = 5;
/// Blocks of an extent; one that says more is not written yet, and so holds zeros.
const LONGEST: u16 = 32768;
/// Numbers of blocks in an inode that lead to contents; three more lead to blocks of numbers, each one step deeper.
const DIRECT: u32 = 12;

/// The pieces of `bytes` bytes of contents, in their order; between them are zeros.
pub(super) fn pieces(disk: &mut Disk<'_>, map: &[u8], flags: u32, bytes: u64) -> Result<Vec<Piece>, Wrong> {
    let mut found = Found { pieces: Vec::new(), next: 0, bytes };
    if flags & EXTENTS != 0 {
        found.extents(disk, map, None)?;
    } else {
        for (index, number) in (0..).zip(map.chunks_exact(4)) {
            let depth = 1_u32.saturating_add(index).saturating_sub(DIRECT);
            found.numbers(disk, u32_at(number, 0).unwrap_or_default(), depth)?;
        }
    }
    Ok(found.pieces)
}

/// What was found so far.
struct Found {
    pieces: Vec<Piece>,
    /// The block of contents that comes next.
    next: u64,
    bytes: u64,
}

impl Found {
    /// Contents from the block `logical` on lie in `count` blocks from `physical` on; what lies behind the end does not count.
    fn add(&mut self, disk: &mut Disk<'_>, logical: u64, physical: u64, count: u64) -> Result<(), Wrong> {
        let from = logical.saturating_mul(disk.block);
        let bytes = count.saturating_mul(disk.block).min(self.bytes.saturating_sub(from));
        self.next = logical.saturating_add(count);
        if bytes == 0 {
            return Ok(());
        }
        let at = disk.place(physical, count)?;
        match self.pieces.last_mut() {
            Some(last)
                if last.from.checked_add(last.bytes) == Some(from) && last.at.checked_add(last.bytes) == Some(at) =>
            {
                last.bytes = last.bytes.saturating_add(bytes);
            }
            _ => {
                disk.step()?;
                self.pieces.push(Piece { from, at, bytes });
            }
        }
        Ok(())
    }

    /// Those of a node of a tree of extents, which must be of this depth.
    fn extents(&mut self, disk: &mut Disk<'_>, node: &[u8], depth: Option<u16>) -> Result<(), Wrong> {
        let wrong = || damaged("the extents of a file cannot be read");
        let half = |at| u16_at(node, at).ok_or_else(wrong);
        let (magic, entries, found) = (half(0)?, half(2)?, half(6)?);
        if magic != EXTENT_MAGIC || found > DEEPEST || depth.is_some_and(|depth| depth != found) {
            return Err(wrong());
        }
        let below = found.checked_sub(1);
        for index in 1..=usize::from(entries) {
            let at = index.saturating_mul(12);
            let entry = node.get(at..at.saturating_add(12)).ok_or_else(wrong)?;
            let (word, half) = (|at| u32_at(entry, at).unwrap_or_default(), |at| u16_at(entry, at).unwrap_or_default());
            let logical = u64::from(word(0));
            if logical < self.next {
                return Err(wrong());
            }
            if below.is_some() {
                let node = disk.read(u64::from(half(8)) << 32 | u64::from(word(4)))?;
                self.extents(disk, &node, below)?;
                continue;
            }
            let (physical, count) = (u64::from(half(6)) << 32 | u64::from(word(8)), half(4));
            match count.checked_sub(LONGEST).filter(|zeros| *zeros > 0) {
                Some(zeros) => self.next = logical.saturating_add(zeros.into()),
                None => self.add(disk, logical, physical, count.into())?,
            }
        }
        Ok(())
    }

    /// What a number of a block leads to: contents, or so many steps deeper; 0 to zeros.
    fn numbers(&mut self, disk: &mut Disk<'_>, number: u32, depth: u32) -> Result<(), Wrong> {
        let each = disk.block / 4;
        let covered = each.saturating_pow(depth);
        if number == 0 || self.next.saturating_mul(disk.block) >= self.bytes {
            self.next = self.next.saturating_add(covered);
            return Ok(());
        }
        let Some(below) = depth.checked_sub(1) else { return self.add(disk, self.next, number.into(), 1) };
        for number in disk.read(number.into())?.chunks_exact(4) {
            self.numbers(disk, u32_at(number, 0).unwrap_or_default(), below)?;
        }
        Ok(())
    }
}
