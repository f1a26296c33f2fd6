//! A root disk of the user's: whether it is one, by its first bytes, and what to do with it if it is something else.
//!
//! Nothing is mounted, unpacked or written. A guest mounts the whole disk as ext4, read-only, so what is not an ext4 file
//! system from its first byte on cannot boot.

mod partitions;
mod superblock;
mod tar;

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use firebench_os::outside::{self, Refused};

use crate::kernel::{Compression, decompressor};
use crate::{Error, Result};
use superblock::{EXT4_MAGIC, SUPERBLOCK};

/// Bytes that are looked at: the marks of all formats lie in them (btrfs has the last one, at 64 KiB).
const HEAD: usize = 68 << 10;

/// What to do with a tree of files.
const MAKE: &str = "make a disk of its files: `mke2fs -t ext4 -d DIRECTORY root.ext4 SIZE`";
/// What to do with an image of a virtual disk.
const CONVERT: &str = "convert it with `qemu-img convert -O raw FILE disk.raw`; if it has partitions, firebench then \
says how to extract one";

/// Refuses a file that is not a root disk, with what it is and what to do.
///
/// # Errors
/// [`Error::OwnImage`], or [`Error::Io`] where it cannot be read.
pub fn check(path: &Path) -> Result<()> {
    let wrong = |what: String, remedy: &str| {
        let remedy = remedy.replace("FILE", &path.display().to_string());
        Err(Error::OwnImage { path: path.to_owned(), what, remedy })
    };
    let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
    if metadata.is_dir() {
        return match path.join("oci-layout").is_file() {
            true => wrong("it is an OCI image layout".to_owned(), tar::OCI),
            false => wrong("it is a directory".to_owned(), &MAKE.replace("DIRECTORY", "FILE")),
        };
    }
    let block_device = std::os::unix::fs::FileTypeExt::is_block_device(&metadata.file_type());
    let file = match outside::open_disk(path) {
        Ok(file) => file,
        Err(error) => {
            return match Refused::of(&error) {
                Some(refused) => wrong(refused.to_string(), "give a file that contains an ext4 file system"),
                None => Err(Error::io("open", path)(error)),
            };
        }
    };
    let mut head = Vec::new();
    (&file).take(HEAD as u64).read_to_end(&mut head).map_err(Error::io("read", path))?;
    let length = if block_device { None } else { Some(metadata.len()) };
    match foreign(&head, &file, length) {
        Some((what, remedy)) => wrong(what, &remedy),
        None => Ok(()),
    }
}

/// What the file is instead of an ext4 file system, and the remedy; None where it is one.
fn foreign(head: &[u8], file: &File, length: Option<u64>) -> Option<(String, String)> {
    let (what, remedy) = match kind(head, length) {
        Kind::Ext4 => return None,
        Kind::Other(what, remedy) => (what, remedy.to_owned()),
        Kind::Tar => (tar::name(file), tar::remedy(file)),
        Kind::Compressed(compression) => compressed(head, compression),
        Kind::Partitioned => partitions::describe(file, head),
        Kind::Unknown => match virtual_disk_at_the_end(file, length) {
            true => ("it is a virtual disk in VHD format".to_owned(), CONVERT.to_owned()),
            false => ("it does not contain an ext4 file system".to_owned(), MAKE.to_owned()),
        },
    };
    Some((what, remedy))
}

/// What the first bytes tell.
enum Kind {
    Ext4,
    Tar,
    Partitioned,
    Compressed(Compression),
    Other(String, &'static str),
    Unknown,
}

/// Magic numbers of other formats: where, what, and the format's name.
/// Sources: the formats' specifications, and the `magic` files of `file`.
const DISKS: [(usize, &[u8], &str); 7] = [
    (0, b"QFI\xfb", "qcow2"),
    (0, b"QED\0", "QED"),
    (0, b"KDMV", "VMDK"),
    (0, b"# Disk DescriptorFile", "VMDK"),
    (0, b"vhdxfile", "VHDX"),
    (0, b"conectix", "VHD"),
    (0x40, &0xbeda_107f_u32.to_le_bytes(), "VDI"),
];
const FILE_SYSTEMS: [(usize, &[u8], &str); 9] = [
    (0, b"XFSB", "XFS"),
    (0x10040, b"_BHRfS_M", "btrfs"),
    (0, b"hsqs", "squashfs"),
    (1024, &0xe0f5_e1e2_u32.to_le_bytes(), "EROFS"),
    (1024, &0xf2f5_2010_u32.to_le_bytes(), "F2FS"),
    (3, b"NTFS    ", "NTFS"),
    (54, b"FAT1", "FAT"),
    (82, b"FAT32", "FAT"),
    (32769, b"CD001", "ISO 9660 (a CD)"),
];
const OTHERS: [(usize, &[u8], &str, &str); 7] = [
    (0, b"LUKS\xba\xbe", "an encrypted volume (LUKS)", "open it with cryptsetup, and give the file system in it"),
    (512, b"LABELONE", "a physical volume of LVM", "give the logical volume in it that contains an ext4 file system"),
    (4086, b"SWAPSPACE2", "swap space", "give a file that contains an ext4 file system"),
    (
        0,
        b"070701",
        "an initramfs (cpio)",
        "unpack it with cpio and make a disk of its files: `mke2fs -t ext4 -d DIRECTORY root.ext4 SIZE`",
    ),
    (0, b"\x7fELF", "a program or a kernel", "give a kernel with --kernel or kernel=; image= is for the root disk"),
    (
        0,
        b"!<arch>\n",
        "a Debian package",
        "give a kernel's package with --kernel or kernel=; image= is for the root disk",
    ),
    (0, b"PK\x03\x04", "a zip file", "unpack it first"),
];

fn kind(head: &[u8], length: Option<u64>) -> Kind {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if head.is_empty() {
        return Kind::Other("it is empty".to_owned(), MAKE);
    }
    if at(EXT4_MAGIC, &[0x53, 0xef]) {
        return ext4(head, length);
    }
    if let Some((.., name)) = DISKS.iter().find(|(offset, magic, _)| at(*offset, magic)) {
        return Kind::Other(format!("it is a virtual disk in {name} format"), CONVERT);
    }
    if let Some((.., name)) = FILE_SYSTEMS.iter().find(|(offset, magic, _)| at(*offset, magic)) {
        return Kind::Other(format!("its file system is {name}, but guests mount ext4"), MAKE);
    }
    if let Some((.., name, remedy)) = OTHERS.iter().find(|(offset, magic, ..)| at(*offset, magic)) {
        return Kind::Other(format!("it is {name}"), remedy);
    }
    if at(257, b"ustar") {
        return Kind::Tar;
    }
    if let Ok(compression) = Compression::detect(head) {
        return Kind::Compressed(compression);
    }
    if at(0, b"BZh") {
        return Kind::Other("it is compressed with bzip2".to_owned(), "decompress it first");
    }
    if at(512, b"EFI PART") || at(4096, b"EFI PART") || at(510, &[0x55, 0xaa]) {
        return Kind::Partitioned;
    }
    if head.iter().all(|&byte| byte == 0) {
        return Kind::Other("it begins with zeros only".to_owned(), MAKE);
    }
    if std::str::from_utf8(head.get(..512).unwrap_or(head)).is_ok_and(|text| !text.contains('\0')) {
        return Kind::Other("it is a text file".to_owned(), MAKE);
    }
    Kind::Unknown
}

/// An ext4 file system, unless it is cut off, or was not unmounted: its journal must be written back, and guests only read.
fn ext4(head: &[u8], length: Option<u64>) -> Kind {
    const NEEDS_RECOVERY: u32 = 4;
    const WIDE: u32 = 0x80;
    let word = |offset: usize| {
        let at = SUPERBLOCK.saturating_add(offset);
        let bytes = head.get(at..at.saturating_add(4)).and_then(|bytes| bytes.try_into().ok());
        u32::from_le_bytes(bytes.unwrap_or_default())
    };
    let features = word(0x60);
    let high = if features & WIDE == 0 { 0 } else { u64::from(word(0x150)) << 32 };
    let size = (high | u64::from(word(0x4))).checked_mul(1024_u64.checked_shl(word(0x18)).unwrap_or(0));
    if let (Some(size), Some(length)) = (size, length) {
        if size > length {
            return Kind::Other(
                format!("it is truncated: its ext4 file system has {size} bytes, and the file {length}"),
                "download or copy it again",
            );
        }
    }
    if features & NEEDS_RECOVERY != 0 {
        return Kind::Other(
            "its ext4 file system was not unmounted, so it must be repaired before it can be mounted read-only"
                .to_owned(),
            "repair it with `e2fsck -fy FILE`",
        );
    }
    Kind::Ext4
}

/// What is in a compressed file, and what to do.
fn compressed(head: &[u8], compression: Compression) -> (String, String) {
    let mut inside = Vec::new();
    if let Ok(reader) = decompressor(compression, head) {
        // The head is cut off somewhere in the stream: what came before that is enough.
        let _ = reader.take(2 << 10).read_to_end(&mut inside);
    }
    match kind(&inside, None) {
        Kind::Tar => (format!("it is a tar archive, compressed with {compression}"), tar::UNPACK.to_owned()),
        _ => (
            format!("it is compressed with {compression}"),
            "decompress it first, and give the decompressed \
            file"
                .to_owned(),
        ),
    }
}

/// A fixed VHD has its mark in its last sector.
fn virtual_disk_at_the_end(file: &File, length: Option<u64>) -> bool {
    let mut mark = [0; 8];
    let at = length.and_then(|length| length.checked_sub(512));
    at.is_some_and(|at| file.read_exact_at(&mut mark, at).is_ok() && &mark == b"conectix")
}

#[cfg(test)]
mod tests;
