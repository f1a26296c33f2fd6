//! Root disks and tools disks through the cache.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod common;

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use firebench_image::Error;
use firebench_image::cache::Cache;
use firebench_image::digest::sha256_file;
use firebench_image::disk::{DiskSpec, build_root_disk};
use firebench_image::payload::Payload;
use firebench_image::payload_file;
use firebench_image::tools::build_tools_disk;

const BYTES: u64 = (3 << 20) + 1;

fn spec(dir: &Path, payload: Payload) -> DiskSpec {
    DiskSpec { busybox: common::busybox(dir), payload: Some(payload), add: Vec::new(), layout: 0 }
}

#[test]
fn equal_inputs_give_equal_disks_in_any_cache() {
    let dir = tempfile::tempdir().expect("a directory");
    let added = dir.path().join("added");
    std::fs::write(&added, "something").expect("written");
    let mut spec = spec(dir.path(), Payload::seeded(BYTES));
    spec.add.push((added.clone(), "/opt/added".into()));
    let caches = ["one", "two"].map(|name| Cache::open(dir.path().join(name)).expect("it opens"));
    let first = build_root_disk(&caches[0], &spec).expect("built");
    std::thread::sleep(Duration::from_millis(1100));
    let second = build_root_disk(&caches[1], &spec).expect("built");
    assert_eq!(first.key, second.key);
    assert_eq!(sha256_file(&first.path).expect("hashed"), sha256_file(&second.path).expect("hashed"));
    assert_eq!(first.image_digest(&caches[0]).expect("hashed"), sha256_file(&second.path).expect("hashed"));
    assert_eq!(Some(&first.sha256_of_payload), Payload::seeded(BYTES).digest().expect("a digest").as_ref());
    assert_eq!((first.payload_bytes, first.image_bytes), (BYTES, std::fs::metadata(&first.path).expect("there").len()));
    assert!(first.guard.built());
    let again = build_root_disk(&caches[0], &spec).expect("found");
    assert!(!again.guard.built());
    std::fs::write(added, "something else").expect("written");
    assert_ne!(build_root_disk(&caches[0], &spec).expect("built").key, first.key);
}

#[test]
fn a_flipped_bit_of_the_payload_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let disk = build_root_disk(&cache, &spec(dir.path(), Payload::seeded(BYTES))).expect("built");
    assert!(disk.payload_is_intact().expect("read"));
    let image = std::fs::File::options().read(true).write(true).open(&disk.path).expect("it opens");
    let last = disk.payload_extents.last().expect("there are extents");
    let at = (last.physical + last.blocks - 1) * 4096;
    let mut byte = [0];
    image.read_exact_at(&mut byte, at).expect("read");
    image.write_all_at(&[byte[0] ^ 1], at).expect("written");
    assert!(!disk.payload_is_intact().expect("read"));
    assert!(matches!(payload_file::of_disk(&cache, &disk, 0), Err(Error::Damaged { .. })));
}

/// Flips a bit of `path`, where `bytes` lie.
fn flip(path: &Path, bytes: &[u8]) {
    let image = std::fs::read(path).expect("read");
    let at = image.windows(bytes.len()).position(|window| window == bytes).expect("it is in there");
    let file = std::fs::File::options().write(true).open(path).expect("it opens");
    file.write_all_at(&[image[at] ^ 1], at as u64).expect("written");
}

#[test]
fn a_flipped_bit_of_a_program_on_a_disk_is_found_before_it_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let tool = dir.path().join("tool");
    std::fs::write(&tool, "what the tool consists of").expect("written");
    let mut spec = spec(dir.path(), Payload::seeded(BYTES));
    spec.add.push((tool.clone(), "/bin/tool".into()));
    for _ in 0..2 {
        let disk = build_root_disk(&cache, &spec).expect("built");
        assert!(disk.guard.built());
        let (path, key) = (disk.path.clone(), disk.key.clone());
        drop(disk);
        assert!(cache.verify("disk", &key).expect("sound"));
        flip(&path, b"what the tool consists of");
        assert!(matches!(cache.verify("disk", &key), Err(Error::Damaged { .. })));
    }
    let files = [(tool, "/bin/tool".into())];
    for _ in 0..2 {
        let disk = build_tools_disk(&cache, &files, &[]).expect("built");
        assert!(disk.guard.built());
        let path = disk.path.clone();
        drop(disk);
        flip(&path, b"what the tool consists of");
    }
}

#[test]
fn a_payload_comes_out_of_its_disk_as_it_went_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let disk = build_root_disk(&cache, &spec(dir.path(), Payload::Urandom { bytes: BYTES })).expect("built");
    let file = payload_file::of_disk(&cache, &disk, 0).expect("taken out");
    assert_eq!(sha256_file(&file.path).expect("hashed"), disk.sha256_of_payload);
    assert!(!payload_file::of_disk(&cache, &disk, 0).expect("found").guard.built());
    let made = payload_file::seeded(&cache, 7, BYTES).expect("made");
    let expected = Payload::Seeded { seed: 7, bytes: BYTES }.digest().expect("a digest");
    assert_eq!(Some(sha256_file(&made.path).expect("hashed")), expected);
}

#[test]
fn each_layout_is_a_disk_and_a_file_of_its_own_until_it_is_discarded() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let plain = spec(dir.path(), Payload::seeded(BYTES));
    let first = build_root_disk(&cache, &plain).expect("built");
    let moved = DiskSpec { layout: 1, ..plain };
    let disk = build_root_disk(&cache, &moved).expect("built");
    assert_ne!(disk.key, first.key);
    assert_eq!(disk.sha256_of_payload, first.sha256_of_payload);
    let files = [0, 1].map(|layout| payload_file::of_disk(&cache, &disk, layout).expect("taken out"));
    assert_ne!(files[0].path, files[1].path);
    let [_, file] = files;
    // Somebody else uses the disk, and nobody the file.
    let other = build_root_disk(&cache, &moved).expect("found");
    disk.guard.discard(&cache).expect("left to the other");
    file.guard.discard(&cache).expect("removed");
    assert!(other.path.exists() && !file.path.exists());
    other.guard.discard(&cache).expect("removed");
    assert!(!other.path.exists() && first.path.exists());
}

#[test]
fn random_and_file_payloads() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let random = build_root_disk(&cache, &spec(dir.path(), Payload::Urandom { bytes: BYTES })).expect("built");
    assert!(random.payload_is_intact().expect("read"));
    assert_eq!(random.sha256_of_payload.len(), 64);

    let path = dir.path().join("payload");
    std::fs::write(&path, "hello, world\n").expect("written");
    let file = build_root_disk(&cache, &spec(dir.path(), Payload::File { path: path.clone() })).expect("built");
    assert_eq!(file.sha256_of_payload, sha256_file(&path).expect("hashed"));
    assert_eq!(file.payload_bytes, 13);
    let moved = dir.path().join("moved");
    std::fs::rename(path, &moved).expect("moved");
    let again = build_root_disk(&cache, &spec(dir.path(), Payload::File { path: moved })).expect("found");
    assert!(!again.guard.built(), "a file is what is in it, not its name");
}

#[test]
fn only_a_static_busybox_will_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let mut spec = spec(dir.path(), Payload::seeded(1));
    common::program(&spec.busybox, "cat\nls\n");
    assert!(matches!(build_root_disk(&cache, &spec), Err(Error::Busybox { .. })), "no sha256sum");
    spec.busybox = PathBuf::from("/bin/sh");
    assert!(matches!(build_root_disk(&cache, &spec), Err(Error::NotStatic { .. })));
    spec.busybox = dir.path().join("gone");
    assert!(matches!(build_root_disk(&cache, &spec), Err(Error::Io { .. })));
}

#[test]
fn no_space_is_said_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let error = build_root_disk(&cache, &spec(dir.path(), Payload::seeded(1 << 60))).expect_err("an exbibyte");
    assert!(matches!(error, Error::NoSpace { needed: Some(_), available: Some(_), .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(dir.path().join("cache/staging")).expect("listed").count(), 0);
    assert_eq!(cache.list().expect("listed"), []);
}

#[test]
fn tools_disks_are_found_again_without_hashing() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let tool = dir.path().join("tool");
    let link = dir.path().join("link");
    std::fs::write(&tool, vec![3; 50 << 20]).expect("written");
    std::os::unix::fs::symlink("tool", &link).expect("linked");
    let files = [(tool.clone(), "/usr/bin/tool".into()), (link, "/lib/x.so".into())];
    let first = build_tools_disk(&cache, &files, &[Path::new("/proc")]).expect("built");
    // Young files are hashed each time.
    std::thread::sleep(Duration::from_secs(3));
    build_tools_disk(&cache, &files, &[Path::new("/proc")]).expect("found");
    let start = Instant::now();
    let warm = build_tools_disk(&cache, &files, &[Path::new("/proc")]).expect("found");
    let took = start.elapsed();
    assert!(took < Duration::from_millis(300), "{took:?}");
    assert!(!warm.guard.built() && warm.key == first.key && warm.path == first.path);
    assert!(first.image_bytes > 100 << 20, "the link is resolved: the file is there twice");
    std::fs::write(&tool, vec![4; 50 << 20]).expect("written");
    assert_ne!(build_tools_disk(&cache, &files, &[]).expect("built").key, first.key);
}
