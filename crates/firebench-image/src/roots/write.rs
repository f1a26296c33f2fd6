//! A root as a file system: what debugfs is told to make of a tree.
//!
//! Contents come from files with numbers for names in a directory that goes away: no name of an archive is ever one of the host's. All
//! else (owners, permissions, extended attributes, devices, links) debugfs writes, which needs no rights.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::listing::read;
use super::source::Opened;
use super::tree::{Contents, Id, Kind, Node};
use super::wrong::{Wrong, shown};
use crate::ext4::{BLOCK, Script};

/// Type bits of an inode's mode.
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;
const FIFO: u32 = 0o010_000;
const CHARACTER: u32 = 0o020_000;
const BLOCKS: u32 = 0o060_000;
/// Permissions of links, which nobody looks at.
const ALL: u32 = 0o777;

/// Times that an inode has room for without its extension, which debugfs does not write; 0 means "now" to it.
const TIMES: std::ops::RangeInclusive<i64> = 1..=0x7fff_ffff;

/// What makes a file system.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) script: Vec<u8>,
    pub(super) inodes: u64,
    pub(super) bytes: u64,
}

/// Writes the contents of all files into `staging`, and the script that makes the tree of them.
pub(super) fn plan(opened: &Opened, staging: &Path) -> Result<Plan, Wrong> {
    let mut writer = Writer {
        opened,
        staging,
        script: Script::default(),
        now: 0,
        here: None,
        first: BTreeMap::new(),
        blocks: 0,
        staged: 0,
    };
    if let Some(root) = opened.tree.root() {
        writer.attributes(b"/", root, DIRECTORY | root.attributes.mode, None)?;
    }
    opened.tree.walk(|path, id, node| writer.entry(path, id, node).map_err(|wrong| wrong.of(&shown(path))))?;
    let mut inodes = 64_u64;
    let links: Vec<(Vec<u8>, u32)> = writer.first.values().filter(|(_, names)| *names > 1).cloned().collect();
    for (path, names) in links {
        writer.script.command("set_inode_field", &[&path, b"links_count", names.to_string().as_bytes()]);
    }
    inodes = inodes.saturating_add(writer.first.len() as u64);
    /// Blocks of a file system without files: superblocks, descriptors, bitmaps, lost+found.
    const BASE: u64 = 1024;
    let table = inodes.saturating_mul(256).div_ceil(BLOCK).saturating_add(512);
    let blocks = writer.blocks.saturating_add(BASE).saturating_add(table);
    let blocks = blocks.saturating_add(blocks / 64);
    let bytes = blocks.saturating_mul(BLOCK).checked_next_multiple_of(1 << 20).unwrap_or(u64::MAX);
    Ok(Plan { script: writer.script.into_bytes(), inodes, bytes })
}

struct Writer<'a> {
    opened: &'a Opened,
    staging: &'a Path,
    script: Script,
    now: i64,
    /// The directory that debugfs is in.
    here: Option<Vec<u8>>,
    /// The first path of each inode, and how many it has.
    first: BTreeMap<Id, (Vec<u8>, u32)>,
    blocks: u64,
    staged: u64,
}

impl Writer<'_> {
    fn entry(&mut self, path: &[u8], id: Id, node: &Node) -> Result<(), Wrong> {
        let whole = [b"/", path].concat();
        let (above, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (path.get(..at).unwrap_or_default(), path.get(at.saturating_add(1)..).unwrap_or_default()),
            None => (&b""[..], path),
        };
        // A name in a directory, generously: two blocks of one are never less than half full.
        self.blocks = self.blocks.saturating_add(u64::from(path.len() > 200)).saturating_add(1);
        if let Some((first, names)) = self.first.get_mut(&id) {
            *names = names.saturating_add(1);
            self.script.command("ln", &[first, &whole]);
            return Ok(());
        }
        self.first.insert(id, (whole.clone(), 1));
        let now = node.attributes.mtime.clamp(*TIMES.start(), *TIMES.end());
        if now != self.now {
            self.now = now;
            self.script.command("set_current_time", &[format!("@{now}").as_bytes()]);
        }
        if self.here.as_deref() != Some(above) {
            self.here = Some(above.to_vec());
            self.script.command("cd", &[&[b"/", above].concat()]);
        }
        let mode = node.attributes.mode;
        let (mode, has) = match &node.kind {
            // Every file system is made with one.
            Kind::Directory(_) if path == b"lost+found" => (DIRECTORY | mode, None),
            Kind::Directory(_) => {
                self.script.command("mkdir", &[name]);
                (DIRECTORY | mode, None)
            }
            Kind::File(contents) => {
                let source = self.stage(contents)?;
                self.script.command("write", &[&source, name]);
                (REGULAR | mode, None)
            }
            Kind::Symlink(target) => {
                self.script.command("symlink", &[name, target]);
                (SYMLINK | ALL, Some(SYMLINK | ALL))
            }
            Kind::Fifo => {
                self.script.command("mknod", &[name, b"p"]);
                (FIFO | mode, None)
            }
            Kind::Device { block, major, minor } => {
                let kind: &[u8] = if *block { b"b" } else { b"c" };
                let [major, minor] = [major, minor].map(u32::to_string);
                self.script.command("mknod", &[name, kind, major.as_bytes(), minor.as_bytes()]);
                (if *block { BLOCKS } else { CHARACTER } | mode, None)
            }
        };
        self.attributes(&whole, node, mode, has)
    }

    /// Permissions, owners and extended attributes, as far as they are not `has` already, and root's.
    fn attributes(&mut self, path: &[u8], node: &Node, mode: u32, has: Option<u32>) -> Result<(), Wrong> {
        let mut set = |field: &str, value: String| {
            self.script.command("set_inode_field", &[path, field.as_bytes(), value.as_bytes()]);
        };
        if has != Some(mode) {
            set("mode", format!("0{mode:o}"));
        }
        for (field, id) in [("uid", node.attributes.uid), ("gid", node.attributes.gid)] {
            if id != 0 {
                set(field, id.to_string());
            }
        }
        for (name, value) in &node.attributes.xattrs {
            let file = self.next();
            File::create_new(&file)?.write_all(value)?;
            self.blocks = self.blocks.saturating_add(1);
            self.script.command("ea_set", &[b"-f", file.as_os_str().as_bytes(), path, name.as_bytes()]);
        }
        Ok(())
    }

    fn next(&mut self) -> std::path::PathBuf {
        self.staged = self.staged.saturating_add(1);
        self.staging.join(self.staged.to_string())
    }

    /// A file of the host with these contents.
    fn stage(&mut self, contents: &Contents) -> Result<Vec<u8>, Wrong> {
        let bytes = contents.bytes();
        if bytes == 0 {
            return Ok(b"/dev/null".to_vec());
        }
        // Of 340 extents one more block tells where they are.
        self.blocks =
            self.blocks.saturating_add(bytes.div_ceil(BLOCK)).saturating_add(bytes / (BLOCK << 12)).saturating_add(1);
        let path = self.next();
        let mut file = File::create_new(&path)?;
        read(self.opened, contents, |piece| Ok(file.write_all(piece)?))?;
        Ok(path.into_os_string().into_encoded_bytes())
    }
}
