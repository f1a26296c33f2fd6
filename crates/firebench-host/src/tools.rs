//! The programs that firebench needs: where they are, which version, and the digest that names them.

mod version;

use std::path::{Path, PathBuf};

use firebench_image::digest::sha256_file;
use firebench_image::elf::require_static_executable;
use firebench_os::program::{find_program, is_executable};
use firebench_supervise::subprocess;
use firebench_vmm::qemu::Sandbox;
use serde::{Deserialize, Serialize};
use version::{VERSION_LIMIT, version_line, version_number};

use crate::fetch;

pub use version::{OLDEST_FIRECRACKER, VersionError, firecracker_version};

/// QEMU's system emulator.
pub const QEMU: &str = "qemu-system-x86_64";
/// Firecracker.
pub const FIRECRACKER: &str = "firecracker";
/// Firecracker's jailer.
const JAILER: &str = "jailer";

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
    /// A jailer of another Firecracker.
    #[error("{} is the jailer of Firecracker {version}, and the Firecracker is {wanted}", path.display())]
    #[diagnostic(help(
        "put the jailer of the same release beside the Firecracker: firebench fetch firecracker brings both"
    ))]
    OtherJailer {
        /// The executable.
        path: PathBuf,
        /// Its version.
        version: String,
        /// The Firecracker's.
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

/// QEMU: `named` if given, else the one on PATH.
///
/// # Errors
/// [`ToolError`] when it is missing, does not start or is no QEMU.
pub fn qemu(named: Option<&Path>) -> Result<Tool, ToolError> {
    let path = named.map(Path::to_owned).or_else(|| find_program(QEMU)).ok_or_else(|| ToolError::Missing {
        program: QEMU.to_owned(),
        hint: "install it (Debian and Ubuntu: apt-get install qemu-system-x86), or name one with --qemu".to_owned(),
    })?;
    let line = version_line("QEMU", &path)?;
    identify("QEMU", path, &line)
}

/// Firecracker: `named` if given, else the newest that `firebench fetch` put into `data_dir`, else the one on PATH.
///
/// # Errors
/// [`ToolError`] when it is missing, does not start, is no Firecracker or is older than [`OLDEST_FIRECRACKER`].
pub fn firecracker(named: Option<&Path>, data_dir: &Path) -> Result<Tool, ToolError> {
    let fetched = || fetch::installed_firecracker(data_dir);
    let (path, fetched) = match named {
        Some(path) => (Some(path.to_owned()), false),
        None => fetched().map_or((None, false), |path| (Some(path), true)),
    };
    let path = path.or_else(|| find_program(FIRECRACKER)).ok_or_else(|| ToolError::Missing {
        program: FIRECRACKER.to_owned(),
        hint: "fetch it (firebench fetch firecracker), or name one with --firecracker".to_owned(),
    })?;
    if fetched {
        fetch::check_firecracker(&path, &sha256_file(&path)?).map_err(Box::new)?;
    }
    let (_, line) = firecracker_version(&path)?;
    identify("Firecracker", path, &line)
}

/// The jailer of a Firecracker: the one beside it, else the one on PATH. Both must be of one release.
///
/// # Errors
/// [`ToolError`] when it is missing, does not start, is no jailer or of another version.
pub fn jailer(firecracker: &Tool) -> Result<Tool, ToolError> {
    // As releases name them: `firecracker-v1.12.1-x86_64`, `jailer-v1.12.1-x86_64`.
    let name = firecracker.path.file_name().unwrap_or_default().to_string_lossy().replace(FIRECRACKER, JAILER);
    let beside = firecracker.path.with_file_name(name);
    let path = Some(beside).filter(|path| is_executable(path) && *path != firecracker.path);
    let path = path.or_else(|| find_program(JAILER)).ok_or_else(|| ToolError::Missing {
        program: format!("{JAILER} beside {}", firecracker.path.display()),
        hint: "fetch both (firebench fetch firecracker), or put the jailer of the same release beside it".to_owned(),
    })?;
    fetch::check_jailer(&path, &sha256_file(&path)?).map_err(Box::new)?;
    let line = version_line("Jailer", &path)?;
    let jailer = identify("Jailer", path, &line)?;
    if jailer.version == firecracker.version {
        return Ok(jailer);
    }
    Err(ToolError::OtherJailer { path: jailer.path, version: jailer.version, wanted: firecracker.version.clone() })
}

/// The agent at `path`, which must be static and of this firebench's version.
///
/// # Errors
/// [`ToolError`] when it is not, or does not start.
pub fn agent(path: &Path) -> Result<Tool, ToolError> {
    require_static_executable(path, "name the firebench-agent of this build with FIREBENCH_AGENT")?;
    let line = version_line("firebench-agent", path)?;
    let agent = identify("firebench-agent", path.to_owned(), &line)?;
    if agent.version == env!("CARGO_PKG_VERSION") {
        return Ok(agent);
    }
    Err(ToolError::OtherAgent { path: agent.path, version: agent.version })
}

/// Whether the QEMU at `path` has a sandbox, and this machine lets it filter its system calls: a start that ends after the
/// filter is there.
pub fn has_sandbox(path: &Path) -> bool {
    subprocess::ask(path, &["-sandbox", Sandbox::Strict.words(), "-device", "help"], VERSION_LIMIT).is_ok()
}

fn identify(program: &'static str, path: PathBuf, line: &str) -> Result<Tool, ToolError> {
    let Some(version) = version_number(line) else {
        return Err(VersionError::NoVersion { program, path, said: line.to_owned() }.into());
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
