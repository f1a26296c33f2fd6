//! What a boot is started with: its job, its files, its launch.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use firebench_image::initramfs;
use firebench_model::plan::{Plan, PlannedContender, System};
use firebench_protocol::{self as protocol, HostJob, Job, JobKind, MeasureJob, PROTOCOL_VERSION, Tmpfs};
use firebench_vmm::{Contender, Drive, Image, Launch, LaunchError, Paths, Root, RootFile, Settings};
use firebench_vmm::{launch, launch_container, launch_process};

use super::RunError;

/// Where a container sees the agent.
pub const CONTAINED_AGENT: &str = "/firebench/agent";
/// Where it sees its job.
pub const CONTAINED_JOB: &str = "/firebench/job.json";

/// Writes the job of one boot into `dir`: behind the shared initramfs for a VM, as a file of its own where the agent is an
/// ordinary process. Returns the path.
///
/// # Errors
/// [`RunError`] when a file cannot be read or written.
pub fn write_job(
    plan: &Plan,
    contender: &PlannedContender,
    iterations: u32,
    nonce: &str,
    dir: &Path,
) -> Result<PathBuf, RunError> {
    match &contender.system {
        System::Vm { settings, initramfs, .. } => {
            let base = std::fs::read(initramfs).map_err(|source| RunError::Io {
                action: "read",
                path: initramfs.clone(),
                source,
            })?;
            write_with_job(base, &job(plan, contender, settings, iterations, nonce), dir)
        }
        System::Container { .. } | System::Process { .. } => {
            let job = HostJob {
                protocol: PROTOCOL_VERSION,
                nonce: nonce.to_owned(),
                task: contender.task.clone(),
                iterations,
                cold: plan.cold,
                evict: vec![seen(contender, &contender.disk)],
            };
            let path = dir.join("job.json");
            let json = serde_json::to_vec(&job).map_err(std::io::Error::from);
            json.and_then(|json| write_anew(&path, &json)).map_err(|source| RunError::Io {
                action: "write",
                path: path.clone(),
                source,
            })?;
            Ok(path)
        }
    }
}

/// Writes an initramfs, `base` and behind it `job`, into `dir`; returns its path.
///
/// # Errors
/// [`RunError`] when it cannot be written.
pub fn write_with_job(mut base: Vec<u8>, job: &Job, dir: &Path) -> Result<PathBuf, RunError> {
    base.extend(initramfs::append_job(job)?);
    let path = dir.join("initramfs");
    write_anew(&path, &base).map_err(|source| RunError::Io { action: "write", path: path.clone(), source })?;
    Ok(path)
}

/// Writes a new file in place of what may be there: a symbolic link is replaced, not followed.
fn write_anew(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::File::create_new(path)?.write_all(bytes)
}

/// Where a file of the host is for the contender's workload.
fn seen(contender: &PlannedContender, path: &Path) -> PathBuf {
    let System::Container { files, root, .. } = &contender.system else { return path.to_owned() };
    if let Some(below) = root.as_ref().and_then(|root| path.strip_prefix(root).ok()) {
        return Path::new("/").join(below);
    }
    // A file, or one in a directory.
    let below = files.iter().find_map(|file| Some((&file.seen, path.strip_prefix(&file.path).ok()?)));
    below.map_or_else(|| path.to_owned(), |(seen, below)| Path::new(seen).join(below).components().collect())
}

/// What the guest's agent has to do.
fn job(plan: &Plan, contender: &PlannedContender, settings: &Settings, iterations: u32, nonce: &str) -> Job {
    let device = settings.vmm.guest().map(|guest| guest.root_device).unwrap_or_default().to_owned();
    let tmpfs = |path: &str| Tmpfs { path: path.to_owned(), options: "mode=1777".to_owned() };
    Job {
        protocol: PROTOCOL_VERSION,
        nonce: nonce.to_owned(),
        console: "/dev/ttyS0".to_owned(),
        root: protocol::Root {
            device,
            fs: "ext4".to_owned(),
            tmpfs: vec![tmpfs("/tmp"), tmpfs("/run")],
            overlay: contender.overlay,
        },
        end: settings.end(),
        kind: JobKind::Measure(MeasureJob { task: contender.task.clone(), iterations, cold: plan.cold }),
    }
}

/// The launch of a contender with its job at `job` and its files in `work_dir`. Pure.
///
/// # Errors
/// [`LaunchError`] when the VMM cannot build the machine.
pub fn planned_launch(contender: &PlannedContender, job: PathBuf, work_dir: &Path) -> Result<Launch, LaunchError> {
    let paths = Paths { binary: contender.binary.clone(), work_dir: work_dir.to_owned() };
    let machine = &contender.machine;
    let launch = match &contender.system {
        System::Vm { settings, kernel, cmdline, .. } => {
            let image = Image {
                kernel: kernel.clone(),
                cmdline: cmdline.clone(),
                initramfs: job,
                disk: Drive { path: contender.disk.clone(), read_only: true },
            };
            let contender =
                Contender { name: contender.name.clone(), machine: machine.clone(), settings: settings.clone() };
            launch(&contender, &image, &paths)
        }
        System::Container { vmm, files, root } => {
            let mut files = files.clone();
            files.push(RootFile { path: job, seen: CONTAINED_JOB.to_owned() });
            let argv = [CONTAINED_AGENT, "host", CONTAINED_JOB].map(str::to_owned).to_vec();
            let root = Root { directory: root.clone(), overlay: contender.overlay, files, argv };
            launch_container(*vmm, machine, &root, &paths)
        }
        System::Process { vmm } => launch_process(*vmm, machine, &job, &paths),
    }?;
    Ok(Launch { libraries: contender.libraries.clone(), peer: contender.peer.clone(), ..launch })
}

/// A fresh nonce.
///
/// # Errors
/// [`RunError::Io`] when the system has no random numbers.
pub fn nonce() -> Result<String, RunError> {
    Ok(format!("{:016x}", u64::from_le_bytes(random()?)))
}

/// A fresh seed, small enough for every format of numbers.
///
/// # Errors
/// [`RunError::Io`] when the system has no random numbers.
pub fn seed() -> Result<u64, RunError> {
    Ok(u64::from(u32::from_le_bytes(random()?)))
}

fn random<const N: usize>() -> Result<[u8; N], RunError> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0u8; N];
    std::fs::File::open(SOURCE).and_then(|mut file| file.read_exact(&mut bytes)).map_err(|source| RunError::Io {
        action: "read",
        path: SOURCE.into(),
        source,
    })?;
    Ok(bytes)
}
