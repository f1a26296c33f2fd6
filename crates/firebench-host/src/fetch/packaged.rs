//! Programs of contenders that Debian packages: a package is downloaded, its program taken out, and nothing installed.

use std::path::{Path, PathBuf};

use firebench_image::deb;
use firebench_supervise::kvm::cpuid::state_bytes;
use firebench_vmm::{VmmKind, bubblewrap, gvisor, runc, uml};

use super::apt::{Apt, Package, Suite, version_of};
use super::data::{Fetched, entries};
use super::error::FetchError;
use super::install::{self, staging};
use super::installer::Installer;
use super::recorded;
use super::version_order::compare;
use crate::tools::{VersionError, libraries, usable};

/// A kind whose program is in a package.
pub struct Packaged {
    vmm: VmmKind,
    /// The package.
    package: &'static str,
    /// Where the program may be in it.
    files: &'static [&'static str],
    /// Where a module of its kernel is in it, of a version as the program says it.
    module: Option<fn(version: &str) -> String>,
    /// Where there is a newer one, for a Debian whose own will not do.
    newer: Option<Suite>,
    /// Why a version of the program will not do here; none where it will.
    unfit: fn(version: &str) -> Option<&'static str>,
}

/// The kinds whose program Debian packages.
pub(super) static PACKAGED: [Packaged; 4] = [
    Packaged {
        vmm: VmmKind(&bubblewrap::KIND),
        package: "bubblewrap",
        files: &["usr/bin/bwrap"],
        module: None,
        newer: None,
        unfit: |_| None,
    },
    Packaged {
        vmm: VmmKind(&runc::KIND),
        package: "runc",
        files: &["usr/sbin/runc", "usr/bin/runc"],
        module: None,
        newer: None,
        unfit: |_| None,
    },
    Packaged {
        vmm: VmmKind(&gvisor::KIND),
        package: "runsc",
        files: &["usr/bin/runsc"],
        module: None,
        newer: Some(Suite::Backports),
        // "Releasing Systrap - A high-performance gVisor platform", gVisor's blog, 2023-04-28.
        unfit: |version| {
            compare(version, "0.0~20230501").is_lt().then_some("it does not have the platform systrap yet")
        },
    },
    Packaged {
        vmm: VmmKind(&uml::KIND),
        package: "user-mode-linux",
        files: &["usr/bin/linux.uml"],
        module: Some(|version| format!("usr/lib/uml/modules/{version}/kernel/fs/overlayfs/{OVERLAY}")),
        newer: Some(Suite::Unstable),
        unfit: |version| {
            let small = compare(version, UML_WITH_ALL_REGISTERS).is_lt();
            (small && state_bytes() > UML_REGISTERS).then_some(
                "its kernel does not have room for the registers of this CPU (such as those of AMX), and its first process dies",
            )
        },
    },
];

/// Bytes of registers for which kernels before that version have room (`FP_SIZE` in `arch/x86/um/shared/sysdep/ptrace_64.h`), and
/// the version ("um: switch to regset API and depend on XSTATE").
const UML_REGISTERS: u32 = 2696;
const UML_WITH_ALL_REGISTERS: &str = "6.13";

/// The module of a kernel that is a program, which lays memory over a root: beside the program.
const OVERLAY: &str = "overlay.ko";

/// The module that lays memory over a root for the kernel `program`, of this version: fetched with it, or of a package that is installed.
///
/// # Errors
/// [`FetchError`] where it is not what was fetched.
pub fn overlay_module(vmm: VmmKind, program: &Path, version: &str) -> Result<Option<PathBuf>, FetchError> {
    let beside = program.with_file_name(OVERLAY);
    if beside.is_file() {
        recorded::check_file(vmm.0.name, &beside)?;
        return Ok(Some(beside));
    }
    let packaged = PACKAGED.iter().find(|packaged| packaged.vmm == vmm).and_then(|packaged| packaged.module);
    let installed = packaged.map(|module| Path::new("/").join(module(version)));
    Ok(installed.filter(|module| module.is_file()))
}

/// Whether a program of this version has all that comes with it: an older firebench fetched it alone.
pub fn is_whole(vmm: VmmKind, program: &Path, version: &str) -> bool {
    let comes_with = PACKAGED.iter().any(|packaged| packaged.vmm == vmm && packaged.module.is_some());
    !comes_with || matches!(overlay_module(vmm, program, version), Ok(Some(_)))
}

/// What a program of a newer Debian needs of it, where the system's is older: package and file.
const LIBRARIES: [(&str, &str); 3] = [
    ("libc6", "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
    ("libc6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
    ("libgcc-s1", "usr/lib/x86_64-linux-gnu/libgcc_s.so.1"),
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

    /// Takes the program of this Debian, or of a newer one where that will not do.
    fn fetch(&self, apt: &Apt, data_dir: &Path) -> Result<Fetched, FetchError> {
        let home = self.home(data_dir);
        let staging = staging(&home)?;
        let package = self.announced(apt)?;
        match (self.too_old(&package), self.newer) {
            (None, _) => self.install(apt, &package, &home, staging.path()),
            (Some(reason), None) => Err(FetchError::OldPackage { package: package.file_name, reason }),
            (Some(_), Some(suite)) => {
                let newer = apt.of_suite(suite, staging.path())?;
                let package = self.announced(&newer)?;
                if let Some(reason) = self.too_old(&package) {
                    return Err(FetchError::OldPackage { package: package.file_name, reason });
                }
                self.install(&newer, &package, &home, staging.path())
            }
        }
    }

    fn announced(&self, apt: &Apt) -> Result<Package, FetchError> {
        announced(apt, self.package)
    }

    /// Why a package will not do.
    fn too_old(&self, package: &Package) -> Option<&'static str> {
        (self.unfit)(&version_of(&package.file_name).unwrap_or_default())
    }

    /// Puts the program of a package into a directory of its version in `home`, with the libraries of its Debian where it does not
    /// start with the system's.
    fn install(&self, apt: &Apt, package: &Package, home: &Path, staging: &Path) -> Result<Fetched, FetchError> {
        let version = version_of(&package.file_name).unwrap_or_default();
        let path = home.join(&version).join(self.program());
        if let Ok(sha256) = firebench_image::digest::sha256_file(&path) {
            let whole = self.module.is_none() || path.with_file_name(OVERLAY).is_file();
            if whole && self.check(&path, &sha256).is_ok() {
                return Ok(Fetched { path, version, sha256, already: true });
            }
        }
        let bytes = taken(apt, self.package, package, self.files, staging)?;
        let tried = staging.join("try").join(self.program());
        install::executable(&tried, &bytes)?;
        let mut libraries = Vec::new();
        if let Err(error) = self.starts(&tried) {
            if apt.options.is_empty() {
                return Err(error.into());
            }
            for (package, file) in LIBRARIES {
                let library = taken(apt, package, &announced(apt, package)?, &[file], staging)?;
                let name = Path::new("lib").join(Path::new(file).file_name().unwrap_or_default());
                install::executable(&tried.with_file_name(&name), &library)?;
                libraries.push((name, library));
            }
            self.starts(&tried)?;
        }
        if let Some(module) = self.module(&tried, &staging.join(&package.file_name))? {
            install::fetched(&path.with_file_name(OVERLAY), &module)?;
        }
        for (name, library) in &libraries {
            install::fetched(&path.with_file_name(name), library)?;
        }
        install::fetched(&path, &bytes)?;
        Ok(Fetched { path, version, sha256: firebench_image::digest::sha256(&bytes), already: false })
    }

    /// The module of its kernel, out of its package; an older one may have it elsewhere, and does without.
    fn module(&self, program: &Path, package: &Path) -> Result<Option<Vec<u8>>, FetchError> {
        let (Some(module), Some(asked)) = (self.module, &self.vmm.program) else { return Ok(None) };
        let version = usable(self.vmm, asked, program)?;
        Ok(deb::file(package, &[&module(version.trim())])?)
    }

    fn starts(&self, path: &Path) -> Result<(), VersionError> {
        let Some(program) = &self.vmm.program else { return Ok(()) };
        usable(self.vmm, program, path).map(drop)
    }
}

/// What APT knows of a package.
fn announced(apt: &Apt, package: &str) -> Result<Package, FetchError> {
    let unknown = || FetchError::NoPackage {
        package: package.to_owned(),
        hint: "on Debian, renew the package lists (apt-get update); elsewhere, name the program with `binary`",
    };
    apt.announce(package).map_err(|_| unknown())?.ok_or_else(unknown)
}

/// The first of the files that a package has, downloaded to `dir`.
fn taken(apt: &Apt, name: &str, package: &Package, files: &[&str], dir: &Path) -> Result<Vec<u8>, FetchError> {
    let (path, _) = apt.download(name, package, dir)?;
    let damaged = |reason| FetchError::Archive { archive: package.file_name.clone().into(), reason };
    let file = deb::file(&path, files).map_err(|error| damaged(error.to_string()))?;
    file.ok_or_else(|| damaged(format!("it does not contain {}", files.join(" or "))))
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
        recorded::check(self.vmm.0.name, path, found, &[])?;
        let Some(libraries) = libraries(path) else { return Ok(()) };
        let names = LIBRARIES.iter().filter_map(|(_, file)| Path::new(file).file_name());
        names.map(|name| libraries.join(name)).try_for_each(|library| recorded::check_file(self.vmm.0.name, &library))
    }
}
