//! `firebench doctor`: what this machine has, what it lacks, and what to do about it.
//!
//! [`gather`] looks at the machine; [`checks`] judges what was seen, as a pure function; [`render`] writes it for a
//! terminal.

mod host;
mod needs;
mod trials;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_image::digest::sha256_file;
use firebench_os::program::find_program;
use firebench_supervise::kvm::{self, KvmReport};
use firebench_supervise::{Confinement, Isolation, RunDir, Vm};
use firebench_vmm::kind::Jailing;
use firebench_vmm::{Launch, Limits, VmmKind, kinds};
use serde::{Deserialize, Serialize};

use crate::experiment::Programs;
use crate::fetch::{FetchError, find_busybox, installed_kernel};
use crate::hostfacts::{CpuTime, HostFacts};
use crate::nested::EMULATOR;
use crate::tools::{Tool, ToolError};
use crate::{subprocess, tools};
use trials::Subjects;

pub use trials::{Failed, Temporary, Trials, Tried};

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing, and neither good nor bad.
    Info,
    /// firebench runs, with less trust in its figures or without a part of it.
    Warn,
    /// firebench cannot do its work like this.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Short and stable: `governor`.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found, with figures.
    pub finding: String,
    /// Why it matters.
    pub why: String,
    /// What to do, where something can be done.
    pub remedy: Option<String>,
}

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Where.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: String,
}

/// Everything that the checks look at.
#[derive(Debug)]
pub struct Facts {
    /// What KVM is worth.
    pub kvm: KvmReport,
    /// The machine.
    pub host: HostFacts,
    /// Share of CPU time that a hypervisor gave to others while all this was looked at.
    pub steal_now: Option<f64>,
    /// The program of each kind that has one.
    pub programs: Vec<(VmmKind, Result<Tool, ToolError>)>,
    /// The jailers of those that have one; absent where the program itself is.
    pub jailers: Vec<(VmmKind, Result<Tool, ToolError>)>,
    /// Whether firebench is root.
    pub root: bool,
    /// What would hold a VM; absent where not even a harmless program could be started.
    pub confinement: Option<Confinement>,
    /// The newest kernel package in the data directory.
    pub kernel: Option<FoundFile>,
    /// A static busybox.
    pub busybox: Result<Option<FoundFile>, FetchError>,
    /// `mke2fs`, which makes the root disk.
    pub mke2fs: Option<Tried<PathBuf>>,
    /// `debugfs`, which puts the payload into it.
    pub debugfs: Option<Tried<PathBuf>>,
    /// `curl`, for `fetch firecracker --from release`.
    pub curl: Option<Tried<PathBuf>>,
    /// What pip says it is, for `fetch firecracker --from wheel`.
    pub pip: Option<String>,
    /// `apt-get`, for `fetch kernel`.
    pub apt_get: Option<Tried<PathBuf>>,
    /// What was tried of all that.
    pub trials: Trials,
}

/// What the user named instead of what firebench would look for.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Programs of kinds: `--qemu` and its like.
    pub programs: &'a Programs,
    /// `FIREBENCH_BUSYBOX`.
    pub busybox: Option<&'a Path>,
}

/// Looks at this machine. Takes about a second, most of it for digests and for pip.
pub fn gather(data_dir: &Path, cache_dir: &Path, store: &Path, named: Named<'_>) -> Facts {
    let found = |path: PathBuf| sha256_file(&path).ok().map(|sha256| FoundFile { path, sha256 });
    let kinds = kinds::all().filter(|kind| kind.program.is_some());
    let programs: Vec<_> = kinds.map(|kind| (kind, tools::find(kind, named.programs.get(kind), data_dir))).collect();
    let jailers = programs.iter().filter_map(|(kind, found)| Some((*kind, jailer(*kind, found.as_ref().ok()?)?)));
    let jailers = jailers.collect();
    let emulator = programs.iter().find(|(kind, _)| *kind == EMULATOR).and_then(|(_, found)| found.as_ref().ok());
    let busybox = find_busybox(data_dir, named.busybox).map(|path| path.and_then(found));
    let [mke2fs, debugfs] = ["mke2fs", "debugfs"].map(|name| trials::program(name, "-V"));
    let begun = CpuTime::read(Path::new("/"));
    let trials = trials::try_all(&Subjects {
        qemu: emulator.map(|tool| tool.path.as_path()),
        busybox: busybox.as_ref().ok().and_then(Option::as_ref).map(|file| file.path.as_path()),
        e2fsprogs: [&mke2fs, &debugfs].iter().all(|tried| matches!(tried, Some(Ok(_)))),
        cache_dir,
        store,
    });
    let mut facts = Facts {
        kvm: kvm::probe(Path::new(kvm::DEVICE)),
        host: HostFacts::read(Path::new("/"), cache_dir, kvm::cpuid::hypervisor()),
        steal_now: None,
        programs,
        jailers,
        root: nix::unistd::geteuid().is_root(),
        confinement: confinement(),
        kernel: installed_kernel(data_dir).and_then(found),
        busybox,
        mke2fs,
        debugfs,
        curl: trials::program("curl", "--version"),
        pip: pip(),
        apt_get: trials::program("apt-get", "--version"),
        trials,
    };
    facts.steal_now = CpuTime::read(Path::new("/")).zip(begun).and_then(|(now, begun)| now.steal_since(begun));
    facts
}

/// The jailer of a kind, where it has one.
fn jailer(vmm: VmmKind, jailed: &Tool) -> Option<Result<Tool, ToolError>> {
    match &vmm.guest()?.jail {
        Jailing::Jailer(jailer) => Some(tools::jailer(vmm, jailer, jailed)),
        Jailing::Filter(_) | Jailing::Nothing => None,
    }
}

/// Confines a program that does nothing, as if it were a VMM.
fn confinement() -> Option<Confinement> {
    let run_dir = RunDir::create(&std::env::temp_dir()).ok()?;
    let launch = Launch {
        argv: vec!["true".to_owned()],
        directory: Some(run_dir.boot_dir(0).ok()?),
        limits: Some(Limits::of_guest(0, Vec::new())),
        ..Launch::default()
    };
    Vm::start(&launch, &Isolation::default()).ok().map(|vm| vm.confinement().clone())
}

/// The first line of pip's version, if there is one.
fn pip() -> Option<String> {
    let mut command = Command::new(find_program("python3")?);
    // Python takes modules from the current directory first, which may be anybody's.
    command.args(["-m", "pip", "--version"]).current_dir("/");
    let output = subprocess::run(&mut command, Duration::from_secs(20)).ok()?;
    output.stdout.lines().next().map(str::to_owned)
}

impl Facts {
    /// The program of a kind.
    fn program(&self, vmm: VmmKind) -> Option<&Result<Tool, ToolError>> {
        self.programs.iter().find(|(kind, _)| *kind == vmm).map(|(_, found)| found)
    }
}

/// Judges what was seen. Pure. First what firebench needs, then what makes figures trustworthy.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = needs::checks(facts);
    checks.extend(trials::checks(&facts.trials));
    checks.extend(host::checks(&facts.host, facts.steal_now));
    checks
}

/// The worst state among `checks`; [`State::Ok`] of none.
pub fn worst(checks: &[Check]) -> State {
    checks.iter().map(|check| check.state).max().unwrap_or(State::Ok)
}

/// The checks as text, one line each, with reason and remedy below those that need attention; the sum comes last.
pub fn render(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (name, finding) = (&check.name, &check.finding);
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:<4}  {name:<width$}  {finding}", label(check.state));
        if check.state >= State::Warn {
            let indent = width.saturating_add(8);
            let _ = writeln!(text, "{:indent$}why: {}", "", check.why);
            if let Some(remedy) = &check.remedy {
                let _ = writeln!(text, "{:indent$}do:  {remedy}", "");
            }
        }
    }
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let _ = writeln!(text, "\n{}, {}", plural(count(State::Bad), "problem"), plural(count(State::Warn), "warning"));
    text
}

fn label(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Info => "info",
        State::Warn => "warn",
        State::Bad => "bad",
    }
}

fn plural(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A check in the making.
fn check(name: &str, state: State, finding: impl Into<String>, why: &str, remedy: Option<&str>) -> Check {
    Check {
        name: name.to_owned(),
        state,
        finding: finding.into(),
        why: why.to_owned(),
        remedy: remedy.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
