//! What several tests share.

#![allow(dead_code, reason = "no test uses all of it")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a static x86_64 program that prints `text` and ends with 0: a stand-in for busybox, which no test can count on.
pub fn program(path: &Path, text: &str) {
    let length = u32::try_from(text.len()).expect("a short text");
    let mut code = vec![0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0]; // mov eax, SYS_write; mov edi, 1
    code.extend([0x48, 0x8d, 0x35, 16, 0, 0, 0, 0xba]); // lea rsi, [rip + 16]; mov edx, length
    code.extend(length.to_le_bytes());
    code.extend([0x0f, 0x05, 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]); // syscall; mov eax, SYS_exit; xor edi, edi; syscall
    code.extend(text.bytes());
    let mut file = elf_header(2, 62, 64 + 56, 1);
    file.extend(program_header(1, 5, 0, 64 + 56 + code.len() as u64));
    file.extend(code);
    std::fs::write(path, file).expect("the program is written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions are set");
}

/// A busybox that has only a list of applets.
pub fn busybox(dir: &Path) -> PathBuf {
    let path = dir.join("busybox");
    program(&path, "[\nbusybox\ncat\nls\nsh\nsha256sum\n");
    path
}

/// The header of a 64-bit ELF file whose program headers follow it at once.
pub fn elf_header(kind: u16, machine: u16, entry: u64, segments: u16) -> Vec<u8> {
    let mut header = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    header.extend([kind, machine].iter().flat_map(|half| half.to_le_bytes()));
    header.extend(1_u32.to_le_bytes());
    header.extend([BASE + entry, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    header.extend(0_u32.to_le_bytes());
    header.extend([64, 56, segments, 64, 0, 0].iter().flat_map(|half: &u16| half.to_le_bytes()));
    header
}

const BASE: u64 = 0x40_0000;

/// A program header for `bytes` bytes at `offset` of the file.
pub fn program_header(kind: u32, flags: u32, offset: u64, bytes: u64) -> Vec<u8> {
    let mut header: Vec<u8> = [kind, flags].iter().flat_map(|word| word.to_le_bytes()).collect();
    // Notes are aligned to 4 bytes, everything else to pages.
    let align = if kind == 4 { 4 } else { 4096 };
    header
        .extend([offset, BASE + offset, BASE + offset, bytes, bytes, align].iter().flat_map(|word| word.to_le_bytes()));
    header
}

/// A minimal `vmlinux`: code that is none, the banner, and, if wanted, the note of the PVH entry. `filler` makes it larger.
pub fn vmlinux(pvh: bool, filler: usize) -> Vec<u8> {
    vmlinux_with(pvh, filler, b"")
}

/// The names under which a guest's drivers register themselves: a kernel with them has them built in.
pub const DRIVERS: &[u8] = b"serial8250\0virtio-mmio\0virtio_blk\0ext4_inode_cache\0";

/// The same, with more bytes in it.
pub fn vmlinux_with(pvh: bool, filler: usize, more: &[u8]) -> Vec<u8> {
    let mut note: Vec<u8> = [4_u32, 8, 18].iter().flat_map(|word| word.to_le_bytes()).collect();
    note.extend(b"Xen\0");
    note.extend(0x0100_0000_u64.to_le_bytes());
    let mut body = b"Linux version %s (%s)\0Linux version 6.1.0-test (a@b) (gcc) #1 SMP\n\0".to_vec();
    body.extend(more);
    // Neither all alike nor random: compressible, and calls for the x86 filter to act on.
    body.extend((0..filler).map(|at| if at % 7 == 0 { 0xe8 } else { (at / 11) as u8 }));
    let start = 64 + 2 * 56 + note.len() as u64;
    let mut file = elf_header(2, 62, start, 2);
    file.extend(program_header(1, 5, 0, start + body.len() as u64));
    file.extend(program_header(if pvh { 4 } else { 0x6fff_ffff }, 4, 64 + 2 * 56, note.len() as u64));
    file.extend(note);
    file.extend(body);
    file
}

/// A bzImage around a compressed payload, with the fields of `Documentation/arch/x86/boot.rst` that matter.
pub fn bzimage(payload: &[u8]) -> Vec<u8> {
    let sectors = 3;
    let mut image = vec![0; (sectors + 1) * 512];
    image[0..2].copy_from_slice(b"MZ");
    image[0x1f1] = sectors as u8;
    image[0x1fe..0x200].copy_from_slice(&0xaa55_u16.to_le_bytes());
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&0x020f_u16.to_le_bytes());
    image[0x236..0x238].copy_from_slice(&1_u16.to_le_bytes());
    image[0x248..0x24c].copy_from_slice(&256_u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.resize(image.len() + 256, 0x90);
    image.extend(payload);
    image.extend([0; 100]);
    image
}

/// A program for EFI, of this machine's number, with these sections: name, contents. As a unified kernel image is made.
pub fn pe(machine: u16, sections: &[(&str, &[u8])]) -> Vec<u8> {
    const HEADERS: usize = 0x400;
    let mut image = vec![0; 0x80];
    image[..2].copy_from_slice(b"MZ");
    image[0x3c..0x40].copy_from_slice(&0x80_u32.to_le_bytes());
    image.extend(b"PE\0\0");
    image.extend([machine, sections.len() as u16].iter().flat_map(|half| half.to_le_bytes()));
    image.extend([0; 12]);
    image.extend([0xf0_u16, 0x22].iter().flat_map(|half| half.to_le_bytes()));
    let mut optional = vec![0; 0xf0];
    optional[..2].copy_from_slice(&0x20b_u16.to_le_bytes());
    optional[0x20..0x28].copy_from_slice(&[0, 16, 0, 0, 0, 2, 0, 0]);
    optional[0x6c] = 16;
    image.extend(optional);
    let mut at = HEADERS;
    for (name, contents) in sections {
        let mut header = [0; 40];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let raw = contents.len().next_multiple_of(512);
        for (offset, value) in [(8, contents.len()), (12, 0x1000 + at), (16, raw), (20, at)] {
            header[offset..offset + 4].copy_from_slice(&(value as u32).to_le_bytes());
        }
        image.extend(header);
        at += raw;
    }
    image.resize(HEADERS, 0);
    for (_, contents) in sections {
        image.extend(*contents);
        image.resize(image.len().next_multiple_of(512), 0);
    }
    image
}
