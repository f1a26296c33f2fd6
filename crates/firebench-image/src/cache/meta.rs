//! What `meta.json` of an entry says.

use std::fs;
use std::path::Path;

use firebench_os::outside;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digests::Digests;
use crate::digest::{sha256, sha256_file, sha256_file_without};
use crate::{Error, Result};

/// Name of the file.
pub(super) const META: &str = "meta.json";

/// Version of the layout; an entry of another one is built anew.
const SCHEMA: u32 = 2;

/// Most bytes that are read of a `meta.json`: those of a disk have 200 for each piece that the payload lies in.
const MAX_BYTES: u64 = 64 << 20;

/// Files up to this size are hashed before each use: that takes a fifth of a second where the CPU helps, less than one where it
/// does not. What is known of a larger one is believed as long as its times and its inode stay as they were.
const ALWAYS_HASHED: u64 = 256 << 20;

/// An offset in a file, and a number of bytes.
pub type Range = (u64, u64);

/// What a builder leaves in its staging directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// For people, one line.
    pub description: String,
    /// Files, relative to the entry, each with its SHA-256 if that is known. All others are hashed.
    pub files: Vec<(String, Option<String>)>,
    /// Ranges of a file that whoever uses it checks each time: a payload. They are not hashed before each use.
    pub checked_in_use: Vec<(String, Vec<Range>)>,
    /// What the kind of entry wants to remember.
    pub data: Value,
}

/// What `meta.json` says of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// For people, one line.
    pub description: String,
    /// The entry's files.
    pub files: Vec<FileMeta>,
    /// What the kind of entry wants to remember.
    pub data: Value,
}

/// A file of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Path relative to the entry.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the contents.
    pub sha256: String,
    /// What is hashed before each use, where that is not the whole file.
    pub part: Option<Part>,
}

/// A file without what its user checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What is left out.
    pub without: Vec<Range>,
    /// SHA-256 of all the rest.
    pub sha256: String,
}

/// `meta.json`: what it says, and whether it still says so.
#[derive(Serialize, Deserialize)]
struct Sealed {
    schema: u32,
    /// SHA-256 of `meta` as JSON without blanks, its keys in alphabetical order.
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    meta: Value,
}

/// How closely an entry is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// As before each use.
    ForUse,
    /// Every byte.
    Whole,
}

impl Meta {
    /// Looks at the files that a builder left in `staging`, and hashes them.
    pub(super) fn of(contents: Contents, staging: &Path) -> Result<Meta> {
        let mut files = Vec::new();
        for (name, sha256) in contents.files {
            let path = staging.join(&name);
            let bytes = fs::metadata(&path).map_err(Error::io("look at", &path))?.len();
            let sha256 = sha256.map_or_else(|| sha256_file(&path), Ok)?;
            let ranges =
                contents.checked_in_use.iter().find(|(known, _)| *known == name).map(|(_, ranges)| ranges.clone());
            let part =
                |without: Vec<Range>| sha256_file_without(&path, &without).map(|sha256| Part { without, sha256 });
            files.push(FileMeta { name, bytes, sha256, part: ranges.map(part).transpose()? });
        }
        Ok(Meta { description: contents.description, files, data: contents.data })
    }

    /// Reads an entry's metadata: None when the entry is not there or of another version, an error when they are damaged.
    pub(super) fn read(entry: &Path) -> Option<Result<Meta, String>> {
        let damaged = |reason: &str| Some(Err(format!("{META} {reason}")));
        let text = match outside::read(&entry.join(META), MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => return damaged(&format!("cannot be read: {error}")),
        };
        let Ok(sealed) = serde_json::from_slice::<Sealed>(&text) else { return damaged("is not what firebench wrote") };
        if sealed.schema != SCHEMA {
            return None;
        }
        if seal(&sealed.meta).ok() != Some(sealed.sha256) {
            return damaged("is not what firebench wrote");
        }
        Some(Meta::deserialize(sealed.meta).map_err(|error| format!("{META}: {error}")))
    }

    /// Writes it into `staging`.
    pub(super) fn write(&self, staging: &Path) -> Result<()> {
        let path = staging.join(META);
        let write = || {
            let meta = serde_json::to_value(self)?;
            let sealed = Sealed { schema: SCHEMA, sha256: seal(&meta)?, meta };
            fs::write(&path, serde_json::to_vec_pretty(&sealed)?)
        };
        write().map_err(Error::io("write", &path))
    }

    /// Size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Why the files in `entry` are not what this says.
    ///
    /// # Errors
    /// [`Error::Cancelled`]. What cannot be read is not what this says.
    pub(super) fn mismatch(&self, entry: &Path, depth: Depth, digests: &Digests) -> Result<Option<String>> {
        for file in &self.files {
            match file.mismatch(&entry.join(&file.name), depth, digests) {
                Ok(None) => {}
                Ok(Some(reason)) => return Ok(Some(format!("{} {reason}", file.name))),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => return Ok(Some(format!("{} cannot be read: {error}", file.name))),
            }
        }
        Ok(None)
    }

    /// What the kind of entry remembered, typed.
    pub(crate) fn data<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        T::deserialize(&self.data).ok()
    }
}

impl Contents {
    /// With `data` of any type.
    pub(crate) fn new(description: String, data: &impl Serialize) -> Result<Contents> {
        let data = serde_json::to_value(data).map_err(|error| Error::io("describe", Path::new(META))(error.into()))?;
        Ok(Contents { description, files: Vec::new(), checked_in_use: Vec::new(), data })
    }
}

impl FileMeta {
    fn mismatch(&self, path: &Path, depth: Depth, digests: &Digests) -> Result<Option<String>> {
        let bytes = fs::symlink_metadata(path).map_err(Error::io("look at", path))?.len();
        if bytes != self.bytes {
            return Ok(Some(format!("has {bytes} bytes instead of {}", self.bytes)));
        }
        let left_out = self.part.iter().flat_map(|part| &part.without);
        let to_hash = left_out.fold(self.bytes, |bytes, &(_, left_out)| bytes.saturating_sub(left_out));
        let (found, expected) = match (&self.part, depth) {
            (_, Depth::ForUse) if to_hash > ALWAYS_HASHED => (digests.of(path)?, &self.sha256),
            (Some(part), Depth::ForUse) => (sha256_file_without(path, &part.without)?, &part.sha256),
            _ => (sha256_file(path)?, &self.sha256),
        };
        Ok((found != *expected).then(|| format!("has SHA-256 {found} instead of {expected}")))
    }
}

/// The digest of metadata.
fn seal(meta: &Value) -> std::io::Result<String> {
    Ok(sha256(&serde_json::to_vec(meta)?))
}
