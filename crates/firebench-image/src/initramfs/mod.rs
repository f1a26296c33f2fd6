//! The initramfs: the agent, the modules, and the job of one boot.
//!
//! It consists of two archives. The base is the same for all boots of a run; the job's is made for each boot and appended:
//! the kernel unpacks archives that follow one another (its `Documentation/driver-api/early-userspace/buffer-format.rst`).
//! Neither is compressed: unpacking would cost the guest more than reading.

pub mod cpio;

use std::path::{Path, PathBuf};

use firebench_os::outside;
use firebench_protocol::{JOB_PATH, Job, MODULES_DIR, OPTIONAL_MODULE};

use crate::elf::{MAX_PROGRAM_BYTES, require_static_executable};
use crate::{Error, Result};

const AGENT_HINT: &str =
    "build firebench-agent with `-C target-feature=+crt-static`, as the workspace's .cargo/config.toml does";

/// Directories of the base, beside those of the protocol.
const DIRECTORIES: [&str; 4] = ["/dev", "/proc", "/sys", "/newroot"];

/// Major and minor number of `/dev/console`: the kernel opens it for the first process.
const CONSOLE: (u32, u32) = (5, 1);

/// The base: `agent` as `/init`, and the modules, which are loaded in the order given. The file of a module is named after
/// the module (`virtio_blk.ko`), with [`OPTIONAL_MODULE`] behind it where it may fail to be loaded.
pub fn build_base(agent: &Path, modules: &[PathBuf]) -> Result<Vec<u8>> {
    require_static_executable(agent, AGENT_HINT)?;
    let mut archive = cpio::Writer::new();
    for directory in DIRECTORIES.into_iter().chain(parents(MODULES_DIR)) {
        archive.directory(directory, 0o755)?;
    }
    archive.character_device("/dev/console", 0o600, CONSOLE)?;
    archive.file("/init", 0o755, &read(agent)?)?;
    if modules.len() > 100 {
        return Err(Error::Cpio { reason: format!("{} modules are more than 100", modules.len()) });
    }
    for (index, path) in modules.iter().enumerate() {
        let is_module = |name: &&str| name.strip_suffix(OPTIONAL_MODULE).unwrap_or(name).ends_with(".ko");
        let name = path.file_name().and_then(|name| name.to_str()).filter(is_module);
        let name = name
            .ok_or_else(|| Error::Cpio { reason: format!("{} is not the file of a kernel module", path.display()) })?;
        archive.file(&format!("{MODULES_DIR}/{index:02}-{name}"), 0o644, &read(path)?)?;
    }
    archive.finish()
}

/// The archive to append to the base for one boot.
pub fn append_job(job: &Job) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(job).map_err(|error| Error::Cpio { reason: format!("the job: {error}") })?;
    let mut archive = cpio::Writer::new();
    // The job may hold the input of a program: nothing for others to read.
    archive.file(JOB_PATH, 0o600, &json)?;
    archive.finish()
}

/// `/a`, `/a/b` for `/a/b`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').skip(1).map(|(at, _)| at).chain([path.len()]);
    ends.filter_map(|end| path.get(..end))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    outside::read(path, MAX_PROGRAM_BYTES).map_err(Error::io("read", path))
}

#[cfg(test)]
mod tests {
    use firebench_protocol::{End, JobKind, MeasureJob, PROTOCOL_VERSION, Root, Task};

    use super::*;

    fn job() -> Job {
        Job {
            protocol: PROTOCOL_VERSION,
            nonce: "0123456789abcdef".to_owned(),
            console: "/dev/ttyS0".to_owned(),
            root: Root { device: "/dev/vda".to_owned(), fs: "ext4".to_owned(), tmpfs: Vec::new(), overlay: false },
            end: End::Restart,
            kind: JobKind::Measure(MeasureJob {
                task: Task::new(vec!["/bin/true".to_owned()]),
                iterations: 1,
                cold: false,
            }),
        }
    }

    #[test]
    fn base_and_job_are_one_initramfs() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let modules = ["virtio.ko", "virtio_blk.ko"].map(|name| dir.path().join(name));
        for (path, contents) in modules.iter().zip(["first", "second"]) {
            std::fs::write(path, contents).expect("written");
        }
        let agent = std::env::current_exe().expect("a test has a file");
        let mut bytes = build_base(&agent, &modules).expect("built");
        assert_eq!(bytes, build_base(&agent, &modules).expect("built"), "deterministic");
        assert_eq!(bytes.len() % 4, 0, "the job begins aligned");
        bytes.extend(append_job(&job()).expect("made"));
        let members = cpio::read(&bytes).expect("sound");
        let names: Vec<_> = members.iter().map(|member| member.name).collect();
        assert_eq!(
            names,
            [
                "dev",
                "proc",
                "sys",
                "newroot",
                "firebench",
                "firebench/modules",
                "dev/console",
                "init",
                "firebench/modules/00-virtio.ko",
                "firebench/modules/01-virtio_blk.ko",
                "firebench/job.json"
            ]
        );
        let last = members.last().expect("there are members");
        assert_eq!(serde_json::from_slice::<Job>(last.contents).expect("it parses"), job());
        let init = &members[7];
        assert_eq!((init.mode, init.contents.starts_with(b"\x7fELF")), (0o100755, true));
    }

    #[test]
    fn a_dynamic_agent_is_refused() {
        let error = build_base(Path::new("/bin/sh"), &[]).expect_err("it needs a libc");
        assert!(matches!(error, Error::NotStatic { .. }), "{error:?}");
    }

    #[test]
    fn only_modules_are_modules() {
        let agent = std::env::current_exe().expect("a test has a file");
        assert!(matches!(build_base(&agent, &["/etc/passwd".into()]), Err(Error::Cpio { .. })));
    }
}
