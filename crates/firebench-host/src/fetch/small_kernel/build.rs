//! The build: source in, kernel out.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use firebench_image::digest::{sha256, sha256_file};
use firebench_os::{interrupt, outside};
use firebench_supervise::work::{WorkError, work};

use super::super::apt::{Apt, Package, version_of};
use super::super::data::entries;
use super::super::error::{FetchError, file_error};
use super::super::install::staging;
use super::super::recorded;
use super::super::version_order::compare;
use super::error::BuildError;
use super::toolchain;
use super::wanted::{dropped, fragment};
use super::{BUILD, BZIMAGE, CONFIG, CONFIGURATION, Inputs, SmallKernel, VMLINUX, home, open};

/// Debian's packages of the source, before the version.
const PACKAGE: &str = "linux-source-";
/// What unpacking, or configuring, may take.
const SHORT: Duration = Duration::from_secs(1200);
/// What the build may take: some minutes on two free CPUs.
const LONG: Duration = Duration::from_secs(3 * 3600);
/// What a kernel says of its build: nothing that differs from one build to the next.
const SAME_EVERY_TIME: [&str; 4] = [
    "KBUILD_BUILD_TIMESTAMP=Sat Jan  1 00:00:00 UTC 2000",
    "KBUILD_BUILD_USER=firebench",
    "KBUILD_BUILD_HOST=firebench",
    "KBUILD_BUILD_VERSION=1",
];
/// Most bytes of a `.config`.
const LONGEST_CONFIG: u64 = 4 << 20;

/// What a build is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// It downloads this package.
    Download(&'a str),
    /// It unpacks the source.
    Unpack,
    /// It compiles, with so many compilers at once.
    Compile(usize),
}

/// Builds the small kernel from the newest source that APT offers, or from that of `version` (such as `6.12`), and puts it into
/// `data_dir`, unless it is there: then the second value is true.
///
/// # Errors
/// [`BuildError`] when tools are missing, the source cannot be had, a line of the configuration does not hold, or a step fails.
pub fn build(
    data_dir: &Path,
    version: Option<&str>,
    jobs: usize,
    progress: &dyn Fn(Step<'_>),
) -> Result<(SmallKernel, bool), BuildError> {
    toolchain::check()?;
    let apt = Apt::find("the source of a kernel", "give a kernel with --kernel PATH: this machine does not have APT")?;
    build_with(&apt, data_dir, version, CONFIGURATION, jobs, progress)
}

pub(super) fn build_with(
    apt: &Apt,
    data_dir: &Path,
    version: Option<&str>,
    configuration: &str,
    jobs: usize,
    progress: &dyn Fn(Step<'_>),
) -> Result<(SmallKernel, bool), BuildError> {
    let (package, announced) = source(apt, version)?;
    let version = version_of(&announced.file_name).unwrap_or_default();
    let inputs = Inputs {
        version: version.clone(),
        source: announced.sha256.clone().unwrap_or_else(|| announced.file_name.clone()),
        configuration: sha256(configuration.as_bytes()),
        toolchain: toolchain::version()?,
    };
    let home = home(data_dir);
    let place = home.join(inputs.directory());
    if let Ok(kernel) = open(&place, version.clone()) {
        return Ok((kernel, true));
    }
    let staging = staging(&home)?;
    let (source, result) = (staging.path().join("source"), staging.path().join("result"));
    for directory in [&source, &result] {
        fs::create_dir(directory).map_err(file_error("make", directory))?;
    }
    progress(Step::Download(&announced.file_name));
    let (staged, _) = apt.download(&package, &announced, staging.path())?;
    progress(Step::Unpack);
    unpack(&staged, &source, staging.path())?;
    configure(&source, &version, configuration)?;
    progress(Step::Compile(jobs));
    let jobs = format!("-j{jobs}");
    make(&source, "compile the kernel", LONG, &[&jobs, VMLINUX, BZIMAGE])?;
    take(&source, &result)?;
    let text = serde_json::to_vec_pretty(&inputs).unwrap_or_default();
    let path = result.join(BUILD);
    fs::write(&path, text).map_err(file_error("write", &path))?;
    if place.exists() {
        // It was found to be damaged, or somebody else has just built the same.
        fs::remove_dir_all(&place).map_err(file_error("remove", &place))?;
    }
    fs::rename(&result, &place).map_err(file_error("write", &place))?;
    Ok((open(&place, version)?, false))
}

/// The package of the source that is wanted, else of the newest one, and what APT announces of it.
fn source(apt: &Apt, version: Option<&str>) -> Result<(String, Package), BuildError> {
    let mut known: Vec<String> = apt
        .names(PACKAGE)
        .unwrap_or_default()
        .iter()
        .filter_map(|name| name.strip_prefix(PACKAGE))
        .filter(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .map(str::to_owned)
        .collect();
    known.sort_by(|a, b| compare(b, a));
    let none = |known: &[String]| BuildError::NoSource { version: version.map(str::to_owned), known: known.to_vec() };
    let wanted = known.iter().filter(|known| version.is_none_or(|version| version == *known));
    for version in wanted {
        let package = format!("{PACKAGE}{version}");
        // A name that is known may have no package any more.
        if let Ok(Some(announced)) = apt.announce(&package) {
            return Ok((package, announced));
        }
    }
    Err(none(&known))
}

/// For `map_err`.
fn step(step: &'static str) -> impl FnOnce(WorkError) -> BuildError {
    move |source| BuildError::Step { step, source }
}

/// Takes the archive out of the package, and the source out of the archive. What is not needed any more is removed.
fn unpack(package: &Path, source: &Path, staging: &Path) -> Result<(), BuildError> {
    const STEP: &str = "unpack the source";
    let unpacked = staging.join("package");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    work(&["dpkg-deb", "--extract", &text(package), &text(&unpacked)], staging, SHORT).map_err(step(STEP))?;
    fs::remove_file(package).map_err(file_error("remove", package))?;
    let archive = entries(&unpacked.join("usr/src")).find(|path| path.to_string_lossy().ends_with(".tar.xz"));
    let archive = archive.ok_or_else(|| FetchError::Archive {
        archive: package.to_owned(),
        reason: "it does not contain usr/src/linux-source-*.tar.xz".to_owned(),
    })?;
    let (from, to) = (text(&archive), text(source));
    // What others may write to nobody trusts, and root's tar would leave it so.
    let tar = [
        "tar",
        "--extract",
        "--xz",
        "--file",
        &from,
        "--directory",
        &to,
        "--strip-components=1",
        "--no-same-owner",
        "--no-same-permissions",
    ];
    work(&tar, staging, SHORT).map_err(step(STEP))?;
    fs::remove_dir_all(&unpacked).map_err(file_error("remove", &unpacked))?;
    Ok(())
}

/// Has the kernel's build make its smallest configuration, add ours, and say what else that takes; then looks whether all of ours holds.
fn configure(source: &Path, version: &str, configuration: &str) -> Result<(), BuildError> {
    const STEP: &str = "configure the kernel";
    make(source, STEP, SHORT, &["tinyconfig"])?;
    let path = source.join(".config");
    let add = || File::options().append(true).open(&path)?.write_all(fragment(configuration).as_bytes());
    add().map_err(file_error("write", &path))?;
    make(source, STEP, SHORT, &["olddefconfig"])?;
    let config = outside::read(&path, LONGEST_CONFIG).map_err(file_error("read", &path))?;
    let lines = dropped(configuration, &String::from_utf8_lossy(&config));
    if lines.is_empty() { Ok(()) } else { Err(BuildError::Dropped { version: version.to_owned(), lines }) }
}

/// `make` in the source, which it alone may write to.
fn make(source: &Path, what: &'static str, limit: Duration, targets: &[&str]) -> Result<(), BuildError> {
    let directory = source.to_string_lossy();
    let mut argv = vec!["make", "--silent", "-C", &directory];
    argv.extend(SAME_EVERY_TIME.iter().chain(targets));
    if interrupt::is_wanted() {
        return Err(step(what)(WorkError::Stopped));
    }
    work(&argv, source, limit).map_err(step(what))
}

/// Moves what was built to `result`, each file with its digest beside it.
fn take(source: &Path, result: &Path) -> Result<(), BuildError> {
    for (from, name) in [("vmlinux", VMLINUX), ("arch/x86/boot/bzImage", BZIMAGE), (".config", CONFIG)] {
        let (from, to) = (source.join(from), result.join(name));
        fs::rename(&from, &to).map_err(file_error("find", &from))?;
        File::open(&to).and_then(|file| file.sync_all()).map_err(file_error("write", &to))?;
        if name != CONFIG {
            let sha256 = sha256_file(&to).map_err(FetchError::from)?;
            recorded::record(&to, &sha256)?;
        }
    }
    Ok(())
}
