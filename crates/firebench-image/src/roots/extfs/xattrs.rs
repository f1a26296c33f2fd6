//! Extended attributes: in what is left of an inode, and in a block of their own.

use super::super::wrong::Wrong;
use super::disk::{Disk, damaged, u16_at, u32_at};

const MAGIC: u32 = 0xea02_0000;
/// Bytes before the first attribute of a block.
const HEADER: usize = 32;
/// Of a file, as of one in an archive.
const MOST: usize = 64;
/// What a number in place of the beginning of a name stands for.
const PREFIXES: [(u8, &str); 7] = [
    (0, ""),
    (1, "user."),
    (2, "system.posix_acl_access"),
    (3, "system.posix_acl_default"),
    (4, "trusted."),
    (6, "security."),
    (7, "system."),
];
const ACLS: [u8; 2] = [2, 3];

/// A name and a value.
pub(super) type Xattr = (String, Vec<u8>);

/// Those of an inode, sorted by name.
pub(super) fn of(disk: &mut Disk<'_>, inode: &[u8]) -> Result<Vec<Xattr>, Wrong> {
    let mut xattrs = Vec::new();
    let extra = u16_at(inode, 0x80).unwrap_or_default();
    let own = inode.get(128_usize.saturating_add(extra.into())..).unwrap_or_default();
    if let (Some(MAGIC), Some(entries)) = (u32_at(own, 0), own.get(4..)) {
        read(entries, 0, &mut xattrs)?;
    }
    let high = u16_at(inode, 0x76).unwrap_or_default();
    let block = u64::from(high) << 32 | u64::from(u32_at(inode, 0x68).unwrap_or_default());
    if block != 0 {
        let block = disk.read(block)?;
        if u32_at(&block, 0) != Some(MAGIC) {
            return Err(unreadable());
        }
        read(&block, HEADER, &mut xattrs)?;
    }
    if xattrs.len() > MOST {
        return Err(Wrong::Said(format!("a file has more than {MOST} extended attributes")));
    }
    xattrs.sort();
    Ok(xattrs)
}

fn unreadable() -> Wrong {
    damaged("the extended attributes of a file cannot be read")
}

/// The attributes from `at` on; their values lie in `bytes`, too.
fn read(bytes: &[u8], mut at: usize, xattrs: &mut Vec<Xattr>) -> Result<(), Wrong> {
    // Four zeros end them, or their room does.
    while u32_at(bytes, at).is_some_and(|word| word != 0) {
        let entry = bytes.get(at..).unwrap_or_default();
        let &[length, prefix, ..] = entry else { return Err(unreadable()) };
        let (value_at, in_inode, size) = (u16_at(entry, 2), u32_at(entry, 4), u32_at(entry, 8));
        let name = entry.get(16..16_usize.saturating_add(length.into()));
        let (Some(value_at), Some(0), Some(size), Some(name)) = (value_at, in_inode, size, name) else {
            return Err(unreadable());
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let value = bytes.get(value_at.into()..).and_then(|rest| rest.get(..size)).ok_or_else(unreadable)?;
        // What this one does not know has no name that another system could give it.
        let known = PREFIXES.iter().find(|(number, _)| *number == prefix);
        if let Some((_, prefix)) = known {
            let name = std::str::from_utf8(name).map_err(|_| unreadable())?;
            if name.chars().any(char::is_control) {
                return Err(unreadable());
            }
            let value =
                if ACLS.contains(&known.map_or(0, |(number, _)| *number)) { acl(value)? } else { value.to_vec() };
            xattrs.push((format!("{prefix}{name}"), value));
        }
        if xattrs.len() > MOST {
            return Ok(());
        }
        at = at.saturating_add(16).saturating_add(length.into()).checked_next_multiple_of(4).unwrap_or(usize::MAX);
    }
    Ok(())
}

/// An access control list as programs see it, of one as the disk has it: each entry with an id, as it were.
fn acl(disk: &[u8]) -> Result<Vec<u8>, Wrong> {
    const ON_DISK: u32 = 1;
    const FOR_PROGRAMS: u32 = 2;
    /// Of a user, of a group: only these have an id.
    const NAMED: [u16; 2] = [0x2, 0x8];
    const NOBODY: u32 = u32::MAX;
    let mut acl = FOR_PROGRAMS.to_le_bytes().to_vec();
    let mut rest = disk.get(4..).filter(|_| u32_at(disk, 0) == Some(ON_DISK)).ok_or_else(unreadable)?;
    while let Some((entry, after)) = rest.split_at_checked(4) {
        let tag = u16_at(entry, 0).unwrap_or_default();
        acl.extend_from_slice(entry);
        let (id, after) = match NAMED.contains(&tag) {
            true => (u32_at(after, 0).ok_or_else(unreadable)?, after.get(4..).unwrap_or_default()),
            false => (NOBODY, after),
        };
        acl.extend_from_slice(&id.to_le_bytes());
        rest = after;
    }
    if rest.is_empty() { Ok(acl) } else { Err(unreadable()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_access_become_those_that_programs_see() {
        let disk = [1_u32.to_le_bytes().to_vec(), vec![1, 0, 6, 0], vec![2, 0, 4, 0, 0xe8, 3, 0, 0], vec![32, 0, 0, 0]];
        let nobody = [0xff; 4];
        let expected = [
            2_u32.to_le_bytes().to_vec(),
            [&[1, 0, 6, 0][..], &nobody].concat(),
            vec![2, 0, 4, 0, 0xe8, 3, 0, 0],
            [&[32, 0, 0, 0][..], &nobody].concat(),
        ];
        assert_eq!(acl(&disk.concat()).expect("sound"), expected.concat());
        for bad in [&[2, 0, 0, 0][..], &[1, 0, 0, 0, 2, 0, 4, 0], &[1, 0, 0, 0, 1], &[]] {
            assert!(acl(bad).is_err(), "{bad:?}");
        }
    }
}
