//! Why something could not be fetched, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use firebench_os::outside::Refused;
use firebench_supervise::subprocess::RunError;
use semver::Version;

use crate::tools::VersionError;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// No variable says where data belongs.
    #[error("there is no place for firebench's data: FIREBENCH_DATA, XDG_DATA_HOME and HOME are all unset")]
    #[diagnostic(help("set FIREBENCH_DATA to a directory"))]
    NoDataDir,
    /// A file of ours could not be read or written.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("{}", if Refused::of(source).is_some() { "name a regular file" } else { SPACE }))]
    File {
        /// Read, write, ...
        action: &'static str,
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A helper program is not installed.
    #[error("there is no {program}, which firebench needs to fetch {what}")]
    #[diagnostic(help("{hint}"))]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// What for.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A helper program failed.
    #[error("cannot fetch {what}")]
    #[diagnostic(help("{}", if is_full(source) { SPACE } else { hint }))]
    Program {
        /// What was to be fetched.
        what: String,
        /// What to do, unless it was for want of space.
        hint: &'static str,
        /// How it failed.
        source: RunError,
    },
    /// A file is not the one that was promised.
    #[error("{what} has the SHA-256 {found}, not {expected}; nothing was installed")]
    #[diagnostic(help("do not use it; fetch again, and if it stays so, tell whoever serves the file"))]
    Digest {
        /// Which file.
        what: String,
        /// As promised.
        expected: String,
        /// As it is.
        found: String,
    },
    /// More arrives than what was asked for can have.
    #[error("{what} has more than {most} bytes, which is implausible; nothing was installed")]
    #[diagnostic(help("check the version and the URL (--url, FIREBENCH_RELEASE_URL): something else is served there"))]
    TooLarge {
        /// What was to be fetched.
        what: String,
        /// Bytes that it may have.
        most: u64,
    },
    /// A fetched file is no longer what it was.
    #[error("{} is not what was fetched: its SHA-256 is {found}, and {expected} was recorded", path.display())]
    #[diagnostic(help("it is not used. Remove it, and fetch it again: firebench fetch {what}"))]
    Changed {
        /// What it is to `firebench fetch`.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// As recorded.
        expected: String,
        /// As it is.
        found: String,
    },
    /// A file in the place of a fetched one, of which nothing is recorded.
    #[error("nothing says what {} must be: it was put there by hand, or by an earlier firebench", path.display())]
    #[diagnostic(help(
        "firebench fetch {what} --if-missing records it as it is; remove it before that, and it is fetched again"
    ))]
    Unrecorded {
        /// What it is to `firebench fetch`.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// A list of digests leaves out the file in question.
    #[error("{list} names no SHA-256 of {file}; nothing was installed")]
    #[diagnostic(help("the layout is that of Firecracker's releases; check the version and the URL"))]
    Unlisted {
        /// The list.
        list: String,
        /// The file.
        file: String,
    },
    /// An archive cannot be taken apart.
    #[error("cannot take {} apart: {reason}", archive.display())]
    #[diagnostic(help("the download may be damaged or of another layout; fetch again or use another --from"))]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file that is no Firecracker.
    #[error("{} is not Firecracker: {reason}", path.display())]
    #[diagnostic(help("name the x86_64 executable of a release, or use --from release or --from wheel"))]
    NotFirecracker {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A version that firebench does not start.
    #[error(
        "Firecracker {version} is too old: firebench needs {} or newer",
        crate::tools::oldest(super::binaries::FIRECRACKER)
    )]
    #[diagnostic(help("choose a newer --version"))]
    TooOld {
        /// What was asked for.
        version: Version,
    },
    /// A program does not say its version, or one that is too old.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Version(#[from] VersionError),
    /// A file cannot be read for its digest.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
    /// APT does not know the package.
    #[error("apt-get knows no package {package}")]
    #[diagnostic(help("{hint}"))]
    NoPackage {
        /// Its name.
        package: String,
        /// What to do.
        hint: &'static str,
    },
    /// A busybox that a guest cannot run.
    #[error("{} is not a busybox for the guest: {reason}", path.display())]
    #[diagnostic(help("it must be a static x86_64 executable, such as that of Debian's busybox-static"))]
    Busybox {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

const SPACE: &str = "check permissions and free space there; FIREBENCH_DATA chooses another directory";

/// Whether a program says that it could not write what it downloaded. curl says so with its exit code alone (curl(1): 23).
fn is_full(error: &RunError) -> bool {
    match error {
        RunError::Failed { program, status, detail } => {
            detail.contains("No space left on device") || (program.ends_with("curl") && status.code() == Some(23))
        }
        _ => false,
    }
}

/// A [`FetchError::File`] in the making.
pub(super) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::File { action, path, source }
}
