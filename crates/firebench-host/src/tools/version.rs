//! What a program says of its version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firebench_supervise::subprocess::{self, RunError};
use firebench_text as text;
use firebench_vmm::kind::Program;
use firebench_vmm::{LOADER, VmmKind};
use semver::Version;

/// A program that does not say its version, or one that firebench cannot use.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VersionError {
    /// It could not be asked for its version.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] RunError),
    /// It does not say its version.
    #[error("{} {} does not name a version of {program} but says {said:?}", path.display(), asked.join(" "))]
    #[diagnostic(help("name the right executable"))]
    NoVersion {
        /// What it should be.
        program: &'static str,
        /// What was run.
        path: PathBuf,
        /// The words with which it was asked.
        asked: &'static [&'static str],
        /// The first line that it wrote.
        said: String,
    },
    /// Older than firebench can use.
    #[error("{} is {} {version}, but firebench needs {} or newer", path.display(), vmm.title, oldest(*vmm))]
    #[diagnostic(help("{}, or give a newer one with --{vmm}", install(*vmm)))]
    TooOld {
        /// What it is.
        vmm: VmmKind,
        /// The executable.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
}

/// Characters of a line with a version that are kept: a program says what it likes there.
pub(super) const LONGEST_VERSION_LINE: usize = 200;

/// What a program may take to say its version.
pub(super) const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// The oldest version of a kind's program that firebench starts.
pub fn oldest(vmm: VmmKind) -> Version {
    let (major, minor, patch) = vmm.program.as_ref().and_then(|program| program.oldest).unwrap_or_default();
    Version::new(major, minor, patch)
}

/// How to get the program of a kind, in a clause.
pub fn install(vmm: VmmKind) -> &'static str {
    vmm.program.as_ref().map_or("build firebench again", |program| program.install)
}

/// The version of the program of a kind at `path`.
///
/// # Errors
/// [`VersionError`] when it does not start, is another program or too old.
pub fn version_of(vmm: VmmKind, path: &Path) -> Result<Version, VersionError> {
    let none = || VersionError::NoVersion {
        program: vmm.title,
        path: path.to_owned(),
        asked: Program::VERSION,
        said: String::new(),
    };
    let program = vmm.program.as_ref().ok_or_else(none)?;
    let line = version_line(program.version_line, path, program.ask_version)?;
    new_enough(vmm, program, path, &line)
}

/// The line in which the program of a kind at `path` says its version, which must be new enough.
///
/// # Errors
/// As [`version_of`].
pub(crate) fn usable(vmm: VmmKind, program: &Program, path: &Path) -> Result<String, VersionError> {
    let line = version_line(program.version_line, path, program.ask_version)?;
    if program.oldest.is_some() {
        new_enough(vmm, program, path, &line)?;
    }
    Ok(line)
}

/// The version in a line, which must be new enough.
fn new_enough(vmm: VmmKind, program: &Program, path: &Path, line: &str) -> Result<Version, VersionError> {
    let version = version_number(line).and_then(|version| Version::parse(version).ok());
    let version = version.ok_or_else(|| VersionError::NoVersion {
        program: program.version_line,
        path: path.to_owned(),
        asked: program.ask_version,
        said: line.to_owned(),
    })?;
    let oldest = oldest(vmm);
    // By number alone: a development build of 1.12 has what 1.12 has.
    if (version.major, version.minor) < (oldest.major, oldest.minor) {
        return Err(VersionError::TooOld { vmm, path: path.to_owned(), version });
    }
    Ok(version)
}

/// The directory with the libraries that were fetched with the program at `path`: `lib` beside it.
pub fn libraries(path: &Path) -> Option<PathBuf> {
    let beside = path.parent()?.join("lib");
    beside.join(LOADER).is_file().then_some(beside)
}

/// The first line of what the program at `path` says when it is `asked` for its version, which must name `program`.
pub(super) fn version_line(
    program: &'static str,
    path: &Path,
    asked: &'static [&'static str],
) -> Result<String, VersionError> {
    let output = subprocess::ask_with(path, libraries(path), asked, VERSION_LIMIT)?;
    let line = text::excerpt(output.stdout.lines().next().unwrap_or_default().trim(), LONGEST_VERSION_LINE);
    if line.starts_with(program) {
        Ok(line)
    } else {
        Err(VersionError::NoVersion { program, path: path.to_owned(), asked, said: line })
    }
}

/// The first word that is a version: digits and a dot, perhaps after a `v`.
pub(super) fn version_number(line: &str) -> Option<&str> {
    line.split_ascii_whitespace()
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
}
