//! Deterministic ext4 images, made without root and without loop mounts.
//!
//! mke2fs makes an empty file system, debugfs fills it by script: small files are copied, a reserved file (the payload)
//! gets its blocks and size within milliseconds. Its bytes are then written straight to those blocks of the image file, so
//! that they go through the computer once.
//!
//! The same tree and payload give the same bytes (with one version of e2fsprogs): UUID, hash seed and all times are fixed,
//! owners are root, permissions are normalised, inode generations are 0, and mke2fs' configuration file is not read.
//!
//! The file system has no journal: it is only ever mounted read-only, where a journal is never replayed nor written, and
//! would merely be 64 MiB more to make. Its features are otherwise those of ext4 as Debian makes it.

mod extents;
mod programs;
mod script;
mod stream;
mod tree;
mod writeback;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use sha2::{Digest as _, Sha256};

pub use extents::Extent;
pub use tree::{Fingerprint, GuestPath, Tree};

use crate::payload::Chunks;
use crate::progress::Watcher;
use crate::{Error, Result};

/// Size of a block in bytes.
pub const BLOCK: u64 = 4096;

/// Changes whenever the same inputs give other bytes than before: part of every key in the cache.
pub(crate) const FORMAT: u32 = 1;

const FEATURES: &str = "none,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,dir_index,\
                        ext_attr,64bit,metadata_csum";

/// Number of blocks that `bytes` bytes take.
fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}

/// What tells one file system from another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    /// Volume label, at most 16 bytes.
    pub label: &'static str,
    /// UUID; also the seed of the directories' hashes.
    pub uuid: &'static str,
}

/// A file to be written into an image after all others.
pub(crate) struct Reserved<'a> {
    /// Where it goes.
    pub path: &'a Path,
    /// What it holds.
    pub contents: Chunks,
}

/// What [`build`] made.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    /// SHA-256 of the reserved file.
    pub reserved_sha256: Option<String>,
    /// Where the reserved file lies.
    pub extents: Vec<Extent>,
}

/// Makes the image file `image`, which must not exist, and syncs it. Nothing is left of it after an error.
pub(crate) fn build(
    image: &Path,
    identity: Identity,
    mut tree: Tree,
    reserved: Option<Reserved<'_>>,
    watcher: Watcher<'_>,
) -> Result<Built> {
    if let Some(reserved) = &reserved {
        tree.reserve(reserved.path, reserved.contents.total())?;
    }
    let file =
        File::options().read(true).write(true).create_new(true).open(image).map_err(Error::io("create", image))?;
    let built = fill(&file, image, identity, &tree, reserved, watcher);
    if built.is_err() {
        // The first error matters; a file that cannot be removed is in a staging directory that goes away anyway.
        let _ = std::fs::remove_file(image);
    }
    built
}

fn fill(
    file: &File,
    image: &Path,
    identity: Identity,
    tree: &Tree,
    reserved: Option<Reserved<'_>>,
    watcher: Watcher<'_>,
) -> Result<Built> {
    let t0 = std::time::Instant::now();
    let full = Error::NoSpace { path: image.to_owned(), needed: None, available: None };
    let bytes = script::image_bytes(tree).ok_or(full)?;
    check_space(image, bytes)?;
    file.set_len(bytes).map_err(Error::io("enlarge", image))?;
    make_file_system(image, identity, tree)?;
    debugfs_script(image, "filled", &script::fill(tree))?;
    let mut built = Built { reserved_sha256: None, extents: Vec::new() };
    if let Some(Reserved { path, contents }) = reserved {
        let path = GuestPath::new(path)?;
        if contents.total() > 0 {
            built.extents = initialise(image, &path, blocks(contents.total()))?;
        }
        check(image)?;
        eprintln!("meta {:?}", t0.elapsed());
        built.reserved_sha256 = Some(stream::write(contents, file, image, &built.extents, watcher)?);
    } else {
        check(image)?;
    }
    eprintln!("stream {:?}", t0.elapsed());
    file.sync_all().map_err(Error::io("sync", image))?;
    eprintln!("sync {:?}", t0.elapsed());
    Ok(built)
}

/// Refuses what cannot fit before anything is written.
fn check_space(image: &Path, needed: u64) -> Result<()> {
    let directory = image.parent().unwrap_or(Path::new("."));
    let stat = statvfs(directory).map_err(|error| Error::io("look at", directory)(error.into()))?;
    let available = stat.blocks_available().saturating_mul(stat.fragment_size());
    if needed > available {
        return Err(Error::NoSpace { path: image.to_owned(), needed: Some(needed), available: Some(available) });
    }
    Ok(())
}

fn make_file_system(image: &Path, identity: Identity, tree: &Tree) -> Result<()> {
    // 11 inodes are the file system's own.
    let inodes = (tree.nodes().count() as u64).saturating_add(64);
    let options = format!("hash_seed={},root_owner=0:0,lazy_itable_init=0,nodiscard", identity.uuid);
    programs::run(
        "mke2fs",
        "made a file system in",
        image,
        |command| {
            command.args(["-q", "-F", "-b", "4096", "-I", "256", "-m", "0", "-O", FEATURES, "-E", &options]);
            command.args(["-N", &inodes.to_string(), "-U", identity.uuid, "-L", identity.label]).arg(image);
        },
        |code, _| code == Some(0),
    )
    .map(drop)
}

/// debugfs ends with 0 whatever happens; what went wrong is on its standard error.
fn debugfs(image: &Path, action: &'static str, arguments: impl FnOnce(&mut std::process::Command)) -> Result<String> {
    let arguments = |command: &mut std::process::Command| {
        arguments(command);
        command.arg(image);
    };
    programs::run("debugfs", action, image, arguments, |code, errors| code == Some(0) && errors.is_empty())
}

fn debugfs_script(image: &Path, action: &'static str, script: &[u8]) -> Result<()> {
    let directory = image.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(Error::io("create a file in", directory))?;
    file.write_all(script).map_err(Error::io("write", file.path()))?;
    debugfs(image, action, |command| {
        command.arg("-w").arg("-f").arg(file.path());
    })
    .map(drop)
}

/// Marks the blocks of the file at `path` as initialised and says where they are.
fn initialise(image: &Path, path: &GuestPath, blocks: u64) -> Result<Vec<Extent>> {
    let wrong = |output: String| Error::ToolFailed {
        tool: "debugfs",
        action: "allocated the payload's blocks in",
        image: image.to_owned(),
        output,
    };
    // Only the payload's own, fixed path comes here: nothing in it needs quoting.
    let request = format!("extents {path}");
    let list = || {
        let table = debugfs(image, "listed the extents of", |command| {
            command.arg("-R").arg(&request);
        })?;
        extents::parse(&table).map_err(wrong)
    };
    let allocated: Vec<Extent> = list()?.into_iter().map(|(extent, _)| extent).collect();
    if !extents::cover(&allocated, blocks) {
        return Err(wrong(format!("{} extents do not cover {blocks} blocks", allocated.len())));
    }
    debugfs_script(image, "marked the extents in", &script::initialise(path.as_str(), &allocated))?;
    let marked = list()?;
    if !marked.iter().map(|&(extent, _)| extent).eq(allocated.iter().copied())
        || marked.iter().any(|&(_, uninit)| uninit)
    {
        return Err(wrong("the extents were not marked as initialised".to_owned()));
    }
    Ok(allocated)
}

/// Whether the file system is sound, as far as its metadata go.
fn check(image: &Path) -> Result<()> {
    programs::run(
        "e2fsck",
        "checked",
        image,
        |command| {
            command.arg("-fn").arg(image);
        },
        |code, _| code == Some(0),
    )
    .map(drop)
}

/// SHA-256 of the file of `bytes` bytes that lies at `extents` of the image: reads the host's file, needs no e2fsprogs.
pub(crate) fn digest_of(image: &Path, extents: &[Extent], bytes: u64) -> Result<String> {
    let file = File::open(image).map_err(Error::io("open", image))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; crate::payload::CHUNK];
    let mut places = extents::Places::new(extents);
    let mut remaining = bytes;
    while remaining > 0 {
        let wanted = usize::try_from(remaining).unwrap_or(usize::MAX).min(buffer.len());
        let Some((offset, count)) = places.next(wanted) else {
            let short = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::io("read", image)(short));
        };
        let piece = &mut buffer[..count];
        file.read_exact_at(piece, offset).map_err(Error::io("read", image))?;
        hasher.update(&*piece);
        remaining -= count as u64;
    }
    Ok(crate::digest::hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
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
        make_file_system(&image, IDENTITY, &tree).expect("made");
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
}
