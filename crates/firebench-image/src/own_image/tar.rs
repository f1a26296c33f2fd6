//! Tar archives: of files, or of an OCI image.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// What to do with an archive of a root file system.
pub(super) const UNPACK: &str = "firebench cannot boot an archive: unpack it into a directory and make a disk of \
that: `mke2fs -t ext4 -d DIRECTORY root.ext4 SIZE`";
/// What to do with an image of a container.
pub(super) const OCI: &str = "firebench cannot boot a container image: export the files of a container made from it \
(`docker export`, `podman export`), unpack them into a directory and make a disk of that: `mke2fs -t ext4 -d \
DIRECTORY root.ext4 SIZE`";

/// Members that are looked at.
const MEMBERS: usize = 1000;
const BLOCK: u64 = 512;

pub(super) fn name(file: &File) -> String {
    match is_container_image(file) {
        true => "it is a container image in an archive (OCI or docker save)".to_owned(),
        false => "it is a tar archive".to_owned(),
    }
}

pub(super) fn remedy(file: &File) -> String {
    if is_container_image(file) { OCI.to_owned() } else { UNPACK.to_owned() }
}

/// Whether one of the first members is what only an image of a container has. Only headers are read.
fn is_container_image(file: &File) -> bool {
    let mut at = 0_u64;
    for _ in 0..MEMBERS {
        let mut header = [0; 512];
        if file.read_exact_at(&mut header, at).is_err() {
            return false;
        }
        let header = tar::Header::from_byte_slice(&header);
        let name = header.path_bytes();
        let name = name.strip_prefix(b"./").unwrap_or(&name);
        if [&b"oci-layout"[..], b"manifest.json", b"repositories"].contains(&name) {
            return true;
        }
        let Ok(size) = header.entry_size() else { return false };
        let Some(next) = size.checked_next_multiple_of(BLOCK).and_then(|size| at.checked_add(size)) else {
            return false;
        };
        at = next.saturating_add(BLOCK);
    }
    false
}
