//! From a launch to a running process, confined before its first instruction.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{Pid, pipe2};

use crate::affinity::Mask;
use crate::cgroup::{self, Cgroup};
use crate::child::{Network, Plan, Step};
use crate::launch::Launch;
use crate::rundir::RunDir;
use crate::sys;

/// A VM that did not start. Nothing of it is left.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StartError {
    /// The launch has no command.
    #[error("the launch has no command")]
    #[diagnostic(help("this is an error in firebench"))]
    Empty,
    /// The tap's name is not one that Linux accepts.
    #[error("Linux accepts no network device called {name:?}")]
    #[diagnostic(help("use 1 to 15 letters, digits, dots, dashes and underscores, such as tap0"))]
    TapName {
        /// The name.
        name: String,
    },
    /// A file of the launch cannot be written.
    #[error("cannot write {path:?}")]
    #[diagnostic(help("the directory for temporary files must be writable and have room; TMPDIR names another one"))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("cannot run {program}")]
    Program {
        /// The program's path.
        program: String,
        /// Why.
        source: io::Error,
        /// What to do.
        #[help]
        help: Option<&'static str>,
    },
    /// The process could not be confined.
    #[error("the process of the VMM could not {step}")]
    Confine {
        /// What failed.
        step: Step,
        /// Why.
        source: io::Error,
        /// What to do.
        #[help]
        help: Option<&'static str>,
    },
    /// The system refused a new process, or the means to watch it.
    #[error("cannot {what}")]
    #[diagnostic(help(
        "the system may be out of processes, descriptors or memory; firebench needs Linux 5.11 or newer"
    ))]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl StartError {
    fn system(what: &'static str) -> impl Fn(nix::errno::Errno) -> StartError {
        move |error| StartError::System { what, source: error.into() }
    }
}

/// What holds a running VM.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confinement {
    /// Its control group, which catches whatever the VMM may fork.
    pub cgroup: Option<PathBuf>,
    /// Bytes of memory that the control group lets it have; none where nothing limits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit: Option<u64>,
    /// Whether it has a network namespace of its own.
    pub network_namespace: bool,
    /// What had to be gone without, and why, for the user.
    pub notes: Vec<String>,
}

/// A process just started, in a session and process group that bear its own id.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    /// Read ends, which do not block.
    pub(crate) stdout: File,
    pub(crate) stderr: File,
    pub(crate) cgroup: Option<Cgroup>,
    pub(crate) confinement: Confinement,
}

/// Writes the launch's files and starts its command.
pub(crate) fn start(launch: &Launch, run_dir: Option<&RunDir>) -> Result<Started, StartError> {
    let network = match &launch.tap {
        Some(tap) => Some(Network::new(&tap.name).ok_or_else(|| StartError::TapName { name: tap.name.clone() })?),
        None => None,
    };
    for file in &launch.files {
        fs::write(&file.path, &file.contents)
            .map_err(|source| StartError::Write { path: file.path.clone(), source })?;
    }
    let mut notes = Vec::new();
    // Better a control group that limits nothing than none: it still catches whatever the VMM forks.
    for limit in launch.memory_limit.map(Some).into_iter().chain([None]) {
        let without = if limit.is_some() { "a limit of memory" } else { "a control group" };
        match make_cgroup(run_dir, limit) {
            Err(reason) => notes.push(format!("without {without}: {reason}")),
            Ok(cgroup) => match spawn(launch, Some(cgroup), network.clone()) {
                // The group could be made and not entered: a matter of delegation. The VM can do without.
                Err(StartError::Confine { step: Step::Cgroup, source, .. }) => {
                    notes.push(format!("without {without}: cannot enter its control group: {source}"));
                }
                result => {
                    let mut started = result?;
                    started.confinement.memory_limit = limit;
                    started.confinement.notes = notes;
                    return Ok(started);
                }
            },
        }
    }
    let mut started = spawn(launch, None, network)?;
    started.confinement.notes = notes;
    Ok(started)
}

/// Makes a control group of a name that no other boot has had, and has the run directory remember it first. With a limit
/// of memory it is made where one can be had.
fn make_cgroup(run_dir: Option<&RunDir>, memory_limit: Option<u64>) -> Result<Cgroup, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let own = cgroup::own()?;
    let token = run_dir.map_or("lone", RunDir::token);
    let parents = if memory_limit.is_some() { own.parents_with_memory()? } else { vec![own.path] };
    let mut refused = Vec::new();
    for parent in parents {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{}{}-{token}-{number}", cgroup::PREFIX, std::process::id()));
        if let Some(run_dir) = run_dir {
            run_dir.record_cgroup(&path).map_err(|error| format!("cannot record it: {error}"))?;
        }
        let made = Cgroup::create(path.clone()).and_then(|cgroup| {
            memory_limit.map_or(Ok(()), |bytes| cgroup.limit_memory(bytes))?;
            Ok(cgroup)
        });
        match made {
            Ok(cgroup) => return Ok(cgroup),
            Err(error) => refused.push(format!("cannot make {}: {error}", path.display())),
        }
    }
    Err(refused.join("; "))
}

#[expect(unsafe_code, reason = "work between fork and exec; see the module `child`")]
fn spawn(launch: &Launch, cgroup: Option<Cgroup>, network: Option<Network>) -> Result<Started, StartError> {
    let (program, arguments) = launch.argv.split_first().ok_or(StartError::Empty)?;
    let (stdout, stdout_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    let (stderr, stderr_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    for end in [&stdout, &stderr] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(StartError::system("configure a pipe"))?;
    }
    let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    let confinement = Confinement {
        cgroup: cgroup.as_ref().map(|group| group.path().to_owned()),
        network_namespace: network.is_some(),
        ..Confinement::default()
    };
    let entrance = cgroup.as_ref().map(Cgroup::entrance).transpose();
    let entrance = entrance.map_err(|source| StartError::Confine { step: Step::Cgroup, source, help: None })?;
    let cpus = launch.cpus.as_deref().map(Mask::new).transpose().map_err(|source| {
        let help = confine_help(Step::Affinity, Some(libc::EINVAL));
        StartError::Confine { step: Step::Affinity, source, help }
    })?;
    let plan = Plan { parent: Pid::this().as_raw(), report: report_end, cgroup: entrance, cpus, network };

    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout_end).stderr(stderr_end);
    command.env_clear().env("HOME", "/").env("LANG", "C");
    for name in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // SAFETY: carry_out makes async-signal-safe calls only, on memory that the plan owns; see its module.
    unsafe { command.pre_exec(move || plan.carry_out()) };
    let spawned = command.spawn();
    // With it go our copies of the write ends: the pipes now end with the child.
    drop(command);
    let pid = match spawned {
        Ok(child) => Pid::from_raw(child.id() as i32),
        Err(error) => return Err(spawn_error(program, report, error)),
    };
    let pidfd = sys::pidfd_open(pid.as_raw()).map_err(|source| {
        end(pid);
        StartError::System { what: "watch the VMM's process", source }
    })?;
    Ok(Started { pid, pidfd, stdout: stdout.into(), stderr: stderr.into(), cgroup, confinement })
}

/// Ends the process group of `pid` and waits for the process.
fn end(pid: Pid) {
    // Neither can fail: the process is ours, and not waited for yet.
    let _ = nix::sys::signal::killpg(pid, nix::sys::signal::Signal::SIGKILL);
    let _ = sys::wait4(pid.as_raw());
}

fn spawn_error(program: &str, report: OwnedFd, source: io::Error) -> StartError {
    let mut byte = [0];
    let step = match File::from(report).read(&mut byte) {
        Ok(1) => byte.first().copied().and_then(Step::from_report),
        _ => None,
    };
    let code = source.raw_os_error();
    match step {
        Some(Step::Exec) => StartError::Program { program: program.to_owned(), help: program_help(code), source },
        Some(step) => StartError::Confine { step, help: confine_help(step, code), source },
        None => StartError::System { what: "make a process", source },
    }
}

fn program_help(code: Option<i32>) -> Option<&'static str> {
    match code? {
        libc::ENOENT => {
            Some("install it or name another one; a script or a dynamic program also needs its interpreter")
        }
        libc::EACCES => Some("the file must be executable (chmod +x), and its file system not mounted noexec"),
        libc::ENOEXEC => Some("the file is no program for this machine (x86_64 Linux)"),
        _ => None,
    }
}

fn confine_help(step: Step, code: Option<i32>) -> Option<&'static str> {
    match (step, code?) {
        (Step::Affinity, libc::EINVAL) => {
            Some("name CPUs that are online and that the control group allows: `nproc`, `taskset -pc $$`")
        }
        (Step::Namespace | Step::UserMap, libc::EPERM | libc::EACCES) => Some(
            "run as root, or let users make user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu \
             kernel.apparmor_restrict_unprivileged_userns=0), or leave the tap out",
        ),
        (Step::Namespace, libc::ENOSPC) => {
            Some("raise the sysctls user.max_user_namespaces and user.max_net_namespaces, or leave the tap out")
        }
        (Step::OpenTun, libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            Some("load the driver (modprobe tun), or leave the tap out")
        }
        (Step::OpenTun, libc::EACCES | libc::EPERM) => {
            Some("run as root, or give users the device (chmod 666 /dev/net/tun), or leave the tap out")
        }
        (Step::MakeTap | Step::TapUp, libc::EPERM) => Some("run as root, or leave the tap out"),
        (Step::Descriptors, libc::ENOSYS | libc::EINVAL) => Some("firebench needs Linux 5.11 or newer"),
        _ => None,
    }
}
