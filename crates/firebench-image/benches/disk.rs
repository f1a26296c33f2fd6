//! How long a root disk takes from nothing, against writing and syncing as many zeros with dd on the same disk.
//!
//! `cargo bench -p firebench-image --bench disk [-- BYTES [REPEATS [DIR]]]`; 1 GiB, 5 times, in the directory for temporary
//! files. The two take turns, so that a slow hour of the disk hits both; what counts is the ratio of each pair.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use firebench_image::cache::Cache;
use firebench_image::disk::{DiskSpec, build_root_disk};
use firebench_image::payload::Payload;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    let (bytes, repeats) = (number(0, 1 << 30), number(1, 5));
    let parent = arguments.get(2).map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(parent).expect("a directory");
    let mut ratios = Vec::new();
    for round in 0..repeats {
        let (disk, dd) = match round % 2 {
            0 => {
                let disk = disk(dir.path(), bytes);
                (disk, dd(dir.path(), bytes))
            }
            _ => {
                let dd = dd(dir.path(), bytes);
                (disk(dir.path(), bytes), dd)
            }
        };
        let ratio = disk.as_secs_f64() / dd.as_secs_f64();
        println!("disk {disk:>8.2?}  dd {dd:>8.2?}  ratio {ratio:.2}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    println!("median ratio {:.2} (goal: at most 1.3)", ratios[middle]);
}

/// A cache with nothing in it, a disk, and everything away again.
fn disk(dir: &Path, bytes: u64) -> Duration {
    let place = dir.join("cache");
    let spec =
        DiskSpec { busybox: common::busybox(dir), payload: Some(Payload::seeded(bytes)), add: Vec::new(), layout: 0 };
    let start = Instant::now();
    let cache = Cache::open(&place).expect("it opens");
    let built = build_root_disk(&cache, &spec).expect("built");
    let took = start.elapsed();
    drop(built);
    std::fs::remove_dir_all(place).expect("removed");
    settle();
    took
}

fn dd(dir: &Path, bytes: u64) -> Duration {
    let file = dir.join("zeros");
    let start = Instant::now();
    let status = Command::new("dd")
        .args(["if=/dev/zero", "bs=1M", "iflag=count_bytes", "conv=fsync"])
        .args([format!("of={}", file.display()), format!("count={bytes}")])
        .stderr(Stdio::null())
        .status()
        .expect("dd runs");
    let took = start.elapsed();
    assert!(status.success());
    std::fs::remove_file(file).expect("removed");
    settle();
    took
}

/// The file system's own work after a removal must not fall into the next measurement.
fn settle() {
    Command::new("sync").status().expect("sync runs");
    std::thread::sleep(Duration::from_millis(500));
}
