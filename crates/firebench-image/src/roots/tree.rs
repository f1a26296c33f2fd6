//! The tree that layers make when they lie on each other. It is in memory; where the contents are, it only says.

use std::collections::{BTreeMap, VecDeque, btree_map};
use std::path::PathBuf;

use super::name::{DEPTH_MAX, NAME_MAX, Name, PATH_MAX, parts};
use super::section::Pace;
use super::wrong::{Wrong, shown, wrong};

/// Most files, directories and links that all layers together may bring, and that whiteouts may look at.
const MOST: u64 = 1_000_000;
/// Links that a path may lead through (Linux: 40).
const MOST_LINKS: u32 = 40;

/// A node of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

/// What every kind of file has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    /// Permissions with set-uid, set-gid and the sticky bit: 12 bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Seconds since 1970.
    pub(super) mtime: i64,
    /// Extended attributes, sorted by name.
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory(BTreeMap<Name, Child>),
    File(Contents),
    Symlink(Vec<u8>),
    Device { block: bool, major: u32, minor: u32 },
    Fifo,
}

/// Where the contents of a file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Contents {
    /// In a layer, from a byte on.
    Layer { layer: usize, at: u64, bytes: u64 },
    /// In pieces of a layer that is an image of a disk, in their order; zeros are between them, and behind the last one.
    Pieces { layer: usize, pieces: Vec<Piece>, bytes: u64 },
    /// In a file of the host.
    Host { path: PathBuf, bytes: u64 },
}

/// A part of the contents of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// The byte of the contents that it begins with.
    pub(super) from: u64,
    /// The byte of the layer that this is.
    pub(super) at: u64,
    pub(super) bytes: u64,
}

impl Contents {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Contents::Layer { bytes, .. } | Contents::Pieces { bytes, .. } | Contents::Host { bytes, .. } => *bytes,
        }
    }
}

/// A name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) id: Id,
    /// The layer that brought it last.
    layer: usize,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) attributes: Attributes,
    pub(super) kind: Kind,
    /// Bytes of the path of a directory, and how deep it lies.
    length: usize,
    depth: usize,
}

/// A tree of files. Nodes that no name leads to any more stay in memory, and are nowhere seen.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// What whiteouts looked at.
    looked: u64,
    pace: Pace,
}

const ROOT: Id = Id(0);

impl Tree {
    /// A root directory with nothing in it.
    pub(super) fn new() -> Tree {
        let attributes = Attributes { mode: 0o755, ..Attributes::default() };
        Tree {
            nodes: vec![Node { attributes, kind: Kind::Directory(BTreeMap::new()), length: 0, depth: 0 }],
            looked: 0,
            pace: Pace::default(),
        }
    }

    /// The node `id`: none only of another tree's.
    pub(super) fn node(&self, id: Id) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// The root directory.
    pub(super) fn root(&self) -> Option<&Node> {
        self.node(ROOT)
    }

    /// The names in a directory; none of what is no directory.
    pub(super) fn children(&self, id: Id) -> Option<&BTreeMap<Name, Child>> {
        match &self.node(id)?.kind {
            Kind::Directory(children) => Some(children),
            _ => None,
        }
    }

    fn child(&self, directory: Id, name: &[u8]) -> Option<Child> {
        self.children(directory)?.get(name).copied()
    }

    fn is_directory(&self, id: Id) -> bool {
        self.children(id).is_some()
    }

    fn add(&mut self, attributes: Attributes, kind: Kind, length: usize, depth: usize) -> Result<Id, Wrong> {
        if self.nodes.len() as u64 >= MOST {
            return wrong(format!("it has more than {MOST} files"));
        }
        self.nodes.push(Node { attributes, kind, length, depth });
        Ok(Id(self.nodes.len().saturating_sub(1)))
    }

    /// Puts a node under a name, in the place of what was there.
    fn set(&mut self, directory: Id, name: &[u8], id: Id, layer: usize) {
        if let Some(Kind::Directory(children)) = self.nodes.get_mut(directory.0).map(|node| &mut node.kind) {
            children.insert(name.to_vec(), Child { id, layer });
        }
    }

    /// A new directory under a name.
    fn make(&mut self, above: Id, name: &[u8], attributes: Attributes, layer: usize) -> Result<Id, Wrong> {
        let (length, depth) = self.node(above).map_or((0, 0), |node| (node.length, node.depth));
        let length = length.saturating_add(name.len()).saturating_add(1);
        let depth = depth.saturating_add(1);
        if length > PATH_MAX || depth > DEPTH_MAX || name.len() > NAME_MAX {
            return wrong(format!("the directory {} lies too deep, or its path is too long", shown(name)));
        }
        let id = self.add(attributes, Kind::Directory(BTreeMap::new()), length, depth)?;
        self.set(above, name, id, layer);
        Ok(id)
    }

    /// The directory at a path, made where it is not there. Links on the way are followed inside the tree, as those who unpack
    /// layers do; what is no directory makes way for one.
    pub(super) fn directory(&mut self, path: &[Name], layer: usize) -> Result<Id, Wrong> {
        let (mut way, mut links) = (vec![ROOT], 0_u32);
        let mut pending: VecDeque<Name> = path.iter().cloned().collect();
        while let Some(name) = pending.pop_front() {
            let here = way.last().copied().unwrap_or(ROOT);
            if name == b".." {
                way.truncate(way.len().saturating_sub(1).max(1));
                continue;
            }
            let there = self.child(here, &name).map(|child| child.id);
            let kind = there.and_then(|id| Some((id, &self.node(id)?.kind)));
            match kind {
                Some((id, Kind::Directory(_))) => way.push(id),
                Some((_, Kind::Symlink(target))) => {
                    links = links.saturating_add(1);
                    if links > MOST_LINKS {
                        return wrong(format!("{} leads through more than {MOST_LINKS} links", shown(&name)));
                    }
                    let steps = steps(target);
                    if target.starts_with(b"/") {
                        way.truncate(1);
                    }
                    for step in steps.into_iter().rev() {
                        pending.push_front(step);
                    }
                }
                _ => {
                    let attributes = Attributes { mode: 0o755, ..Attributes::default() };
                    way.push(self.make(here, &name, attributes, layer)?);
                }
            }
        }
        Ok(way.last().copied().unwrap_or(ROOT))
    }

    /// Puts what a layer has at a path there. A directory on a directory keeps what is in it; anything else takes the place of what was
    /// there, with all below it.
    pub(super) fn put(&mut self, path: &[u8], attributes: Attributes, kind: Kind, layer: usize) -> Result<(), Wrong> {
        let parts = parts(path)?;
        let Some((name, above)) = parts.split_last() else {
            return match (&kind, self.nodes.first_mut()) {
                (Kind::Directory(_), Some(root)) => {
                    root.attributes = attributes;
                    Ok(())
                }
                _ => wrong("its root is not a directory"),
            };
        };
        let above = self.directory(above, layer)?;
        let there = self.child(above, name).map(|child| child.id);
        if !matches!(kind, Kind::Directory(_)) {
            let id = self.add(attributes, kind, 0, 0)?;
            self.set(above, name, id, layer);
            return Ok(());
        }
        match there.filter(|id| self.is_directory(*id)) {
            Some(id) => {
                if let Some(node) = self.nodes.get_mut(id.0) {
                    node.attributes = attributes;
                }
                self.set(above, name, id, layer);
            }
            None => drop(self.make(above, name, attributes, layer)?),
        }
        Ok(())
    }

    /// One more name of a file. It stays that of its contents, whatever the other name becomes.
    pub(super) fn link(&mut self, path: &[u8], target: &[u8], layer: usize) -> Result<(), Wrong> {
        let nothing =
            || Wrong::Said(format!("{} is a hard link to {}, which is not there", shown(path), shown(target)));
        let parts_of_target = parts(target)?;
        let id = self.find(&parts_of_target).ok_or_else(nothing)?;
        if self.is_directory(id) {
            return wrong(format!("{} is a hard link to a directory", shown(path)));
        }
        let parts = parts(path)?;
        let (name, above) = parts.split_last().ok_or_else(nothing)?;
        let above = self.directory(above, layer)?;
        if self.child(above, name).is_some_and(|child| self.is_directory(child.id) && child.layer == layer) {
            return wrong(format!("{} is a directory and a hard link", shown(path)));
        }
        self.set(above, name, id, layer);
        Ok(())
    }

    /// What is at a path; the last part of it is not followed.
    fn find(&self, path: &[Name]) -> Option<Id> {
        let (name, above) = path.split_last()?;
        let (mut way, mut links) = (vec![ROOT], 0_u32);
        let mut pending: VecDeque<Name> = above.iter().cloned().collect();
        while let Some(part) = pending.pop_front() {
            let here = way.last().copied()?;
            if part == b".." {
                way.truncate(way.len().saturating_sub(1).max(1));
                continue;
            }
            let id = self.child(here, &part)?.id;
            match &self.node(id)?.kind {
                Kind::Directory(_) => way.push(id),
                Kind::Symlink(target) if links < MOST_LINKS => {
                    links = links.saturating_add(1);
                    if target.starts_with(b"/") {
                        way.truncate(1);
                    }
                    for step in steps(target).into_iter().rev() {
                        pending.push_front(step);
                    }
                }
                _ => return None,
            }
        }
        self.child(way.last().copied()?, name).map(|child| child.id)
    }

    /// Takes away what lower layers have at a path (`.wh.NAME`).
    pub(super) fn whiteout(&mut self, path: &[Name], layer: usize) -> Result<(), Wrong> {
        let Some((name, above)) = path.split_last() else { return Ok(()) };
        let above = self.directory(above, layer)?;
        match self.child(above, name) {
            None => Ok(()),
            Some(child) if child.layer != layer => {
                self.remove(above, name);
                Ok(())
            }
            // This layer has something there itself: what is below from others goes.
            Some(child) => self.purge(child.id, layer).map(drop),
        }
    }

    /// Takes away all that lower layers have in a directory (`.wh..wh..opq`).
    pub(super) fn opaque(&mut self, path: &[Name], layer: usize) -> Result<(), Wrong> {
        let directory = self.directory(path, layer)?;
        self.purge(directory, layer).map(drop)
    }

    fn remove(&mut self, directory: Id, name: &[u8]) {
        if let Some(Kind::Directory(children)) = self.nodes.get_mut(directory.0).map(|node| &mut node.kind) {
            children.remove(name);
        }
    }

    /// Leaves of a directory what `layer` brought; says whether anything is left. As deep as directories may lie.
    fn purge(&mut self, directory: Id, layer: usize) -> Result<bool, Wrong> {
        self.pace.step()?;
        let children: Vec<(Name, Child)> =
            self.children(directory).into_iter().flatten().map(|(name, child)| (name.clone(), *child)).collect();
        self.looked = self.looked.saturating_add(children.len() as u64).saturating_add(1);
        if self.looked > MOST {
            return wrong("its whiteouts hide more than there may be files");
        }
        let mut left = false;
        for (name, child) in children {
            let below = self.is_directory(child.id) && self.purge(child.id, layer)?;
            let stays = below || child.layer == layer;
            if !stays {
                self.remove(directory, &name);
            }
            left |= stays;
        }
        Ok(left)
    }

    /// Makes a directory where there is none, and leaves one as it is.
    pub(super) fn ensure(&mut self, path: &str, attributes: Attributes, layer: usize) -> Result<(), Wrong> {
        let parts = parts(path.as_bytes())?;
        let there = self.find(&parts).is_some_and(|id| self.is_directory(id)) || parts.is_empty();
        if there {
            return Ok(());
        }
        self.put(path.as_bytes(), attributes, Kind::Directory(BTreeMap::new()), layer)
    }

    /// Calls `visit` with everything but the root, each directory before what is in it, in the order of names. Paths have no `/` at
    /// their beginning.
    pub(super) fn walk<E: From<Wrong>>(
        &self,
        mut visit: impl FnMut(&[u8], Id, &Node) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut path, mut pace) = (Vec::new(), Pace::default());
        let mut open: Vec<(usize, btree_map::Iter<'_, Name, Child>)> = Vec::new();
        open.extend(self.children(ROOT).map(|children| (0, children.iter())));
        while let Some((length, children)) = open.last_mut() {
            path.truncate(*length);
            let Some((name, child)) = children.next() else {
                open.pop();
                continue;
            };
            pace.step()?;
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            let Some(node) = self.node(child.id) else { continue };
            visit(&path, child.id, node)?;
            if let Kind::Directory(children) = &node.kind {
                open.push((path.len(), children.iter()));
            }
        }
        Ok(())
    }
}

/// The steps of a link's target; `..` stays one.
pub(super) fn steps(target: &[u8]) -> Vec<Name> {
    let steps = target.split(|byte| *byte == b'/');
    steps.filter(|step| !step.is_empty() && *step != b".").map(<[u8]>::to_vec).collect()
}
