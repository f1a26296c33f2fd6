//! Each kind of file that people give for a root disk.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::*;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Dir {
        Dir(tempfile::tempdir().expect("a directory"))
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        path
    }
}

/// What is said of a file, and the hint.
fn said(path: &Path) -> (String, String) {
    let error = check(path).expect_err("it is no root disk");
    let hint = miette::Diagnostic::help(&error).expect("a hint").to_string();
    (error.to_string(), hint)
}

/// The superblock of an ext4 file system of so many blocks of 4 KiB, as bytes from the disk's first one on.
fn ext4(blocks: u32, incompatible: u32) -> Vec<u8> {
    let mut disk = vec![0; 8192];
    disk[1024 + 4..1024 + 8].copy_from_slice(&blocks.to_le_bytes());
    disk[1024 + 0x18..1024 + 0x1c].copy_from_slice(&2_u32.to_le_bytes());
    disk[EXT4_MAGIC..EXT4_MAGIC + 2].copy_from_slice(&[0x53, 0xef]);
    disk[1024 + 0x60..1024 + 0x64].copy_from_slice(&incompatible.to_le_bytes());
    disk
}

/// A disk that is zero but for some bytes.
fn marked(offset: usize, magic: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEAD];
    bytes[offset..offset + magic.len()].copy_from_slice(magic);
    bytes
}

#[test]
fn an_ext4_file_system_is_a_root_disk() {
    let dir = Dir::new();
    assert!(check(&dir.file("ext4", &ext4(2, 0x40))).is_ok());
    let tree = dir.0.path().join("tree");
    std::fs::create_dir(&tree).expect("made");
    std::fs::write(tree.join("file"), "contents").expect("written");
    let image = dir.0.path().join("real");
    let tool = firebench_os::program::find_program("mke2fs").expect("the other tests need it, too");
    let mut mke2fs = Command::new(tool);
    let made = mke2fs.args(["-q", "-t", "ext4", "-d"]).arg(&tree).arg(&image).arg("4M").status().expect("it runs");
    assert!(made.success());
    check(&image).expect("a root disk");
}

#[test]
fn an_ext4_file_system_that_cannot_be_mounted_is_no_root_disk() {
    let dir = Dir::new();
    let (what, _) = said(&dir.file("cut", &ext4(3, 0x40)));
    assert!(what.contains("it is truncated: its ext4 file system has 12288 bytes, and the file 8192"), "{what}");
    let dirty = dir.file("dirty", &ext4(2, 0x44));
    let (what, hint) = said(&dirty);
    assert!(what.contains("was not unmounted") && hint.contains(&format!("e2fsck -fy {}", dirty.display())), "{what}");
}

#[test]
fn other_disks_and_file_systems_are_named_with_what_to_do() {
    let dir = Dir::new();
    for (offset, magic, name) in DISKS {
        let (what, hint) = said(&dir.file("disk", &marked(offset, magic)));
        assert!(what.contains(name) && hint.contains("qemu-img convert -O raw"), "{what}: {hint}");
        assert!(hint.contains(&dir.0.path().join("disk").display().to_string()), "ready to paste: {hint}");
    }
    for (offset, magic, name) in FILE_SYSTEMS {
        let (what, hint) = said(&dir.file("disk", &marked(offset, magic)));
        assert!(what.contains(name) && hint.contains("mke2fs"), "{what}: {hint}");
    }
    for (offset, magic, name, _) in OTHERS {
        let (what, _) = said(&dir.file("disk", &marked(offset, magic)));
        assert!(what.contains(name), "{what}");
    }
    let mut vhd = vec![0xfe; 8192];
    vhd[8192 - 512..8192 - 504].copy_from_slice(b"conectix");
    assert!(said(&dir.file("fixed.vhd", &vhd)).0.contains("VHD"));
}

#[test]
fn what_is_no_disk_at_all_is_named() {
    let dir = Dir::new();
    for (bytes, expected) in [
        (&b""[..], "it is empty"),
        (&[0; 4096], "zeros only"),
        (b"hello, world\n", "text file"),
        (&[0xff; 4096], "it does not contain an ext4 file system"),
        (b"BZh91AY&SY", "bzip2"),
    ] {
        let (what, _) = said(&dir.file("file", bytes));
        assert!(what.contains(expected), "{what}");
    }
    let (what, hint) = said(dir.0.path());
    assert!(what.contains("it is a directory") && hint.contains("mke2fs -t ext4 -d /"), "{what}: {hint}");
    dir.file("oci-layout", b"{}");
    assert!(said(dir.0.path()).0.contains("OCI image layout"));
    assert!(said(Path::new("/dev/null")).0.contains("it is a device"));
    assert!(said(Path::new("/proc/self/maps")).0.contains("the kernel generates"));
    assert!(matches!(check(Path::new("/nonexistent")), Err(Error::Io { .. })));
}

fn archive(names: &[&str]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for name in names {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(1000);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &[1; 1000][..]).expect("appended");
    }
    builder.into_inner().expect("finished")
}

#[test]
fn archives_are_told_from_container_images() {
    let dir = Dir::new();
    let files = archive(&["etc/passwd", "bin/sh"]);
    let (what, hint) = said(&dir.file("tar", &files));
    assert!(what.contains("a tar archive") && hint.contains("mke2fs -t ext4 -d"), "{what}: {hint}");
    let (what, hint) = said(&dir.file("oci", &archive(&["blobs/sha256/x", "oci-layout"])));
    assert!(what.contains("container image") && hint.contains("export"), "{what}: {hint}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&files).expect("written");
    let (what, _) = said(&dir.file("tgz", &gzip.finish().expect("finished")));
    assert!(what.contains("a tar archive, compressed with gzip"), "{what}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&ext4(2, 0)).expect("written");
    let (what, hint) = said(&dir.file("ext4.gz", &gzip.finish().expect("finished")));
    assert!(what.contains("compressed with gzip") && hint.contains("decompress"), "{what}: {hint}");
    // A name that no header may have, and a size that leads out of the file.
    let mut forged = files;
    forged[124..136].copy_from_slice(b"77777777777\0");
    assert!(said(&dir.file("forged", &forged)).0.contains("a tar archive"));
}

#[test]
fn a_partition_with_ext4_is_named_with_the_command_that_takes_it_out() {
    let dir = Dir::new();
    // Two partitions, the second one with ext4.
    let mut disk = vec![0; 64 << 10];
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    for (index, (kind, start, sectors)) in [(0xef_u8, 8_u32, 8_u32), (0x83, 32, 16)].into_iter().enumerate() {
        let at = 446 + index * 16;
        disk[at + 4] = kind;
        disk[at + 8..at + 12].copy_from_slice(&start.to_le_bytes());
        disk[at + 12..at + 16].copy_from_slice(&sectors.to_le_bytes());
    }
    disk[32 * 512..32 * 512 + 8192].copy_from_slice(&ext4(2, 0));
    let (what, hint) = said(&dir.file("mbr", &disk));
    assert!(what.contains("2 partitions (MBR)"), "{what}");
    assert!(hint.contains("partition 2 contains ext4") && hint.contains("skip=16384 count=8192"), "{hint}");
    // The command does what it says.
    let command = hint.split('`').nth(1).expect("a command").replace("root.ext4", "out.ext4");
    let ran = Command::new("sh").args(["-c", &command]).current_dir(dir.0.path()).output().expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    check(&dir.0.path().join("out.ext4")).expect("a root disk");

    // The same with a GPT.
    let mut disk = vec![0; 64 << 10];
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk[512..520].copy_from_slice(b"EFI PART");
    disk[512 + 72..512 + 80].copy_from_slice(&2_u64.to_le_bytes());
    disk[512 + 80..512 + 84].copy_from_slice(&4_u32.to_le_bytes());
    disk[512 + 84..512 + 88].copy_from_slice(&128_u32.to_le_bytes());
    disk[1024 + 128..1024 + 144].fill(7);
    disk[1024 + 128 + 32..1024 + 128 + 40].copy_from_slice(&32_u64.to_le_bytes());
    disk[1024 + 128 + 40..1024 + 128 + 48].copy_from_slice(&47_u64.to_le_bytes());
    disk[32 * 512..32 * 512 + 8192].copy_from_slice(&ext4(2, 0));
    let (what, hint) = said(&dir.file("gpt", &disk));
    assert!(what.contains("1 partition (GPT)") && hint.contains("skip=16384 count=8192"), "{what}: {hint}");
    // Numbers that lead nowhere.
    disk[512 + 72..512 + 80].fill(0xff);
    assert!(said(&dir.file("gpt", &disk)).0.contains("GPT") || !said(&dir.file("gpt", &disk)).1.contains("dd if"));
}

#[test]
fn whatever_is_in_a_file_it_has_a_name() {
    let dir = Dir::new();
    let mut gpt = marked(512, b"EFI PART");
    gpt[510..512].copy_from_slice(&[0x55, 0xaa]);
    let mut random = 1_u64;
    for seed in [ext4(2, 0x40), gpt, archive(&["manifest.json"]), marked(510, &[0x55, 0xaa])] {
        for _ in 0..200 {
            let mut bytes = seed.clone();
            for _ in 0..8 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (random >> 40) as usize % 1600;
                bytes[at] = (random >> 32) as u8;
            }
            match check(&dir.file("file", &bytes)) {
                Ok(()) | Err(Error::OwnImage { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}
