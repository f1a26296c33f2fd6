//! A guest's kernel: Debian's for virtual machines in clouds, as a package that is downloaded and not installed.

use std::path::{Path, PathBuf};

use firebench_image::digest::{sha256, sha256_file};

use super::apt::{Apt, version_of};
use super::data::{Fetched, entries};
use super::error::{FetchError, file_error};
use super::install::staging;
use super::recorded;
use super::version_order::compare;

/// The package that always depends on the current kernel.
const META_PACKAGE: &str = "linux-image-cloud-amd64";
const HINT: &str = "on Debian, renew the package lists (apt-get update); elsewhere, give a kernel with --kernel PATH";

/// Downloads Debian's current cloud kernel package into `data_dir`, unless it is there.
///
/// # Errors
/// [`FetchError`] when there is no APT, it knows no such package, or the download fails.
pub fn kernel(data_dir: &Path) -> Result<Fetched, FetchError> {
    let apt = Apt::find("a kernel", "give a kernel with --kernel PATH: this machine does not have APT")?;
    kernel_with(&apt, data_dir)
}

fn kernel_with(apt: &Apt, data_dir: &Path) -> Result<Fetched, FetchError> {
    let unknown = |package: &str| FetchError::NoPackage { package: package.to_owned(), hint: HINT };
    // APT says only that it found nothing, and fails.
    let depends = apt.depends(META_PACKAGE).map_err(|_| unknown(META_PACKAGE))?;
    let package = depends.iter().find(|name| is_kernel(name)).ok_or_else(|| unknown(META_PACKAGE))?;
    let announced = apt.announce(package).map_err(|_| unknown(package))?.ok_or_else(|| unknown(package))?;

    let dir = data_dir.join("kernels");
    let path = dir.join(&announced.file_name);
    let version = version_of(&announced.file_name).unwrap_or_default();
    if let (Some(expected), Ok(found)) = (&announced.sha256, sha256_file(&path)) {
        if *expected == found {
            recorded::record(&path, &found)?;
            return Ok(Fetched { path, version, sha256: found, already: true });
        }
    }
    let staging = staging(&dir)?;
    let (staged, bytes) = apt.download(package, &announced, staging.path())?;
    let sha256 = sha256(&bytes);
    recorded::record(&path, &sha256)?;
    std::fs::rename(&staged, &path).map_err(file_error("write", &path))?;
    Ok(Fetched { path, version, sha256, already: false })
}

/// The real package, `linux-image-VERSION-cloud-amd64`.
fn is_kernel(package: &str) -> bool {
    package.starts_with("linux-image-") && package.ends_with("-cloud-amd64") && package != META_PACKAGE
}

/// The newest kernel package that was fetched into `data_dir`.
pub fn installed_kernel(data_dir: &Path) -> Option<PathBuf> {
    entries(&data_dir.join("kernels"))
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let version = version_of(name).filter(|_| name.starts_with("linux-image-"))?;
            Some((version, path))
        })
        .filter(|(_, path)| path.is_file())
        .max_by(|(a, _), (b, _)| compare(a, b))
        .map(|(_, path)| path)
}

/// The newest kernel package that was fetched into `data_dir`, which must still be what it was.
///
/// # Errors
/// [`FetchError::Changed`], [`FetchError::Unrecorded`].
pub fn checked_kernel(data_dir: &Path) -> Result<Option<PathBuf>, FetchError> {
    let kernel = installed_kernel(data_dir);
    kernel.as_deref().map_or(Ok(()), |path| recorded::check_file("kernel", path))?;
    Ok(kernel)
}

#[cfg(test)]
mod tests {
    use super::super::apt::tests::fake_apt;
    use super::*;

    const PACKAGE: &str = "linux-image-6.1.0-56-cloud-amd64";

    #[test]
    fn the_real_package_is_downloaded_once() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let apt = fake_apt(dir.path(), &format!("{META_PACKAGE}\n  Depends: {PACKAGE}"), PACKAGE, b"a kernel");
        let first = kernel_with(&apt, &data).expect("a kernel");
        assert_eq!(first.path, data.join(format!("kernels/{PACKAGE}_1.2-3_amd64.deb")));
        assert_eq!((first.version.as_str(), first.already), ("1.2-3", false));
        assert_eq!(std::fs::read(&first.path).expect("there"), b"a kernel");
        assert_eq!(entries(&data.join("kernels")).count(), 2, "it and its digest: nothing is left of the work");
        assert_eq!(checked_kernel(&data).expect("as fetched"), Some(first.path.clone()));

        assert_eq!(kernel_with(&apt, &data).expect("still there"), Fetched { already: true, ..first.clone() });
        std::fs::write(&first.path, "damaged").expect("room");
        assert!(matches!(checked_kernel(&data), Err(FetchError::Changed { .. })));
        assert_eq!(kernel_with(&apt, &data).expect("to fetch it again"), first);
    }

    #[test]
    fn an_apt_without_lists_gives_the_hint() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let apt = fake_apt(dir.path(), META_PACKAGE, "other", b"");
        let error = kernel_with(&apt, dir.path()).expect_err("no such package");
        assert_eq!(error.to_string(), "apt-get does not know the package linux-image-cloud-amd64");
        assert!(miette::Diagnostic::help(&error).is_some_and(|hint| hint.to_string().contains("apt-get update")));
    }

    #[test]
    fn the_newest_kernel_is_found_by_version() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let kernels = dir.path().join("kernels");
        std::fs::create_dir(&kernels).expect("room");
        assert_eq!(installed_kernel(dir.path()), None);
        let newest = "linux-image-6.12.95+deb12-cloud-amd64_6.12.95-1~bpo12+1_amd64.deb";
        for name in [
            newest,
            "linux-image-6.1.0-9-cloud-amd64_6.1.27-1_amd64.deb",
            "linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb",
            "other_9_amd64.deb",
            "linux-image-9-cloud-amd64_9_amd64.deb.part",
        ] {
            std::fs::write(kernels.join(name), "").expect("room");
        }
        assert_eq!(installed_kernel(dir.path()), Some(kernels.join(newest)));
    }
}
