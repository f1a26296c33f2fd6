//! Why something could not be fetched, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use firebench_os::outside::Refused;
use firebench_supervise::subprocess::RunError;
use semver::Version;

use crate::tools::VersionError;

/// Why something could not be fetched. Nothing was installed then.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FetchError {
    /// No variable says where data belongs.
    #[error("cannot find a directory for firebench's data: none of FIREBENCH_DATA, XDG_DATA_HOME and HOME is set")]
    #[diagnostic(help("set FIREBENCH_DATA to a directory"))]
    NoDataDir,
    /// A file in the data directory could not be read or written.
    #[error("cannot {action} {}", path.display())]
    #[diagnostic(help("{}", if Refused::of(source).is_some() { "give a regular file" } else { SPACE }))]
    File {
        /// Read, write, ...
        action: &'static str,
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A helper program is not installed.
    #[error("cannot find {program}, which firebench needs to fetch {what}")]
    #[diagnostic(help("{hint}"))]
    NoProgram {
        /// Its name.
        program: &'static str,
        /// What for.
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A Debian that cannot be asked for so.
    #[error("{} is no Debian: {reason}", firebench_text::excerpt(text, 100))]
    #[diagnostic(help(
        "write it like debian:bookworm, or debian:trixie,python3,curl: the name of a suite, and of packages"
    ))]
    Debian {
        /// What was written.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A Debian that was not made yet, where nothing is to be made.
    #[error("the root {name} was not made yet")]
    #[diagnostic(help("make it with `firebench image build --from {name}`; a run without --dry-run does so, too"))]
    NotMade {
        /// The root.
        name: String,
    },
    /// A helper program failed.
    #[error("cannot fetch {what}")]
    #[diagnostic(help("{}", if is_full(source) { SPACE } else { hint }))]
    Program {
        /// What was to be fetched.
        what: String,
        /// What to do, unless there was no space left.
        hint: &'static str,
        /// How it failed.
        source: RunError,
    },
    /// A file does not have the promised digest.
    #[error("{what} has the SHA-256 {found}, not {expected}; nothing was installed")]
    #[diagnostic(help("fetch it again; if the digest stays wrong, do not use the file, and tell whoever serves it"))]
    Digest {
        /// Which file.
        what: String,
        /// As promised.
        expected: String,
        /// As it is.
        found: String,
    },
    /// A download is larger than it can plausibly be.
    #[error("{what} has more than {most} bytes, which is implausible; nothing was installed")]
    #[diagnostic(help(
        "check the version and the URL (--url, FIREBENCH_RELEASE_URL): the server sends something else"
    ))]
    TooLarge {
        /// What was to be fetched.
        what: String,
        /// Bytes that it may have.
        most: u64,
    },
    /// A fetched file has changed since.
    #[error("{} is not the file that was fetched: its SHA-256 is {found}, but {expected} was recorded", path.display())]
    #[diagnostic(help("firebench does not use it: remove it, and fetch it again with `firebench fetch {what}`"))]
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
    /// A file where a fetched one should be, but without a recorded digest.
    #[error("no SHA-256 is recorded for {}: it was put there by hand, or by an earlier firebench", path.display())]
    #[diagnostic(help(
        "run `firebench fetch {what} --if-missing` to record the file as it is, or remove the file first to fetch it \
        again"
    ))]
    Unrecorded {
        /// What it is to `firebench fetch`.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
    },
    /// A list of digests does not contain the file.
    #[error("{list} does not contain the SHA-256 of {file}; nothing was installed")]
    #[diagnostic(help("check the version and the URL: they must lead to files laid out like Firecracker's releases"))]
    Unlisted {
        /// The list.
        list: String,
        /// The file.
        file: String,
    },
    /// An archive cannot be unpacked.
    #[error("cannot unpack {}: {reason}", archive.display())]
    #[diagnostic(help("fetch it again or use another --from: the download may be damaged or have another layout"))]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file that is not Firecracker.
    #[error("{} is not Firecracker: {reason}", path.display())]
    #[diagnostic(help("give the x86_64 executable of a release, or use --from release or --from wheel"))]
    NotFirecracker {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A version that is too old for firebench.
    #[error(
        "Firecracker {version} is too old: firebench needs {} or newer",
        crate::tools::oldest(super::binaries::FIRECRACKER)
    )]
    #[diagnostic(help("choose a newer --version"))]
    TooOld {
        /// What was asked for.
        version: Version,
    },
    /// A program does not print its version, or is too old.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Version(#[from] VersionError),
    /// A file cannot be read for its digest.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
    /// APT does not know the package.
    #[error("apt-get does not know the package {package}")]
    #[diagnostic(help("{hint}"))]
    NoPackage {
        /// Its name.
        package: String,
        /// What to do.
        hint: &'static str,
    },
    /// A package that is too old.
    #[error("cannot use the package {package}: {reason}")]
    #[diagnostic(help("install a newer program by hand, or name one with `binary`"))]
    OldPackage {
        /// Its file's name.
        package: String,
        /// Why not.
        reason: &'static str,
    },
    /// A busybox that a guest cannot run.
    #[error("cannot use {} as the guest's busybox: {reason}", path.display())]
    #[diagnostic(help("give a static x86_64 executable, such as the one in Debian's package busybox-static"))]
    Busybox {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

const SPACE: &str = "check permissions and free space there; FIREBENCH_DATA sets another directory";

/// Whether a program says that it could not write what it downloaded. curl says so only with its exit code (curl(1): 23).
fn is_full(error: &RunError) -> bool {
    match error {
        RunError::Failed { program, status, detail } => {
            detail.contains("No space left on device") || (program.ends_with("curl") && status.code() == Some(23))
        }
        _ => false,
    }
}

/// For `map_err`: a [`FetchError::File`].
pub(super) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::File { action, path, source }
}
