//! A root of the user's: a directory, an archive of one, or a container image, as `docker save`, skopeo and others write them.
//!
//! Layers are laid on each other in memory, in one tree whose files say where their contents lie. Nothing of an archive is ever written
//! under a name that it chose, but for a container's directory, in which no link is followed. The same tree becomes an ext4 image for
//! VMs, with owners, permissions, extended attributes and devices, and a directory for containers, whose files all belong to whoever
//! runs firebench.
//!
//! # Bounds
//! An archive is somebody else's, and may say anything: a million files, names and attributes of 256 MiB, paths of 2,048 bytes and 128
//! directories, 500 layers, of which each unpacks to 16 MiB and 100 times its size at most.

mod blobs;
mod extfs;
mod extract;
mod image;
mod layer;
mod listing;
mod name;
mod pax;
mod section;
mod source;
mod tree;
mod write;
mod wrong;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use image::ImageConfig;
pub use listing::Files;
pub use source::RootSource;

use crate::cache::{Cache, Contents as Kept, Entry, Guard};
use crate::digest::{key, sha256};
use crate::elf::require_static_executable;
use crate::ext4::{self, Fingerprint, Identity, Node as Added, Tree as Additions};
use crate::{Error, Result};
use source::Opened;
use tree::{Attributes, Contents, Kind};
use wrong::Wrong;

/// Kinds of the entries in the cache: what a source holds, a disk of it, and a directory.
const LISTING_KIND: &str = "root-listing";
const DISK_KIND: &str = "root-disk";
const DIRECTORY_KIND: &str = "root-directory";

/// Changes whenever the same source gives another tree, disk or directory than before.
const FORMAT: u32 = 1;

const LISTING: &str = "listing";
/// Bytes of a listing that are read; what is written is below half of it.
const MOST_LISTING: u64 = 512 << 20;
const IMAGE: &str = "root.ext4";
const ROOTFS: &str = "rootfs";

const IDENTITY: Identity = Identity { label: "firebench-own", uuid: "66697265-6265-4e63-a800-726f6f740002" };

/// Where every root has firebench's busybox, for the lines before and after iterations.
pub const BUSYBOX: &str = "/firebench/busybox";
/// Directories that a root must have: the kernel's file systems and others come to lie on them.
const DIRECTORIES: [(&str, u32); 6] =
    [("/dev", 0o755), ("/proc", 0o555), ("/sys", 0o555), ("/tmp", 0o1777), ("/run", 0o755), ("/firebench", 0o755)];
/// Of what firebench puts into it, 2020-01-01T00:00:00Z, as all times of its own disks.
const TIME: i64 = 1_577_836_800;

/// Whether a path, seen from the cache's directory, is of a root as a directory, or of one that is being made: its links mean something in
/// that root, and nothing on the host.
pub fn is_of_a_root(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().take(2).filter_map(std::ffi::OsStr::to_str).collect();
    match parts.as_slice() {
        ["entries", kind] => *kind == DIRECTORY_KIND,
        ["staging", name] => name.split('.').next() == Some(DIRECTORY_KIND),
        _ => false,
    }
}

/// What a root is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSpec {
    /// The user's directory or archive.
    pub source: RootSource,
    /// A static busybox.
    pub busybox: PathBuf,
    /// More files, or directories with all that is in them: path on the host, path in the root.
    pub add: Vec<(PathBuf, PathBuf)>,
    /// Empty files in the root that containers lay files of their boot on.
    pub mount_points: Vec<String>,
}

/// A root that was read, and is not a disk or a directory yet.
#[derive(Debug)]
pub struct Root {
    source: RootSource,
    opened: RefCell<Option<Opened>>,
    /// SHA-256 of the list of all that is in it.
    pub sha256: String,
    /// What it says of its command, where it is a container image.
    pub config: ImageConfig,
    /// What is in it.
    pub files: Files,
    /// Number of its files, directories and links.
    pub names: u64,
    /// Bytes of the contents of its files.
    pub bytes: u64,
}

/// A disk or directory of a root in the cache. It stays as long as this is held.
#[derive(Debug)]
pub struct BuiltRoot {
    /// The raw image, or the directory.
    pub path: PathBuf,
    /// Bytes of it.
    pub bytes: u64,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the cache remembers of a source.
#[derive(Debug, Serialize, Deserialize)]
struct Data {
    config: ImageConfig,
    names: u64,
    bytes: u64,
}

/// What the key of a source is made of: where its bytes alone decide what is in it.
#[derive(Serialize)]
struct SourceInputs<'a> {
    format: u32,
    kind: &'static str,
    sha256: String,
    tag: Option<&'a str>,
}

/// What the key of a disk or directory is made of.
#[derive(Serialize)]
struct Inputs<'a> {
    format: u32,
    ext4: u32,
    identity: &'static str,
    root: &'a str,
    working_directory: &'a str,
    added: Fingerprint,
    mount_points: &'a [String],
}

impl Root {
    /// Reads a source, or finds in the cache what it holds.
    ///
    /// # Errors
    /// [`Error::Root`] for what cannot be a root.
    pub fn read(cache: &Cache, source: &RootSource) -> Result<Root> {
        let path = &source.path;
        let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
        let index = path.join("index.json");
        let (kind, decides) = match (metadata.is_dir(), path.join("oci-layout").is_file() && index.is_file()) {
            (false, _) => ("archive", path),
            (true, true) => ("layout", &index),
            (true, false) => return Root::of_directory(source),
        };
        let tag = source.tag.as_deref();
        let sha256 = cache.digests().of(decides)?;
        let entry = cache.entry(LISTING_KIND, &key(&SourceInputs { format: FORMAT, kind, sha256, tag })?)?;
        let mut opened = None;
        let guard = entry.get_or_build(|staging| {
            let (root, listing) = Root::open(source, staging)?;
            let file = staging.join(LISTING);
            std::fs::write(&file, &listing).map_err(Error::io("write", &file))?;
            let data = Data { config: root.config.clone(), names: root.names, bytes: root.bytes };
            let description = format!("what is in {}: {} names", path.display(), root.names);
            opened = root.opened.into_inner();
            Ok(Kept { files: vec![(LISTING.to_owned(), Some(root.sha256))], ..Kept::new(description, &data)? })
        })?;
        let damaged = || entry.damaged("its metadata do not describe a root".to_owned());
        let data: Data = guard.meta().data().ok_or_else(damaged)?;
        let file = guard.path().join(LISTING);
        let listing = firebench_os::outside::read(&file, MOST_LISTING).map_err(Error::io("read", &file))?;
        Ok(Root {
            source: source.clone(),
            opened: RefCell::new(opened),
            sha256: sha256_of(&listing),
            config: data.config,
            files: Files::of(&listing),
            names: data.names,
            bytes: data.bytes,
        })
    }

    /// The directory or archive.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    fn of_directory(source: &RootSource) -> Result<Root> {
        Root::open(source, &std::env::temp_dir()).map(|(root, _)| root)
    }

    /// Opens and lists a source.
    fn open(source: &RootSource, dir: &Path) -> Result<(Root, Vec<u8>)> {
        let at = |wrong: Wrong| wrong.at(&source.path);
        let opened = source::open(source, dir).map_err(at)?;
        let listed = listing::list(&opened).map_err(at)?;
        let root = Root {
            source: source.clone(),
            config: opened.config.clone(),
            opened: RefCell::new(Some(opened)),
            sha256: sha256_of(&listed.text),
            files: Files::of(&listed.text),
            names: listed.names,
            bytes: listed.bytes,
        };
        Ok((root, listed.text))
    }

    /// Reads a source without the cache; what is unpacked lies in files without names in `dir`. Returns it with the list of what is in it.
    pub fn read_in(source: &RootSource, dir: &Path) -> Result<(Root, Vec<u8>)> {
        Root::open(source, dir)
    }

    /// Writes its files into an empty directory, as they are written for containers.
    pub fn unpack(&self, directory: &Path) -> Result<()> {
        let opened = self.opened.borrow();
        let extracted = opened.as_ref().map(|opened| extract::extract(opened, directory)).transpose();
        extracted.map(drop).map_err(|wrong| wrong.at(&self.source.path))
    }

    /// Its disk, built first if the cache does not have it.
    pub fn disk(&self, cache: &Cache, spec: &RootSpec) -> Result<BuiltRoot> {
        let (entry, added) = self.entry(cache, DISK_KIND, spec)?;
        let guard = entry.get_or_build(|staging| {
            let opened = self.with_additions(staging, added, spec)?;
            let contents = staging.join("contents");
            std::fs::create_dir(&contents).map_err(Error::io("create", &contents))?;
            let at = |wrong: Wrong| wrong.at(&self.source.path);
            let plan = write::plan(&opened, &contents).map_err(at)?;
            ext4::build_scripted(&staging.join(IMAGE), IDENTITY, plan.inodes, plan.bytes, &plan.script)?;
            std::fs::remove_dir_all(&contents).map_err(Error::io("remove", &contents))?;
            let description = format!("root disk of {}", self.source.path.display());
            Ok(Kept { files: vec![(IMAGE.to_owned(), None)], ..Kept::new(description, &())? })
        })?;
        Ok(BuiltRoot { path: guard.path().join(IMAGE), bytes: guard.meta().bytes(), guard })
    }

    /// Its directory, built first if the cache does not have it.
    pub fn directory(&self, cache: &Cache, spec: &RootSpec) -> Result<BuiltRoot> {
        let (entry, added) = self.entry(cache, DIRECTORY_KIND, spec)?;
        let guard = entry.get_or_build(|staging| {
            let opened = self.with_additions(staging, added, spec)?;
            let rootfs = staging.join(ROOTFS);
            std::fs::create_dir(&rootfs).map_err(Error::io("create", &rootfs))?;
            let at = |wrong: Wrong| wrong.at(&self.source.path);
            let extracted = extract::extract(&opened, &rootfs).map_err(at)?;
            let files = extracted.files.into_iter().map(|path| (format!("{ROOTFS}/{path}"), None)).collect();
            let description = format!("root directory of {}", self.source.path.display());
            Ok(Kept { files, ..Kept::new(description, &())? })
        })?;
        Ok(BuiltRoot { path: guard.path().join(ROOTFS), bytes: guard.meta().bytes(), guard })
    }

    /// Where its disk and its directory are or would be: nothing is built.
    pub fn places(&self, cache: &Cache, spec: &RootSpec) -> Result<Places> {
        let place = |kind, name: &str| {
            let (entry, _) = self.entry(cache, kind, spec)?;
            Ok::<_, Error>((entry.path().join(name), entry.get()?.is_some()))
        };
        Ok(Places { disk: place(DISK_KIND, IMAGE)?, directory: place(DIRECTORY_KIND, ROOTFS)? })
    }

    fn entry<'a>(&self, cache: &'a Cache, kind: &str, spec: &RootSpec) -> Result<(Entry<'a>, Additions)> {
        require_static_executable(&spec.busybox, crate::disk::BUSYBOX_HINT)?;
        let mut added = Additions::new();
        added.add(&spec.busybox, Path::new(BUSYBOX))?;
        for (host, guest) in &spec.add {
            added.add(host, guest)?;
        }
        let inputs = Inputs {
            format: FORMAT,
            ext4: ext4::FORMAT,
            identity: IDENTITY.uuid,
            root: &self.sha256,
            working_directory: &self.config.working_dir,
            added: added.fingerprint(&cache.digests())?,
            mount_points: &spec.mount_points,
        };
        Ok((cache.entry(kind, &key(&inputs)?)?, added))
    }

    /// What is to be made: the user's root, and what firebench and the user put into it.
    fn with_additions(&self, staging: &Path, added: Additions, spec: &RootSpec) -> Result<Opened> {
        let opened = self.opened.take();
        let mut opened = match opened {
            Some(opened) => opened,
            None => {
                let (root, _) = Root::open(&self.source, staging)?;
                if root.sha256 != self.sha256 {
                    return Err(Error::PayloadChanged { path: self.source.path.clone() });
                }
                root.opened.into_inner().ok_or(Error::PayloadChanged { path: self.source.path.clone() })?
            }
        };
        add(&mut opened, &self.config, added, spec).map_err(|wrong| wrong.at(&self.source.path))?;
        Ok(opened)
    }
}

/// Where a root's disk and its directory are, and whether they are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The disk.
    pub disk: (PathBuf, bool),
    /// The directory.
    pub directory: (PathBuf, bool),
}

fn sha256_of(listing: &[u8]) -> String {
    sha256(listing)
}

/// Puts directories that must be there, and files, on top of a tree.
fn add(opened: &mut Opened, config: &ImageConfig, added: Additions, spec: &RootSpec) -> std::result::Result<(), Wrong> {
    let (tree, layer) = (&mut opened.tree, usize::MAX);
    let attributes = |mode| Attributes { mode, mtime: TIME, ..Attributes::default() };
    for (path, mode) in DIRECTORIES {
        tree.ensure(path, attributes(mode), layer)?;
    }
    if !config.working_dir.is_empty() {
        tree.directory(&name::parts(config.working_dir.as_bytes())?, layer)?;
    }
    for path in &spec.mount_points {
        let nothing = Contents::Host { path: "/dev/null".into(), bytes: 0 };
        tree.put(path.as_bytes(), attributes(0o644), Kind::File(nothing), layer)?;
    }
    for (path, node) in added.nodes() {
        let path = path.as_str();
        let (mode, kind) = match node {
            Added::Directory { mode } => {
                tree.ensure(path, attributes(*mode), layer)?;
                continue;
            }
            Added::File { source, bytes, mode } => {
                (*mode, Kind::File(Contents::Host { path: source.clone(), bytes: *bytes }))
            }
            Added::Symlink { target } => (0o777, Kind::Symlink(name::target(target.as_bytes())?)),
            Added::Reserved { .. } => continue,
        };
        tree.put(path.as_bytes(), attributes(mode), kind, layer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
