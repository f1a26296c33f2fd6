//! What a root holds, as text: a line for each name, in the order of paths. Two roots with the same text are the same.

use std::collections::BTreeMap;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

use super::name::Name;
use super::section::{Section, each_piece};
use super::source::Opened;
use super::tree::{Attributes, Contents, Id, Kind, Node, steps};
use super::wrong::{Wrong, shown, wrong};
use crate::digest::hex;

/// Most bytes of a listing: a name has 150 as a rule.
pub(super) const MOST: usize = 256 << 20;
/// Links that a program may lie behind.
const MOST_LINKS: u32 = 40;

/// The listing of a root, and what comes out of it beside it.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) text: Vec<u8>,
    /// Of files, directories and all else: one a line.
    pub(super) names: u64,
    /// Bytes of the contents of files, each once.
    pub(super) bytes: u64,
}

/// Reads everything, and lists it.
pub(super) fn list(opened: &Opened) -> Result<Listed, Wrong> {
    let mut listed = Listed { text: Vec::new(), names: 0, bytes: 0 };
    let mut first: BTreeMap<Id, Vec<u8>> = BTreeMap::new();
    if let Some(root) = opened.tree.root() {
        listed.line("d", &root.attributes, &["-", "-"], b"", b"");
    }
    opened.tree.walk(|path, id, node| {
        listed.names = listed.names.saturating_add(1);
        if let Some(first) = first.get(&id) {
            listed.line("h", &Attributes::default(), &["-", "-"], path, first);
        } else {
            if !matches!(node.kind, Kind::Directory(_)) {
                first.insert(id, path.to_vec());
            }
            listed.entry(opened, path, node)?;
        }
        if listed.text.len() > MOST { wrong("it has too many files with too long names") } else { Ok(()) }
    })?;
    Ok(listed)
}

impl Listed {
    fn entry(&mut self, opened: &Opened, path: &[u8], node: &Node) -> Result<(), Wrong> {
        let attributes = &node.attributes;
        match &node.kind {
            Kind::Directory(_) => self.line("d", attributes, &["-", "-"], path, b""),
            Kind::Symlink(target) => self.line("l", attributes, &["-", "-"], path, target),
            Kind::Fifo => self.line("p", attributes, &["-", "-"], path, b""),
            Kind::Device { block, major, minor } => {
                let kind = if *block { "b" } else { "c" };
                self.line(kind, attributes, &[&major.to_string(), &minor.to_string()], path, b"");
            }
            Kind::File(contents) => {
                let mut hasher = Sha256::new();
                let read = read(opened, contents, |piece| {
                    hasher.update(piece);
                    Ok(())
                });
                read.map_err(|wrong| wrong.of(&shown(path)))?;
                let sha256 = hex(&hasher.finalize());
                self.bytes = self.bytes.saturating_add(contents.bytes());
                self.line("f", attributes, &[&contents.bytes().to_string(), &sha256], path, b"");
            }
        }
        Ok(())
    }

    /// A line: fields with tabs between them, which no name has in it.
    fn line(&mut self, kind: &str, attributes: &Attributes, of_kind: &[&str; 2], path: &[u8], target: &[u8]) {
        let Attributes { mode, uid, gid, mtime, xattrs } = attributes;
        let [first, second] = of_kind;
        let head = format!("{kind}\t{mode:04o}\t{uid}\t{gid}\t{mtime}\t{first}\t{second}\t");
        let xattrs: Vec<String> =
            xattrs.iter().map(|(name, value)| format!("{}={}", hex(name.as_bytes()), hex(value))).collect();
        for part in [head.as_bytes(), path, b"\t", target, b"\t", xattrs.join(",").as_bytes(), b"\n"] {
            self.text.extend_from_slice(part);
        }
    }
}

/// Hands the contents of a file to `take`: as many bytes as it had when it was looked at.
pub(super) fn read(
    opened: &Opened,
    contents: &Contents,
    mut take: impl FnMut(&[u8]) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    if contents.bytes() == 0 {
        return Ok(());
    }
    let changed = || Wrong::Said("it changed while it was read".to_owned());
    let section = match contents {
        Contents::Pieces { layer, pieces, bytes } => {
            let layer = opened.layers.get(*layer).ok_or_else(changed)?;
            let mut at = 0;
            for piece in pieces {
                zeros(piece.from.saturating_sub(at), &mut take)?;
                each_piece(layer.part(piece.at, piece.bytes).ok_or_else(changed)?.reader(), &mut take)?;
                at = piece.from.saturating_add(piece.bytes);
            }
            return zeros(bytes.saturating_sub(at), take);
        }
        Contents::Layer { layer, at, bytes } => opened.layers.get(*layer).and_then(|layer| layer.part(*at, *bytes)),
        Contents::Host { path, bytes } => {
            let file = firebench_os::outside::open(path)?;
            Section::whole(file)?.part(0, *bytes)
        }
    };
    each_piece(section.ok_or_else(changed)?.reader(), take)
}

fn zeros(count: u64, take: impl FnMut(&[u8]) -> Result<(), Wrong>) -> Result<(), Wrong> {
    each_piece(std::io::repeat(0).take(count), take)
}

/// What can be looked up in a listing.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: BTreeMap<Vec<u8>, Found>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Directory,
    File { executable: bool },
    Link(Vec<u8>),
}

impl Files {
    /// Reads a listing.
    pub(super) fn of(listing: &[u8]) -> Files {
        let mut files = Files::default();
        for line in listing.split(|byte| *byte == b'\n') {
            let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
            let &[kind, mode, _, _, _, _, _, path, target, _] = fields.as_slice() else { continue };
            let mode = std::str::from_utf8(mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok()).unwrap_or(0);
            let found = match kind {
                b"d" => Found::Directory,
                b"l" => Found::Link(target.to_vec()),
                b"h" => files.files.get(target).cloned().unwrap_or(Found::File { executable: false }),
                b"f" => Found::File { executable: mode & 0o111 != 0 },
                _ => Found::File { executable: false },
            };
            files.files.insert(path.to_vec(), found);
        }
        files
    }

    /// The path, without links, of what an absolute path leads to in the root; None where there is nothing.
    fn real(&self, path: &str) -> Option<(Vec<u8>, &Found)> {
        let mut pending: std::collections::VecDeque<Name> = steps(path.as_bytes()).into();
        let (mut way, mut links): (Vec<Name>, u32) = (Vec::new(), 0);
        let mut here = self.files.get(&b""[..])?;
        while let Some(step) = pending.pop_front() {
            if step == b".." {
                way.pop();
                here = self.files.get(&way.join(&b'/'))?;
                continue;
            }
            way.push(step);
            here = self.files.get(&way.join(&b'/'))?;
            if let Found::Link(target) = here {
                links = links.checked_add(1).filter(|links| *links <= MOST_LINKS)?;
                way.pop();
                if target.starts_with(b"/") {
                    way.clear();
                }
                for step in steps(target).into_iter().rev() {
                    pending.push_front(step);
                }
                here = self.files.get(&way.join(&b'/'))?;
            }
        }
        Some((way.join(&b'/'), here))
    }

    /// Whether something is at an absolute path, be it a link that leads nowhere.
    pub fn has(&self, path: &str) -> bool {
        let above = path.trim_end_matches('/').rsplit_once('/');
        let linked = above.and_then(|(above, name)| {
            let (above, _) = self.real(above)?;
            let path = [above.as_slice(), name.as_bytes()].join(&b'/');
            Some(self.files.contains_key(path.strip_prefix(b"/").unwrap_or(&path)))
        });
        linked.unwrap_or(false) || self.real(path).is_some()
    }

    /// Whether an absolute path leads to a directory.
    pub fn is_directory(&self, path: &str) -> bool {
        matches!(self.real(path), Some((_, Found::Directory)))
    }

    /// Whether an absolute path leads to a file that may be executed.
    pub fn is_program(&self, path: &str) -> bool {
        matches!(self.real(path), Some((_, Found::File { executable: true })))
    }

    /// The path behind all links of what an absolute path leads to, without `/` at its beginning; None where that is no text.
    pub fn behind(&self, path: &str) -> Option<String> {
        self.real(path).and_then(|(path, _)| String::from_utf8(path).ok())
    }
}
