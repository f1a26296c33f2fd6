//! Programs of contenders that Debian packages: a package is downloaded, its program taken out, and nothing installed.

use std::path::{Path, PathBuf};

use firebench_image::deb;
use firebench_vmm::{VmmKind, bubblewrap, gvisor, runc, uml};

use super::apt::{Apt, Package, version_of};
use super::data::{Fetched, entries};
use super::error::FetchError;
use super::install::{self, staging};
use super::installers::Installer;
use super::recorded;
use super::version_order::compare;
use crate::tools::usable;

/// A kind whose program is in a package.
#[derive(Debug)]
pub struct Packaged {
    vmm: VmmKind,
    /// The package.
    package: &'static str,
    /// Where the program may be in it.
    files: &'static [&'static str],
    /// The oldest version of the package that will do, and why; this Debian's backports are asked where its own is older.
    oldest: Option<(&'static str, &'static str)>,
}

/// The kinds whose program Debian packages.
pub(super) static PACKAGED: [Packaged; 4] = [
    Packaged { vmm: VmmKind(&bubblewrap::KIND), package: "bubblewrap", files: &["usr/bin/bwrap"], oldest: None },
    Packaged { vmm: VmmKind(&runc::KIND), package: "runc", files: &["usr/sbin/runc", "usr/bin/runc"], oldest: None },
    Packaged {
        vmm: VmmKind(&gvisor::KIND),
        package: "runsc",
        files: &["usr/bin/runsc"],
        // "Releasing Systrap - A high-performance gVisor platform", gVisor's blog, 2023-04-28.
        oldest: Some(("0.0~20230501", "it does not have the platform systrap yet")),
    },
    Packaged { vmm: VmmKind(&uml::KIND), package: "user-mode-linux", files: &["usr/bin/linux.uml"], oldest: None },
];

/// The kinds whose program is taken from a package.
pub fn packaged() -> impl Iterator<Item = VmmKind> {
    PACKAGED.iter().map(|packaged| packaged.vmm)
}

/// Downloads the newest package of the program of `vmm` and puts the program into `data_dir`, unless it is there.
///
/// # Errors
/// [`FetchError`] when there is no APT, it does not know the package, the download fails, or the program does not start here.
pub fn program(vmm: VmmKind, data_dir: &Path) -> Result<Fetched, FetchError> {
    const HINT: &str = "install the program by hand, or name it with `binary`: this machine does not have APT";
    let apt = Apt::find("the program of a contender", HINT)?;
    let unknown = || FetchError::NoPackage { package: vmm.0.name.to_owned(), hint: "name the program with `binary`" };
    PACKAGED.iter().find(|packaged| packaged.vmm == vmm).ok_or_else(unknown)?.fetch(&apt, data_dir)
}

impl Packaged {
    /// `DATA/gvisor`, with a directory for each version.
    fn home(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.vmm.0.name)
    }

    fn program(&self) -> &'static str {
        self.vmm.program.as_ref().map_or(self.vmm.0.name, |program| program.name)
    }

    fn fetch(&self, apt: &Apt, data_dir: &Path) -> Result<Fetched, FetchError> {
        let home = self.home(data_dir);
        let staging = staging(&home)?;
        let announced = self.announced(apt)?;
        let own = (apt, announced);
        let backports;
        let (apt, announced) = match self.too_old(&own.1) {
            None => own,
            Some(_) => {
                backports = apt.backports(staging.path())?;
                let announced = self.announced(&backports)?;
                if let Some(reason) = self.too_old(&announced) {
                    return Err(FetchError::OldPackage { package: announced.file_name, reason });
                }
                (&backports, announced)
            }
        };
        let version = version_of(&announced.file_name).unwrap_or_default();
        let path = home.join(&version).join(self.program());
        if let Ok(sha256) = firebench_image::digest::sha256_file(&path) {
            if self.check(&path, &sha256).is_ok() {
                return Ok(Fetched { path, version, sha256, already: true });
            }
        }
        let (package, _) = apt.download(self.package, &announced, staging.path())?;
        let damaged = |reason| FetchError::Archive { archive: announced.file_name.clone().into(), reason };
        let bytes = deb::file(&package, self.files)
            .map_err(|error| damaged(error.to_string()))?
            .ok_or_else(|| damaged(format!("it does not contain {}", self.program())))?;
        // It must start: its libraries are not part of the package.
        let tried = staging.path().join("try").join(self.program());
        install::executable(&tried, &bytes)?;
        self.vmm.program.as_ref().map_or(Ok(String::new()), |program| usable(self.vmm, program, &tried))?;
        let sha256 = firebench_image::digest::sha256(&bytes);
        install::fetched(&path, &bytes)?;
        Ok(Fetched { path, version, sha256, already: false })
    }

    fn announced(&self, apt: &Apt) -> Result<Package, FetchError> {
        let unknown = || FetchError::NoPackage {
            package: self.package.to_owned(),
            hint: "on Debian, renew the package lists (apt-get update); elsewhere, name the program with `binary`",
        };
        apt.announce(self.package).map_err(|_| unknown())?.ok_or_else(unknown)
    }

    /// Why a package will not do.
    fn too_old(&self, package: &Package) -> Option<&'static str> {
        let version = version_of(&package.file_name).unwrap_or_default();
        self.oldest.filter(|(oldest, _)| compare(&version, oldest).is_lt()).map(|(_, reason)| reason)
    }
}

impl Installer for Packaged {
    fn vmm(&self) -> VmmKind {
        self.vmm
    }

    fn installed(&self, data_dir: &Path) -> Option<PathBuf> {
        let program = |dir: PathBuf| Some((dir.file_name()?.to_str()?.to_owned(), dir.join(self.program())));
        let home = self.home(data_dir);
        let found = entries(&home).filter_map(program).filter(|(_, path)| path.is_file());
        found.max_by(|(a, _), (b, _)| compare(a, b)).map(|(_, path)| path)
    }

    fn check(&self, path: &Path, found: &str) -> Result<(), FetchError> {
        recorded::check(self.vmm.0.name, path, found, &[])
    }
}
