//! The programs that firebench needs: where they are, which version, and the digest that names them.

mod version;

use std::path::{Path, PathBuf};

use firebench_image::digest::sha256_file;
use firebench_image::elf::require_static_executable;
use firebench_os::program::{find_program, is_executable};
use firebench_supervise::subprocess;
use firebench_vmm::VmmKind;
use firebench_vmm::kind::{Jailer, Jailing, Program};
use serde::{Deserialize, Serialize};
use version::{VERSION_LIMIT, version_line, version_number};

use crate::fetch;

pub use version::install;
pub(crate) use version::usable;
pub use version::{VersionError, libraries, oldest, version_of};

/// A program that was found and asked for its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// The executable.
    pub path: PathBuf,
    /// The version alone: `10.0.2`.
    pub version: String,
    /// The line that it came from: `QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)`.
    pub version_line: String,
    /// SHA-256 of the executable.
    pub sha256: String,
}

/// A program that is missing or not what it should be.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ToolError {
    /// It does not say its version, or one that is too old.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Version(#[from] VersionError),
    /// It was not found.
    #[error("there is no {program}")]
    #[diagnostic(help("{hint}"))]
    Missing {
        /// Its name.
        program: String,
        /// How to get it.
        hint: String,
    },
    /// A jailer of another version of the VMM.
    #[error("{} is the jailer of {title} {version}, but the {title} is version {wanted}", path.display(), title = vmm.title)]
    #[diagnostic(help("put the jailer of the same release beside the {}: {}", vmm.title, install(*vmm)))]
    OtherJailer {
        /// What it jails.
        vmm: VmmKind,
        /// The executable.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The VMM's.
        wanted: String,
    },
    /// No PID 1.
    #[error("there is no firebench-agent beside {}", beside.display())]
    #[diagnostic(help(
        "copy it to where firebench is (`cargo build --release` makes both), or name it with FIREBENCH_AGENT"
    ))]
    NoAgent {
        /// Where it should be.
        beside: PathBuf,
    },
    /// An agent of another firebench.
    #[error("{} is the agent of firebench {version}, and this is {}", path.display(), env!("CARGO_PKG_VERSION"))]
    #[diagnostic(help("put the firebench-agent of the same build beside firebench, or name it with FIREBENCH_AGENT"))]
    OtherAgent {
        /// The executable.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It is not what was fetched.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetched(#[from] Box<fetch::FetchError>),
    /// It cannot be read for its digest.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] firebench_image::Error),
}

/// The program of a kind: `named` if given, else the newest that `firebench fetch` put into `data_dir`, else one of firebench's own beside
/// firebench, else the one on PATH.
///
/// # Errors
/// [`ToolError`] when it is missing, does not start, is another program or too old.
pub fn find(vmm: VmmKind, named: Option<&Path>, data_dir: &Path) -> Result<Tool, ToolError> {
    let missing = |program: &str| ToolError::Missing {
        program: program.to_owned(),
        hint: format!("{}, or give one with --{vmm}", install(vmm)),
    };
    let program = vmm.program.as_ref().ok_or_else(|| missing(vmm.name))?;
    let installer = fetch::installer(vmm).filter(|_| named.is_none());
    let fetched = installer.and_then(|installer| Some((installer, installer.installed(data_dir)?)));
    if let Some((installer, path)) = &fetched {
        installer.check(path, &sha256_file(path)?).map_err(Box::new)?;
    }
    let fetched = fetched.map(|(_, path)| path);
    let path =
        named.map(Path::to_owned).or(fetched).or_else(|| beside(program.name)).or_else(|| find_program(program.name));
    let path = path.ok_or_else(|| missing(program.name))?;
    let line = usable(vmm, program, &path)?;
    identify(program.version_line, program.ask_version, path, &line)
}

/// What firebench's programs are called.
const OWN: &str = "firebench-";

/// A program of firebench's own, which its build puts beside it.
fn beside(name: &str) -> Option<PathBuf> {
    let path = own_path().ok()?.with_file_name(name);
    Some(path).filter(|path| name.starts_with(OWN) && is_executable(path))
}

/// The jailer of a VMM: the one beside it, else the one on PATH. Both must be of one release.
///
/// # Errors
/// [`ToolError`] when it is missing, does not start, is no jailer or of another version.
pub fn jailer(vmm: VmmKind, jailer: &Jailer, jailed: &Tool) -> Result<Tool, ToolError> {
    // As releases name them: `firecracker-v1.12.1-x86_64`, `jailer-v1.12.1-x86_64`.
    let program = vmm.program.as_ref().map_or(vmm.name, |program| program.name);
    let name = jailed.path.file_name().unwrap_or_default().to_string_lossy().replace(program, jailer.name);
    let beside = jailed.path.with_file_name(name);
    let path = Some(beside).filter(|path| is_executable(path) && *path != jailed.path);
    let path = path.or_else(|| find_program(jailer.name)).ok_or_else(|| ToolError::Missing {
        program: format!("{} beside {}", jailer.name, jailed.path.display()),
        hint: format!("{}, or put the {} of the same release beside it", install(vmm), jailer.name),
    })?;
    if let Some(installer) = fetch::installer(vmm) {
        installer.check_jailer(&path, &sha256_file(&path)?).map_err(Box::new)?;
    }
    let line = version_line(jailer.version_line, &path, Program::VERSION)?;
    let found = identify(jailer.version_line, Program::VERSION, path, &line)?;
    if found.version == jailed.version {
        return Ok(found);
    }
    Err(ToolError::OtherJailer { vmm, path: found.path, version: found.version, wanted: jailed.version.clone() })
}

/// The agent at `path`, which must be static and of this firebench's version.
///
/// # Errors
/// [`ToolError`] when it is not, or does not start.
pub fn agent(path: &Path) -> Result<Tool, ToolError> {
    require_static_executable(path, "name the firebench-agent of this build with FIREBENCH_AGENT")?;
    let line = version_line("firebench-agent", path, Program::VERSION)?;
    let agent = identify("firebench-agent", Program::VERSION, path.to_owned(), &line)?;
    if agent.version == env!("CARGO_PKG_VERSION") {
        return Ok(agent);
    }
    Err(ToolError::OtherAgent { path: agent.path, version: agent.version })
}

/// Whether the program of a kind at `path` has a filter of its own system calls, and this machine lets it have one.
pub fn has_filter(vmm: VmmKind, path: &Path) -> bool {
    match vmm.guest().map(|guest| &guest.jail) {
        Some(Jailing::Filter(filter)) => subprocess::ask(path, filter.probe, VERSION_LIMIT).is_ok(),
        _ => false,
    }
}

fn identify(
    program: &'static str,
    asked: &'static [&'static str],
    path: PathBuf,
    line: &str,
) -> Result<Tool, ToolError> {
    let Some(version) = version_number(line) else {
        return Err(VersionError::NoVersion { program, path, asked, said: line.to_owned() }.into());
    };
    let sha256 = sha256_file(&path)?;
    Ok(Tool { path, version: version.to_owned(), version_line: line.to_owned(), sha256 })
}

/// This firebench.
///
/// # Errors
/// [`ToolError::NoAgent`]: where the agent is follows from it.
pub fn own_path() -> Result<PathBuf, ToolError> {
    std::env::current_exe().map_err(|_| ToolError::NoAgent { beside: "firebench, whose own path is unknown".into() })
}

/// The agent of this firebench.
///
/// # Errors
/// [`ToolError::NoAgent`].
pub fn find_agent() -> Result<PathBuf, ToolError> {
    agent_beside(&own_path()?)
}

/// The agent of the firebench at this path: `FIREBENCH_AGENT`, or the one beside it.
///
/// # Errors
/// [`ToolError::NoAgent`].
pub fn agent_beside(firebench: &Path) -> Result<PathBuf, ToolError> {
    let named = std::env::var_os("FIREBENCH_AGENT").map(PathBuf::from);
    let agent = named.unwrap_or_else(|| firebench.with_file_name("firebench-agent"));
    if agent.is_file() { Ok(agent) } else { Err(ToolError::NoAgent { beside: firebench.to_owned() }) }
}

#[cfg(test)]
mod tests;
