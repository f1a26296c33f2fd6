//! Kernels that do not boot, and files that are no kernels.

use std::path::PathBuf;

use firebench_model::record::BootStatus;

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, SMALL, failed_boot};

/// `ud2`: with no handler for it, nor for the fault of not having one, the CPU shuts down.
const TRIPLE_FAULT: &[u8] = &[0x0f, 0x0b];
/// `cli; hlt; jmp` to the `hlt`.
pub const HALT: &[u8] = &[0xfa, 0xf4, 0xeb, 0xfd];

/// The names under which the drivers register themselves that a guest needs: so a kernel has them built in.
const DRIVERS: &[u8] = b"\0serial8250\0virtio-mmio\0virtio_blk\0ext4_inode_cache";

/// An ELF `vmlinux` that does nothing but `code`, the same in 32-bit mode (where a PVH guest starts) and in 64-bit mode.
pub fn kernel(code: &[u8]) -> Vec<u8> {
    kernel_with(code, DRIVERS)
}

/// The same, with these drivers.
fn kernel_with(code: &[u8], drivers: &[u8]) -> Vec<u8> {
    const ADDRESS: u64 = 0x10_0000;
    const HEADERS: u64 = 64 + 2 * 56;
    let mut note = Vec::new();
    // XEN_ELFNOTE_PHYS32_ENTRY: name of 4 bytes, description of 8, type 18.
    for word in [4u32, 8, 18] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"Xen\0");
    let entry = ADDRESS + HEADERS + note.len() as u64 + 8;
    note.extend(entry.to_le_bytes());
    let mut body = note.clone();
    body.extend(code);
    body.extend(drivers);
    body.extend(b"\0Linux version 0.0.0-test (firebench) #1\n\0");
    let size = HEADERS + body.len() as u64;

    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    // An executable for x86_64.
    elf.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    for word in [entry, 64, 0] {
        elf.extend(word.to_le_bytes());
    }
    elf.extend([0; 4]);
    for half in [64u16, 56, 2, 64, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    // PT_LOAD of all, PT_NOTE of the note.
    for (kind, flags, offset, size) in [(1u32, 7u32, 0, size), (4, 4, HEADERS, note.len() as u64)] {
        elf.extend(kind.to_le_bytes());
        elf.extend(flags.to_le_bytes());
        let align = if kind == 1 { 0x1000 } else { 4 };
        for word in [offset, ADDRESS + offset, ADDRESS + offset, size, size, align] {
            elf.extend(word.to_le_bytes());
        }
    }
    elf.extend(body);
    elf
}

#[test]
fn a_firecracker_that_cannot_boot() {
    require!(need::kvm(), need::firecracker(), need::image());
    let lab = Lab::new();
    let kernel = lab.file("vmlinux", kernel(TRIPLE_FAULT));
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "kvm", "--vmm", "firecracker", "--boots", "1", "--size", SMALL];
    let run = lab.firebench(&args).args(["--boot-deadline", "5", "--kernel"]).arg(&kernel).arg("--out").arg(&out);
    // The VMM may end at once or linger: three attempts at most, of five seconds.
    run.within(60).run().fails(3, &["firecracker, boot 1: "]);
    let report = report(&out);
    let boot = failed_boot(&report);
    assert!([BootStatus::VmmExited, BootStatus::NeverStarted].contains(&boot.status), "{boot:?}");
    assert_eq!((boot.boot_seconds, boot.iterations.len()), (None, 0));
    assert!(boot.last_words.iter().any(|line| line.starts_with("log: ")), "its log is shown: {:?}", boot.last_words);
}

#[test]
fn a_kernel_that_panics() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let run = lab.firebench(&SHORT).args([SMALL, "--append", "rdinit=/nonexistent root=/dev/none", "--out"]).arg(&out);
    run.run().fails(3, &["qemu, boot 1: ", "the guest's kernel panicked", "Kernel panic - not syncing"]);
    let report = report(&out);
    let boot = failed_boot(&report);
    assert_eq!((boot.status, boot.attempt), (BootStatus::GuestPanicked, 1), "a panic is not tried again");
    assert!(boot.last_words.iter().any(|line| line.contains("Kernel panic")), "{:?}", boot.last_words);
}

#[test]
fn a_guest_that_says_nothing() {
    require!(need::tcg());
    let lab = Lab::new();
    let kernel = lab.file("vmlinux", kernel(HALT));
    let out = lab.path("out");
    let run =
        lab.firebench(&SHORT).args([SMALL, "--boot-deadline", "3", "--kernel"]).arg(&kernel).arg("--out").arg(&out);
    let outcome = run.within(60).run().fails(3, &["qemu, boot 1: ", "boot deadline of 3 s", "(3 attempts)"]);
    assert_eq!(outcome.stderr.matches("(tried again)").count(), 2, "{outcome}");
    let report = report(&out);
    let boot = failed_boot(&report);
    assert_eq!((boot.status, boot.attempt), (BootStatus::NeverStarted, 3));
    let repeated = report.notices.iter().filter(|text| text.contains("never started and was repeated")).count();
    assert_eq!(repeated, 2, "{:?}", report.notices);
    let markdown = std::fs::read_to_string(out.join("report.md")).expect("report.md");
    assert!(markdown.contains("boot deadline of 3 s") && markdown.contains("was repeated"), "{markdown}");
}

#[test]
fn a_kernel_without_pvh_entry_is_not_given_to_qemu() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let mut without = kernel(HALT);
    // Another type of note.
    without[64 + 2 * 56 + 8] = 17;
    let kernel = lab.file("vmlinux", without);
    lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(&kernel).run().fails(2, &["PVH"]);
}

#[test]
fn what_is_no_kernel_is_refused_before_anything_starts() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let mut arm64 = vec![0; 4096];
    arm64[0x38..0x3c].copy_from_slice(b"ARM\x64");
    let mut elf32 = kernel(HALT);
    elf32[4] = 1;
    let mut aarch64 = kernel(HALT);
    aarch64[18] = 183;
    let mut speechless = kernel(HALT);
    let banner = speechless.len() - 40;
    speechless[banner..].fill(b'x');
    let mut cut = kernel(HALT);
    cut.truncate(cut.len() - 8);
    let files: [(PathBuf, &str); 9] = [
        (lab.file("text", "This is no kernel.\n"), "it is a text file"),
        (lab.file("arm64", arm64), "it is a kernel for 64-bit ARM"),
        (lab.file("elf32", elf32), "it is a 32-bit ELF file"),
        (lab.file("aarch64", aarch64), "it is an ELF file for 64-bit ARM"),
        (lab.file("speechless", speechless), "without the text \"Linux version\""),
        (lab.file("cut", cut), "truncated"),
        (lab.file("empty", ""), "it is empty"),
        ("/bin/true".into(), "program"),
        (lab.tmp.clone(), "it is not a regular file"),
    ];
    for (file, reason) in &files {
        let outcome = lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(file).within(30).run();
        let outcome = outcome.fails(2, &[&file.display().to_string(), reason]);
        assert_eq!(outcome.stdout, "", "{outcome}");
    }
    lab.firebench(&SHORT).args([SMALL, "--kernel", "/nonexistent"]).run().fails(2, &["/nonexistent", "No such file"]);
}

#[test]
fn a_boot_image_that_was_cut_off_is_refused() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    // The setup header of a bzImage, whose payload is not there.
    let mut image = vec![0; 4096];
    image[0x1fe..0x206].copy_from_slice(b"\x55\xaa\0\0HdrS");
    image[0x206..0x208].copy_from_slice(&0x020fu16.to_le_bytes());
    image[0x236] = 1;
    image[0x24c..0x250].copy_from_slice(&(8u32 << 20).to_le_bytes());
    let file = lab.file("bzImage", &image);
    lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(&file).run().fails(2, &["the bzImage is truncated"]);
    // And one whose payload is there in part: LZ4's legacy format, then nothing.
    image[0x24c..0x250].copy_from_slice(&64u32.to_le_bytes());
    image[2560..2564].copy_from_slice(&0x184c_2102u32.to_le_bytes());
    image[2564..2568].copy_from_slice(&4096u32.to_le_bytes());
    let file = lab.file("bzImage-damaged", &image);
    lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(&file).run().fails(2, &["bzImage-damaged"]);
}

#[test]
fn a_kernel_without_its_modules_is_refused_before_anything_starts() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let alone = lab.file("vmlinux", kernel_with(HALT, b"\0serial8250\0virtio-mmio"));
    let words = ["kernel 0.0.0-test does not have virtio_blk and ext4 built in, and firebench did not find its \
    modules"];
    for more in [&["--out", "out"][..], &["--dry-run"]] {
        let run = lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(&alone).args(more).at(&lab.path(""));
        let outcome = run.run().fails(2, &words);
        assert!(outcome.stderr.contains("--modules /lib/modules/0.0.0-test"), "{outcome}");
    }
    // A directory of modules in which they are not, either.
    let modules = lab.path("0.0.0-test");
    std::fs::create_dir(&modules).expect("a directory");
    lab.file("0.0.0-test/modules.builtin", "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/net/loopback.ko\n");
    lab.file("0.0.0-test/dummy.ko", "");
    let run = || lab.firebench(&SHORT).args([SMALL, "--kernel"]).arg(&alone).arg("--modules");
    run().arg(&modules).run().fails(2, &["cannot use kernel 0.0.0-test: it has no ext4 (CONFIG_EXT4_FS)"]);
    run().arg("/etc/passwd").run().fails(2, &["/etc/passwd does not contain kernel modules"]);
    // And modules of which nobody knows whose they are.
    let run = lab.firebench(&SHORT).args([SMALL, "--modules"]).arg(&modules).run();
    run.fails(2, &["the modules ", " were given without their kernel"]);
}

#[test]
fn a_root_disk_that_is_none_is_named_before_anything_starts() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let mut partitioned = vec![0; 4096];
    partitioned[510..512].copy_from_slice(&[0x55, 0xaa]);
    partitioned[450] = 0x83;
    let files: [(PathBuf, &str, &str); 5] = [
        (lab.file("root.qcow2", b"QFI\xfb and more"), "a virtual disk in qcow2 format", "qemu-img convert -O raw"),
        (lab.file("empty", ""), "it is empty", "mke2fs -t ext4 -d"),
        (lab.file("disk.raw", partitioned), "a disk with 1 partition (MBR)", "none of them contains ext4"),
        (lab.file("root.xfs", b"XFSB and more"), "its file system is XFS", "mke2fs -t ext4 -d"),
        (lab.tmp.clone(), "it is a directory", "mke2fs -t ext4 -d"),
    ];
    for (file, what, remedy) in &files {
        let contender = format!("--contender=mine=qemu,image={}", file.display());
        for more in [&["--out", "out"][..], &["--dry-run"]] {
            let args = ["run", "memory", "--accel", "tcg", "--boots", "1", "--size", SMALL, &contender];
            let outcome = lab.firebench(&args).args(more).at(&lab.path("")).run();
            let outcome = outcome.fails(2, &[&file.display().to_string(), what]);
            assert!(outcome.stderr.contains(remedy), "{outcome}");
        }
    }
}

#[test]
fn the_nested_host_has_a_kernel_of_its_own() {
    require!(need::tcg(), need::firecracker());
    let mut lab = Lab::without_vms();
    // No nested host could boot this one.
    let mine = lab.file("vmlinux", kernel(HALT));
    let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--size", SMALL, "--dry-run", "--kernel"];
    let outcome = lab.firebench(&args).arg(&mine).run().ok();
    assert!(outcome.stdout.contains("# The nested host's own kernel: Linux version "), "{outcome}");
    assert!(!outcome.stdout.contains("own kernel: Linux version 0.0.0-test"), "{outcome}");
    // Where none was fetched, that is said; the guests' kernel does not take its place.
    let data = lab.path("data");
    std::fs::create_dir(&data).expect("a directory");
    for kind in ["busybox", "firecracker"] {
        std::os::unix::fs::symlink(lab.data.join(kind), data.join(kind)).expect("a link");
    }
    lab.data = data;
    let outcome = lab.firebench(&args).arg(&mine).run().fails(3, &["cannot find a kernel for the nested host"]);
    assert!(outcome.stderr.contains("firebench fetch kernel"), "{outcome}");
}
