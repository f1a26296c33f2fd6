//! Where a file's blocks lie: what debugfs prints, read, and turned into places of the image.

use serde::{Deserialize, Serialize};

use super::blocks::BLOCK;

/// A run of a file's blocks that lie side by side in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// First block in the file.
    pub logical: u64,
    /// First block in the image.
    pub physical: u64,
    /// Number of blocks, at least 1.
    pub blocks: u64,
}

impl Extent {
    /// Its place in the image: an offset, and a number of bytes.
    pub fn bytes(&self) -> (u64, u64) {
        (self.physical.saturating_mul(BLOCK), self.blocks.saturating_mul(BLOCK))
    }
}

/// Reads the leaves of the table that debugfs' `extents` prints:
/// ```text
/// Level Entries       Logical        Physical Length Flags
///  0/ 1   1/  1      0 - 262143 163842          262144
///  1/ 1   1/  9      0 -  32220    547 -  32767  32221 Uninit
/// ```
/// Returns them with whether each is marked as uninitialised.
pub(super) fn parse(output: &str) -> Result<Vec<(Extent, bool)>, String> {
    let mut leaves = Vec::new();
    for line in output.lines() {
        let spaced = line.replace(['/', '-'], " ");
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let numbers: Vec<u64> = words.iter().map_while(|word| word.parse().ok()).collect();
        let flags = words.get(numbers.len()..).unwrap_or_default();
        // A row of an inner node has no end of the physical range; the heading has no numbers at all.
        let [level, depth, _, _, logical, last_logical, physical, last_physical, blocks] = numbers[..] else {
            continue;
        };
        let ends = logical.checked_add(blocks).zip(physical.checked_add(blocks));
        let consistent = ends
            .is_some_and(|(l, p)| last_logical.checked_add(1) == Some(l) && last_physical.checked_add(1) == Some(p));
        if level != depth || blocks == 0 || !consistent {
            return Err(format!("unexpected row in the table of extents: {line}"));
        }
        leaves.push((Extent { logical, physical, blocks }, flags.contains(&"Uninit")));
    }
    Ok(leaves)
}

/// Whether `extents` map the blocks 0 to `blocks` of a file, in order and without holes.
pub(super) fn cover(extents: &[Extent], blocks: u64) -> bool {
    let mut next = 0_u64;
    for extent in extents {
        if extent.logical != next {
            return false;
        }
        match next.checked_add(extent.blocks) {
            Some(end) => next = end,
            None => return false,
        }
    }
    next == blocks
}

/// A cursor that turns consecutive pieces of a file into places of the image.
#[derive(Debug, Clone)]
pub(super) struct ExtentCursor<'a> {
    extents: &'a [Extent],
    /// Bytes of the first extent that were handed out.
    used: u64,
}

impl<'a> ExtentCursor<'a> {
    pub(super) fn new(extents: &'a [Extent]) -> ExtentCursor<'a> {
        ExtentCursor { extents, used: 0 }
    }

    /// Where the next bytes lie: the offset in the image, and how many of the wanted `length` bytes lie there. None when
    /// the extents are used up.
    pub(super) fn next(&mut self, length: usize) -> Option<(u64, usize)> {
        loop {
            let (extent, rest) = self.extents.split_first()?;
            let left = extent.blocks.checked_mul(BLOCK)?.checked_sub(self.used)?;
            if left == 0 {
                (self.extents, self.used) = (rest, 0);
                continue;
            }
            let offset = extent.physical.checked_mul(BLOCK)?.checked_add(self.used)?;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(length);
            self.used = self.used.saturating_add(count as u64);
            return Some((offset, count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
Level Entries         Logical        Physical Length Flags
 0/ 1   1/  1      0 - 262143 163842          262144
 1/ 1   1/  9      0 -  32220    547 -  32767  32221 Uninit
 1/ 1   2/  9  32221 -  64987  32770 -  65536  32767 \n";

    #[test]
    fn table_of_debugfs() {
        let leaves = parse(TABLE).expect("it is well formed");
        let first = Extent { logical: 0, physical: 547, blocks: 32221 };
        let second = Extent { logical: 32221, physical: 32770, blocks: 32767 };
        assert_eq!(leaves, [(first, true), (second, false)]);
        assert!(cover(&[first, second], 32221 + 32767));
        assert!(!cover(&[first, second], 32221 + 32768));
        assert!(!cover(&[second], 32767));
    }

    #[test]
    fn inconsistent_rows_are_refused() {
        assert!(parse(" 0/ 0   1/  1      0 -  10    547 -  32767  32221").is_err());
        assert!(parse(" 0/ 1   1/  1      0 -  0    547 -  547  1").is_err(), "a leaf above the bottom");
        assert!(parse(" 0/ 0 1/ 1 0 - 18446744073709551615 1 - 18446744073709551615 18446744073709551615").is_err());
    }

    #[test]
    fn places_follow_the_extents() {
        let extents = [Extent { logical: 0, physical: 10, blocks: 1 }, Extent { logical: 1, physical: 20, blocks: 2 }];
        let mut places = ExtentCursor::new(&extents);
        assert_eq!(places.next(4000), Some((10 * BLOCK, 4000)));
        assert_eq!(places.next(4000), Some((10 * BLOCK + 4000, 96)));
        assert_eq!(places.next(10_000), Some((20 * BLOCK, 8192)));
        assert_eq!(places.next(1), None);
    }
}
