//! Disks with partitions, and how to take one out.
//!
//! Sources: the UEFI specification, "GUID Partition Table (GPT) Disk Layout", and its "Legacy Master Boot Record".

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::superblock::EXT4_MAGIC;

/// Entries that are looked at; most tables have room for 128.
const MAX_ENTRIES: u32 = 256;
const MAX_ENTRY: u32 = 4096;

/// A partition, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Partition {
    number: u32,
    start: u64,
    bytes: u64,
}

/// What the disk is, and how to come to a root disk.
pub(super) fn describe(file: &File, head: &[u8]) -> (String, String) {
    let (table, partitions) = match gpt(file, head, 512).or_else(|| gpt(file, head, 4096)) {
        Some(partitions) => ("GPT", partitions),
        None => ("MBR", mbr(head)),
    };
    let holding_ext4 = |partition: &&Partition| {
        let mut magic = [0; 2];
        let at = partition.start.saturating_add(EXT4_MAGIC as u64);
        file.read_exact_at(&mut magic, at).is_ok() && magic == [0x53, 0xef]
    };
    let count = match partitions.len() {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    };
    let what = format!("it is a disk with {count} ({table}), but guests mount the whole disk");
    // The largest one: the root, rather than what it is booted from.
    let root = partitions.iter().filter(holding_ext4).max_by_key(|partition| partition.bytes);
    let remedy = match root {
        Some(Partition { number, start, bytes }) => format!(
            "partition {number} contains ext4; extract it with `dd if=FILE of=root.ext4 bs=1M \
            iflag=skip_bytes,count_bytes skip={start} count={bytes}`"
        ),
        None => "none of them contains ext4; make a disk of its files: `mke2fs -t ext4 -d DIRECTORY root.ext4 \
            SIZE`"
            .to_owned(),
    };
    (what, remedy)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn gpt(file: &File, head: &[u8], sector: u64) -> Option<Vec<Partition>> {
    let header = head.get(usize::try_from(sector).ok()?..)?;
    if !header.starts_with(b"EFI PART") {
        return None;
    }
    let (first, count, size) = (long(header, 72)?, word(header, 80)?.min(MAX_ENTRIES), word(header, 84)?);
    if !(128..=MAX_ENTRY).contains(&size) {
        return Some(Vec::new());
    }
    let mut partitions = Vec::new();
    for index in 0..count {
        let mut entry = [0; 48];
        let at = first.checked_mul(sector)?.checked_add(u64::from(index).checked_mul(size.into())?)?;
        if file.read_exact_at(&mut entry, at).is_err() {
            break;
        }
        let (start, end) = (long(&entry, 32)?, long(&entry, 40)?);
        let unused = entry.first_chunk::<16>() == Some(&[0; 16]);
        let sectors = end.checked_sub(start).and_then(|sectors| sectors.checked_add(1));
        let place = start.checked_mul(sector).zip(sectors.and_then(|sectors| sectors.checked_mul(sector)));
        if let Some((start, bytes)) = place.filter(|_| !unused) {
            partitions.push(Partition { number: index.saturating_add(1), start, bytes });
        }
    }
    Some(partitions)
}

/// The four primary partitions: a root file system hardly lies in an extended one.
fn mbr(head: &[u8]) -> Vec<Partition> {
    let entries = head.get(446..510).unwrap_or_default().chunks_exact(16);
    let partition = |(number, entry): (u32, &[u8])| {
        let used = entry.get(4).is_some_and(|&kind| kind != 0);
        let (start, bytes) = (u64::from(word(entry, 8)?), u64::from(word(entry, 12)?));
        used.then_some(Partition { number, start: start.checked_mul(512)?, bytes: bytes.checked_mul(512)? })
    };
    (1..).zip(entries).filter_map(partition).collect()
}
