//! A layer: a tar archive whose entries are read one after the other. Contents are passed over; where they are, is noted.
//!
//! Sources: POSIX.1-2017, "pax"; GNU tar's manual, "Basic Tar Format"; libarchive's tar(5).

use super::pax::{self, Records};
use super::section::{Pace, Section};
use super::tree::Attributes;
use super::wrong::{Wrong, shown, wrong};

const BLOCK: u64 = 512;
/// Most bytes of what precedes an entry: a long name, or attributes that ustar has no room for.
const MOST_BEFORE: u64 = 1 << 20;
/// Most bytes of names, targets and extended attributes in all layers together.
pub(super) const MOST_TEXT: u64 = 256 << 20;

/// An entry of a layer.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) attributes: Attributes,
    pub(super) what: What,
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Directory,
    File {
        at: u64,
        bytes: u64,
    },
    Symlink(Vec<u8>),
    /// One more name for what is at this path.
    Link(Vec<u8>),
    Device {
        block: bool,
        major: u32,
        minor: u32,
    },
    Fifo,
}

/// Whether a file begins as a tar archive does.
pub(super) fn is_tar(section: &Section) -> bool {
    let mut header = [0; 512];
    section.read_at(&mut header, 0).is_ok()
        && (is_sound(tar::Header::from_byte_slice(&header), &header) || header == [0; 512])
}

/// Whether the checksum of a header is right.
fn is_sound(header: &tar::Header, bytes: &[u8; 512]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().fold(0_u32, |sum, byte| sum.saturating_add(u32::from(*byte)));
    let (before, after) = (bytes.get(..148).unwrap_or_default(), bytes.get(156..).unwrap_or_default());
    let sum = sum(before).saturating_add(sum(after)).saturating_add(8 * u32::from(b' '));
    header.cksum().is_ok_and(|stored| stored == sum)
}

/// Hands every entry to `take`. `text` counts the bytes of names and attributes of all layers.
pub(super) fn each_entry(
    layer: &Section,
    text: &mut u64,
    mut take: impl FnMut(Entry) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let (mut at, mut pace) = (0_u64, Pace::default());
    let mut before = Before::default();
    while at < layer.bytes() {
        pace.step()?;
        let mut bytes = [0; 512];
        if layer.read_at(&mut bytes, at).is_err() {
            return wrong("its tar archive is cut off");
        }
        if bytes == [0; 512] {
            return Ok(());
        }
        let header = tar::Header::from_byte_slice(&bytes);
        if !is_sound(header, &bytes) {
            return wrong("its tar archive is damaged: a header has a wrong checksum");
        }
        let kind = header.entry_type();
        let link = kind.is_hard_link() || kind.is_symlink();
        let own = header
            .entry_size()
            .map_err(|_| Wrong::Said("its tar archive is damaged: a file has no size".to_owned()))?;
        let is_before = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        let size = before.records.size.filter(|_| !is_before).unwrap_or(own);
        // A link has no contents, whatever size it tells (as star does).
        let size = if link || kind.is_dir() { own.min(size) } else { size };
        let contents = at.checked_add(BLOCK);
        let section = contents.and_then(|contents| layer.part(contents, size));
        let next =
            size.checked_next_multiple_of(BLOCK).zip(contents).and_then(|(size, contents)| contents.checked_add(size));
        let (Some(section), Some(contents), Some(next)) = (section, contents, next) else {
            return wrong(format!("its tar archive is cut off in {}", shown(&header.path_bytes())));
        };
        at = next;
        if is_before {
            *text = text.saturating_add(size);
            if *text > MOST_TEXT {
                return wrong("its names and attributes are too long");
            }
            before.add(kind, &section)?;
            continue;
        }
        let entry = std::mem::take(&mut before).entry(header, contents, size)?;
        *text = text.saturating_add(entry.name.len() as u64);
        take(entry)?;
    }
    Ok(())
}

/// What precedes an entry, and is about it.
#[derive(Debug, Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Records,
}

impl Before {
    fn add(&mut self, kind: tar::EntryType, section: &Section) -> Result<(), Wrong> {
        if kind.is_pax_global_extensions() {
            // Comments of programs that make archives: nothing in them is about a file alone.
            return Ok(());
        }
        let mut bytes = section.read(MOST_BEFORE)?;
        if kind.is_pax_local_extensions() {
            self.records = pax::read(&bytes)?;
            return Ok(());
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        if kind.is_gnu_longname() {
            self.name = Some(bytes);
        } else {
            self.link = Some(bytes);
        }
        Ok(())
    }

    fn entry(self, header: &tar::Header, at: u64, bytes: u64) -> Result<Entry, Wrong> {
        let Before { name, link, records } = self;
        let name = records.path.or(name).unwrap_or_else(|| header.path_bytes().into_owned());
        let damaged = |what: &str| Wrong::Said(format!("its tar archive is damaged: {} has no {what}", shown(&name)));
        let number = |number: std::io::Result<u64>, what: &str| {
            number.ok().and_then(|number| u32::try_from(number).ok()).ok_or_else(|| damaged(what))
        };
        let link = || {
            let own = || header.link_name_bytes().map(std::borrow::Cow::into_owned);
            records.linkpath.or(link).or_else(own).filter(|link| !link.is_empty()).ok_or_else(|| damaged("target"))
        };
        let device = |block| {
            let part = |number: std::io::Result<Option<u32>>| number.ok().flatten().ok_or_else(|| damaged("number"));
            Ok::<_, Wrong>(What::Device {
                block,
                major: part(header.device_major())?,
                minor: part(header.device_minor())?,
            })
        };
        if records.sparse {
            return wrong(format!("{} is a sparse file, which firebench does not read", shown(&name)));
        }
        let is_file = |kind: u8| matches!(kind, b'0' | 0 | b'7');
        let what = match header.entry_type().as_byte() {
            // Before there was a type for them, a slash at the end of the name told directories.
            kind if is_file(kind) && name.ends_with(b"/") => What::Directory,
            kind if is_file(kind) => What::File { at, bytes },
            b'1' => What::Link(link()?),
            b'2' => What::Symlink(link()?),
            b'3' => device(false)?,
            b'4' => device(true)?,
            b'5' => What::Directory,
            b'6' => What::Fifo,
            other => {
                let kind = char::from(other);
                return wrong(format!("{} is of a kind that firebench does not read ('{kind}')", shown(&name)));
            }
        };
        let attributes = Attributes {
            mode: header.mode().map_err(|_| damaged("mode"))? & 0o7777,
            uid: records.uid.map_or_else(|| number(header.uid(), "owner"), Ok)?,
            gid: records.gid.map_or_else(|| number(header.gid(), "group"), Ok)?,
            mtime: records.mtime.unwrap_or_else(|| i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0)),
            xattrs: records.xattrs,
        };
        Ok(Entry { name, attributes, what })
    }
}
