//! What `meta.json` of an entry says.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cache;
use crate::{Error, Result};

/// Name of the file.
pub(super) const META: &str = "meta.json";

/// Version of the layout; an entry of another one is built anew.
const SCHEMA: u32 = 1;

/// What a builder leaves in its staging directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// For people, one line.
    pub description: String,
    /// Files, relative to the entry, each with its SHA-256 if that is known.
    pub files: Vec<(String, Option<String>)>,
    /// What the kind of entry wants to remember.
    pub data: Value,
}

/// `meta.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    schema: u32,
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
    /// SHA-256 of the contents, if it was known when the entry was built.
    pub sha256: Option<String>,
}

impl Meta {
    /// Looks at the files that a builder left in `staging`.
    pub(super) fn of(contents: Contents, staging: &Path) -> Result<Meta> {
        let mut files = Vec::new();
        for (name, sha256) in contents.files {
            let path = staging.join(&name);
            let bytes = fs::metadata(&path).map_err(Error::io("look at", &path))?.len();
            files.push(FileMeta { name, bytes, sha256 });
        }
        Ok(Meta { schema: SCHEMA, description: contents.description, files, data: contents.data })
    }

    /// Reads an entry's metadata; None when the entry is not there, not readable, or not of this version.
    pub(super) fn read(entry: &Path) -> Option<Meta> {
        let text = fs::read(entry.join(META)).ok()?;
        serde_json::from_slice(&text).ok().filter(|meta: &Meta| meta.schema == SCHEMA)
    }

    /// Writes it into `staging`.
    pub(super) fn write(&self, staging: &Path) -> Result<()> {
        let path = staging.join(META);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::io("write", &path)(error.into()))?;
        fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }

    /// Why the files in `entry` are not what this says: a quick look at their sizes.
    pub(super) fn mismatch(&self, entry: &Path) -> Option<String> {
        self.files.iter().find_map(|file| match fs::metadata(entry.join(&file.name)) {
            Ok(metadata) if metadata.len() == file.bytes => None,
            Ok(metadata) => Some(format!("{} has {} bytes instead of {}", file.name, metadata.len(), file.bytes)),
            Err(error) => Some(format!("{}: {error}", file.name)),
        })
    }

    /// As [`Meta::mismatch`], and hashes every file whose SHA-256 is known.
    pub(super) fn deep_mismatch(&self, entry: &Path) -> Result<Option<String>> {
        if let Some(reason) = self.mismatch(entry) {
            return Ok(Some(reason));
        }
        for file in &self.files {
            let Some(expected) = &file.sha256 else { continue };
            let found = crate::digest::sha256_file(&entry.join(&file.name))?;
            if found != *expected {
                return Ok(Some(format!("{} has SHA-256 {found} instead of {expected}", file.name)));
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
        let data = serde_json::to_value(data)
            .map_err(|error| Error::io("describe", Path::new(super::meta::META))(error.into()))?;
        Ok(Contents { description, files: Vec::new(), data })
    }
}

impl Cache {
    /// Hashes the files of an entry whose SHA-256 is known; false when the entry is not there.
    pub fn verify(&self, kind: &str, key: &str) -> Result<bool> {
        let entry = self.entry(kind, key)?;
        let Some(guard) = entry.get()? else { return Ok(false) };
        match guard.meta().deep_mismatch(guard.path())? {
            None => Ok(true),
            Some(reason) => Err(Error::Damaged { kind: kind.to_owned(), key: key.to_owned(), reason }),
        }
    }
}
