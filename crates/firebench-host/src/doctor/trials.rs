//! Tries things instead of only looking for them: runs each program, writes to each directory, and builds a small root
//! disk, all with the code of the product itself. Removes at once what this leaves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_image::cache::Cache;
use firebench_image::disk::{DiskSpec, build_root_disk};
use firebench_image::payload::Payload;
use firebench_os::program::find_program;
use firebench_supervise::{RunDir, access, subprocess};
use firebench_text::errors::sentence;
use miette::Diagnostic;

use super::check::{Check, State, check};
use super::host::{at_least, size};
use crate::facts;
use crate::tools::{self, Tool};

/// Time limit for programs that only print their version.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of the small disk's payload.
const PAYLOAD: u64 = 64 << 10;
/// Room for the files of a boot: its initramfs, and a VMM's log up to its limit.
const COMFORTABLE_ROOM: u64 = 512 << 20;
const LEAST_ROOM: u64 = 128 << 20;
/// SHA-256 of nothing.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Something that did not work when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What happened, in a sentence.
    pub finding: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Failed {
    /// What an error says.
    pub fn of(error: &(dyn Diagnostic + 'static)) -> Failed {
        Failed { finding: sentence(error), remedy: error.help().map(|help| help.to_string()) }
    }
}

/// The result of a trial.
pub type Tried<T> = Result<T, Failed>;

/// A store: where it is, and how many runs it has; none if it does not exist yet.
pub type Stored = (PathBuf, Option<usize>);

/// What was tried, with the results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trials {
    /// The agent: found, started, of this version, static.
    pub agent: Tried<Tool>,
    /// Whether QEMU has the machine type and its firmware; none without a QEMU.
    pub microvm: Option<Tried<()>>,
    /// Whether busybox makes a correct checksum; none without a busybox.
    pub busybox: Option<Tried<()>>,
    /// Whether a small root disk can be built; none if a program for it is missing.
    pub disk: Option<Tried<()>>,
    /// The directory for temporary files.
    pub temporary: Tried<Temporary>,
    /// Whether a file can be created in the directory of images and kernels.
    pub cache: Tried<PathBuf>,
    /// Whether the store opens.
    pub store: Tried<Stored>,
}

/// The directory for temporary files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Temporary {
    /// Where it is.
    pub path: PathBuf,
    /// Free space, in bytes.
    pub free: Option<u64>,
    /// Whether no program may be started there.
    pub noexec: bool,
}

/// Where the things are that are tried.
pub(super) struct Subjects<'a> {
    pub(super) qemu: Option<&'a Path>,
    pub(super) busybox: Option<&'a Path>,
    /// Whether mke2fs and debugfs are there.
    pub(super) e2fsprogs: bool,
    pub(super) cache_dir: &'a Path,
    /// Tries the store.
    pub(super) store: &'a dyn Fn() -> Tried<Stored>,
}

pub(super) fn try_all(subjects: &Subjects<'_>) -> Trials {
    let temp_dir = std::env::temp_dir();
    let run_dir = RunDir::create(&temp_dir).map_err(|error| Failed::of(&error));
    let disk = subjects.busybox.filter(|_| subjects.e2fsprogs).zip(run_dir.as_ref().ok());
    Trials {
        agent: agent(),
        microvm: subjects.qemu.map(microvm),
        busybox: subjects.busybox.map(checksum),
        disk: disk.map(|(busybox, run_dir)| small_disk(busybox, run_dir.path())),
        cache: writable(subjects.cache_dir, "choose another directory with --cache")
            .map(|()| subjects.cache_dir.to_owned()),
        store: (subjects.store)(),
        temporary: run_dir.map(|_| Temporary {
            free: facts::disk_free(&temp_dir),
            noexec: access::on_noexec(&temp_dir),
            path: temp_dir.clone(),
        }),
    }
}

/// A program of the system: where it is, if it prints its version; none if it is not found.
pub(super) fn program(name: &str, version: &str) -> Option<Tried<PathBuf>> {
    let path = find_program(name)?;
    let output = subprocess::run(Command::new(&path).arg(version), LIMIT);
    Some(output.map(|_| path).map_err(|error| Failed::of(&error)))
}

fn agent() -> Tried<Tool> {
    let path = tools::find_agent().map_err(|error| Failed::of(&error))?;
    tools::agent(&path).map_err(|error| Failed::of(&error))
}

/// Whether this QEMU has the machine type that guests get, and the firmware that it starts them with.
fn microvm(qemu: &Path) -> Tried<()> {
    let ask = |args: &[&str]| {
        let output = subprocess::ask(qemu, args, LIMIT);
        output.map(|output| output.stdout).map_err(|error| Failed::of(&error))
    };
    let lacks = |what: &str, remedy: &str| {
        Err(Failed { finding: format!("{} {what}", qemu.display()), remedy: Some(remedy.to_owned()) })
    };
    if !ask(&["-M", "help"])?.lines().any(|line| line.split_ascii_whitespace().next() == Some("microvm")) {
        return lacks(
            "does not have the machine type microvm",
            "install a QEMU that has it (4.2 or newer, built with default devices)",
        );
    }
    let firmware = |line: &str| Path::new(line.trim()).join("qboot.rom").is_file();
    if !ask(&["-L", "help"])?.lines().any(firmware) {
        return lacks(
            "does not find qboot.rom, the firmware of microvm",
            "install QEMU's firmware (Debian and Ubuntu: apt-get install qemu-system-data)",
        );
    }
    Ok(())
}

fn checksum(busybox: &Path) -> Tried<()> {
    let output = subprocess::ask(busybox, &["sha256sum", "/dev/null"], LIMIT);
    let output = output.map_err(|error| Failed::of(&error))?;
    if output.stdout.starts_with(OF_NOTHING) {
        return Ok(());
    }
    let remedy = "use the one in Debian's or Ubuntu's package busybox-static";
    Err(Failed {
        finding: format!("{} sha256sum prints a wrong checksum", busybox.display()),
        remedy: Some(remedy.to_owned()),
    })
}

fn small_disk(busybox: &Path, dir: &Path) -> Tried<()> {
    let build = || {
        let cache = Cache::open(dir.join("cache"))?.asking(subprocess::ask_for_image);
        let spec = DiskSpec {
            busybox: busybox.to_owned(),
            payload: Some(Payload::seeded(PAYLOAD)),
            add: Vec::new(),
            layout: 0,
        };
        build_root_disk(&cache, &spec)
    };
    build().map(drop).map_err(|error| Failed::of(&error))
}

/// Checks that a file can be created in `dir`, or in the nearest directory above it that exists.
///
/// # Errors
/// Why not.
pub fn writable(dir: &Path, remedy: &str) -> Tried<()> {
    let existing = dir.ancestors().find(|dir| dir.exists()).filter(|dir| !dir.as_os_str().is_empty());
    let existing = existing.unwrap_or(Path::new("."));
    tempfile::tempfile_in(existing).map(drop).map_err(|error| Failed {
        finding: format!("cannot create a file in {}: {error}", existing.display()),
        remedy: Some(format!("make the directory writable for this user, or {remedy}")),
    })
}

/// Turns the results into checks.
pub(super) fn checks(trials: &Trials) -> Vec<Check> {
    let mut checks = vec![agent_check(&trials.agent)];
    checks.extend(trials.microvm.as_ref().map(|tried| {
        let why = "QEMU guests use this machine type, and this firmware starts them";
        simple("microvm", tried, "QEMU has it and its firmware qboot.rom", why)
    }));
    checks.extend(trials.disk.as_ref().map(|tried| {
        let why = "every guest reads a root disk, made with busybox, mke2fs and debugfs";
        simple("root disk", tried, "firebench built a small one", why)
    }));
    checks.push(temporary_check(&trials.temporary));
    let why = "firebench keeps images and unpacked kernels there";
    checks.push(outcome("cache", &trials.cache, |path| path.display().to_string(), State::Bad, why));
    let why = "firebench keeps every boot there as soon as it ends, so that an interrupted run can be resumed";
    let opened = |(path, runs): &(PathBuf, Option<usize>)| match runs {
        Some(runs) => format!("{}, {}", path.display(), firebench_text::count(*runs, "run")),
        None => format!("{}: does not exist yet", path.display()),
    };
    checks.push(outcome("store", &trials.store, opened, State::Warn, why));
    checks
}

fn agent_check(tried: &Tried<Tool>) -> Check {
    let why = "it is the first process of every guest and does the measuring";
    let words = |tool: &Tool| format!("{}, {}, sha256 {}", tool.version_line, tool.path.display(), tool.sha256);
    outcome("agent", tried, words, State::Bad, why)
}

fn temporary_check(tried: &Tried<Temporary>) -> Check {
    let why = "the files of a boot and the VMM's log are there";
    let temporary = match tried {
        Ok(temporary) => temporary,
        Err(_) => return outcome("temporary files", tried, |_| String::new(), State::Bad, why),
    };
    let free = temporary.free.map(|free| format!(", {} free", size(free))).unwrap_or_default();
    let noexec = if temporary.noexec { ", mounted noexec: `run --jail` cannot start a VMM there" } else { "" };
    let room = temporary.free.map_or(State::Ok, |free| at_least(free, COMFORTABLE_ROOM, LEAST_ROOM));
    let state = if temporary.noexec { room.max(State::Info) } else { room };
    let remedy = "set TMPDIR to a directory with more free space that is not mounted noexec";
    let finding = format!("{}{free}{noexec}", temporary.path.display());
    check("temporary files", state, finding, why, Some(remedy).filter(|_| state != State::Ok))
}

fn simple(name: &str, tried: &Tried<()>, good: &str, why: &str) -> Check {
    outcome(name, tried, |()| good.to_owned(), State::Bad, why)
}

/// A check of what was tried: fine, or `bad` with what happened.
pub(super) fn outcome<T>(name: &str, tried: &Tried<T>, good: impl Fn(&T) -> String, bad: State, why: &str) -> Check {
    match tried {
        Ok(value) => check(name, State::Ok, good(value), why, None),
        Err(Failed { finding, remedy }) => check(name, bad, finding.as_str(), why, remedy.as_deref()),
    }
}
