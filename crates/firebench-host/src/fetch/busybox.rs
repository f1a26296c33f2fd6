//! The guest's busybox: a static executable, of the user's, of the system, or out of Debian's package.

#[cfg(test)]
use std::fs;
use std::path::{Path, PathBuf};

use firebench_image::deb;
use firebench_image::elf::{Linkage, MAX_PROGRAM_BYTES, linkage};
use firebench_os::outside;
use firebench_os::program::is_executable;

use super::apt::Apt;
use super::error::{FetchError, file_error};
use super::install::{self, staging};
use super::recorded;

const PACKAGE: &str = "busybox-static";
const HINT: &str = "install busybox-static, or set FIREBENCH_BUSYBOX to a static busybox";
/// Where distributions put it.
const SYSTEM: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// A static busybox that is already here: `named` (from `FIREBENCH_BUSYBOX`) if given, else the system's if that is
/// static, else the one in `data_dir`.
///
/// # Errors
/// [`FetchError`] when `named` is given and unusable, or the one in `data_dir` is not what was fetched.
pub fn find_busybox(data_dir: &Path, named: Option<&Path>) -> Result<Option<PathBuf>, FetchError> {
    if let Some(path) = named {
        let bytes = outside::read(path, MAX_PROGRAM_BYTES).map_err(file_error("read", path))?;
        return match usable(&bytes) {
            Ok(()) => Ok(Some(path.to_owned())),
            Err(reason) => Err(FetchError::Busybox { path: path.to_owned(), reason }),
        };
    }
    let candidates = SYSTEM.iter().map(PathBuf::from).chain([home(data_dir)]);
    let usable = |path: &PathBuf| {
        is_executable(path) && outside::read(path, MAX_PROGRAM_BYTES).is_ok_and(|bytes| usable(&bytes).is_ok())
    };
    let found = candidates.into_iter().find(usable);
    match &found {
        Some(path) if *path == home(data_dir) => recorded::check_file("busybox", path)?,
        _ => {}
    }
    Ok(found)
}

/// Like [`find_busybox`], and where there is none, takes it from Debian's package through APT.
///
/// # Errors
/// [`FetchError`] when `named` is unusable, or there is none and none can be fetched.
pub fn busybox(data_dir: &Path, named: Option<&Path>) -> Result<PathBuf, FetchError> {
    match find_busybox(data_dir, named) {
        Ok(Some(path)) => Ok(path),
        Err(error) if !matches!(error, FetchError::Changed { .. } | FetchError::Unrecorded { .. }) => Err(error),
        _ => {
            let apt = Apt::find("a busybox", HINT)?;
            fetch(&apt, data_dir)
        }
    }
}

fn fetch(apt: &Apt, data_dir: &Path) -> Result<PathBuf, FetchError> {
    let unknown = || FetchError::NoPackage {
        package: PACKAGE.to_owned(),
        hint: "renew the package lists (apt-get update), or set FIREBENCH_BUSYBOX to a static busybox",
    };
    let announced = apt.announce(PACKAGE).map_err(|_| unknown())?.ok_or_else(unknown)?;
    let staging = staging(data_dir)?;
    let (package, _) = apt.download(PACKAGE, &announced, staging.path())?;
    let damaged = |reason| FetchError::Archive { archive: announced.file_name.clone().into(), reason };
    // Debian 12 has it in /bin, Debian 13 in /usr/bin.
    let bytes = deb::file(&package, &["usr/bin/busybox", "bin/busybox"])
        .map_err(|error| damaged(error.to_string()))?
        .ok_or_else(|| damaged("it does not contain busybox".to_owned()))?;
    usable(&bytes).map_err(|reason| FetchError::Busybox { path: PathBuf::from(&announced.file_name), reason })?;
    let path = home(data_dir);
    install::fetched(&path, &bytes)?;
    Ok(path)
}

pub(super) fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("busybox").join("busybox")
}

fn usable(bytes: &[u8]) -> Result<(), String> {
    match linkage(bytes)? {
        Linkage::Static => Ok(()),
        Linkage::Dynamic => Err("it needs shared libraries, which the guest does not have".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::apt::tests::fake_apt;
    use super::super::data::entries;
    use super::super::fake_elf::executable;
    use super::*;

    #[test]
    fn the_users_busybox_must_be_static() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("busybox");
        fs::write(&file, executable(62, 1)).expect("room");
        assert_eq!(busybox(dir.path(), Some(&file)).expect("static"), file);
        fs::write(&file, executable(62, 3)).expect("room");
        let error = busybox(dir.path(), Some(&file)).expect_err("dynamic");
        assert!(error.to_string().contains("needs shared libraries"), "{error}");
        let error = busybox(dir.path(), Some(Path::new("/nowhere/busybox"))).expect_err("missing");
        assert_eq!(error.to_string(), "cannot read /nowhere/busybox");
    }

    #[test]
    fn the_package_holds_one_in_either_place() {
        for place in ["./bin/busybox", "./usr/bin/busybox"] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let data = dir.path().join("data");
            let contents = executable(62, 1);
            let apt = fake_apt(dir.path(), "", PACKAGE, &package(place, &contents));
            let path = fetch(&apt, &data).expect("a busybox");
            assert_eq!(fs::read(&path).expect("there"), contents);
            assert!(is_executable(&path));
            assert_eq!(entries(&data).collect::<Vec<_>>(), [data.join("busybox")], "nothing is left of the work");
        }
    }

    #[test]
    fn a_package_without_a_static_one_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let refused = |package: &[u8]| {
            let error = fetch(&fake_apt(dir.path(), "", PACKAGE, package), &data).expect_err("it is refused");
            assert_eq!(entries(&data).count(), 0, "nothing was installed");
            error
        };
        let error = refused(&package("./bin/busybox", &executable(62, 3)));
        assert!(matches!(error, FetchError::Busybox { .. }), "{error}");
        for place in ["./elsewhere/busybox", "../bin/busybox", "/usr/bin/busybox"] {
            let error = refused(&package(place, &executable(62, 1)));
            assert!(error.to_string().ends_with("it does not contain busybox"), "{error}");
        }
        let error = refused(b"does not know the package");
        assert!(matches!(error, FetchError::Archive { .. }), "{error}");
    }

    /// A Debian package with one file: `ar` around `tar`.
    fn package(place: &str, contents: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the library refuses paths that lead out of the archive.
        header.as_gnu_mut().expect("a GNU header").name[..place.len()].copy_from_slice(place.as_bytes());
        header.set_size(contents.len() as u64);
        header.set_cksum();
        let mut tar = tar::Builder::new(Vec::new());
        tar.append(&header, contents).expect("room");
        let tar = tar.into_inner().expect("room");
        let head = format!("!<arch>\n{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "data.tar", 0, 0, 0, 100644, tar.len());
        [head.as_bytes(), &tar].concat()
    }
}
