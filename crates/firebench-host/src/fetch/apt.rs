//! Debian packages through APT's own programs: no root, nothing installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_os::leash::limit_files;
use firebench_os::outside;
use firebench_os::program::find_program;
use firebench_supervise::subprocess::{self, Output, RunError};

use super::error::{FetchError, file_error};
use super::install::check;

/// Questions are answered from lists on this machine.
const ASK_LIMIT: Duration = Duration::from_secs(60);
/// What a download may take: a kernel package has up to 100 MB.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(900);
/// The keys of Debian's archive, where its package of them puts them.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// No package that firebench wants comes near this; nor does any list of APT's own.
const LARGEST_PACKAGE: u64 = 512 << 20;

/// APT's programs.
pub(super) struct Apt {
    pub(super) get: PathBuf,
    pub(super) cache: PathBuf,
    /// Options for lists of its own in place of the system's.
    pub(super) options: Vec<String>,
}

/// Where Debian has newer packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suite {
    /// The backports for this Debian.
    Backports,
    /// Debian's newest, built for newer libraries than this Debian may have.
    Unstable,
}

impl std::fmt::Display for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Suite::Backports => "Debian's backports",
            Suite::Unstable => "Debian unstable",
        })
    }
}

/// A package as `apt-get --print-uris download` announces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// `linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb`.
    pub(super) file_name: String,
    /// As the signed lists have it.
    pub(super) sha256: Option<String>,
}

impl Apt {
    pub(super) fn find(what: &'static str, hint: &'static str) -> Result<Apt, FetchError> {
        let program = |program| find_program(program).ok_or(FetchError::NoProgram { program, what, hint });
        Ok(Apt { get: program("apt-get")?, cache: program("apt-cache")?, options: Vec::new() })
    }

    /// The same APT with the lists of another suite alone, which it reads into `dir`: nothing of the system changes. The mirror is
    /// the one that the system is configured for.
    pub(super) fn of_suite(&self, suite: Suite, dir: &Path) -> Result<Apt, FetchError> {
        let failed = |source| FetchError::Program {
            what: format!("the package lists of {suite}"),
            hint: "check that this machine reaches its package mirror",
            source,
        };
        let none = || FetchError::NoPackage {
            package: format!("in {suite}"),
            hint: "only a Debian has such packages: elsewhere, install the program by hand",
        };
        let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let codename = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).ok_or_else(none)?;
        let mut ask = Command::new(&self.get);
        ask.args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]);
        let targets = subprocess::run(&mut ask, ASK_LIMIT).map_err(failed)?.stdout;
        let mirror =
            targets.lines().find_map(|line| line.strip_suffix(codename)?.strip_suffix(' ')).ok_or_else(none)?;
        let list = dir.join("suite.list");
        let name = match suite {
            Suite::Backports => format!("{codename}-backports"),
            Suite::Unstable => "sid".to_owned(),
        };
        let entry = format!("deb [signed-by={KEYRING}] {mirror} {name} main\n");
        std::fs::write(&list, entry).map_err(file_error("write", &list))?;
        let mut options = Vec::new();
        for (option, path) in [("State::lists", "lists"), ("Cache", "cache")] {
            let path = dir.join(path);
            std::fs::create_dir_all(path.join("partial")).map_err(file_error("make", &path))?;
            options.push(format!("Dir::{option}={}", path.display()));
        }
        options.extend([format!("Dir::Etc::SourceList={}", list.display()), "Dir::Etc::SourceParts=-".to_owned()]);
        let apt = Apt { get: self.get.clone(), cache: self.cache.clone(), options };
        subprocess::run(apt.command(&apt.get).args(["--quiet", "update"]), DOWNLOAD_LIMIT).map_err(failed)?;
        Ok(apt)
    }

    /// A program of APT's with its options.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(self.options.iter().flat_map(|option| ["-o", option]));
        command
    }

    /// The packages on which `package` depends.
    pub(super) fn depends(&self, package: &str) -> Result<Vec<String>, RunError> {
        let output = subprocess::run(self.command(&self.cache).args(["depends", package]), ASK_LIMIT)?;
        Ok(output.stdout.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect())
    }

    /// The packages whose names begin with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, RunError> {
        let output = subprocess::run(self.command(&self.cache).args(["pkgnames", prefix]), ASK_LIMIT)?;
        Ok(output.stdout.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// What `apt-get download` would bring.
    pub(super) fn announce(&self, package: &str) -> Result<Option<Package>, RunError> {
        let mut command = self.command(&self.get);
        // Of a package that lies in the current directory it announces nothing.
        command.args(["--quiet", "--print-uris", "download", package]).current_dir("/");
        let Output { stdout, .. } = subprocess::run(&mut command, ASK_LIMIT)?;
        Ok(stdout.lines().find_map(parse_announcement))
    }

    /// Downloads `package` into `dir` and checks it against its announcement.
    pub(super) fn download(
        &self,
        package: &str,
        announced: &Package,
        dir: &Path,
    ) -> Result<(PathBuf, Vec<u8>), FetchError> {
        let mut command = self.command(&self.get);
        command.args(["--quiet", "download", package]).current_dir(dir);
        limit_files(&mut command, LARGEST_PACKAGE);
        subprocess::run(&mut command, DOWNLOAD_LIMIT).map_err(|source| FetchError::Program {
            what: format!("the package {package}"),
            hint: "check that this machine reaches its package mirror; `apt-get update` renews the lists",
            source,
        })?;
        let path = dir.join(&announced.file_name);
        let bytes = outside::read(&path, LARGEST_PACKAGE).map_err(file_error("read", &path))?;
        if let Some(expected) = &announced.sha256 {
            check(&announced.file_name, &bytes, expected)?;
        }
        Ok((path, bytes))
    }
}

/// `'URI' FILE SIZE SHA256:DIGEST`.
fn parse_announcement(line: &str) -> Option<Package> {
    let (_, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    let mut words = rest.split_ascii_whitespace();
    let file_name = words.next()?;
    if file_name.contains('/') || !file_name.ends_with(".deb") {
        return None;
    }
    let sha256 = words.find_map(|word| word.strip_prefix("SHA256:"));
    Some(Package { file_name: file_name.to_owned(), sha256: sha256.map(str::to_owned) })
}

/// The version in a package's file name: `6.1.192-2` of `linux-image-..._6.1.192-2_amd64.deb`.
pub(super) fn version_of(file_name: &str) -> Option<String> {
    let mut parts = file_name.strip_suffix(".deb")?.split('_');
    let (_, version, architecture) = (parts.next()?, parts.next()?, parts.next()?);
    // APT writes the colon after an epoch as %3a.
    (!architecture.is_empty() && parts.next().is_none()).then(|| version.replace("%3a", ":"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::PermissionsExt;

    use firebench_image::digest::sha256;

    use super::*;

    /// APT's programs as scripts in `dir`, with one package, `package_1.2-3_amd64.deb`, which holds `contents`.
    pub(in crate::fetch) fn fake_apt(dir: &Path, depends: &str, package: &str, contents: &[u8]) -> Apt {
        let file = format!("{package}_1.2-3_amd64.deb");
        let source = dir.join("package");
        std::fs::write(&source, contents).expect("room");
        let get = format!(
            "case \"$*\" in\n\
             *--print-uris*' {package}') echo \"'http://mirror/{file}' {file} {} SHA256:{}\";;\n\
             *'download {package}') cp '{}' {file};;\n\
             *) echo 'E: Unable to locate package' >&2; exit 100;;\nesac",
            contents.len(),
            sha256(contents),
            source.display(),
        );
        let cache = format!("[ \"$1\" = depends ] && echo '{depends}'");
        let script = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("room");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("own file");
            path
        };
        Apt { get: script("apt-get", &get), cache: script("apt-cache", &cache), options: Vec::new() }
    }

    #[test]
    fn announcements_are_read() {
        let digest = "ab".repeat(32);
        let line = format!("'http://mirror/a%3a1.deb' a_1%3a1.0-2_amd64.deb 1504 SHA256:{digest}");
        let package = Package { file_name: "a_1%3a1.0-2_amd64.deb".to_owned(), sha256: Some(digest) };
        assert_eq!(parse_announcement(&line), Some(package));
        assert_eq!(parse_announcement("'http://mirror/x' ../x_1_amd64.deb 1"), None);
        assert_eq!(parse_announcement("Reading package lists..."), None);
    }

    #[test]
    fn file_names_hold_the_version() {
        assert_eq!(version_of("a_1%3a1.0-2_amd64.deb").as_deref(), Some("1:1.0-2"));
        assert_eq!(version_of("a_1.0_amd64"), None);
        assert_eq!(version_of("a.deb"), None);
    }

    #[test]
    fn a_package_that_is_not_the_announced_one_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let apt = fake_apt(dir.path(), "", "thing", b"contents");
        let mut announced = apt.announce("thing").expect("it runs").expect("it is known");
        assert_eq!(announced.file_name, "thing_1.2-3_amd64.deb");
        let target = tempfile::tempdir().expect("a temporary directory");
        let (_, bytes) = apt.download("thing", &announced, target.path()).expect("it is there");
        assert_eq!(bytes, b"contents");
        announced.sha256 = Some("0".repeat(64));
        let error = apt.download("thing", &announced, target.path()).expect_err("another digest");
        assert!(matches!(error, FetchError::Digest { .. }), "{error}");
        assert!(apt.announce("other").is_err());
    }
}
