//! An image that is not what was written.

use std::fs::{File, FileTimes};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use firebench_model::record::{BootStatus, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, SMALL, failed_boot};

/// A payload that is found again in an image, and soon read.
pub fn payload() -> Vec<u8> {
    (0..1u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 23) as u8).collect()
}

/// Flips a bit amidst the payload in the lab's one cached image, whose path it returns. Neither its size nor its times tell.
pub fn flip_a_bit(lab: &Lab, payload: &[u8]) -> PathBuf {
    let disks = lab.cache.join("entries/disk");
    let entry = std::fs::read_dir(&disks).expect("disks").next().expect("one disk").expect("an entry");
    let path = entry.path().join("root.ext4");
    let before = std::fs::metadata(&path).expect("metadata");
    let bytes = std::fs::read(&path).expect("the image");
    let start = bytes.windows(4096).position(|window| window == &payload[..4096]).expect("the payload is in it");
    let at = start + 300_000;
    assert_eq!(bytes[at], payload[300_000], "in one piece");
    let image = File::options().write(true).open(&path).expect("the image");
    image.write_all_at(&[bytes[at] ^ 0x10], at as u64).expect("write");
    let times =
        FileTimes::new().set_modified(before.modified().expect("time")).set_accessed(before.accessed().expect("time"));
    image.set_times(times).expect("times");
    path
}

#[test]
fn one_flipped_bit_is_a_wrong_digest() {
    require!(need::tcg());
    let lab = Lab::new().with_own_cache();
    let payload = payload();
    let payload_file = lab.file("payload", &payload);
    let run = || lab.firebench(&SHORT[..SHORT.len() - 1]).arg("--payload").arg(&payload_file);
    lab.firebench(&["image", "build", "--file"]).arg(&payload_file).run().ok();

    let path = flip_a_bit(&lab, &payload);
    let out = lab.path("out");
    let outcome = run().arg("--out").arg(&out).run();
    let expected = firebench_image::digest::sha256(&payload);
    let outcome = outcome.fails(3, &["qemu, boot 1: iteration 1: ", "the guest computed", &expected]);
    let report = report(&out);
    assert_eq!(failed_boot(&report).status, BootStatus::WrongDigest);
    // The hint's advice finds the damage, and gets rid of it.
    assert!(outcome.stderr.contains("firebench image list --verify"), "{outcome}");
    let listed = lab.firebench(&["image", "list", "--verify"]).run().fails(3, &["damaged in the cache", "disk/"]);
    assert!(listed.stdout.contains("DAMAGED  disk/") && listed.stdout.contains("intact   kernel/"), "{listed}");
    lab.firebench(&["image", "gc", "--max-size", "0"]).run().ok();
    assert!(!path.exists());
}

/// The entries of a kind in the lab's own cache.
fn entries(lab: &Lab, kind: &str) -> Vec<PathBuf> {
    let dir = std::fs::read_dir(lab.cache.join("entries").join(kind)).expect("entries");
    dir.map(|entry| entry.expect("an entry").path()).collect()
}

/// How the version of Debian's kernel begins.
const VERSION: &[u8] = b"Linux version 6.";

/// Where `bytes` lie in `image`.
fn place(image: &[u8], bytes: &[u8]) -> Option<usize> {
    image.windows(bytes.len()).position(|window| window == bytes)
}

/// Flips a bit of `path`, where `bytes` lie. Neither its size nor its times tell.
fn flip(path: &Path, bytes: &[u8]) {
    let image = std::fs::read(path).expect("the file");
    let before = std::fs::metadata(path).expect("metadata");
    let at = place(&image, bytes).expect("the bytes are in it");
    let file = File::options().write(true).open(path).expect("the file");
    file.write_all_at(&[image[at] ^ 0x10], at as u64).expect("write");
    file.set_times(FileTimes::new().set_modified(before.modified().expect("time"))).expect("times");
}

#[test]
fn flipped_bits_of_a_program_and_a_kernel_are_found_before_they_run() {
    require!(need::tcg());
    let lab = Lab::new().with_own_cache();
    let run = |out: &str| {
        let out = lab.path(out);
        let outcome = lab.firebench(&SHORT).args([SMALL, "--out"]).arg(&out).run().ok();
        (outcome, report(&out))
    };
    let digests = |report: &Report| {
        let kept = report.artifacts.iter().filter(|artifact| ["kernel", "root disk"].contains(&&*artifact.role));
        kept.map(|artifact| artifact.sha256.clone()).collect::<Vec<_>>()
    };
    let (outcome, before) = run("before");
    assert!(!outcome.stderr.contains("damaged"), "{outcome}");
    let busybox = std::fs::read(need::busybox_path().expect("a busybox")).expect("it can be read");
    // Other tests have other kernels in the cache from which this one's was copied.
    let is_debians =
        |entry: &PathBuf| std::fs::read(entry.join("vmlinux")).is_ok_and(|bytes| place(&bytes, VERSION).is_some());
    let kernels: Vec<PathBuf> = entries(&lab, "kernel").into_iter().filter(is_debians).collect();
    for disk in entries(&lab, "disk") {
        flip(&disk.join("root.ext4"), &busybox[40_000..40_512]);
    }
    kernels.iter().for_each(|kernel| flip(&kernel.join("vmlinux"), VERSION));
    let listed = lab.firebench(&["image", "list", "--verify"]).run().fails(3, &["damaged in the cache"]);
    assert!(listed.stdout.contains("DAMAGED  disk/") && listed.stdout.contains("DAMAGED  kernel/"), "{listed}");

    let (outcome, after) = run("after");
    for word in
        ["the disk in the cache is damaged (root.ext4 has SHA-256 ", "the kernel in the cache is damaged (vmlinux "]
    {
        assert!(outcome.stderr.contains(word) && outcome.stderr.contains("builds it again"), "{word}: {outcome}");
    }
    assert_eq!(digests(&after), digests(&before), "what was booted is what had been built");
    assert_eq!(digests(&after).len(), 2);
}

#[test]
fn a_flipped_bit_of_a_vmm_for_the_nested_host_is_found_before_it_runs() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new().with_own_cache();
    let run = || {
        let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--size", SMALL, "--boots", "1"];
        lab.firebench(&args).args(["--iterations", "1"]).run().ok()
    };
    assert!(!run().stderr.contains("damaged"));
    let firecracker = firebench_host::fetch::installed_firecracker(&lab.data).expect("a Firecracker");
    let firecracker = std::fs::read(firecracker).expect("it can be read");
    entries(&lab, "tools").iter().for_each(|tools| flip(&tools.join("tools.ext4"), &firecracker[200_000..200_512]));
    let outcome = run();
    assert!(outcome.stderr.contains("the tools in the cache is damaged (tools.ext4 has SHA-256 "), "{outcome}");
}
