//! Single files out of archives that were downloaded. They come into memory: nothing is written under a name that an
//! archive gives.

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;

/// A binary is about 3 MB; an archive that holds a larger one than this is not what it says.
const LARGEST_MEMBER: u64 = 256 << 20;

/// All that a gzipped archive may unpack to. Its reader keeps the names of members, of any length, in memory.
const LARGEST_ARCHIVE: u64 = 1 << 30;

/// The `wanted` regular files of a gzipped tar archive, those that it has. One that names a place outside of itself is
/// refused whole: nothing here would follow such a name, but who writes one is not to be trusted with the rest.
///
/// # Errors
/// An archive that is damaged, not to be trusted, or too large.
pub fn from_tgz(archive: &[u8], wanted: &[String]) -> io::Result<HashMap<String, Vec<u8>>> {
    let mut found = HashMap::new();
    for entry in tar::Archive::new(GzDecoder::new(archive).take(LARGEST_ARCHIVE)).entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(io::Error::other(format!("it holds the path {}, which leads out of it", path.display())));
        }
        let Some(name) = wanted.iter().find(|wanted| Path::new(wanted) == path) else { continue };
        if !entry.header().entry_type().is_file() {
            return Err(io::Error::other(format!("its {name} is no regular file")));
        }
        if entry.size() > LARGEST_MEMBER {
            return Err(io::Error::other(format!("its {name} is implausibly large ({} bytes)", entry.size())));
        }
        let mut bytes = Vec::new();
        entry.take(LARGEST_MEMBER).read_to_end(&mut bytes)?;
        found.insert(name.clone(), bytes);
    }
    Ok(found)
}

/// One file of a ZIP archive.
///
/// # Errors
/// The reason, in words: no archive, no such file, one that is damaged or too large.
pub fn from_zip(archive: &[u8], name: &str) -> Result<Vec<u8>, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).map_err(|error| error.to_string())?;
    let entry = archive.by_name(name).map_err(|error| format!("{name}: {error}"))?;
    if entry.size() > LARGEST_MEMBER {
        return Err(format!("its {name} is implausibly large ({} bytes)", entry.size()));
    }
    let mut bytes = Vec::new();
    entry.take(LARGEST_MEMBER).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    Ok(bytes)
}
