//! From a launch to a running process, confined before its first instruction.

pub(crate) mod error;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use firebench_vmm::{Launch, LaunchFile, Missing, Veth};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{Pid, pipe2};

use crate::access::{self, Access};
use crate::affinity::Mask;
use crate::cgroup::{self, Cgroup};
use crate::child::ChildSetup;
use crate::child::step::Step;
use crate::jail;
use crate::limits;
use crate::namespaces::{Level, Namespaces, SHARED_MEMORY};
use crate::network::Card;
use crate::program;
use crate::rlimits::Rlimits;
use crate::rundir::RunDir;
use crate::sys;
use error::StartError;

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
    /// Whether it has a mount namespace of its own.
    pub mount_namespace: bool,
    /// Whether it can write to its own directory only.
    pub read_only: bool,
    /// Whether it has a process namespace of its own, and with it ends whatever it starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub process_namespace: bool,
    /// What had to be gone without, and why.
    pub missing: Vec<Missing>,
}

/// A process just started, in a session and process group with its own id.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    /// When its program was executed.
    pub(crate) executed: Instant,
    /// Read ends, which do not block.
    pub(crate) stdout: File,
    pub(crate) stderr: File,
    pub(crate) cgroup: Option<Cgroup>,
    pub(crate) confinement: Confinement,
    /// What its keeper waits for the end of.
    pub(crate) life: Option<OwnedFd>,
}

/// The control group that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// One with limits.
    Limited,
    /// Better one that limits nothing than none: it still catches whatever the VMM forks.
    Plain,
    /// None.
    None,
}

/// Writes the launch's files and starts its command. What it cannot have of its confinement it goes without.
pub(crate) fn start(launch: &Launch, run_dir: Option<&RunDir>) -> Result<Started, StartError> {
    let owner = launch.jail.as_ref().map_or(nix::unistd::geteuid().as_raw(), |jail| jail.id);
    let card = Card::of(launch, owner)?;
    launch.jail.as_ref().map_or(Ok(()), jail::make)?;
    for directory in &launch.directories {
        let made = std::fs::DirBuilder::new().mode(0o755).create(directory);
        made.map_err(|source| StartError::Write { path: directory.clone(), source })?;
    }
    for file in &launch.files {
        write_new(file, run_dir).map_err(|source| StartError::Write { path: file.path.clone(), source })?;
    }
    if let (Some(_), Some(directory)) = (&launch.veth, &launch.directory) {
        let file = LaunchFile { path: directory.join(Veth::HOST_NAMESPACE), contents: String::new() };
        write_new(&file, run_dir).map_err(|source| StartError::Write { path: file.path.clone(), source })?;
    }
    let binds = launch.jail.as_ref().map(|jail| jail::furnish(launch, jail)).transpose()?.unwrap_or_default();
    let needed = |level: Level| {
        (level.network() || launch.tap.is_none())
            && (level.mounts() || launch.veth.is_none())
            && (level.mounts() || launch.jail.is_none())
            // Where it can write to the file system of control groups, it leaves some behind.
            && (level == Level::ReadOnly || !launch.own_processes)
            && (level.mounts() || launch.libraries.is_none())
    };
    let mut missing = Vec::new();
    let limited = launch.memory_limit.is_some() || launch.limits.is_some();
    let mut group = if limited { Group::Limited } else { Group::Plain };
    let busy_until = Instant::now().checked_add(program::BUSY_LIMIT).unwrap_or_else(Instant::now);
    let mut level = if launch.directory.is_some() { Level::ReadOnly } else { Level::Mounts };
    loop {
        let reason = match make_group(launch, run_dir, group) {
            Err(reason) => reason,
            Ok(cgroup) => match spawn(launch, cgroup, level, &binds, card.clone()) {
                // The group could be made and not entered: a matter of delegation. The VM can do without.
                Err(StartError::Confine { step: Step::Cgroup, source, .. }) if group != Group::None => {
                    format!("cannot enter its control group: {source}")
                }
                // What this machine lacks for a moment is no reason to trust a program that is merely asked something.
                Err(StartError::Confine { source, step, help }) if launch.probe && is_scarce(&source, as_root()) => {
                    return Err(StartError::Confine { step, source, help });
                }
                Err(StartError::Confine { step, source, help }) => match level.without(step) {
                    Some((less, without)) if needed(less) => {
                        missing.push(Missing::Other(format!("without {without}: cannot {step}: {source}")));
                        level = less;
                        continue;
                    }
                    _ => return Err(StartError::Confine { step, source, help }),
                },
                // It passes: see `program`.
                Err(StartError::Program { source, .. }) if program::is_busy(&source) && busy_until > Instant::now() => {
                    std::thread::sleep(program::BUSY_PAUSE);
                    continue;
                }
                result => {
                    let mut started = result?;
                    started.confinement.missing = missing;
                    return Ok(started);
                }
            },
        };
        group = match group {
            // Limits of processes (`setrlimit`) are there nevertheless; the host's workload has nothing else.
            Group::Limited => {
                missing.extend(launch.memory_limit.map(|_| Missing::MemoryLimit(reason)));
                Group::Plain
            }
            Group::Plain | Group::None => {
                missing.push(Missing::Other(format!("without a control group: {reason}")));
                Group::None
            }
        };
    }
}

fn as_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether a system call failed for want of something that may be there later. An ordinary user's namespaces are limited to none
/// (ENOSPC) where they shall have none.
fn is_scarce(error: &io::Error, root: bool) -> bool {
    match error.raw_os_error() {
        Some(libc::ENOMEM | libc::EAGAIN | libc::EMFILE | libc::ENFILE) => true,
        Some(libc::ENOSPC) => root,
        _ => false,
    }
}

/// Writes a file of the launch, where nothing is yet.
fn write_new(file: &LaunchFile, run_dir: Option<&RunDir>) -> io::Result<()> {
    match run_dir.filter(|run_dir| file.path.starts_with(run_dir.path())) {
        Some(run_dir) => run_dir.write_new(&file.path, file.contents.as_bytes()),
        None => File::create_new(&file.path)?.write_all(file.contents.as_bytes()),
    }
}

/// A control group, and the bytes of memory to which it is limited.
type Made = (Cgroup, Option<u64>);

/// Makes a control group of a name that no other boot has had, and has the run directory remember it first. With limits
/// it is made where they can be had.
fn make_group(launch: &Launch, run_dir: Option<&RunDir>, group: Group) -> Result<Option<Made>, String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut memory = None;
    let parents = match (group, launch.memory_limit) {
        (Group::None, _) => return Ok(None),
        (Group::Plain, _) => vec![cgroup::own()?.path],
        (Group::Limited, Some(_)) => {
            let own = cgroup::own()?;
            match own.parents_with(&["memory"]) {
                Ok(parents) => parents,
                Err(reason) => {
                    memory = Some(cgroup::own_memory().ok_or(reason)?);
                    vec![own.path]
                }
            }
        }
        (Group::Limited, None) => cgroup::own()?.parents_with(&["memory", "pids"])?,
    };
    let token = run_dir.map_or("lone", RunDir::token);
    let mut refused = Vec::new();
    for parent in parents {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{}-{token}-{number}", cgroup::PREFIX, std::process::id());
        let path = parent.join(&name);
        let memory = memory.as_ref().map(|parent| parent.join(&name));
        for group in std::iter::once(&path).chain(&memory) {
            let recorded = run_dir.map_or(Ok(()), |run_dir| run_dir.record_cgroup(group));
            recorded.map_err(|error| format!("cannot record it: {error}"))?;
        }
        let made = Cgroup::create(path.clone(), memory).and_then(|cgroup| {
            let memory = if group == Group::Limited { limit(&cgroup, launch)? } else { None };
            Ok((cgroup, memory))
        });
        match made {
            Ok(made) => return Ok(Some(made)),
            Err(error) => refused.push(format!("cannot make {}: {error}", path.display())),
        }
    }
    Err(refused.join("; "))
}

/// Sets the limits of a control group: that of the launch itself must be; of the VMM's, those for which there is a controller.
fn limit(cgroup: &Cgroup, launch: &Launch) -> io::Result<Option<u64>> {
    if let Some(bytes) = launch.memory_limit {
        return cgroup.limit_memory(bytes).map(|()| Some(bytes));
    }
    let Some(limits) = &launch.limits else { return Ok(None) };
    let where_there_is_one = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        result => result.map(|()| true),
    };
    where_there_is_one(cgroup.limit_processes(limits.processes))?;
    let bytes = limits::memory_with_cache(limits);
    Ok(where_there_is_one(cgroup.limit_memory(bytes))?.then_some(bytes))
}

#[expect(unsafe_code, reason = "work between fork and exec; see the module `child`")]
fn spawn(
    launch: &Launch,
    group: Option<Made>,
    level: Level,
    binds: &[(PathBuf, PathBuf)],
    card: Option<Card>,
) -> Result<Started, StartError> {
    let (cgroup, memory_limit) = group.map_or((None, None), |(cgroup, limit)| (Some(cgroup), limit));
    let (program, arguments) = launch.argv.split_first().ok_or(StartError::Empty)?;
    let (stdout, stdout_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    let (stderr, stderr_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    for end in [&stdout, &stderr] {
        fcntl(end, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(StartError::system("configure a pipe"))?;
    }
    let (report, report_end) = pipe2(OFlag::O_CLOEXEC).map_err(StartError::system("make a pipe"))?;
    let confinement = Confinement {
        cgroup: cgroup.as_ref().map(|group| group.path().to_owned()),
        memory_limit,
        network_namespace: level.network(),
        mount_namespace: level.mounts(),
        read_only: level == Level::ReadOnly,
        process_namespace: (launch.probe || launch.own_processes) && level != Level::None,
        missing: Vec::new(),
    };
    let entrances = cgroup.as_ref().map(Cgroup::entrances).transpose();
    let entrances = entrances.map_err(|source| StartError::Confine { step: Step::Cgroup, source, help: None })?;
    let cpus = launch.cpus.as_deref().map(Mask::new).transpose().map_err(|source| {
        let help = confine_help(launch, Step::Affinity, Some(libc::EINVAL));
        StartError::Confine { step: Step::Affinity, source, help }
    })?;
    let namespaces = Namespaces::new(level, launch, binds, card).map_err(|source| StartError::Confine {
        step: Step::Mounts,
        source,
        help: None,
    })?;
    // A jailed VMM becomes another user, and the kernel forgets that it should die with firebench.
    let life = launch.jail.as_ref().map(|_| pipe2(OFlag::O_CLOEXEC)).transpose();
    let (firebench_lives, life) = life.map_err(StartError::system("make a pipe"))?.unzip();
    let plan = ChildSetup {
        parent: Pid::this().as_raw(),
        report: report_end,
        cgroups: entrances.unwrap_or_default(),
        cpus,
        limits: Rlimits::new(launch.limits.as_ref(), launch.jail.is_some()),
        namespaces,
        probe: launch.probe,
        firebench_lives,
    };

    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout_end).stderr(stderr_end);
    // Some programs make files at home.
    let home = launch.directory.as_ref().map_or(OsStr::new("/"), |directory| directory.as_os_str());
    command.env_clear().env("HOME", home).env("LANG", "C");
    if let Some(libraries) = &launch.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let shared = launch.shared_memory.map(|_| OsStr::from_bytes(SHARED_MEMORY.to_bytes()));
    let temporary = shared.or(launch.directory.as_ref().map(|directory| directory.as_os_str()));
    for (name, own) in [("PATH", None), ("TMPDIR", temporary)] {
        if let Some(value) = own.map(OsStr::to_owned).or_else(|| std::env::var_os(name)) {
            command.env(name, value);
        }
    }
    // SAFETY: carry_out makes async-signal-safe calls only, on memory that the plan owns; see its module.
    unsafe { command.pre_exec(move || plan.carry_out()) };
    // It returns when the program was executed.
    let spawned = command.spawn();
    let executed = Instant::now();
    // With it go our copies of the write ends: the pipes now end with the child.
    drop(command);
    let pid = match spawned {
        Ok(child) => Pid::from_raw(child.id() as i32),
        Err(error) => return Err(spawn_error(launch, program, report, error)),
    };
    let pidfd = sys::pidfd_open(pid.as_raw()).map_err(|source| {
        end(pid);
        StartError::System { what: "watch the VMM's process", source }
    })?;
    Ok(Started { pid, pidfd, executed, stdout: stdout.into(), stderr: stderr.into(), cgroup, confinement, life })
}

/// Ends the process group of `pid` and waits for the process.
fn end(pid: Pid) {
    // Neither can fail: the process is ours, and not waited for yet.
    let _ = nix::sys::signal::killpg(pid, nix::sys::signal::Signal::SIGKILL);
    let _ = sys::wait4(pid.as_raw());
}

fn spawn_error(launch: &Launch, program: &str, report: OwnedFd, source: io::Error) -> StartError {
    let mut byte = [0];
    let step = match File::from(report).read(&mut byte) {
        Ok(1) => byte.first().copied().and_then(Step::from_report),
        _ => None,
    };
    let code = source.raw_os_error();
    match step {
        Some(Step::Exec) => StartError::Program {
            program: program.to_owned(),
            help: program::help(Path::new(program), &source),
            source,
        },
        Some(step) => StartError::Confine { step, help: confine_help(launch, step, code), source },
        None => StartError::System { what: "make a process", source },
    }
}

fn confine_help(launch: &Launch, step: Step, code: Option<i32>) -> Option<String> {
    const TUN: &str = "/dev/net/tun";
    // What takes the right that is missing.
    let otherwise = match launch {
        Launch { tap: Some(_), .. } | Launch { veth: Some(_), .. } => ", or leave out --tap",
        Launch { own_processes: true, .. } => ", or leave out this contender",
        _ => "",
    };
    let help = match (step, code?) {
        (Step::Affinity, libc::EINVAL) => {
            "choose CPUs that are online and that the control group allows (`nproc` and `taskset -pc $$` show them)"
        }
        (Step::Namespaces | Step::UserMap, libc::EPERM | libc::EACCES | libc::ENOSPC) => {
            let cause = access::user_namespaces(Path::new("/"));
            let remedy = cause.unwrap_or_else(|| "run as root".to_owned());
            return Some(format!("{remedy}{otherwise}; a container's seccomp profile may forbid it, too"));
        }
        (Step::Mounts | Step::Binds, _) if launch.jail.is_none() => {
            let may =
                "firebench may not mount here: run it as root with all of its capabilities, outside of any chroot";
            return Some(format!("{may}{otherwise}"));
        }
        (Step::Mounts | Step::Binds, _) => {
            "a jail needs root with all of its capabilities, outside of any chroot; otherwise leave out --jail"
        }
        (Step::Proc, libc::EPERM) => {
            "a container that hides parts of /proc does not let its users mount another one: run firebench outside of it, or in a \
             privileged one"
        }
        (Step::OpenTun, libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            "load the driver (sudo modprobe tun), or leave out --tap"
        }
        (Step::OpenTun, libc::EACCES | libc::EPERM) => {
            return Some(format!("{}; or leave out --tap", Access::look(Path::new(TUN)).remedy()));
        }
        (Step::MakeVeth, libc::EOPNOTSUPP) => "load the driver (sudo modprobe veth), or leave out --tap",
        (Step::KeepNetwork, _) => {
            "firebench may not mount here: run it as root with all of its capabilities, outside of any chroot, or leave out --tap"
        }
        (Step::MakeTap | Step::TapUp | Step::MakeVeth | Step::VethUp, libc::EPERM | libc::EACCES) => {
            "run firebench as root, or leave out --tap"
        }
        (Step::Descriptors, libc::ENOSYS | libc::EINVAL) => "firebench needs Linux 5.11 or newer",
        _ => return None,
    };
    Some(help.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_to_be_left_out() {
        let tap = Launch { tap: Some(firebench_vmm::Tap { name: "tap0".to_owned(), mac: None }), ..Launch::default() };
        let contained = Launch { own_processes: true, ..Launch::default() };
        let carded = Launch { veth: Some(firebench_vmm::preset::veth()), ..contained.clone() };
        for (step, code) in [
            (Step::Namespaces, libc::ENOSPC),
            (Step::Mounts, libc::EPERM),
            (Step::KeepNetwork, libc::EACCES),
            (Step::MakeVeth, libc::EOPNOTSUPP),
            (Step::MakeVeth, libc::EPERM),
            (Step::VethUp, libc::EPERM),
        ] {
            let help = confine_help(&carded, step, Some(code)).expect("a hint");
            assert!(help.contains("or leave out --tap"), "{step}: {help}");
        }
        for step in [Step::Namespaces, Step::Mounts] {
            let help = |launch: &Launch| confine_help(launch, step, Some(libc::EPERM)).expect("a hint");
            assert!(help(&tap).contains("or leave out --tap"), "{}", help(&tap));
            assert!(help(&contained).contains("or leave out this contender"), "{}", help(&contained));
            assert!(!help(&Launch::default()).contains("leave out"), "{}", help(&Launch::default()));
        }
    }

    #[test]
    fn what_is_short_for_a_moment_is_told_from_what_a_machine_does_not_give() {
        let scarce = |code, root| is_scarce(&io::Error::from_raw_os_error(code), root);
        for code in [libc::ENOMEM, libc::EAGAIN, libc::EMFILE, libc::ENFILE] {
            assert!(scarce(code, true) && scarce(code, false), "{code}");
        }
        for code in [libc::EPERM, libc::ENOSYS, libc::EINVAL, libc::EACCES] {
            assert!(!scarce(code, true) && !scarce(code, false), "{code}");
        }
        // The limit of namespaces: root's is reached, a user's may be 0 for good.
        assert!(scarce(libc::ENOSPC, true) && !scarce(libc::ENOSPC, false));
    }
}
