//! Firecracker from its project's own release archives.
//!
//! Layout, from the project's `tools/release.sh` and `tools/gh_release.py`: beside
//! `vX.Y.Z/firecracker-vX.Y.Z-x86_64.tgz` lies its digest, `.sha256.txt`, as sha256sum writes it. The archive holds
//! `release-vX.Y.Z-x86_64/` with `firecracker-vX.Y.Z-x86_64`, `jailer-vX.Y.Z-x86_64` and `SHA256SUMS`, among others.

#[cfg(test)]
use std::fs;
use std::path::Path;

use firebench_os::outside;
use semver::Version;

use super::archive::{LARGEST_BINARY, LARGEST_LIST, from_tgz};
use super::binaries::Binaries;
use super::download::{curl, download};
use super::error::{FetchError, file_error};
use super::install::{check, staging};
use super::sums::listed_sha256;

/// Where the project keeps its releases, unless `--url` or `FIREBENCH_RELEASE_URL` says otherwise.
pub const RELEASE_URL: &str = "https://github.com/firecracker-microvm/firecracker/releases/download";

/// A release's archive has some 10 MB.
const LARGEST_DOWNLOAD: u64 = 128 << 20;

/// Downloads the archive of `version` from below `base` and takes the binaries out; every digest in it is checked.
pub(super) fn download_release(base: &str, version: &Version, data_dir: &Path) -> Result<Binaries, FetchError> {
    let curl = curl()?;
    let staging = staging(data_dir)?;
    let archive_name = format!("firecracker-v{version}-x86_64.tgz");
    let list_name = format!("{archive_name}.sha256.txt");
    let url = format!("{}/v{version}", base.trim_end_matches('/'));

    let list_path = staging.path().join(&list_name);
    download(&curl, &format!("{url}/{list_name}"), LARGEST_LIST, &list_path)?;
    let list = outside::text_or_wait(&list_path, LARGEST_LIST).map_err(file_error("read", &list_path))?;
    let expected = listed_sha256(&list, &archive_name)
        .ok_or_else(|| FetchError::Unlisted { list: format!("{url}/{list_name}"), file: archive_name.clone() })?;

    let archive_path = staging.path().join(&archive_name);
    download(&curl, &format!("{url}/{archive_name}"), LARGEST_DOWNLOAD, &archive_path)?;
    let archive = outside::read(&archive_path, LARGEST_DOWNLOAD).map_err(file_error("read", &archive_path))?;
    check(&format!("{url}/{archive_name}"), &archive, expected)?;
    binaries(&archive, version, Path::new(&archive_name))
}

/// The binaries out of an archive, checked against the list inside of it.
fn binaries(archive: &[u8], version: &Version, name: &Path) -> Result<Binaries, FetchError> {
    let dir = format!("release-v{version}-x86_64");
    let firecracker = format!("firecracker-v{version}-x86_64");
    let jailer = format!("jailer-v{version}-x86_64");
    let list = "SHA256SUMS";
    let damaged = |reason: String| FetchError::Archive { archive: name.to_owned(), reason };

    let wanted = [(&*firecracker, LARGEST_BINARY), (&jailer, LARGEST_BINARY), (list, LARGEST_LIST)];
    let wanted = wanted.map(|(file, most)| (format!("{dir}/{file}"), most));
    let mut members = from_tgz(archive, &wanted).map_err(|error| damaged(error.to_string()))?;
    let mut take = |file: &str| {
        members.remove(&format!("{dir}/{file}")).ok_or_else(|| damaged(format!("it does not contain {dir}/{file}")))
    };
    let sums = String::from_utf8(take(list)?).map_err(|_| damaged(format!("its {list} is not text")))?;
    let mut checked = |file: &str| -> Result<Vec<u8>, FetchError> {
        let bytes = take(file)?;
        let expected = listed_sha256(&sums, file)
            .ok_or_else(|| FetchError::Unlisted { list: format!("{dir}/{list}"), file: file.to_owned() })?;
        check(file, &bytes, expected)?;
        Ok(bytes)
    };
    Ok(Binaries { firecracker: checked(&firecracker)?, jailer: Some(checked(&jailer)?) })
}

#[cfg(test)]
mod tests;
