//! Whole images, looked at with e2fsprogs and, where that is possible, with the kernel.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::digest::{sha256, sha256_file};
use crate::payload::Payload;
use crate::progress::Progress;

const IDENTITY: Identity = Identity { label: "test", uuid: "66697265-6265-4e63-a800-746573740001" };
const SILENT: Watcher<'_> = &|_| ControlFlow::Continue(());

/// A directory with a few files, and the tree of them.
fn sample(dir: &Path) -> Tree {
    let source = dir.join("source");
    std::fs::create_dir_all(source.join("deep/er")).expect("directories");
    std::fs::write(source.join("deep/er/a \"quoted\" name"), vec![5; 100_000]).expect("a file");
    std::fs::write(source.join("empty"), "").expect("a file");
    let mut tree = Tree::new();
    tree.add(&source, Path::new("/opt")).expect("added");
    tree.directory(Path::new("/tmp"), 0o1777).expect("added");
    for number in 0..400 {
        tree.symlink(Path::new(&format!("/bin/link-{number}")), "busybox").expect("added");
    }
    let long = "x/".repeat(100);
    tree.symlink(Path::new("/slow-link"), &long).expect("added");
    tree
}

fn build_in(dir: &Path, payload: &Payload) -> (PathBuf, Built) {
    let image = dir.join("image");
    let reserved = Reserved { path: Path::new("/random.txt"), contents: payload.open().expect("it opens") };
    let built = build(&image, IDENTITY, sample(dir), Some(reserved), SILENT).expect("built");
    (image, built)
}

/// What e2fsprogs says is in a file of the image.
fn dump(image: &Path, path: &str) -> Vec<u8> {
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    debugfs(image, "read", |command| {
        command.arg("-R").arg(format!("dump \"{}\" {}", path.replace('"', "\"\""), out.path().display()));
    })
    .expect("it is there");
    std::fs::read(out.path()).expect("it was written")
}

fn debugfs_says(image: &Path, request: &str) -> String {
    debugfs(image, "looked at", |command| {
        command.arg("-R").arg(request);
    })
    .expect("it answers")
}

#[test]
fn two_builds_in_different_places_and_seconds_are_equal() {
    let (one, two) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let payload = Payload::seeded((5 << 20) + 1);
    let (first, built) = build_in(one.path(), &payload);
    std::thread::sleep(Duration::from_millis(1100));
    let (second, _) = build_in(two.path(), &payload);
    assert_eq!(sha256_file(&first).expect("hashed"), sha256_file(&second).expect("hashed"));
    check(&first).expect("sound, with the payload in it");
    let digest = payload.digest().expect("a digest");
    assert_eq!(built.reserved_sha256, digest);
    assert_eq!(Some(sha256(&dump(&first, "/random.txt"))), digest, "as e2fsprogs reads it");
    assert_eq!(Some(digest_of(&first, &built.extents, (5 << 20) + 1).expect("read")), digest);
}

#[test]
fn another_layout_moves_every_file_and_changes_none() {
    let dir = tempfile::tempdir().expect("a directory");
    let payload = Payload::seeded((5 << 20) + 1);
    let built = |layout: u32| {
        let image = dir.path().join(format!("image-{layout}"));
        let reserved = Reserved { path: Path::new("/random.txt"), contents: payload.open().expect("it opens") };
        let built = build(&image, IDENTITY, sample(dir.path()).laid_out(layout), Some(reserved), SILENT);
        (image, built.expect("built"))
    };
    let blocks = |image: &Path, path: &str| debugfs_says(image, &format!("blocks \"{path}\""));
    let (first, plain) = built(0);
    let quoted = "/opt/deep/er/a \"\"quoted\"\" name";
    for layout in [1, 2] {
        let (image, moved) = built(layout);
        check(&image).expect("sound");
        assert_ne!(moved.extents, plain.extents, "the payload lies elsewhere");
        assert_ne!(blocks(&image, quoted), blocks(&first, quoted));
        assert_ne!(debugfs_says(&image, "ls /bin"), debugfs_says(&first, "ls /bin"), "entries in another order");
        assert_eq!(moved.reserved_sha256, plain.reserved_sha256);
        assert_eq!(dump(&image, "/opt/deep/er/a \"quoted\" name"), vec![5; 100_000]);
        let left = debugfs_says(&image, "ls -p /lost+found");
        assert!(!left.contains("gap"), "{left}");
    }
    assert_ne!(sha256_file(&built(1_000).0).expect("hashed"), sha256_file(&built(1_001).0).expect("hashed"));
}

#[test]
fn files_links_owners_and_modes() {
    let dir = tempfile::tempdir().expect("a directory");
    let (image, _) = build_in(dir.path(), &Payload::seeded(1));
    assert_eq!(dump(&image, "/opt/deep/er/a \"quoted\" name"), vec![5; 100_000]);
    assert_eq!(dump(&image, "/opt/empty"), b"");
    let tmp = debugfs_says(&image, "stat /tmp");
    assert!(tmp.contains("Type: directory    Mode:  01777"), "{tmp}");
    let file = debugfs_says(&image, "stat /opt/empty");
    assert!(file.contains("Mode:  0644") && file.contains("User:     0   Group:     0"), "{file}");
    assert!(file.contains("2020") && !file.contains(" -- Thu Jan  1"), "{file}");
    assert!(debugfs_says(&image, "stat /bin/link-399").contains("Fast link dest: \"busybox\""));
    assert_eq!(debugfs_says(&image, "ls -p /bin").matches("/link-").count(), 400);
}

#[test]
fn payloads_of_every_odd_size() {
    for bytes in [0, 1, 4095, 4096, 4097, (1 << 20) + 4095] {
        let dir = tempfile::tempdir().expect("a directory");
        let payload = Payload::seeded(bytes);
        let (image, built) = build_in(dir.path(), &payload);
        check(&image).expect("sound");
        let dumped = dump(&image, "/random.txt");
        assert_eq!(dumped.len() as u64, bytes);
        assert_eq!(Some(sha256(&dumped)), payload.digest().expect("a digest"), "{bytes} bytes");
        assert_eq!(built.extents.is_empty(), bytes == 0);
    }
}

/// More than one group of blocks, so more than one extent.
#[test]
fn several_extents() {
    let dir = tempfile::tempdir().expect("a directory");
    let (image, built) = build_in(dir.path(), &Payload::Urandom { bytes: 600 << 20 });
    assert!(built.extents.len() > 4, "more than fit into the inode: {:?}", built.extents);
    check(&image).expect("sound");
    assert_eq!(built.reserved_sha256.as_deref(), Some(&*sha256(&dump(&image, "/random.txt"))));
}

/// The metadata alone of a payload of 60 GiB: hundreds of extents, in a tree of two levels.
#[test]
fn the_metadata_of_a_large_payload() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = dir.path().join("image");
    let bytes = (60 << 30) + 17;
    let mut tree = sample(dir.path());
    tree.reserve(Path::new("/random.txt"), bytes).expect("added");
    let file = File::create(&image).expect("created");
    file.set_len(script::image_bytes(&tree).expect("no overflow")).expect("a hole");
    make_file_system(&image, IDENTITY, 64).expect("made");
    debugfs_script(&image, "filled", &script::fill(&tree)).expect("filled");
    let path = GuestPath::new(Path::new("/random.txt")).expect("a path");
    let extents = initialise(&image, &path, blocks(bytes)).expect("marked");
    assert!(extents.len() > 400, "{}", extents.len());
    check(&image).expect("sound");
}

/// Mounts the image as the guest's kernel would, where this test may: as root, with a loop device.
#[test]
fn the_kernel_reads_what_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let payload = Payload::seeded((3 << 20) + 5);
    let (image, _) = build_in(dir.path(), &payload);
    let script = "mount -t ext4 -o ro,loop \"$1\" \"$2\" && sha256sum < \"$2/random.txt\" && umount \"$2\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&image).arg(dir.path().join("source"));
    match command.stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            let digest = payload.digest().expect("a digest").expect("it is known");
            assert_eq!(String::from_utf8_lossy(&output.stdout).split_whitespace().next(), Some(&*digest));
        }
        _ => eprintln!("SKIPPED the_kernel_reads_what_was_written: no loop mounts here"),
    }
}

#[test]
fn what_cannot_fit_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = dir.path().join("image");
    for bytes in [1 << 60, u64::MAX] {
        let contents = Payload::seeded(bytes).open().expect("it opens");
        let reserved = Reserved { path: Path::new("/random.txt"), contents };
        let error = build(&image, IDENTITY, Tree::new(), Some(reserved), SILENT).expect_err("too large");
        assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
        assert!(!image.exists());
    }
}

#[test]
fn an_interrupted_build_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let image = dir.path().join("image");
    let contents = Payload::seeded(64 << 20).open().expect("it opens");
    let reserved = Reserved { path: Path::new("/random.txt"), contents };
    let stop: Watcher<'_> = &|progress| match progress {
        Progress::Payload { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let error = build(&image, IDENTITY, Tree::new(), Some(reserved), stop).expect_err("interrupted");
    assert!(matches!(error, Error::Cancelled), "{error:?}");
    assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 0);
}

#[test]
fn a_failing_command_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let (image, _) = build_in(dir.path(), &Payload::seeded(1));
    let error = debugfs_script(&image, "filled", b"mkdir /tmp\n").expect_err("it exists already");
    assert!(matches!(&error, Error::ToolFailed { output, .. } if output.contains("exists")), "{error:?}");
}
