//! Kernels in every form, made up here; the real ones are in `debian.rs`.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{bzimage, elf_header, pe, program_header, vmlinux};
use firebench_image::kernel::{Compression, Kernel, KernelKind, inspect};

/// Runs a compressor; None where it is not installed.
fn compress(argv: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(argv[0])
        .args(&argv[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| eprintln!("SKIPPED {}: {error}", argv[0]))
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    feeder.join().expect("no panic").expect("it reads everything");
    assert!(output.status.success(), "{argv:?}: {}", output.status);
    Some(output.stdout)
}

/// LZ4's legacy frame of literals alone, in two blocks.
fn lz4_of_literals(bytes: &[u8]) -> Vec<u8> {
    let mut frame = 0x184c_2102_u32.to_le_bytes().to_vec();
    for part in bytes.chunks(8 << 20) {
        let mut block = vec![0xf0];
        let mut more = part.len() - 15;
        while more >= 255 {
            block.push(255);
            more -= 255;
        }
        block.push(more as u8);
        block.extend(part);
        frame.extend((block.len() as u32).to_le_bytes());
        frame.extend(block);
    }
    frame
}

/// The commands of the kernel's `scripts/Makefile.lib`.
const COMMANDS: [(Compression, &[&str]); 5] = [
    (Compression::Gzip, &["gzip", "-n", "-9"]),
    (Compression::Xz, &["xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB"]),
    (Compression::Zstd, &["zstd", "-22", "--ultra"]),
    (Compression::Lzma, &["xz", "--format=lzma", "-9"]),
    (Compression::Lz4, &["lz4", "-l", "-9", "-", "-"]),
];

#[test]
fn every_compression_of_a_bzimage() {
    let plain = vmlinux(true, 9 << 20);
    let mut payloads = vec![(Compression::Lz4, lz4_of_literals(&plain))];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("compressed");
    payloads.push((Compression::Gzip, gzip.finish().expect("compressed")));
    for (compression, argv) in COMMANDS {
        payloads.extend(compress(argv, &plain).map(|payload| (compression, payload)));
    }
    for (compression, mut payload) in payloads {
        if compression != Compression::Gzip {
            payload.extend((plain.len() as u32).to_le_bytes());
        }
        let image = bzimage(&payload);
        assert_eq!(inspect(&image).expect("a kernel"), KernelKind::BzImage { compression });
        let kernel = Kernel::from_bytes(image).unwrap_or_else(|error| panic!("{compression}: {error}"));
        assert!(kernel.vmlinux == plain, "{compression}: other bytes");
        assert_eq!(kernel.version, "Linux version 6.1.0-test (a@b) (gcc) #1 SMP");
        assert_eq!(kernel.release(), "6.1.0-test");
        assert!(kernel.pvh);
    }
}

#[test]
fn damaged_payloads_are_refused() {
    let plain = vmlinux(false, 1000);
    let good = lz4_of_literals(&plain);
    let with_size = |size: u32| [&good[..], &size.to_le_bytes()].concat();
    let size = plain.len() as u32;
    assert!(Kernel::from_bytes(bzimage(&with_size(size))).is_ok_and(|kernel| !kernel.pvh));
    for (payload, expected) in [
        (with_size(size - 1), "damaged"),
        (with_size(size + 1), "damaged"),
        (with_size(u32::MAX), "512 MiB"),
        ([&good[..good.len() - 1], &size.to_le_bytes()].concat(), "damaged"),
        (b"BZh9xxxx".to_vec(), "bzip2"),
        (b"????????".to_vec(), "unknown format"),
        (Vec::new(), "unknown format"),
    ] {
        let error = Kernel::from_bytes(bzimage(&payload)).expect_err("it is damaged").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn truncated_files_are_refused_wherever_they_end() {
    let payload =
        [lz4_of_literals(&vmlinux(true, 100)), (vmlinux(true, 100).len() as u32).to_le_bytes().to_vec()].concat();
    let image = bzimage(&payload);
    let whole = image.len() - 100;
    assert!(Kernel::from_bytes(image[..whole].to_vec()).is_ok());
    let elf = vmlinux(true, 100);
    for (file, whole) in [(&image, whole), (&elf, elf.len())] {
        for end in 0..whole {
            assert!(Kernel::from_bytes(file[..end].to_vec()).is_err(), "cut at {end} of {whole}");
        }
    }
}

#[test]
fn elf_files_that_are_no_kernels() {
    let segments =
        |kinds: &[u32]| -> Vec<u8> { kinds.iter().flat_map(|&kind| program_header(kind, 5, 0, 64)).collect() };
    let elf = |kind, machine, kinds: &[u32]| {
        let mut file = elf_header(kind, machine, 0, kinds.len() as u16);
        file.extend(segments(kinds));
        file
    };
    let mut bits32 = elf(2, 3, &[1]);
    bits32[4] = 1;
    for (file, expected) in [
        (elf(3, 62, &[1]), "shared library"),
        (elf(2, 62, &[1, 3]), "ordinary program"),
        (elf(1, 62, &[]), "object file"),
        (elf(4, 62, &[1]), "core dump"),
        (elf(2, 183, &[1]), "64-bit ARM"),
        (elf(2, 62, &[]), "nothing to load"),
        (elf(2, 62, &[1]), "Linux version"),
        (bits32, "32-bit"),
    ] {
        let error = Kernel::from_bytes(file).expect_err("it is no kernel").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn boot_images_that_are_not_for_x86_64() {
    let image = bzimage(b"");
    let with = |at: usize, bytes: &[u8]| {
        let mut image = image.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        image
    };
    for (file, expected) in [
        (with(0x236, &[0, 0]), "32-bit x86"),
        (with(0x206, &[0x08, 0x02]), "older than Linux 3.8"),
        (with(0x202, b"XXXX"), "EFI or Windows"),
        (with(0x24c, &[0xff; 4]), "truncated"),
        (with(0x248, &[0xff; 4]), "truncated"),
    ] {
        let error = inspect(&file).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn programs_for_efi_are_kernels_where_a_section_is_one() {
    let plain = vmlinux(true, 1000);
    let payload = [lz4_of_literals(&plain), (plain.len() as u32).to_le_bytes().to_vec()].concat();
    let inner = bzimage(&payload);
    let image = pe(0x8664, &[(".text", b"code"), (".linux", &inner), (".initrd", b"x"), (".cmdline", b"quiet")]);
    assert_eq!(inspect(&image).expect("a kernel"), KernelKind::BzImage { compression: Compression::Lz4 });
    let kernel = Kernel::from_bytes(image.clone()).expect("a kernel");
    assert!(kernel.vmlinux == plain);
    assert_eq!(kernel.left_out, [".initrd", ".cmdline"]);
    // However often it is there, it is named once. (There is room for so many headers of sections.)
    let many = [(".initrd", &b"x"[..]), (".cmdline", b"x"), (".initrd", b"x"), (".cmdline", b"x"), (".linux", &inner)];
    assert_eq!(Kernel::from_bytes(pe(0x8664, &many)).expect("a kernel").left_out, [".initrd", ".cmdline"]);
    for (file, expected) in [
        (pe(0x8664, &[(".text", b"code")]), "EFI or Windows"),
        (pe(0x8664, &[(".linux", b"hello, this is a text")]), "text file"),
        (pe(0x8664, &[(".linux", &image)]), "neither an ELF file nor a Linux boot image"),
        (pe(0xaa64, &[(".linux", &inner)]), "another architecture"),
        (pe(0x8664, &[(".linux", &inner)])[..2000].to_vec(), "truncated"),
    ] {
        let error = Kernel::from_bytes(file).expect_err("it is no kernel").to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
