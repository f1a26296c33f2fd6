//! The commands that debugfs carries out, as text.

use std::os::unix::ffi::OsStrExt as _;

use super::blocks::{BLOCK, blocks};
use super::extents::Extent;
use super::tree::{GuestPath, Node, Tree};

/// Type bits of an inode's mode.
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// Directory and name of the file that holds the gap in front of all others until they are there. Only fsck uses this directory.
const GAP: (&[u8], &[u8]) = (b"/lost+found", b"gap");

/// The script that makes every entry of `tree`. Reserved files get their blocks and their size, and come last, so that
/// they lie behind everything else.
///
/// `write` and `symlink` make files of root with debugfs' own clock (`E2FSPROGS_FAKE_TIME`), so neither owners nor times
/// of the host get into the image.
pub(super) fn fill(tree: &Tree) -> Vec<u8> {
    let mut script = Script(Vec::new());
    let gap = tree.gap().checked_sub(1);
    if let Some(last) = gap {
        script.command("cd", &[GAP.0]);
        script.command("write", &[b"/dev/null", GAP.1]);
        script.command("fallocate", &[GAP.1, b"0", last.to_string().as_bytes()]);
    }
    for (path, node) in tree.nodes() {
        let name = path.split().1.as_bytes();
        match node {
            Node::Directory { mode } => {
                script.make(path, "mkdir", &[name]);
                script.mode(path, DIRECTORY | mode);
            }
            Node::File { source, mode, .. } => {
                script.make(path, "write", &[source.as_os_str().as_bytes(), name]);
                script.mode(path, REGULAR | mode);
            }
            Node::Symlink { target } => script.make(path, "symlink", &[name, target.as_bytes()]),
            Node::Reserved { .. } => {}
        }
    }
    for (path, node) in tree.nodes() {
        let Node::Reserved { bytes } = node else { continue };
        let whole = path.as_str().as_bytes();
        script.make(path, "write", &[b"/dev/null", path.split().1.as_bytes()]);
        script.mode(path, REGULAR | 0o644);
        if let Some(last) = blocks(*bytes).checked_sub(1) {
            script.command("fallocate", &[whole, b"0", last.to_string().as_bytes()]);
            script.command("set_inode_field", &[whole, b"size", bytes.to_string().as_bytes()]);
        }
    }
    if gap.is_some() {
        script.command("cd", &[GAP.0]);
        script.command("rm", &[GAP.1]);
    }
    script.0
}

/// The script that marks the extents of `path` as initialised: `fallocate` leaves them marked as unwritten, which the
/// kernel reads as zeros.
pub(super) fn initialise(path: &str, extents: &[Extent]) -> Vec<u8> {
    let mut script = Script(Vec::new());
    script.command("extent_open", &[path.as_bytes()]);
    for extent in extents {
        let [logical, length, physical] =
            [extent.logical, extent.blocks, extent.physical].map(|number| number.to_string());
        script.command("goto_block", &[logical.as_bytes()]);
        script.command("replace_node", &[logical.as_bytes(), length.as_bytes(), physical.as_bytes()]);
    }
    script.command("extent_close", &[]);
    script.0
}

/// Commands for debugfs, a line each.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<u8>);

impl Script {
    /// The text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Adds a command; no argument may have a line break in it.
    pub(crate) fn command(&mut self, name: &str, arguments: &[&[u8]]) {
        self.0.extend_from_slice(name.as_bytes());
        for argument in arguments {
            self.0.push(b' ');
            self.0.extend_from_slice(&quote(argument));
        }
        self.0.push(b'\n');
    }

    /// A command that makes the entry at `path`. All of them are given a bare name: `write` takes no path, and `mkdir` and
    /// `symlink` take `/name` for one in the current directory.
    fn make(&mut self, path: &GuestPath, command: &str, arguments: &[&[u8]]) {
        self.command("cd", &[path.split().0.as_bytes()]);
        self.command(command, arguments);
    }

    fn mode(&mut self, path: &GuestPath, mode: u32) {
        self.command("set_inode_field", &[path.as_str().as_bytes(), b"mode", format!("0{mode:o}").as_bytes()]);
    }
}

/// Quotes as libss, which reads debugfs' commands, wants it: in double quotes, a double quote inside doubled.
fn quote(argument: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in argument {
        if byte == b'"' {
            quoted.push(b'"');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    quoted
}

/// Size of an image that holds `tree`, in bytes: a generous sum, rounded up to whole MiB. What is not needed stays a hole
/// of the image file.
pub(super) fn image_bytes(tree: &Tree) -> Option<u64> {
    /// Blocks of a file system without files: superblocks, descriptors, bitmaps, inodes, lost+found.
    const BASE: u64 = 1024;
    /// A leaf of the extent tree holds 340 extents of up to 32767 blocks; fragmentation makes them shorter.
    const BLOCKS_PER_LEAF: u64 = 100 * 32767;
    let mut sum = BASE.checked_add(tree.gap())?;
    for (path, node) in tree.nodes() {
        // The entry in its directory, generously.
        let entry = (path.as_str().len() as u64 / 128).checked_add(1)?;
        let contents = match node {
            Node::Directory { .. } | Node::Symlink { .. } => 1,
            Node::File { bytes, .. } | Node::Reserved { bytes } => {
                (blocks(*bytes) / BLOCKS_PER_LEAF).checked_add(2)?.checked_add(blocks(*bytes))?
            }
        };
        sum = sum.checked_add(contents)?.checked_add(entry)?;
    }
    // Bitmaps, inode tables and copies of the superblock in each group of 32768 blocks.
    sum = sum.checked_add(sum / 256)?;
    sum.checked_mul(BLOCK)?.checked_next_multiple_of(1 << 20)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn script_of_a_small_tree() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let source = dir.path().join("o\"dd name");
        std::fs::write(&source, "x").expect("a file");
        let mut tree = Tree::new();
        tree.reserve(Path::new("/big"), 4097).expect("it is added");
        tree.add(&source, Path::new("/d/x y")).expect("it is added");
        tree.symlink(Path::new("/l"), "d/x y").expect("it is added");
        let script = String::from_utf8(fill(&tree)).expect("it is text");
        let expected = format!(
            r#"cd "/"
mkdir "d"
set_inode_field "/d" "mode" "040755"
cd "/d"
write "{}" "x y"
set_inode_field "/d/x y" "mode" "0100644"
cd "/"
symlink "l" "d/x y"
cd "/"
write "/dev/null" "big"
set_inode_field "/big" "mode" "0100644"
fallocate "/big" "0" "1"
set_inode_field "/big" "size" "4097"
"#,
            source.display().to_string().replace('"', "\"\"")
        );
        assert_eq!(script, expected);
    }

    #[test]
    fn size_of_an_image() {
        let mut tree = Tree::new();
        tree.reserve(Path::new("/big"), 1 << 30).expect("it is added");
        let bytes = image_bytes(&tree).expect("no overflow");
        assert!((1 << 30..(1 << 30) + (20 << 20)).contains(&bytes), "{bytes}");
        let mut tree = Tree::new();
        tree.reserve(Path::new("/big"), u64::MAX).expect("it is added");
        assert_eq!(image_bytes(&tree), None);
    }
}
