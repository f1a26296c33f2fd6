//! A Debian for a root, made by mmdebstrap from the mirrors that this machine is set up for: `debian:SUITE[,PACKAGE...]`.
//!
//! What was made stays in the cache, so that the next run has the same and needs no network.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use firebench_image::cache::{Cache, Contents, Entry, Guard};
use firebench_os::leash::limit_files;
use firebench_os::program::find_program;
use firebench_supervise::subprocess;
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use super::data::entries;
use super::error::{FetchError, file_error};

/// What such a root is called by, before its suite.
const PREFIX: &str = "debian:";
/// The program that makes them.
const PROGRAM: &str = "mmdebstrap";
const HINT: &str =
    "install it (Debian and Ubuntu: apt-get install mmdebstrap), or give a root in an archive with --root FILE";

/// The kind of its entries in the cache, and the file in one.
const KIND: &str = "debian-root";
const TAR: &str = "root.tar";
/// Changes whenever the same words give another root than before.
const FORMAT: u32 = 1;
const ARCHITECTURE: &str = "amd64";
const VARIANT: &str = "minbase";
/// What no file in it is younger than: as in every disk of firebench's, 2020-01-01T00:00:00Z.
const SOURCE_DATE_EPOCH: &str = "1577836800";

/// What it may take: all packages are downloaded, unpacked and configured.
const LIMIT: Duration = Duration::from_secs(3600);
/// What cleaning up may take.
const GRACE: Duration = Duration::from_secs(30);
/// What a program that does nothing may take.
const SHORT: Duration = Duration::from_secs(10);
/// No file of such a root comes near this.
const LARGEST: u64 = 32 << 30;

/// Bytes of a suite's or a package's name, and packages.
const LONGEST_NAME: usize = 100;
const MOST_PACKAGES: usize = 500;

/// What directories for work in progress begin with.
const WORK: &str = "firebench-debian-";

/// The Debian that a user asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Debian {
    suite: String,
    packages: BTreeSet<String>,
}

/// A Debian in an archive. It stays in the cache as long as this is held.
#[derive(Debug)]
pub struct DebianRoot {
    /// The tar archive.
    pub path: PathBuf,
    /// When it was made.
    pub made: SystemTime,
    /// Keeps the entry in the cache.
    pub guard: Guard,
}

/// What the key is made of.
#[derive(Serialize)]
struct Inputs<'a> {
    format: u32,
    architecture: &'static str,
    variant: &'static str,
    debian: &'a Debian,
}

/// What the cache remembers.
#[derive(Serialize, Deserialize)]
struct Data {
    /// When it was made, in seconds since 1970.
    made: u64,
}

impl Debian {
    /// What `debian:SUITE[,PACKAGE...]` asks for; None where the text does not begin so: `./debian:x` is a file.
    ///
    /// # Errors
    /// [`FetchError::Debian`] for a suite or a package that cannot be one. What mmdebstrap could take for anything else than a name, such
    /// as an option, is none.
    pub fn parse(text: &Path) -> Result<Option<Debian>, FetchError> {
        let whole = text.to_string_lossy();
        let Some(rest) = whole.strip_prefix(PREFIX) else { return Ok(None) };
        let wrong = |reason: String| FetchError::Debian { text: whole.clone().into_owned(), reason };
        let mut names = rest.split(',');
        let suite = names.next().unwrap_or_default();
        if !is_name(suite, b".-", 1) {
            return Err(wrong("it does not name a suite".to_owned()));
        }
        let mut packages = BTreeSet::new();
        for package in names {
            if !is_name(package, b"+.-", 2) {
                let package = firebench_text::excerpt(package, 40);
                return Err(wrong(format!("no package is called \"{package}\"")));
            }
            packages.insert(package.to_owned());
        }
        if packages.len() > MOST_PACKAGES {
            return Err(wrong(format!("it names more than {MOST_PACKAGES} packages")));
        }
        Ok(Some(Debian { suite: suite.to_owned(), packages }))
    }

    /// Its archive, made first if the cache does not have it, unless nothing is to be made (`build`).
    ///
    /// # Errors
    /// [`FetchError`] without mmdebstrap, or where that fails: nothing is left of it then.
    pub fn root(&self, cache: &Cache, build: bool) -> Result<DebianRoot, FetchError> {
        let entry = self.entry(cache)?;
        let found = entry.get()?;
        let guard = match found {
            Some(guard) => guard,
            None if !build => return Err(FetchError::NotMade { name: self.to_string() }),
            None => {
                let program = find_program(PROGRAM).ok_or(FetchError::NoProgram {
                    program: PROGRAM,
                    what: "a Debian",
                    hint: HINT,
                })?;
                self.made_by(&program, &entry)?
            }
        };
        let data: Option<Data> = serde_json::from_value(guard.meta().data.clone()).ok();
        let made = Duration::from_secs(data.map_or(0, |data| data.made));
        let made = SystemTime::UNIX_EPOCH.checked_add(made).unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(DebianRoot { path: guard.path().join(TAR), made, guard })
    }

    fn entry<'a>(&self, cache: &'a Cache) -> Result<Entry<'a>, FetchError> {
        let inputs = Inputs { format: FORMAT, architecture: ARCHITECTURE, variant: VARIANT, debian: self };
        Ok(cache.entry(KIND, &firebench_image::digest::key(&inputs)?)?)
    }

    fn made_by(&self, program: &Path, entry: &Entry<'_>) -> Result<Guard, FetchError> {
        let mut failure = None;
        let guard = entry.get_or_build(|staging| {
            let made = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
            if let Err(error) = self.make(program, staging) {
                failure = Some(error);
                return Err(firebench_image::Error::Cancelled);
            }
            let data = serde_json::to_value(Data { made }).unwrap_or_default();
            let files = vec![(TAR.to_owned(), None)];
            Ok(Contents { description: self.to_string(), files, checked_in_use: Vec::new(), data })
        });
        guard.map_err(|error| failure.unwrap_or_else(|| error.into()))
    }

    /// Has mmdebstrap write the archive into `staging`.
    fn make(&self, program: &Path, staging: &Path) -> Result<(), FetchError> {
        let work = Work::new(program)?;
        let mut command = held(program);
        command.args(["--mode=auto", "--format=tar"]).arg(format!("--variant={VARIANT}"));
        command.arg(format!("--architectures={ARCHITECTURE}"));
        if !self.packages.is_empty() {
            let packages: Vec<&str> = self.packages.iter().map(String::as_str).collect();
            command.arg(format!("--include={}", packages.join(",")));
        }
        let tar = staging.join(TAR);
        command.arg(&self.suite).arg(&tar);
        command.env("TMPDIR", work.path()).env("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH).current_dir("/");
        limit_files(&mut command, LARGEST);
        let done = subprocess::run_gently(&mut command, LIMIT, GRACE);
        // Before the archive is looked at: whatever became of it, the work is over.
        work.end();
        done.map_err(|source| FetchError::Program { what: self.to_string(), hint: hint(&source.to_string()), source })?;
        let metadata = fs::symlink_metadata(&tar).map_err(file_error("find", &tar))?;
        // Nobody else's, and nothing else than a file: it is opened by its name from here on.
        if !metadata.is_file() || metadata.len() == 0 {
            return Err(FetchError::Archive { archive: tar, reason: format!("{PROGRAM} did not write it") });
        }
        Ok(())
    }
}

impl std::fmt::Display for Debian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", self.suite)?;
        self.packages.iter().try_for_each(|package| write!(f, ",{package}"))
    }
}

/// What to do about a failure that says so.
fn hint(said: &str) -> &'static str {
    if said.contains("chroot mode") {
        "run firebench as root; or give this user a range of others in /etc/subuid and /etc/subgid, and install newuidmap (Debian and \
         Ubuntu: apt-get install uidmap)"
    } else {
        "check the names of the suite and of the packages, and that this machine reaches its package mirror"
    }
}

/// Whether it is a name as Debian has them: small letters, digits and some more characters, of which none comes first.
///
/// Source: Debian Policy, 5.6.7; the suites of its archive.
fn is_name(name: &str, more: &[u8], least: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (least..=LONGEST_NAME).contains(&name.len())
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || more.contains(&byte))
}

/// The program as it is started: where this user may, in a process namespace of its own, with which all that it starts ends. Else what
/// it starts for itself ends when it does.
fn held(program: &Path) -> Command {
    const HOLD: [&str; 4] = ["--fork", "--pid", "--mount-proc", "--kill-child"];
    let hold = find_program("unshare").filter(|_| geteuid().is_root()).filter(|unshare| {
        let mut nothing = Command::new(unshare);
        subprocess::run(nothing.args(HOLD).args(["--", "true"]), SHORT).is_ok()
    });
    match hold {
        None => Command::new(program),
        Some(unshare) => {
            let mut command = Command::new(unshare);
            command.args(HOLD).arg("--").arg(program);
            command
        }
    }
}

/// Where mmdebstrap puts the root together: among temporary files, for what is there may belong to users of a user namespace, has devices,
/// and must not stay in the cache, whose files nobody else may write to.
#[derive(Debug)]
struct Work<'a> {
    program: &'a Path,
    dir: tempfile::TempDir,
    _lock: Flock<File>,
}

impl<'a> Work<'a> {
    fn new(program: &'a Path) -> Result<Work<'a>, FetchError> {
        let temporary = std::env::temp_dir();
        sweep(program, &temporary);
        let make = || -> io::Result<_> {
            let dir = tempfile::Builder::new().prefix(WORK).tempdir_in(&temporary)?;
            // An ordinary user's mmdebstrap works as another one.
            let mode = if geteuid().is_root() { 0o755 } else { 0o1777 };
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode))?;
            let lock = locked(dir.path())?;
            Ok(Work { program, dir, _lock: lock })
        };
        make().map_err(file_error("make a directory in", &temporary))
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Removes it; what cannot be removed now is swept later.
    fn end(self) {
        remove(self.program, self.path());
    }
}

/// Removes what a firebench of this user's that was killed left there.
fn sweep(program: &Path, temporary: &Path) {
    let own = |path: &PathBuf| {
        let named = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(WORK.as_bytes()));
        named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw())
    };
    for left in entries(temporary).filter(own) {
        // Who holds the lock works there. What cannot be removed is in nobody's way.
        if let Ok(_lock) = locked(&left) {
            remove(program, &left);
        }
    }
}

/// Removes a directory; what belongs to the users of its user namespace, mmdebstrap removes.
fn remove(program: &Path, path: &Path) {
    if fs::remove_dir_all(path).is_err() && !geteuid().is_root() {
        let mut command = Command::new(program);
        let words = [OsStr::new("--unshare-helper"), "rm".as_ref(), "-rf".as_ref(), "--".as_ref()];
        let _ = subprocess::run(command.args(words).args(entries(path)).current_dir("/"), GRACE);
        let _ = fs::remove_dir_all(path);
    }
}

fn locked(path: &Path) -> io::Result<Flock<File>> {
    Flock::lock(File::open(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<String>, String> {
        let parsed = Debian::parse(Path::new(text)).map_err(|error| error.to_string());
        parsed.map(|debian| debian.map(|debian| debian.to_string()))
    }

    /// mmdebstrap as a script.
    fn fake(dir: &Path, script: &str) -> PathBuf {
        let path = dir.join(PROGRAM);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
        path
    }

    #[test]
    fn a_suite_and_packages_are_names_and_nothing_else() {
        assert_eq!(parsed("debian:trixie"), Ok(Some("debian:trixie".to_owned())));
        let same = Ok(Some("debian:bookworm,g++,python3-minimal".to_owned()));
        assert_eq!(parsed("debian:bookworm,python3-minimal,g++,python3-minimal"), same);
        for file in ["./debian:trixie", "/debian:x", "debian", "ubuntu:noble"] {
            assert_eq!(parsed(file), Ok(None), "{file}");
        }
        for suite in ["debian:", "debian:-x", "debian:,python3", "debian:a b", "debian:a/b", "debian:Sid", "debian:a\n"]
        {
            let said = parsed(suite).expect_err("no suite");
            assert!(said.ends_with("is no Debian: it does not name a suite"), "{said}");
        }
        for package in ["-x", "x", "", "--hook=x", "a b", "a/b", "a=1", "?essential", "a;b", "../x", "Python"] {
            let said = parsed(&format!("debian:trixie,{package}")).expect_err("no package");
            assert!(said.ends_with(&format!("no package is called \"{package}\"")), "{said}");
        }
        assert!(parsed(&format!("debian:{}", "x".repeat(101))).is_err());
    }

    #[test]
    fn it_is_made_once_and_then_taken_from_the_cache() {
        let lab = tempfile::tempdir().expect("a directory");
        let cache = Cache::open(lab.path().join("cache")).expect("it opens");
        let calls = lab.path().join("calls");
        let script = format!(
            "echo \"$*\" >>{0}; mkdir $TMPDIR/left; for last; do :; done; echo tar >\"$last\"",
            calls.display()
        );
        let program = fake(lab.path(), &script);
        let debian = Debian::parse(Path::new("debian:trixie,zsh,curl")).expect("sound").expect("one");
        let missing = debian.root(&cache, false).expect_err("not there yet");
        assert_eq!(missing.to_string(), "the root debian:trixie,curl,zsh was not made yet");
        let entry = debian.entry(&cache).expect("sound");
        drop(debian.made_by(&program, &entry).expect("it is made"));
        let root = debian.root(&cache, false).expect("it is there");
        assert_eq!(fs::read(&root.path).expect("a file"), b"tar\n");
        let age = SystemTime::now().duration_since(root.made).expect("made before now");
        assert!(age < Duration::from_secs(600), "{age:?}");
        let said = fs::read_to_string(&calls).expect("it was called");
        let words = "--mode=auto --format=tar --variant=minbase --architectures=amd64 --include=curl,zsh trixie ";
        assert!(said.starts_with(words) && said.lines().count() == 1, "{said}");
        let kept = fs::read_dir(root.path.parent().expect("one")).expect("it is there").count();
        assert_eq!(kept, 3, "the archive, meta.json and used: nothing of the work");
    }

    #[test]
    fn what_fails_says_why_and_leaves_nothing() {
        let lab = tempfile::tempdir().expect("a directory");
        let cache = Cache::open(lab.path().join("cache")).expect("it opens");
        let debian = Debian::parse(Path::new("debian:nosuch")).expect("sound").expect("one");
        let entry = debian.entry(&cache).expect("sound");
        let failing = "mkdir -p $TMPDIR/a/b; echo 'E: no such suite' >&2; exit 25";
        let error = debian.made_by(&fake(lab.path(), failing), &entry).expect_err("it fails");
        let text = firebench_text::errors::sentence(&error);
        assert!(text.starts_with("cannot fetch debian:nosuch") && text.contains("E: no such suite"), "{text}");
        let modeless = fake(lab.path(), "echo 'E: unable to pick chroot mode automatically' >&2; exit 25");
        let error = debian.made_by(&modeless, &entry).expect_err("it fails");
        let help = miette::Diagnostic::help(&error).map(|help| help.to_string());
        assert!(help.is_some_and(|help| help.contains("/etc/subuid")));
        for nothing in ["exit 0", "for last; do :; done; : >$last", "for last; do :; done; ln -s /etc/passwd $last"] {
            let error = debian.made_by(&fake(lab.path(), nothing), &entry).expect_err("it wrote no archive");
            assert!(error.to_string().contains("root.tar"), "{error}");
        }
        let staged = fs::read_dir(lab.path().join("cache/staging")).expect("it is there").count();
        assert_eq!((staged, entry.get().expect("readable").is_none()), (0, true));
        // What a killed one left goes at the next start.
        let left = lab.path().join(format!("{WORK}x"));
        fs::create_dir_all(left.join("a")).expect("room");
        sweep(Path::new("/nowhere"), lab.path());
        assert!(!left.exists());
    }
}
