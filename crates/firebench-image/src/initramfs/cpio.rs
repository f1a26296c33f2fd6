//! The archives that the kernel unpacks at its start: cpio, "newc".
//!
//! Source: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use crate::{Error, Result};

const MAGIC: &[u8] = b"070701";
const FIELDS: usize = 13;
const HEADER: usize = 6 + FIELDS * 8;
const TRAILER: &str = "TRAILER!!!";
/// Members and archives begin at multiples of this.
const ALIGN: usize = 4;

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const CHARACTER_DEVICE: u32 = 0o020_000;

/// Writes an archive. The same calls give the same bytes: all times are 0, all owners root.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    members: u32,
}

impl Writer {
    /// An empty archive.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Adds a directory. Paths are absolute.
    pub fn directory(&mut self, path: &str, permissions: u32) -> Result<()> {
        self.member(path, DIRECTORY | permissions, 2, (0, 0), &[])
    }

    /// Adds a file.
    pub fn file(&mut self, path: &str, permissions: u32, contents: &[u8]) -> Result<()> {
        self.member(path, REGULAR | permissions, 1, (0, 0), contents)
    }

    /// Adds a character device with its major and minor number.
    pub fn character_device(&mut self, path: &str, permissions: u32, device: (u32, u32)) -> Result<()> {
        self.member(path, CHARACTER_DEVICE | permissions, 1, device, &[])
    }

    /// The archive; its length is a multiple of 4, so that another one may follow.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.header(TRAILER, 0, 0, 1, (0, 0), 0)?;
        Ok(self.bytes)
    }

    fn member(&mut self, path: &str, mode: u32, links: u32, device: (u32, u32), contents: &[u8]) -> Result<()> {
        let name = path.strip_prefix('/').filter(|name| !name.is_empty() && !name.contains('\0'));
        let name = name.ok_or_else(|| Error::Cpio { reason: format!("{path:?} is not an absolute path") })?;
        let size = u32::try_from(contents.len())
            .map_err(|_| Error::Cpio { reason: format!("{path} is larger than 4 GiB") })?;
        self.members = self.members.saturating_add(1);
        self.header(name, self.members, mode, links, device, size)?;
        self.bytes.extend_from_slice(contents);
        self.pad();
        Ok(())
    }

    fn header(&mut self, name: &str, inode: u32, mode: u32, links: u32, device: (u32, u32), size: u32) -> Result<()> {
        let name_size = u32::try_from(name.len())
            .ok()
            .and_then(|length| length.checked_add(1))
            .ok_or_else(|| Error::Cpio { reason: "a name is too long".to_owned() })?;
        self.bytes.extend_from_slice(MAGIC);
        // inode, mode, uid, gid, links, mtime, size, device (2), device of a node (2), name's size, checksum
        let fields: [u32; FIELDS] = [inode, mode, 0, 0, links, 0, size, 0, 0, device.0, device.1, name_size, 0];
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }
}

/// A member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member<'a> {
    /// Path without the leading `/`.
    pub name: &'a str,
    /// Type and permissions.
    pub mode: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// What is in the file.
    pub contents: &'a [u8],
}

/// Reads the members of one archive or of several, one after the other.
pub fn read(archive: &[u8]) -> Result<Vec<Member<'_>>> {
    let wrong = |reason: &str| Error::Cpio { reason: reason.to_owned() };
    let mut members = Vec::new();
    let mut at = 0_usize;
    let mut ended = true;
    while let Some(rest) = archive.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.first() == Some(&0) {
            at = at.saturating_add(1);
            continue;
        }
        if at % ALIGN != 0 {
            return Err(wrong("a member does not begin at a multiple of 4"));
        }
        let header = rest.get(..HEADER).ok_or_else(|| wrong("it is truncated"))?;
        let digits =
            header.strip_prefix(MAGIC).ok_or_else(|| wrong("a member does not begin with the magic number"))?;
        let field = |index: usize| {
            let digits = digits.chunks(8).nth(index).and_then(|digits| std::str::from_utf8(digits).ok());
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| wrong("a header is damaged"))
        };
        let size = usize::try_from(field(6)?).unwrap_or(usize::MAX);
        let name_size = usize::try_from(field(11)?).unwrap_or(usize::MAX);
        let name = rest.get(HEADER..HEADER.saturating_add(name_size)).ok_or_else(|| wrong("it is truncated"))?;
        let name = name.strip_suffix(b"\0").and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or_else(|| wrong("a name is damaged"))?;
        let start = HEADER.saturating_add(name_size).next_multiple_of(ALIGN);
        let contents = rest.get(start..start.saturating_add(size)).ok_or_else(|| wrong("it is truncated"))?;
        ended = name == TRAILER;
        if !ended {
            members.push(Member { name, mode: field(1)?, device: (field(9)?, field(10)?), contents });
        }
        at = at.saturating_add(start).saturating_add(size).next_multiple_of(ALIGN);
    }
    match ended {
        true => Ok(members),
        false => Err(wrong("it is truncated")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new();
        writer.directory("/dev", 0o755).expect("added");
        writer.character_device("/dev/console", 0o600, (5, 1)).expect("added");
        writer.file("/init", 0o755, b"12345").expect("added");
        let mut bytes = writer.finish().expect("finished");
        let mut second = Writer::new();
        second.file("/job", 0o644, b"").expect("added");
        bytes.extend([0; 8]);
        bytes.extend(second.finish().expect("finished"));
        let members = read(&bytes).expect("sound");
        let names: Vec<_> = members.iter().map(|member| (member.name, member.mode)).collect();
        assert_eq!(names, [("dev", 0o40755), ("dev/console", 0o20600), ("init", 0o100755), ("job", 0o100644)]);
        assert_eq!(members[1].device, (5, 1));
        assert_eq!(members[2].contents, b"12345");
    }

    #[test]
    fn bad_input_is_an_error() {
        assert!(Writer::new().file("relative", 0o644, b"").is_err());
        assert!(Writer::new().file("/", 0o644, b"").is_err());
        let mut writer = Writer::new();
        writer.file("/init", 0o755, b"12345").expect("added");
        let bytes = writer.finish().expect("finished");
        for end in 1..bytes.len() - ALIGN {
            assert!(read(&bytes[..end]).is_err(), "cut at {end}");
        }
        let shifted: Vec<u8> = [0_u8].into_iter().chain(bytes).collect();
        assert!(read(&shifted).is_err(), "not aligned");
    }

    #[test]
    fn an_archive_is_what_the_format_says() {
        let mut writer = Writer::new();
        writer.file("/a", 0o644, b"xyz").expect("added");
        let bytes = writer.finish().expect("finished");
        let expected = "070701\
            00000001000081a40000000000000000000000010000000000000003\
            0000000000000000000000000000000000000002\
            00000000a\0xyz\0\
            070701\
            00000000000000000000000000000000000000010000000000000000\
            000000000000000000000000000000000000000b\
            00000000TRAILER!!!\0\0\0\0";
        assert_eq!(String::from_utf8(bytes).expect("text"), expected);
    }
}
