//! Images that e2fsprogs make, and what becomes of damaged ones.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::Root;
use super::super::source::RootSource;

fn source(path: &Path) -> RootSource {
    RootSource { path: path.to_owned(), tag: None }
}

/// The listing of a root; or what is wrong with it.
fn list(path: &Path) -> Result<String, String> {
    let dir = tempfile::tempdir().expect("a directory");
    let (_, listing) = Root::read_in(&source(path), dir.path()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&listing).into_owned())
}

#[track_caller]
fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().expect(program);
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
}

/// A tree with all that one can have, but for what takes rights.
fn tree(lab: &Path) -> PathBuf {
    let tree = lab.join("tree");
    fs::create_dir_all(tree.join("many/deep/er")).expect("room");
    for number in 0..700 {
        fs::write(tree.join(format!("many/file-with-a-name-that-takes-some-room-{number}")), number.to_string())
            .expect("room");
    }
    fs::write(tree.join("program"), "x".repeat(100_000)).expect("room");
    fs::set_permissions(tree.join("program"), fs::Permissions::from_mode(0o4751)).expect("own file");
    fs::write(tree.join("empty"), "").expect("room");
    fs::hard_link(tree.join("program"), tree.join("many/deep/er/same")).expect("linked");
    symlink("program", tree.join("short")).expect("linked");
    symlink("x/".repeat(100), tree.join("long")).expect("linked");
    // Zeros, something, zeros.
    let sparse = fs::File::create(tree.join("sparse")).expect("room");
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"in the middle", 300_000).expect("room");
    sparse.set_len(900_000).expect("room");
    run("mkfifo", &[&tree.join("pipe").to_string_lossy()]);
    tree
}

/// An image of a tree.
fn image(lab: &Path, tree: &Path, options: &[&str]) -> PathBuf {
    let image = lab.join("image");
    let _ = fs::remove_file(&image);
    let (from, to) = (tree.to_string_lossy(), image.to_string_lossy());
    run("mke2fs", &[&["-q", "-F", "-d", &from][..], options, &[&to, "32m"]].concat());
    image
}

/// The lines of a listing, without the root.
fn below(listing: &str) -> Vec<&str> {
    listing.lines().skip(1).collect()
}

#[test]
fn every_kind_of_image_holds_the_tree_that_it_was_made_of() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = tree(lab.path());
    let expected = list(&tree).expect("sound");
    assert!(expected.contains("f\t4751\t"), "{expected}");
    for options in [
        &["-t", "ext4"][..],
        &["-t", "ext4", "-b", "1024"],
        &["-t", "ext4", "-b", "4096", "-O", "^64bit,^metadata_csum,^flex_bg"],
        &["-t", "ext4", "-O", "metadata_csum_seed,large_dir", "-I", "512"],
        &["-t", "ext3", "-b", "1024"],
        &["-t", "ext2", "-I", "128", "-b", "2048"],
        &["-t", "ext2", "-O", "^filetype,^dir_index", "-b", "1024"],
    ] {
        let found = list(&image(lab.path(), &tree, options)).expect("sound");
        assert_eq!(below(&found), below(&expected), "{options:?}");
    }
}

#[test]
fn owners_devices_attributes_and_late_times_are_read() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = lab.path().join("tree");
    fs::create_dir(&tree).expect("room");
    fs::write(tree.join("file"), "x").expect("room");
    let image = image(lab.path(), &tree, &["-t", "ext4", "-I", "256"]);
    let (script, value) = (lab.path().join("script"), lab.path().join("value"));
    fs::write(&value, "v".repeat(600)).expect("room");
    let lines = format!(
        "cd /\nmknod null c 1 3\nmknod disk b 259 65535\nsif file uid 100000\nsif file gid 70000\nsif file mtime_extra 1\nsif file mtime @5\n\
         ea_set file user.short one\nea_set -f {} file security.long\nmkdir lost+found/x\n",
        value.display()
    );
    fs::write(&script, lines).expect("room");
    run("debugfs", &["-w", "-f", &script.to_string_lossy(), &image.to_string_lossy()]);
    let listing = list(&image).expect("sound");
    let lines = below(&listing);
    let fields = |path: &str| {
        lines.iter().map(|line| line.split('\t').collect::<Vec<_>>()).find(|f| f[7] == path).expect("there")
    };
    assert_eq!(fields("null")[..7], ["c", "0000", "0", "0", fields("null")[4], "1", "3"]);
    assert_eq!(fields("disk")[5..7], ["259", "65535"]);
    let file = fields("file");
    assert_eq!((file[2], file[3]), ("100000", "70000"));
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let attributes = format!("{}={},{}={}", hex("security.long"), hex(&"v".repeat(600)), hex("user.short"), hex("one"));
    assert_eq!(file[9], attributes);
    assert_eq!(lines.len(), 3, "without lost+found: {lines:?}");
}

#[test]
fn what_is_not_an_image_to_read_is_refused_with_one_sentence() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = tree(lab.path());
    let made = image(lab.path(), &tree, &["-t", "ext4"]);
    let bytes = fs::read(&made).expect("there");
    let other = lab.path().join("other");
    let with = |at: usize, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        fs::write(&other, &bytes).expect("room");
        list(&other).expect_err("it is not sound")
    };
    assert!(
        with(1024 + 0x60, &[0x46, 0x02, 0, 0])
            .ends_with("its ext4 file system was not unmounted; `e2fsck -f` repairs it")
    );
    assert!(
        with(1024 + 0x60, &[0x42, 0x82, 1, 0]).ends_with("features that firebench does not read: inline_data, encrypt")
    );
    assert!(with(1024 + 0x60, &[0x42, 0, 0, 0x40]).ends_with("features that firebench does not read: 0x40000000"));
    assert!(with(1024 + 0x28, &[0; 4]).contains("its superblock says what cannot be"));
    fs::write(&other, &bytes[..bytes.len() - 4096]).expect("room");
    assert!(list(&other).expect_err("cut").contains("it is cut off: its ext4 file system has"));
}

/// Whatever is written over an image, it is read or refused, and soon.
#[test]
fn damage_is_refused_and_never_followed() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = tree(lab.path());
    let other = lab.path().join("other");
    for options in [&["-t", "ext4", "-b", "1024"][..], &["-t", "ext2", "-b", "1024"]] {
        let bytes = fs::read(image(lab.path(), &tree, options)).expect("there");
        // Where something is: all else holds contents, or nothing.
        let used: Vec<usize> =
            (0..bytes.len() / 1024).filter(|block| bytes[block * 1024..][..1024] != [0; 1024]).collect();
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let mut refused = 0;
        for _ in 0..25 {
            let mut bytes = bytes.clone();
            for _ in 0..40 {
                let at = used[next() % used.len()] * 1024 + next() % 1024;
                bytes[at] = [0, 0xff, next() as u8][next() % 3];
            }
            fs::write(&other, &bytes).expect("room");
            refused += usize::from(list(&other).is_err());
        }
        assert!(refused > 0, "{options:?}");
    }
}

#[test]
fn directories_in_a_circle_and_files_in_the_same_place_are_refused() {
    let lab = tempfile::tempdir().expect("a directory");
    let tree = lab.path().join("tree");
    fs::create_dir_all(tree.join("a/b")).expect("room");
    fs::write(tree.join("a/file"), "x").expect("room");
    let circle = image(lab.path(), &tree, &["-t", "ext4"]);
    run("debugfs", &["-w", "-R", "ln a a/b/c", &circle.to_string_lossy()]);
    assert!(list(&circle).expect_err("a circle").contains("a directory has two names"));
    let huge = image(lab.path(), &tree, &["-t", "ext4"]);
    run("debugfs", &["-w", "-R", "sif a/file size 0xfffffffffff", &huge.to_string_lossy()]);
    assert!(list(&huge).expect_err("too much").contains("a/file and others hold more than is in it"));
    let slash = image(lab.path(), &tree, &["-t", "ext4", "-O", "^metadata_csum"]);
    let mut bytes = fs::read(&slash).expect("there");
    let at = bytes.windows(4).position(|window| window == b"file").expect("its name");
    bytes[at..at + 4].copy_from_slice(b"../x");
    fs::write(&slash, &bytes).expect("room");
    let said = list(&slash).expect_err("it leads out");
    assert!(said.contains("leads out of it"), "{said}");
    bytes[at..at + 4].copy_from_slice(b"x/yz");
    fs::write(&slash, &bytes).expect("room");
    assert!(list(&slash).expect_err("a slash").contains("a name in it has a slash"));
}
