//! What a user gives for a root, opened: what it is says what it holds, not its name.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use firebench_os::{interrupt, outside};
use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use super::extfs;
use super::image::{self, ImageConfig, Packed};
use super::layer::{What, each_entry, is_tar};
use super::name::{parts, target};
use super::section::Section;
use super::tree::{Attributes, Contents, Kind, Tree};
use super::wrong::{Wrong, shown, wrong};

/// A root of the user's: a directory, or an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootSource {
    /// The directory or the archive.
    pub path: PathBuf,
    /// Which of several images in it.
    pub tag: Option<String>,
}

impl RootSource {
    /// What `PATH` or `PATH#TAG` means: a path that is there is one, whatever characters it has.
    pub fn parse(text: &Path) -> RootSource {
        let split = || text.to_str()?.rsplit_once('#').filter(|(path, tag)| !path.is_empty() && !tag.is_empty());
        match split().filter(|_| std::fs::symlink_metadata(text).is_err()) {
            Some((path, tag)) => RootSource { path: path.into(), tag: Some(tag.to_owned()) },
            None => RootSource { path: text.to_owned(), tag: None },
        }
    }
}

/// A source that was read: its tree, and where the contents of its files are.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tree: Tree,
    pub(super) layers: Vec<Section>,
    pub(super) config: ImageConfig,
}

/// Prefix of the names that take away what lower layers have, and the name that takes away all in a directory.
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// Reads a source. What is compressed is unpacked into files without names in `dir`; nothing else is written.
pub(super) fn open(source: &RootSource, dir: &Path) -> Result<Opened, Wrong> {
    let (path, tag) = (&source.path, source.tag.as_deref());
    if std::fs::metadata(path)?.is_dir() {
        return match path.join("oci-layout").is_file() && path.join("index.json").is_file() {
            true => layers(image::of_layout(&Blobs::Directory(path.clone()), tag)?, dir),
            false if tag.is_some() => no_tags(),
            false => directory(path),
        };
    }
    let archive = Section::whole(outside::open(path)?)?.unpacked(dir)?;
    if extfs::is_one(&archive) {
        if tag.is_some() {
            return no_tags();
        }
        let tree = extfs::read(&archive, 0)?;
        return Ok(Opened { tree, layers: vec![archive], config: ImageConfig::default() });
    }
    if !is_tar(&archive) {
        return wrong("it is neither a directory, nor a tar archive or an ext4 image, also not a compressed one");
    }
    let mut last = false;
    each_name(&archive, |name| last |= matches!(name, b"index.json" | b"oci-layout" | b"manifest.json"))?;
    if last {
        let blobs = Blobs::of_archive(&archive)?;
        if blobs.has("oci-layout") && blobs.has("index.json") {
            return layers(image::of_layout(&blobs, tag)?, dir);
        }
        if blobs.has("manifest.json") {
            return layers(image::of_saved(&blobs, tag)?, dir);
        }
    }
    if tag.is_some() {
        return no_tags();
    }
    let layer = Packed { section: archive, packed: None, unpacked: None };
    layers((vec![layer], ImageConfig::default()), dir)
}

fn no_tags<T>() -> Result<T, Wrong> {
    wrong("it is no container image, so none can be chosen in it by #TAG")
}

/// Calls `look` with the name of each member, without `./`.
fn each_name(archive: &Section, mut look: impl FnMut(&[u8])) -> Result<(), Wrong> {
    each_entry(archive, &mut 0, |entry| {
        look(entry.name.strip_prefix(b"./").unwrap_or(&entry.name));
        Ok(())
    })
}

/// Lays layers on each other.
fn layers((packed, config): (Vec<Packed>, ImageConfig), dir: &Path) -> Result<Opened, Wrong> {
    let (mut tree, mut layers, mut text) = (Tree::new(), Vec::new(), 0);
    let alone = packed.len() == 1;
    for (number, packed) in packed.into_iter().enumerate() {
        let part = format!("layer {}", number.saturating_add(1));
        let layer = plain(packed, dir).and_then(|layer| {
            if !is_tar(&layer) && layer.bytes() > 0 {
                return wrong("it is no tar archive");
            }
            apply(&layer, number, &mut tree, &mut text)?;
            Ok(layer)
        });
        layers.push(layer.map_err(|wrong| if alone { wrong } else { wrong.of(&part) })?);
    }
    Ok(Opened { tree, layers, config })
}

/// A layer without compression, if it is what it should be.
fn plain(packed: Packed, dir: &Path) -> Result<Section, Wrong> {
    let differs = |expected: &Option<String>, section: &Section| match expected {
        Some(expected) => Ok::<_, Wrong>(section.sha256()? != *expected),
        None => Ok(false),
    };
    if differs(&packed.packed, &packed.section)? {
        return wrong("it does not have the SHA-256 by which it is named");
    }
    let section = packed.section.unpacked(dir)?;
    if differs(&packed.unpacked, &section)? {
        return wrong("what comes out of it does not have the SHA-256 that the image says");
    }
    Ok(section)
}

/// Lays a layer on those below it.
fn apply(layer: &Section, number: usize, tree: &mut Tree, text: &mut u64) -> Result<(), Wrong> {
    each_entry(layer, text, |entry| {
        let path = parts(&entry.name)?;
        if let Some((name, above)) = path.split_last() {
            if name == OPAQUE {
                return tree.opaque(above, number);
            }
            if let Some(hidden) = name.strip_prefix(WHITEOUT) {
                // Names that begin so twice are aufs' own.
                if hidden.is_empty() || hidden.starts_with(WHITEOUT) {
                    return Ok(());
                }
                let mut path = above.to_vec();
                path.push(hidden.to_vec());
                return tree.whiteout(&path, number);
            }
        }
        let kind = match entry.what {
            What::Directory => Kind::Directory(BTreeMap::new()),
            What::File { at, bytes } => Kind::File(Contents::Layer { layer: number, at, bytes }),
            What::Symlink(to) => Kind::Symlink(target(&to)?),
            What::Link(to) => return tree.link(&entry.name, &to, number),
            What::Device { block, major, minor } => Kind::Device { block, major, minor },
            What::Fifo => Kind::Fifo,
        };
        tree.put(&entry.name, entry.attributes, kind, number)
    })
}

/// The tree of a directory of the host. What is mounted in it stays out, and no link is followed.
fn directory(root: &Path) -> Result<Opened, Wrong> {
    let mut tree = Tree::new();
    let mut known: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let top = std::fs::metadata(root)?;
    if outside::is_kernels_own(root) {
        return wrong("the kernel generates what is in it");
    }
    tree.put(b"", attributes(&top), Kind::Directory(BTreeMap::new()), 0)?;
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let here = root.join(&below);
        for entry in std::fs::read_dir(&here).map_err(|error| Wrong::from(error).of(&here.to_string_lossy()))? {
            interrupt::check()?;
            let entry = entry?;
            let (path, below) = (entry.path(), below.join(entry.file_name()));
            let of = |error: std::io::Error| Wrong::from(error).of(&shown(path.as_os_str().as_bytes()));
            let metadata = std::fs::symlink_metadata(&path).map_err(of)?;
            let name = below.as_os_str().as_bytes();
            let kind = metadata.file_type();
            if !kind.is_dir() && metadata.nlink() > 1 {
                let inode = (metadata.dev(), metadata.ino());
                if let Some(first) = known.get(&inode) {
                    tree.link(name, &first.clone(), 0)?;
                    continue;
                }
                known.insert(inode, name.to_vec());
            }
            let (major, minor) = (nix::sys::stat::major(metadata.rdev()), nix::sys::stat::minor(metadata.rdev()));
            let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
            let kind = if kind.is_dir() {
                if metadata.dev() == top.dev() {
                    pending.push(below.clone());
                }
                Kind::Directory(BTreeMap::new())
            } else if kind.is_file() {
                Kind::File(Contents::Host { path: path.clone(), bytes: metadata.len() })
            } else if kind.is_symlink() {
                Kind::Symlink(target(std::fs::read_link(&path).map_err(of)?.as_os_str().as_bytes())?)
            } else if kind.is_block_device() || kind.is_char_device() {
                Kind::Device { block: kind.is_block_device(), major: number(major), minor: number(minor) }
            } else if kind.is_fifo() {
                Kind::Fifo
            } else {
                // A socket is nothing without its process.
                continue;
            };
            tree.put(name, attributes(&metadata), kind, 0)?;
        }
    }
    Ok(Opened { tree, layers: Vec::new(), config: ImageConfig::default() })
}

fn attributes(metadata: &Metadata) -> Attributes {
    let (uid, gid, mtime) = (metadata.uid(), metadata.gid(), metadata.mtime());
    Attributes { mode: metadata.mode() & 0o7777, uid, gid, mtime, xattrs: Vec::new() }
}
