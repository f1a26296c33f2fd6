//! The guest's busybox: a static executable, of the user's, of the system, or out of Debian's package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_image::elf::{Linkage, linkage};

use super::apt::Apt;
use super::error::{FetchError, file_error};
use super::install::{self, staging};
use crate::subprocess;
use crate::tools::{find_program, is_executable};

const PACKAGE: &str = "busybox-static";
const HINT: &str = "install busybox-static, or name a static busybox with FIREBENCH_BUSYBOX";
/// Where distributions put it.
const SYSTEM: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];

/// A static busybox that is already here: `named` (from `FIREBENCH_BUSYBOX`) if given, else the system's if that is
/// static, else the one in `data_dir`.
///
/// # Errors
/// [`FetchError`] when `named` is given and unusable.
pub fn find_busybox(data_dir: &Path, named: Option<&Path>) -> Result<Option<PathBuf>, FetchError> {
    if let Some(path) = named {
        let bytes = fs::read(path).map_err(file_error("read", path))?;
        return match usable(&bytes) {
            Ok(()) => Ok(Some(path.to_owned())),
            Err(reason) => Err(FetchError::Busybox { path: path.to_owned(), reason }),
        };
    }
    let candidates = SYSTEM.iter().map(PathBuf::from).chain([home(data_dir)]);
    Ok(candidates.into_iter().find(|path| is_executable(path) && fs::read(path).is_ok_and(|b| usable(&b).is_ok())))
}

/// Like [`find_busybox`], and where there is none, takes it from Debian's package through APT.
///
/// # Errors
/// [`FetchError`] when `named` is unusable, or there is none and none can be fetched.
pub fn busybox(data_dir: &Path, named: Option<&Path>) -> Result<PathBuf, FetchError> {
    match find_busybox(data_dir, named)? {
        Some(path) => Ok(path),
        None => {
            let apt = Apt::find("a busybox", HINT)?;
            let unpack = find_program("dpkg-deb").ok_or(FetchError::NoProgram {
                program: "dpkg-deb",
                what: "a busybox",
                hint: HINT,
            })?;
            fetch(&apt, &unpack, data_dir)
        }
    }
}

fn fetch(apt: &Apt, dpkg_deb: &Path, data_dir: &Path) -> Result<PathBuf, FetchError> {
    let unknown = || FetchError::NoPackage {
        package: PACKAGE.to_owned(),
        hint: "renew the package lists (apt-get update), or name a static busybox with FIREBENCH_BUSYBOX",
    };
    let announced = apt.announce(PACKAGE).map_err(|_| unknown())?.ok_or_else(unknown)?;
    let staging = staging(data_dir)?;
    let (package, _) = apt.download(PACKAGE, &announced, staging.path())?;
    let tree = staging.path().join("tree");
    subprocess::run(Command::new(dpkg_deb).arg("--extract").args([&package, &tree]), Duration::from_secs(60))
        .map_err(|source| FetchError::Program { what: format!("the package {PACKAGE}"), hint: HINT, source })?;
    // Debian 12 has it in /bin, Debian 13 in /usr/bin.
    let file = ["usr/bin/busybox", "bin/busybox"].iter().map(|name| tree.join(name)).find(|path| path.is_file());
    let file = file.ok_or_else(|| FetchError::Archive {
        archive: announced.file_name.clone().into(),
        reason: "it holds no busybox".to_owned(),
    })?;
    let bytes = fs::read(&file).map_err(file_error("read", &file))?;
    usable(&bytes).map_err(|reason| FetchError::Busybox { path: PathBuf::from(&announced.file_name), reason })?;
    let path = home(data_dir);
    install::executable(&path, &bytes)?;
    Ok(path)
}

fn home(data_dir: &Path) -> PathBuf {
    data_dir.join("busybox").join("busybox")
}

fn usable(bytes: &[u8]) -> Result<(), String> {
    match linkage(bytes)? {
        Linkage::Static => Ok(()),
        Linkage::Dynamic => Err("it needs shared libraries, and the guest has none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::apt::tests::fake_apt;
    use super::super::entries;
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
        for place in ["bin", "usr/bin"] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let data = dir.path().join("data");
            let contents = executable(62, 1);
            let apt = fake_apt(dir.path(), "", PACKAGE, &contents);
            let unpack = unpacker(dir.path(), place);
            let path = fetch(&apt, &unpack, &data).expect("a busybox");
            assert_eq!(fs::read(&path).expect("there"), contents);
            assert!(is_executable(&path));
            assert_eq!(entries(&data).collect::<Vec<_>>(), [data.join("busybox")], "nothing is left of the work");
        }
    }

    #[test]
    fn a_package_without_a_static_one_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = dir.path().join("data");
        let apt = fake_apt(dir.path(), "", PACKAGE, &executable(62, 3));
        let error = fetch(&apt, &unpacker(dir.path(), "bin"), &data).expect_err("dynamic");
        assert!(matches!(error, FetchError::Busybox { .. }), "{error}");
        let error = fetch(&apt, &unpacker(dir.path(), "elsewhere"), &data).expect_err("not in it");
        assert!(error.to_string().ends_with("it holds no busybox"), "{error}");
        assert_eq!(entries(&data).count(), 0, "nothing was installed");
    }

    /// A dpkg-deb whose packages are the executable itself.
    fn unpacker(dir: &Path, place: &str) -> PathBuf {
        let path = dir.join("dpkg-deb");
        let script = format!("#!/bin/sh\nmkdir -p \"$3/{place}\" && cp \"$2\" \"$3/{place}/busybox\"\n");
        fs::write(&path, script).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
        path
    }
}
