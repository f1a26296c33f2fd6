//! The outer archive of a Debian package: Unix `ar`, as described in deb(5).

use std::io::{self, Read, Seek, SeekFrom};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Members that are looked at: a package has three, and perhaps a signature (deb(5)).
const MEMBERS: usize = 16;

/// A member of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name, without the `/` that some programs append.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Goes to the contents of the first member whose name `wanted` accepts; None if there is none. A file that is not an
/// archive is an
/// error of kind `InvalidData`. At most 16 headers are read.
pub(super) fn seek(archive: &mut (impl Read + Seek), wanted: impl Fn(&str) -> bool) -> io::Result<Option<Member>> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
    let mut magic = [0; 8];
    archive.read_exact(&mut magic).map_err(|_| invalid("it is too short"))?;
    if magic != *MAGIC {
        return Err(invalid("it does not begin with the signature of a package"));
    }
    for _ in 0..MEMBERS {
        let mut header = [0; HEADER];
        match archive.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let member = parse(&header).ok_or_else(|| invalid("the header of a member is damaged"))?;
        if wanted(&member.name) {
            return Ok(Some(member));
        }
        // Contents begin at even offsets.
        let skip = member.bytes.checked_next_multiple_of(2).and_then(|bytes| i64::try_from(bytes).ok());
        archive.seek(SeekFrom::Current(skip.ok_or_else(|| invalid("a member is too large"))?))?;
    }
    Err(invalid("it has more members than a package can have"))
}

/// Name in bytes 0 to 15, size in decimal digits in bytes 48 to 57, the magic "`\n" at the end.
fn parse(header: &[u8; HEADER]) -> Option<Member> {
    let text = std::str::from_utf8(header).ok().filter(|text| text.is_ascii() && text.ends_with("`\n"))?;
    let name = text.get(..16)?.trim_end().trim_end_matches('/').to_owned();
    let bytes = text.get(48..58)?.trim().parse().ok()?;
    Some(Member { name, bytes })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of the given members.
    pub(crate) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = MAGIC.to_vec();
        for (name, contents) in members {
            archive
                .extend(format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100644, contents.len()).bytes());
            archive.extend(*contents);
            archive.resize(archive.len().next_multiple_of(2), b'\n');
        }
        archive
    }

    #[test]
    fn an_archive_of_many_members_is_no_package() {
        let mut many = archive(&[]);
        for _ in 0..20 {
            many.extend(archive(&[("x", b"")]).split_off(MAGIC.len()));
        }
        let error = seek(&mut std::io::Cursor::new(&many), |_| false).expect_err("too many");
        assert_eq!(error.to_string(), "it has more members than a package can have");
    }

    #[test]
    fn members_are_found() {
        let bytes = archive(&[("debian-binary", b"2.0\n"), ("odd/", b"123"), ("data.tar.xz", b"contents")]);
        let mut cursor = io::Cursor::new(&bytes);
        let member = seek(&mut cursor, |name| name.starts_with("data.tar")).expect("sound").expect("it is there");
        assert_eq!(member, Member { name: "data.tar.xz".to_owned(), bytes: 8 });
        let mut contents = String::new();
        cursor.read_to_string(&mut contents).expect("text");
        assert_eq!(contents, "contents");
        assert_eq!(seek(&mut io::Cursor::new(&bytes), |name| name == "x").expect("sound"), None);
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let mut damaged = archive(&[("a", b"1"), ("b", b"2")]);
        damaged[8 + 50] = b'x';
        for bytes in [&b""[..], b"hello, world", &damaged] {
            let error = seek(&mut io::Cursor::new(bytes), |name| name == "b").expect_err("no archive");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
