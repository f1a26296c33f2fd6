//! What the fake VMM is started with: the command line of QEMU, of Cloud Hypervisor, of crosvm, of kvmtool, of libkrun, of Firecracker with a configuration
//! file (by its API socket: see `api`), or of the agent on the bare host.

use std::fs::File;
use std::path::{Path, PathBuf};

use firebench_protocol::{HostJob, Job, JobKind};
use serde_json::Value;

/// What it has to do.
pub struct Start {
    pub nonce: String,
    pub iterations: u32,
    /// Where its log goes.
    pub log: PathBuf,
    /// The number of this boot, from 0, among those of the firebench that started it: its directory bears it.
    pub boot: u64,
}

impl Start {
    /// The log, to write behind what is in it.
    pub fn open_log(&self) -> std::io::Result<File> {
        File::options().append(true).create(true).open(&self.log)
    }
}

pub type Read = Result<Start, Box<dyn std::error::Error>>;

/// Reads the command line.
pub fn read(args: &[String]) -> Read {
    let option = |name: &str| option(args, name);
    if let [_, host, path] = args {
        if host == "host" {
            let job: HostJob = serde_json::from_slice(&std::fs::read(path)?)?;
            let log = Path::new(path).with_file_name("fake.log");
            return Ok(Start { nonce: job.nonce, iterations: job.iterations, log, boot: number(Path::new(path)) });
        }
    }
    // QEMU's, Cloud Hypervisor's, crosvm's and kvmtool's, libkrun's.
    if let Some(initramfs) = ["-initrd", "--initramfs", "--initrd"].into_iter().find_map(option) {
        return with_initramfs(Path::new(initramfs), None);
    }
    let config = option("--config-file").ok_or("no initrd and no --config-file")?;
    let config: Value = serde_json::from_slice(&std::fs::read(config)?)?;
    let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str);
    let initramfs = text("/boot-source/initrd_path").ok_or("no initrd in the configuration")?;
    with_initramfs(Path::new(initramfs), text("/logger/log_path"))
}

/// The value of an option.
pub fn option<'a>(args: &'a [String], name: &str) -> Option<&'a String> {
    let place = args.iter().position(|arg| arg == name)?;
    args.get(place + 1)
}

/// With the job in an initramfs.
pub fn with_initramfs(initramfs: &Path, log: Option<&str>) -> Read {
    let job = job(initramfs)?;
    let JobKind::Measure(work) = job.kind else { return Err("nothing to measure".into()) };
    let log = log.map_or_else(|| initramfs.with_file_name("fake.log"), PathBuf::from);
    Ok(Start { nonce: job.nonce, iterations: work.iterations, log, boot: number(initramfs) })
}

/// The number of a boot by a file in its directory, `boot-N`.
pub fn number(file: &Path) -> u64 {
    let directory = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    directory.and_then(|name| name.strip_prefix("boot-")?.parse().ok()).unwrap_or(0)
}

/// The job in the last archive of an initramfs: JSON amid the bytes of a cpio.
fn job(initramfs: &Path) -> Result<Job, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(initramfs)?;
    let start = b"{\"protocol\":";
    let at = bytes.windows(start.len()).rposition(|window| window == start).ok_or("no job in the initramfs")?;
    let mut jobs = serde_json::Deserializer::from_slice(bytes.get(at..).unwrap_or_default()).into_iter();
    Ok(jobs.next().ok_or("no job")??)
}
