//! `firebench doctor`: what this machine has, what it lacks, and what to do about it.
//!
//! [`gather`] looks at the machine; [`checks`] judges what was seen, as a pure function; [`render`] writes it for a
//! terminal.

mod check;
mod host;
mod needs;
mod seen;
mod trials;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_image::digest::sha256_file;
use firebench_model::experiment::Programs;
use firebench_os::program::find_program;
use firebench_supervise::{Confinement, Isolation, RunDir, Vm, kvm, subprocess};
use firebench_vmm::kind::Jailing;
use firebench_vmm::kinds::EMULATOR;
use firebench_vmm::{Launch, Limits, VmmKind, kinds};
use trials::Subjects;

use crate::facts;
use crate::fetch::{find_busybox, installed_kernel, small_kernel};
use crate::tools::{self, Tool, ToolError};

pub use check::{Check, State};
pub use seen::{Facts, FoundFile};
pub use trials::{Failed, Stored, Temporary, Trials, Tried, writable};

/// Programs that the user named, instead of those that firebench would find.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Programs of kinds: `--qemu` and its like.
    pub programs: &'a Programs,
    /// `FIREBENCH_BUSYBOX`.
    pub busybox: Option<&'a Path>,
}

/// Looks at this machine; `store` tries the store. Takes about a second, most of it for digests and for pip.
pub fn gather(data_dir: &Path, cache_dir: &Path, store: &dyn Fn() -> Tried<Stored>, named: Named<'_>) -> Facts {
    let found = |path: PathBuf| sha256_file(&path).ok().map(|sha256| FoundFile { path, sha256 });
    let kinds = kinds::all().filter(|kind| kind.program.is_some());
    let programs: Vec<_> = kinds.map(|kind| (kind, tools::find(kind, named.programs.get(kind), data_dir))).collect();
    let jailers = programs.iter().filter_map(|(kind, found)| Some((*kind, jailer(*kind, found.as_ref().ok()?)?)));
    let jailers = jailers.collect();
    let emulator = programs.iter().find(|(kind, _)| *kind == EMULATOR).and_then(|(_, found)| found.as_ref().ok());
    let busybox = find_busybox(data_dir, named.busybox).map(|path| path.and_then(found));
    let [mke2fs, debugfs] = ["mke2fs", "debugfs"].map(|name| trials::program(name, "-V"));
    let begun = facts::cpu_time(Path::new("/"));
    let trials = trials::try_all(&Subjects {
        qemu: emulator.map(|tool| tool.path.as_path()),
        busybox: busybox.as_ref().ok().and_then(Option::as_ref).map(|file| file.path.as_path()),
        e2fsprogs: [&mke2fs, &debugfs].iter().all(|tried| matches!(tried, Some(Ok(_)))),
        cache_dir,
        store,
    });
    let mut facts = Facts {
        kvm: kvm::probe(Path::new(kvm::DEVICE)),
        host: facts::read(Path::new("/"), cache_dir, kvm::cpuid::hypervisor()),
        steal_now: None,
        programs,
        jailers,
        root: nix::unistd::geteuid().is_root(),
        confinement: confinement(),
        kernel: installed_kernel(data_dir).and_then(found),
        small_kernel: small_kernel(data_dir)
            .map(|kernel| kernel.map(|kernel| FoundFile { path: kernel.vmlinux, sha256: kernel.vmlinux_sha256 })),
        busybox,
        mke2fs,
        debugfs,
        curl: trials::program("curl", "--version"),
        pip: pip(),
        apt_get: trials::program("apt-get", "--version"),
        trials,
    };
    facts.steal_now = facts::cpu_time(Path::new("/")).zip(begun).and_then(|(now, begun)| now.steal_since(begun));
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

/// Turns the facts into checks. Pure. First what firebench needs, then what makes figures trustworthy.
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

#[cfg(test)]
mod tests;
