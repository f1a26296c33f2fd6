//! An image that is not what was written.

use std::fs::{File, FileTimes};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use firebench::record::BootStatus;

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, failed_boot};

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
    run().arg("--dry-run").run().ok();

    let path = flip_a_bit(&lab, &payload);
    let out = lab.path("out");
    let outcome = run().arg("--out").arg(&out).run();
    let expected = firebench::digest::sha256(&payload);
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
