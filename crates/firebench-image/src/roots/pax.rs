//! Records of pax: `LENGTH KEY=VALUE\n`, before an entry.

use super::wrong::{Wrong, wrong};

/// Prefixes of the keys of extended attributes: star's and GNU tar's, and libarchive's, whose values are in base64.
const STAR: &str = "SCHILY.xattr.";
const LIBARCHIVE: &str = "LIBARCHIVE.xattr.";
/// Most extended attributes of a file.
const MOST_XATTRS: usize = 64;

/// What records say of an entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) mtime: Option<i64>,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
    /// Whether its contents are not what it holds from its first byte on.
    pub(super) sparse: bool,
}

/// Reads records.
pub(super) fn read(bytes: &[u8]) -> Result<Records, Wrong> {
    let damaged = || Wrong::Said("its tar archive is damaged: attributes of a file cannot be read".to_owned());
    let mut records = Records::default();
    let mut rest = bytes;
    // Some writers fill up with zeros.
    while rest.first().is_some_and(|byte| *byte != 0) {
        let space = rest.iter().take(20).position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let length: usize = text(rest.get(..space)).and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
        let (record, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let record = record.get(space.saturating_add(1)..).and_then(|record| record.strip_suffix(b"\n"));
        let record = record.ok_or_else(damaged)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(damaged)?;
        let (key, value) = record.split_at_checked(equals).ok_or_else(damaged)?;
        let key = text(Some(key)).ok_or_else(damaged)?;
        records.set(key, value.get(1..).unwrap_or_default()).ok_or_else(damaged)?;
        rest = after;
    }
    if records.xattrs.len() > MOST_XATTRS {
        return wrong(format!("a file has more than {MOST_XATTRS} extended attributes"));
    }
    records.xattrs.sort();
    Ok(records)
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}

impl Records {
    /// None for a value that cannot be.
    fn set(&mut self, key: &str, value: &[u8]) -> Option<()> {
        if let Some(name) = key.strip_prefix(STAR) {
            self.xattrs.retain(|(known, _)| known != name);
            self.xattrs.push((name.to_owned(), value.to_vec()));
            return Some(());
        }
        if let Some(name) = key.strip_prefix(LIBARCHIVE) {
            // Where both are there, they say the same.
            if self.xattrs.iter().all(|(known, _)| known != name) {
                self.xattrs.push((name.to_owned(), base64(value)?));
            }
            return Some(());
        }
        // An empty value takes back what the header says, and there is nothing else to go by.
        match key {
            "path" => self.path = Some(value.to_vec()),
            "linkpath" => self.linkpath = Some(value.to_vec()),
            "size" => self.size = Some(text(Some(value))?.parse().ok()?),
            "uid" => self.uid = Some(text(Some(value))?.parse().ok()?),
            "gid" => self.gid = Some(text(Some(value))?.parse().ok()?),
            "mtime" => self.mtime = Some(text(Some(value))?.split('.').next()?.parse().ok()?),
            _ => self.sparse |= key.starts_with("GNU.sparse."),
        }
        Some(())
    }
}

/// Reads base64, with or without what fills it up (RFC 4648).
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let (first, base) = match byte {
            b'A'..=b'Z' => (b'A', 0),
            b'a'..=b'z' => (b'a', 26),
            b'0'..=b'9' => (b'0', 52),
            b'+' => (b'+', 62),
            b'/' => (b'/', 63),
            _ => return None,
        };
        let value = byte.saturating_sub(first).saturating_add(base);
        held = (held << 6 | u32::from(value)) & 0xffff;
        bits = bits.saturating_add(6);
        if bits >= 8 {
            bits = bits.saturating_sub(8);
            bytes.push(u8::try_from(held >> bits & 0xff).unwrap_or_default());
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, value: &str) -> String {
        let rest = key.len() + value.len() + 3;
        let length = (rest + 1..).find(|length| length.to_string().len() + rest == *length).expect("one fits");
        format!("{length} {key}={value}\n")
    }

    #[test]
    fn records_are_read() {
        let all = [
            record("path", "a/b"),
            record("mtime", "1700000000.5"),
            record("uid", "70000"),
            record("SCHILY.xattr.user.x", "a\nb"),
            record("LIBARCHIVE.xattr.user.y", "AQID/w"),
            record("comment", "anything"),
        ];
        let records = read(all.concat().as_bytes()).expect("sound");
        assert_eq!(
            (records.path, records.uid, records.mtime),
            (Some(b"a/b".to_vec()), Some(70000), Some(1_700_000_000))
        );
        let xattrs = [("user.x".to_owned(), b"a\nb".to_vec()), ("user.y".to_owned(), vec![1, 2, 3, 0xff])];
        assert_eq!(records.xattrs, xattrs);
        assert!(read(record("GNU.sparse.major", "1").as_bytes()).expect("sound").sparse);
        for bad in
            ["", "x", "9 path=ab", "100 path=a\n", "9999999999999999999999 a=b\n", "8 patha\n", "0 a=b\n", "3 \n", "1 "]
        {
            assert_eq!(read(bad.as_bytes()).is_ok(), bad.is_empty(), "{bad:?}");
        }
        assert!(read(record("size", "-1").as_bytes()).is_err());
    }
}
