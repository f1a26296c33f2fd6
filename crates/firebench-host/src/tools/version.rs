//! What a program says of its version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use firebench_supervise::subprocess::{self, RunError};
use firebench_text as text;
use semver::Version;

/// A program that does not say its version, or one that firebench cannot use.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VersionError {
    /// It could not be asked for its version.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Run(#[from] RunError),
    /// It does not say its version.
    #[error("{} --version does not name a version of {program} but says {said:?}", path.display())]
    #[diagnostic(help("name the right executable"))]
    NoVersion {
        /// What it should be.
        program: &'static str,
        /// What was run.
        path: PathBuf,
        /// The first line that it wrote.
        said: String,
    },
    /// Older than firebench can use.
    #[error("{} is Firecracker {version}, and firebench needs {OLDEST_FIRECRACKER} or newer", path.display())]
    #[diagnostic(help("firebench fetch firecracker"))]
    TooOld {
        /// The executable.
        path: PathBuf,
        /// Its version.
        version: Version,
    },
}
/// The oldest Firecracker that firebench starts: it finds devices through ACPI and takes `--no-api --config-file`.
pub const OLDEST_FIRECRACKER: Version = Version::new(1, 12, 0);

/// Characters of a line with a version that are kept: a program says what it likes there.
pub(super) const LONGEST_VERSION_LINE: usize = 200;

/// What `--version` may take.
pub(super) const VERSION_LIMIT: Duration = Duration::from_secs(10);

/// The version of the Firecracker at `path`, and the line that says it.
///
/// # Errors
/// [`VersionError`] when it does not start, is no Firecracker or is older than [`OLDEST_FIRECRACKER`].
pub fn firecracker_version(path: &Path) -> Result<(Version, String), VersionError> {
    let line = version_line("Firecracker", path)?;
    let version = line
        .strip_prefix("Firecracker v")
        .and_then(|version| Version::parse(version.trim()).ok())
        .ok_or_else(|| VersionError::NoVersion { program: "Firecracker", path: path.to_owned(), said: line.clone() })?;
    // By number alone: a development build of 1.12 has what 1.12 has.
    if (version.major, version.minor) < (OLDEST_FIRECRACKER.major, OLDEST_FIRECRACKER.minor) {
        return Err(VersionError::TooOld { path: path.to_owned(), version });
    }
    Ok((version, line))
}

/// The first line of `--version`, which must name `program`.
pub(super) fn version_line(program: &'static str, path: &Path) -> Result<String, VersionError> {
    let output = subprocess::ask(path, &["--version"], VERSION_LIMIT)?;
    let line = text::excerpt(output.stdout.lines().next().unwrap_or_default().trim(), LONGEST_VERSION_LINE);
    if line.starts_with(program) {
        Ok(line)
    } else {
        Err(VersionError::NoVersion { program, path: path.to_owned(), said: line })
    }
}

/// The first word that is a version: digits and a dot, perhaps after a `v`.
pub(super) fn version_number(line: &str) -> Option<&str> {
    line.split_ascii_whitespace()
        .map(|word| word.strip_prefix('v').unwrap_or(word))
        .find(|word| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.'))
}
