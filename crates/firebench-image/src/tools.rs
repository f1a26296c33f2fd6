//! A disk of host files for the nested host: VMM binaries, the libraries that they need, firebench itself.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Result;
use crate::cache::{Cache, Contents, Guard};
use crate::digest::key;
use crate::ext4::{self, Fingerprint, Identity, Tree};

/// Kind of the entries in the cache.
pub const KIND: &str = "tools";

const IMAGE: &str = "tools.ext4";

const IDENTITY: Identity = Identity { label: "firebench-tools", uuid: "66697265-6265-4e63-a800-746f6f6c0001" };

/// A tools disk in the cache. It stays as long as this is held.
#[derive(Debug)]
pub struct ToolsDisk {
    /// The raw image.
    pub path: PathBuf,
    /// Size of the image in bytes.
    pub image_bytes: u64,
    /// Key of the entry in the cache.
    pub key: String,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the key of an entry is made of.
#[derive(Serialize)]
struct Inputs {
    format: u32,
    identity: &'static str,
    tree: Fingerprint,
}

/// Builds a read-only ext4 image with the given files (path on the host, path on the disk) and directories (path on the
/// disk), or finds it in the cache. Symbolic links that are named as files are resolved; a directory is taken with all that
/// is in it.
pub fn build_tools_disk(cache: &Cache, files: &[(PathBuf, PathBuf)], directories: &[&Path]) -> Result<ToolsDisk> {
    let mut tree = Tree::new();
    for path in directories {
        tree.directory(path, 0o755)?;
    }
    for (host, guest) in files {
        tree.add(host, guest)?;
    }
    let inputs = Inputs { format: ext4::FORMAT, identity: IDENTITY.uuid, tree: tree.fingerprint(&cache.digests())? };
    let key = key(&inputs)?;
    let guard = cache.entry(KIND, &key)?.get_or_build(|staging| {
        ext4::build(&staging.join(IMAGE), IDENTITY, tree, None, crate::cache::watcher(cache))?;
        let description = format!("tools disk, {} files", files.len());
        Ok(Contents { files: vec![(IMAGE.to_owned(), None)], ..Contents::new(description, &())? })
    })?;
    Ok(ToolsDisk { path: guard.path().join(IMAGE), image_bytes: guard.meta().bytes(), key, guard })
}
