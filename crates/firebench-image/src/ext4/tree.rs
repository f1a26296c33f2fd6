//! The tree of files that goes into an image.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firebench_os::{interrupt, outside};
use serde::Serialize;

use crate::cache::Digests;
use crate::digest::sha256;
use crate::{Error, Result};

/// Longest name of a file in ext4, in bytes.
const NAME_MAX: usize = 255;

/// Longest path: debugfs reads its commands into a buffer of 8 KiB, and a command names at most one host path and one
/// guest path.
const PATH_MAX: usize = 2048;

/// Most blocks in front of the files: 16 MiB.
const MAX_GAP: u64 = 4096;

/// An absolute path in an image: UTF-8, without `.`, `..`, empty parts and control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct GuestPath(String);

impl GuestPath {
    /// Checks `path`.
    pub fn new(path: &Path) -> Result<GuestPath> {
        let refuse = |reason| Error::GuestPath { path: path.display().to_string(), reason };
        let text = path.to_str().ok_or_else(|| refuse("it is not UTF-8"))?;
        let relative = text.strip_prefix('/').ok_or_else(|| refuse("it is not absolute"))?;
        if text.len() > PATH_MAX {
            return Err(refuse("it is longer than 2048 bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err(refuse("it has control characters"));
        }
        for name in relative.split('/') {
            match name {
                "" => return Err(refuse("one of its components is empty")),
                "." | ".." => return Err(refuse("it has a `.` or `..` component")),
                _ if name.len() > NAME_MAX => return Err(refuse("a name in it is longer than 255 bytes")),
                _ => {}
            }
        }
        Ok(GuestPath(text.to_owned()))
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Directory and name: `/` and `x` for `/x`.
    pub(super) fn split(&self) -> (&str, &str) {
        match self.0.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
            None => ("/", &self.0),
        }
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is at a path of the tree. Everything belongs to root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Directory {
        mode: u32,
    },
    /// A copy of a host file.
    File {
        source: PathBuf,
        bytes: u64,
        mode: u32,
    },
    Symlink {
        target: String,
    },
    /// A file whose blocks are allocated and written later, by whoever builds the image.
    Reserved {
        bytes: u64,
    },
}

/// The tree of files that goes into an image. The directories above a file are added automatically.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: BTreeMap<GuestPath, Node>,
    layout: u32,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// The entries, parents before their children, in the order in which the image gets them.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&GuestPath, &Node)> {
        let mut nodes: Vec<(&GuestPath, &Node)> = self.nodes.iter().collect();
        if self.layout > 0 {
            let chance = |path: &GuestPath| sha256(format!("{} {path}", self.layout).as_bytes());
            nodes.sort_by_cached_key(|(path, _)| (path.0.matches('/').count(), chance(path)));
        }
        nodes.into_iter()
    }

    /// The same tree, laid out in the image in another way for each number: 0 is the order of the paths.
    pub(crate) fn laid_out(self, layout: u32) -> Tree {
        Tree { layout, ..self }
    }

    /// Blocks that are left free in front of all files, to move them: 1 to [`MAX_GAP`], by chance, where there is a layout.
    pub(super) fn gap(&self) -> u64 {
        let chance = sha256(self.layout.to_string().as_bytes());
        let chance = u64::from_str_radix(chance.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        if self.layout > 0 { (chance % MAX_GAP).saturating_add(1) } else { 0 }
    }

    /// Adds a directory (which may be there already) with permissions such as `0o755`.
    pub fn directory(&mut self, path: &Path, mode: u32) -> Result<()> {
        let path = GuestPath::new(path)?;
        self.parents(&path)?;
        match self.nodes.get(&path) {
            None | Some(Node::Directory { .. }) => {
                self.nodes.insert(path, Node::Directory { mode });
                Ok(())
            }
            Some(_) => Err(twice(&path)),
        }
    }

    /// Whether something is at a path.
    pub(crate) fn has(&self, path: &Path) -> Result<bool> {
        Ok(self.nodes.contains_key(&GuestPath::new(path)?))
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &Path, target: &str) -> Result<()> {
        if target.is_empty() || target.len() > PATH_MAX || target.chars().any(char::is_control) {
            return Err(Error::GuestPath { path: target.to_owned(), reason: "a link cannot point there" });
        }
        self.insert(GuestPath::new(path)?, Node::Symlink { target: target.to_owned() })
    }

    /// Adds a file of `bytes` bytes, readable by all, whose contents are written later (see [`super::build`]).
    pub(crate) fn reserve(&mut self, path: &Path, bytes: u64) -> Result<()> {
        self.insert(GuestPath::new(path)?, Node::Reserved { bytes })
    }

    /// Adds a host file, or a directory with all that is in it. `source` itself may be a symbolic link; links inside a
    /// directory stay links. Permissions become 0755 or 0644, by whether anyone may execute the file.
    pub fn add(&mut self, source: &Path, path: &Path) -> Result<()> {
        let source = std::path::absolute(source).map_err(Error::io("find", source))?;
        if source.as_os_str().len() > PATH_MAX || source.as_os_str().as_bytes().iter().any(u8::is_ascii_control) {
            return Err(Error::HostFile { path: source, reason: "its path is too long or has control characters" });
        }
        let metadata = std::fs::metadata(&source).map_err(Error::io("look at", &source))?;
        if outside::is_kernels_own(&source) {
            return Err(Error::HostFile {
                path: source,
                reason: "the kernel generates it, as everything in /proc and /sys",
            });
        }
        if metadata.is_dir() {
            return self.add_directory(&source, path);
        }
        if !metadata.is_file() {
            return Err(Error::HostFile { path: source, reason: "it is neither a regular file nor a directory" });
        }
        let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        self.insert(GuestPath::new(path)?, Node::File { source, bytes: metadata.len(), mode })
    }

    fn add_directory(&mut self, source: &Path, path: &Path) -> Result<()> {
        if path != Path::new("/") {
            self.directory(path, 0o755)?;
        }
        for entry in std::fs::read_dir(source).map_err(Error::io("list", source))? {
            interrupt::check()?;
            let entry = entry.map_err(Error::io("list", source))?;
            let (from, to) = (entry.path(), path.join(entry.file_name()));
            if entry.file_type().map_err(Error::io("look at", &from))?.is_symlink() {
                let target = std::fs::read_link(&from).map_err(Error::io("read", &from))?;
                let target = target
                    .to_str()
                    .ok_or_else(|| Error::HostFile { path: from.clone(), reason: "a link that is not UTF-8" })?;
                self.symlink(&to, target)?;
            } else {
                self.add(&from, &to)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: GuestPath, node: Node) -> Result<()> {
        self.parents(&path)?;
        match self.nodes.get(&path) {
            Some(there) if *there != node => Err(twice(&path)),
            _ => {
                self.nodes.insert(path, node);
                Ok(())
            }
        }
    }

    /// Makes the directories above `path`.
    fn parents(&mut self, path: &GuestPath) -> Result<()> {
        for (end, _) in path.0.match_indices('/').skip(1) {
            let parent = GuestPath(path.0.get(..end).unwrap_or_default().to_owned());
            match self.nodes.get(&parent) {
                None => {
                    self.nodes.insert(parent, Node::Directory { mode: 0o755 });
                }
                Some(Node::Directory { .. }) => {}
                Some(_) => {
                    return Err(Error::GuestPath { path: parent.0, reason: "the image has a file there already" });
                }
            }
        }
        Ok(())
    }

    /// What the tree holds, by the SHA-256 of every file: two trees with equal fingerprints make equal images. The
    /// payload's place is left to the caller.
    pub fn fingerprint(&self, digests: &Digests) -> Result<Fingerprint> {
        let mut entries = Vec::new();
        for (path, node) in &self.nodes {
            let (mode, contents) = match node {
                Node::Directory { mode } => (*mode, "directory".to_owned()),
                Node::File { source, mode, .. } => (*mode, format!("sha256:{}", digests.of(source)?)),
                Node::Symlink { target } => (0o777, format!("link:{target}")),
                Node::Reserved { bytes } => (0o644, format!("reserved:{bytes}")),
            };
            entries.push((path.0.clone(), mode, contents));
        }
        Ok(Fingerprint { entries })
    }
}

/// See [`Tree::fingerprint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    entries: Vec<(String, u32, String)>,
}

fn twice(path: &GuestPath) -> Error {
    Error::GuestPath { path: path.0.clone(), reason: "the image has it already" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_guest_paths_are_refused() {
        let long = format!("/{}", "x".repeat(256));
        for bad in ["", "x", "/", "//x", "/x/", "/../x", "/a/./b", "/a\nb", "/a\0b", long.as_str()] {
            assert!(GuestPath::new(Path::new(bad)).is_err(), "{bad:?}");
        }
        let good = GuestPath::new(Path::new("/usr/a b\"c")).expect("it is fine");
        assert_eq!(good.split(), ("/usr", "a b\"c"));
        assert_eq!(GuestPath::new(Path::new("/x")).expect("it is fine").split(), ("/", "x"));
    }

    #[test]
    fn parents_come_by_themselves_and_conflicts_are_refused() {
        let mut tree = Tree::new();
        tree.symlink(Path::new("/a/b/c"), "d").expect("it is added");
        let paths: Vec<&str> = tree.nodes().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/a", "/a/b", "/a/b/c"]);
        tree.directory(Path::new("/a"), 0o700).expect("a directory may come twice");
        assert!(tree.symlink(Path::new("/a/b/c"), "e").is_err(), "twice");
        assert!(tree.directory(Path::new("/a/b/c"), 0o755).is_err(), "a link is there");
        assert!(tree.symlink(Path::new("/a/b/c/d"), "e").is_err(), "below a link");
    }

    #[test]
    fn directories_are_added_with_all_that_is_in_them() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("sub")).expect("a directory");
        std::fs::write(dir.path().join("sub/file"), "x").expect("a file");
        std::os::unix::fs::symlink("file", dir.path().join("sub/link")).expect("a link");
        let mut tree = Tree::new();
        tree.add(dir.path(), Path::new("/")).expect("it is added");
        let paths: Vec<&str> = tree.nodes().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["/sub", "/sub/file", "/sub/link"]);
        assert!(matches!(tree.nodes().last(), Some((_, Node::Symlink { target })) if target == "file"));
    }

    #[test]
    fn devices_are_refused() {
        let added = Tree::new().add(Path::new("/dev/null"), Path::new("/x"));
        assert!(matches!(added, Err(Error::HostFile { .. })), "{added:?}");
    }

    #[test]
    fn what_the_kernel_makes_up_is_refused() {
        for path in ["/proc/kmsg", "/proc/self/environ", "/proc/self", "/sys/kernel"] {
            let added = Tree::new().add(Path::new(path), Path::new("/x"));
            assert!(matches!(added, Err(Error::HostFile { .. })), "{path}: {added:?}");
        }
    }
}
