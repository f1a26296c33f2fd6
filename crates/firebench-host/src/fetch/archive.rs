//! Single files out of archives that were downloaded. They come into memory: nothing is written under a name that an
//! archive gives.
//!
//! Every byte of an archive is read once. What it unpacks to is counted as it comes, whatever its headers announce: 16 MiB and
//! 100 times its size at most, and never more than 512 MiB, of which only the wanted files are kept, each with a bound of its own.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use firebench_os::outside::{Counted, Refused};
use flate2::read::GzDecoder;

/// Largest binary in an archive, in bytes: Firecracker has about 3 MB.
pub const LARGEST_BINARY: u64 = 32 << 20;

/// Largest list of digests, in bytes, and largest header of an archive.
pub const LARGEST_LIST: u64 = 64 << 10;

/// All that a gzipped archive may unpack to.
const LARGEST_ARCHIVE: u64 = 512 << 20;

/// Members that an archive may have: a release has some twenty.
const MEMBERS: usize = 10_000;

/// The `wanted` regular files of a gzipped tar archive, those that it has, each with the bytes that it may have. An archive that
/// names a place outside of itself is refused whole: nothing here would follow such a name, but who writes one is not to be
/// trusted with the rest.
///
/// # Errors
/// An archive that is damaged, not to be trusted, or too large.
pub fn from_tgz(archive: &[u8], wanted: &[(String, u64)]) -> io::Result<HashMap<String, Vec<u8>>> {
    let packed = archive.len() as u64;
    let unpacked = Counted::unpacked(GzDecoder::new(Counted::all(archive)), packed, LARGEST_ARCHIVE);
    let mut found = HashMap::new();
    let mut long_name = None;
    // Raw, for else names and other extensions of any length come into memory.
    for (number, entry) in tar::Archive::new(unpacked).entries()?.raw(true).enumerate() {
        let mut entry = entry?;
        if number >= MEMBERS {
            return Err(io::Error::other(format!("it has more than {MEMBERS} members")));
        }
        let kind = entry.header().entry_type();
        let is_extension = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if is_extension {
            let text = bounded(&mut entry, "header of a member", LARGEST_LIST)?;
            if kind.is_gnu_longname() {
                long_name = Some(PathBuf::from(String::from_utf8_lossy(&text).trim_end_matches('\0')));
            }
            continue;
        }
        let path = match long_name.take() {
            Some(path) => path,
            None => entry.path()?.into_owned(),
        };
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(io::Error::other(format!("it contains the path {}, which leads out of it", path.display())));
        }
        let Some((name, most)) = wanted.iter().find(|(wanted, _)| Path::new(wanted) == path) else { continue };
        if !kind.is_file() {
            return Err(io::Error::other(format!("its {name} is not a regular file")));
        }
        let bytes = bounded(&mut entry, name, *most)?;
        if found.insert(name.clone(), bytes).is_some() {
            return Err(io::Error::other(format!("it contains {name} twice")));
        }
    }
    Ok(found)
}

/// A member's contents, `most` bytes at most.
fn bounded(entry: &mut tar::Entry<'_, impl Read>, name: &str, most: u64) -> io::Result<Vec<u8>> {
    if entry.size() > most {
        return Err(io::Error::other(format!("its {name} is implausibly large ({} bytes)", entry.size())));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One file of a ZIP archive, `most` bytes at most. The archive is read from its beginning, member after member: a directory at
/// its end could name any number of them, and the same bytes many times.
///
/// # Errors
/// The reason, in words: no archive, no such file, one that is damaged or too large.
pub fn from_zip(archive: &[u8], name: &str, most: u64) -> Result<Vec<u8>, String> {
    let mut rest = Counted::all(archive);
    for _ in 0..MEMBERS {
        let entry = zip::read::read_zipfile_from_stream(&mut rest).map_err(|error| error.to_string())?;
        let Some(entry) = entry else { return Err(format!("it does not contain {name}")) };
        if entry.name() != name {
            continue;
        }
        let large = |bytes: u64| format!("its {name} is implausibly large ({bytes} bytes)");
        if entry.size() > most {
            return Err(large(entry.size()));
        }
        let mut bytes = Vec::new();
        let read = Counted::new(entry, most, Refused::Bomb { most }).read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| format!("{name}: {error}"));
    }
    Err(format!("it has more than {MEMBERS} members"))
}
