//! Why there is no small kernel, and what to do about it.

use std::path::PathBuf;

use firebench_supervise::subprocess::RunError;
use firebench_supervise::work::WorkError;
use firebench_text::list;

use super::super::error::FetchError;

/// Why the small kernel was not built. Nothing is left of the attempt then.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BuildError {
    /// The source cannot be fetched, or a file cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// Programs or libraries that a build needs are not installed.
    #[error("cannot build a kernel without {}", list(what))]
    #[diagnostic(help("install them (Debian and Ubuntu: apt-get install {})", packages.join(" ")))]
    Tools {
        /// Programs and headers.
        what: Vec<String>,
        /// Their packages.
        packages: Vec<String>,
    },
    /// A program does not say its version.
    #[error("cannot ask {program} for its version")]
    #[diagnostic(help("check that it works: {program} --version"))]
    Version {
        /// Its name.
        program: &'static str,
        /// Why not.
        source: RunError,
    },
    /// APT knows no source of a kernel, or none of the version that was asked for.
    #[error("apt-get does not know a package with the source of Linux{}", version.as_ref().map(|version| format!(" {version}")).unwrap_or_default())]
    #[diagnostic(help("{}", no_source(known)))]
    NoSource {
        /// What was asked for.
        version: Option<String>,
        /// The versions that there are.
        known: Vec<String>,
    },
    /// A step of the build failed.
    #[error("cannot {step}")]
    #[diagnostic(help("{}", step_help(source)))]
    Step {
        /// Which one.
        step: &'static str,
        /// Why.
        source: WorkError,
    },
    /// The kernel's own configuration dropped what was asked for.
    #[error("Linux {version} does not take these lines of the configuration: {}", lines.join(", "))]
    #[diagnostic(help(
        "another option that they need is missing, or this version calls them something else: `firebench kernel config` prints \
        the configuration; try another --version, and report this"
    ))]
    Dropped {
        /// Of the source.
        version: String,
        /// The lines.
        lines: Vec<String>,
    },
    /// A kernel that was built has changed since.
    #[error("{} is not the file that was built", path.display())]
    #[diagnostic(help("remove its directory, and build it again with `firebench kernel build`"))]
    Changed {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: FetchError,
    },
}

fn step_help(source: &WorkError) -> String {
    let help = miette::Diagnostic::help(source).map(|help| help.to_string());
    help.unwrap_or_else(|| "try again; if it stays, try another --version, and report this".to_owned())
}

fn no_source(known: &[String]) -> String {
    if known.is_empty() {
        "on Debian, renew the package lists (apt-get update); elsewhere, give a kernel with --kernel PATH".to_owned()
    } else {
        format!("choose one of these with --version: {}", known.join(", "))
    }
}
