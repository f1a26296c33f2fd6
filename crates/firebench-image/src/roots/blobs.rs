//! The parts of a container image: files of a directory, or members of an archive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firebench_os::outside;

use super::layer::{What, each_entry};
use super::name::{Name, parts};
use super::section::Section;
use super::tree::steps;
use super::wrong::{Wrong, shown, wrong};

/// Most members of an archive with an image in it: an image has 128 layers at most.
const MOST_MEMBERS: usize = 10_000;
/// Most bytes of an index, a manifest or a configuration.
pub(super) const MOST_TEXT: u64 = 4 << 20;

/// Where the parts of an image are.
#[derive(Debug)]
pub(super) enum Blobs {
    Directory(PathBuf),
    Archive(BTreeMap<Vec<u8>, Member>),
}

/// A member of an archive.
#[derive(Debug)]
pub(super) enum Member {
    File(Section),
    /// A link to another member: it never leads out of the archive.
    Link(Vec<u8>),
}

impl Blobs {
    /// The members of an archive.
    pub(super) fn of_archive(archive: &Section) -> Result<Blobs, Wrong> {
        let mut members = BTreeMap::new();
        each_entry(archive, &mut 0, |entry| {
            let name = joined(&parts(&entry.name)?);
            let member = match entry.what {
                What::File { at, bytes } => match archive.part(at, bytes) {
                    Some(section) => Member::File(section),
                    None => return wrong("it is cut off"),
                },
                What::Symlink(target) => Member::Link(beside(&name, &target)?),
                What::Link(target) => Member::Link(joined(&parts(&target)?)),
                _ => return Ok(()),
            };
            members.insert(name, member);
            if members.len() > MOST_MEMBERS {
                wrong(format!("it has more than {MOST_MEMBERS} members"))
            } else {
                Ok(())
            }
        })?;
        Ok(Blobs::Archive(members))
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Blobs::Directory(directory) => directory.join(name).is_file(),
            Blobs::Archive(members) => members.contains_key(name.as_bytes()),
        }
    }

    /// A part. Of an archive a link is followed once, to another member.
    pub(super) fn open(&self, name: &str) -> Result<Section, Wrong> {
        let name = joined(&parts(name.as_bytes())?);
        let missing = || Wrong::Said(format!("its part {} is not there", shown(&name)));
        match self {
            Blobs::Directory(directory) => {
                let path = directory.join(Path::new(std::ffi::OsStr::new(&*String::from_utf8_lossy(&name))));
                match outside::open(&path) {
                    Ok(file) => Ok(Section::whole(file)?),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing()),
                    Err(error) => Err(Wrong::from(error).of(&shown(&name))),
                }
            }
            Blobs::Archive(members) => match members.get(&name) {
                Some(Member::File(section)) => Ok(section.clone()),
                Some(Member::Link(target)) => match members.get(target) {
                    Some(Member::File(section)) => Ok(section.clone()),
                    _ => wrong(format!(
                        "its part {} is a link to {}, which is no file in it",
                        shown(&name),
                        shown(target)
                    )),
                },
                None => Err(missing()),
            },
        }
    }

    /// A small part.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, Wrong> {
        self.open(name)?.read(MOST_TEXT).map_err(|wrong| wrong.of(name))
    }
}

fn joined(parts: &[Name]) -> Vec<u8> {
    parts.join(&b'/')
}

/// What a symbolic link beside a member means, inside the archive.
fn beside(name: &[u8], target: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut way = parts(name)?;
    way.pop();
    if target.starts_with(b"/") {
        return wrong(format!("its member {} is a link out of it", shown(name)));
    }
    for step in steps(target) {
        if step != b".." {
            way.push(step);
        } else if way.pop().is_none() {
            return wrong(format!("its member {} is a link out of it", shown(name)));
        }
    }
    Ok(joined(&way))
}
