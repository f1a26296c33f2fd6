//! The guest's root disk: a static busybox, the payload at `/random.txt` if there is one, and what the user adds.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::ask::Ask;
use crate::cache::{Cache, Contents, Entry, Guard};
use crate::digest::key;
use crate::elf::require_static_executable;
use crate::ext4::{self, Extent, Fingerprint, Identity, Reserved, Tree};
use crate::payload::Payload;
use crate::progress::Watcher;
use crate::{Error, Result};

/// Kind of the entries in the cache.
pub const KIND: &str = "disk";

/// Where the payload is in the guest.
pub const PAYLOAD_PATH: &str = "/random.txt";

/// Where busybox is in the guest; every applet is a link to it in the same directory.
pub const BUSYBOX_PATH: &str = "/bin/busybox";

const IMAGE: &str = "root.ext4";

pub(crate) const BUSYBOX_HINT: &str = "use the one in Debian's or Ubuntu's package busybox-static";

const IDENTITY: Identity = Identity { label: "firebench", uuid: "66697265-6265-4e63-a800-726f6f740001" };

/// Mount points and directories of an ordinary system, with their permissions.
const DIRECTORIES: [(&str, u32); 9] = [
    ("/dev", 0o755),
    ("/proc", 0o555),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/run", 0o755),
    ("/root", 0o700),
    ("/etc", 0o755),
    ("/newroot", 0o755),
    ("/mnt", 0o755),
];

/// What a root disk is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSpec {
    /// A static busybox on the host.
    pub busybox: PathBuf,
    /// What becomes `/random.txt`, if anything.
    pub payload: Option<Payload>,
    /// More files, or directories with all that is in them: path on the host, path in the guest.
    #[serde(default)]
    pub add: Vec<(PathBuf, PathBuf)>,
    /// Where in the image the files come to lie. Another number moves them, and changes no byte of them.
    #[serde(default)]
    pub layout: u32,
}

/// A root disk in the cache. It stays as long as this is held.
#[derive(Debug)]
pub struct RootDisk {
    /// The raw image.
    pub path: PathBuf,
    /// SHA-256 of `/random.txt`; empty where there is none.
    pub sha256_of_payload: String,
    /// Size of `/random.txt` in bytes.
    pub payload_bytes: u64,
    /// Size of the image in bytes.
    pub image_bytes: u64,
    /// Key of the entry in the cache.
    pub key: String,
    /// Where the payload lies in the image.
    pub payload_extents: Vec<Extent>,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the cache remembers of a disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Data {
    payload: Option<Payload>,
    payload_sha256: String,
    payload_bytes: u64,
    payload_extents: Vec<Extent>,
}

/// What the key of an entry is made of.
#[derive(Serialize)]
struct Inputs {
    format: u32,
    identity: &'static str,
    payload: Option<Source>,
    tree: Fingerprint,
    #[serde(skip_serializing_if = "is_default")]
    layout: u32,
}

/// Whether it is the layout of disks from before there were others: it is no part of their keys.
pub(crate) fn is_default(layout: &u32) -> bool {
    *layout == 0
}

/// The payload in the key: a file by what is in it, not by its name.
#[derive(Serialize)]
enum Source {
    Made(Payload),
    File { sha256: String },
}

/// Builds the root disk, or finds it in the cache.
pub fn build_root_disk(cache: &Cache, spec: &DiskSpec) -> Result<RootDisk> {
    let Named { tree, file_sha256, key } = name(cache, spec)?;
    let entry = cache.entry(KIND, &key)?;
    let guard = entry.get_or_build(|staging| {
        let (contents, sha256) = write(&staging.join(IMAGE), spec, tree, crate::cache::watcher(cache))?;
        match (&spec.payload, file_sha256) {
            (Some(Payload::File { path }), Some(expected)) if expected != sha256 => {
                Err(Error::PayloadChanged { path: path.clone() })
            }
            _ => Ok(contents),
        }
    })?;
    root_disk(&entry, guard)
}

/// Where the root disk is or would be, and the disk if the cache has it. Builds nothing.
pub fn find_root_disk(cache: &Cache, spec: &DiskSpec) -> Result<(PathBuf, Option<RootDisk>)> {
    let entry = cache.entry(KIND, &name(cache, spec)?.key)?;
    let found = entry.get()?.map(|guard| root_disk(&entry, guard)).transpose()?;
    Ok((entry.path().join(IMAGE), found))
}

/// What a disk is called in the cache, and what that was computed from.
struct Named {
    tree: Tree,
    file_sha256: Option<String>,
    key: String,
}

fn name(cache: &Cache, spec: &DiskSpec) -> Result<Named> {
    let digests = cache.digests();
    let tree = tree(spec, crate::cache::ask(cache))?;
    let file_sha256 = match &spec.payload {
        Some(Payload::File { path }) => Some(digests.of(path)?),
        _ => None,
    };
    let payload = match &file_sha256 {
        Some(sha256) => Some(Source::File { sha256: sha256.clone() }),
        None => spec.payload.clone().map(Source::Made),
    };
    let tree_inputs = tree.fingerprint(&digests)?;
    let (format, identity) = (ext4::FORMAT, IDENTITY.uuid);
    let key = key(&Inputs { format, identity, payload, tree: tree_inputs, layout: spec.layout })?;
    Ok(Named { tree, file_sha256, key })
}

/// The root disk with this key, if the cache has it.
pub fn cached_root_disk(cache: &Cache, key: &str) -> Result<Option<RootDisk>> {
    let entry = cache.entry(KIND, key)?;
    entry.get()?.map(|guard| root_disk(&entry, guard)).transpose()
}

fn root_disk(entry: &Entry<'_>, guard: Guard) -> Result<RootDisk> {
    let damaged = || entry.damaged("its metadata do not describe a disk".to_owned());
    let data: Data = guard.meta().data().ok_or_else(damaged)?;
    Ok(RootDisk {
        path: guard.path().join(IMAGE),
        sha256_of_payload: data.payload_sha256,
        payload_bytes: data.payload_bytes,
        image_bytes: guard.meta().bytes(),
        key: entry.key().to_owned(),
        payload_extents: data.payload_extents,
        guard,
    })
}

impl RootDisk {
    /// Reads the payload out of the image and says whether it still is what was written.
    pub fn payload_is_intact(&self) -> Result<bool> {
        if self.payload_extents.is_empty() {
            return Ok(self.payload_bytes == 0);
        }
        let found = ext4::digest_of(&self.path, &self.payload_extents, self.payload_bytes)?;
        Ok(found == self.sha256_of_payload)
    }

    /// SHA-256 of the whole image, as it was built.
    pub fn image_digest(&self, cache: &Cache) -> Result<String> {
        cache.digest_of(&self.path)
    }
}

/// Everything but the payload.
fn tree(spec: &DiskSpec, ask: Ask) -> Result<Tree> {
    require_static_executable(&spec.busybox, BUSYBOX_HINT)?;
    let mut tree = Tree::new();
    for (path, mode) in DIRECTORIES {
        tree.directory(Path::new(path), mode)?;
    }
    tree.add(&spec.busybox, Path::new(BUSYBOX_PATH))?;
    for (host, guest) in &spec.add {
        tree.add(host, guest)?;
    }
    for applet in applets(&spec.busybox, ask)? {
        let path = Path::new("/bin").join(applet);
        // What was added takes its place.
        if !tree.has(&path)? {
            tree.symlink(&path, "busybox")?;
        }
    }
    Ok(tree)
}

/// Names of busybox' applets, without busybox itself.
fn applets(busybox: &Path, ask: Ask) -> Result<Vec<String>> {
    let wrong = |reason: String| Error::Busybox { path: busybox.to_owned(), reason };
    let busybox = std::path::absolute(busybox).map_err(Error::io("find", busybox))?;
    let list = ask(&busybox, &["--list"]).map_err(|error| wrong(error.to_string()))?;
    let list = String::from_utf8(list).map_err(|_| wrong("its list of applets is not UTF-8 text".to_owned()))?;
    let names: Vec<String> = list.lines().map(str::trim).filter(|name| *name != "busybox").map(str::to_owned).collect();
    let good = |name: &String| !name.is_empty() && !name.contains('/');
    for needed in ["sh", "sha256sum"] {
        if !names.iter().all(good) || !names.iter().any(|name| name == needed) {
            return Err(wrong(format!("its list of applets does not contain `{needed}`")));
        }
    }
    Ok(names)
}

/// Writes the image; also returns the payload's SHA-256.
fn write(image: &Path, spec: &DiskSpec, tree: Tree, watcher: Watcher<'_>) -> Result<(Contents, String)> {
    let contents = spec.payload.as_ref().map(Payload::open).transpose()?;
    let reserved = contents.map(|contents| Reserved { path: Path::new(PAYLOAD_PATH), contents });
    let payload_bytes = reserved.as_ref().map_or(0, |reserved| reserved.contents.total());
    let built = ext4::build(image, IDENTITY, tree.laid_out(spec.layout), reserved, watcher)?;
    let payload_sha256 = built.reserved_sha256.unwrap_or_default();
    let mut description = match &spec.payload {
        Some(Payload::Seeded { seed, .. }) => format!("root disk, {payload_bytes} bytes of seed {seed:#x}"),
        Some(Payload::Urandom { .. }) => format!("root disk, {payload_bytes} random bytes"),
        Some(Payload::File { path }) => format!("root disk, {payload_bytes} bytes of {}", path.display()),
        None => "root disk without a payload".to_owned(),
    };
    if spec.layout > 0 {
        description += &format!(", layout {}", spec.layout);
    }
    let data = Data {
        payload: spec.payload.clone(),
        payload_sha256: payload_sha256.clone(),
        payload_bytes,
        payload_extents: built.extents,
    };
    // Whoever boots it compares the payload's digest in each iteration.
    let payload = data.payload_extents.iter().map(Extent::bytes).collect();
    let contents = Contents {
        files: vec![(IMAGE.to_owned(), None)],
        checked_in_use: vec![(IMAGE.to_owned(), payload)],
        ..Contents::new(description, &data)?
    };
    Ok((contents, payload_sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_layout_has_the_keys_from_before_there_were_others() {
        let dir = tempfile::tempdir().expect("a directory");
        let tree = Tree::new()
            .fingerprint(&crate::cache::Cache::open(dir.path()).expect("it opens").digests())
            .expect("it is empty");
        let inputs = |layout| Inputs { format: 1, identity: "x", payload: None, tree: tree.clone(), layout };
        let text = |layout| serde_json::to_string(&inputs(layout)).expect("it is JSON");
        assert_eq!(text(0), r#"{"format":1,"identity":"x","payload":null,"tree":{"entries":[]}}"#);
        assert_ne!(text(1), text(2));
    }
}
