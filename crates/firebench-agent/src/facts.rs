//! What this guest, or this machine, is.

use crate::procfs;
use firebench_protocol::GuestFacts;
use nix::sys::utsname::UtsName;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The settings of a block device's queue that are reported.
const QUEUE: [&str; 7] = [
    "scheduler",
    "read_ahead_kb",
    "nr_requests",
    "logical_block_size",
    "physical_block_size",
    "rotational",
    "write_cache",
];

/// Everything about the guest. `disk` is the name of the block device that is read; what cannot be read is left empty.
pub fn gather(disk: Option<&str>, modules: Vec<String>) -> GuestFacts {
    let clocksource = Path::new("/sys/devices/system/clocksource/clocksource0");
    let kernel = nix::sys::utsname::uname().ok();
    let of_kernel = |part: fn(&UtsName) -> &OsStr| {
        kernel.as_ref().map(|kernel| part(kernel).to_string_lossy().into_owned()).unwrap_or_default()
    };
    GuestFacts {
        kernel_release: of_kernel(UtsName::release),
        kernel_version: of_kernel(UtsName::version),
        cmdline: text("/proc/cmdline"),
        cpu: procfs::cpu(&text("/proc/cpuinfo")),
        clocksource: text(clocksource.join("current_clocksource")),
        clocksources: words(&text(clocksource.join("available_clocksource"))),
        mem_total_bytes: procfs::mem_total_bytes(&text("/proc/meminfo")).unwrap_or(0),
        block: disk.map(block).unwrap_or_default(),
        mitigations: directory("/sys/devices/system/cpu/vulnerabilities"),
        modules,
        transparent_hugepage: text("/sys/kernel/mm/transparent_hugepage/enabled"),
        // Not /sys/class/net, which in a container may be that of the host.
        network_interfaces: fs::read("/proc/net/dev")
            .ok()
            .map(|text| procfs::interfaces(&String::from_utf8_lossy(&text))),
        kernel_lines: None,
        kernel_pauses: Vec::new(),
    }
}

/// The name of the block device that the file `path` lies on, or that it is; `None` where there is none, as under a tmpfs,
/// or where it is none of its own, as under btrfs and overlayfs.
pub fn disk_of(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    let device = if metadata.file_type().is_block_device() { metadata.rdev() } else { metadata.dev() };
    let link = format!("/sys/dev/block/{}:{}", libc::major(device), libc::minor(device));
    Some(fs::canonicalize(link).ok()?.file_name()?.to_string_lossy().into_owned())
}

fn block(disk: &str) -> BTreeMap<String, String> {
    let Some(device) = whole_disk(disk) else { return BTreeMap::new() };
    let queue = QUEUE.iter().map(|&name| (name.to_owned(), text(device.join("queue").join(name))));
    let mut facts: BTreeMap<_, _> = queue.filter(|(_, value)| !value.is_empty()).collect();
    if let Some(driver) = transport(&device) {
        facts.insert("driver".to_owned(), driver);
    }
    facts
}

/// The directory in /sys of the disk, or of the disk that the partition is on.
fn whole_disk(name: &str) -> Option<PathBuf> {
    let device = fs::canonicalize(Path::new("/sys/class/block").join(name)).ok()?;
    if device.join("partition").exists() { device.parent().map(Path::to_owned) } else { Some(device) }
}

/// The driver of the disk's bus device, such as `virtio-mmio`. (The driver of the virtio device upon it is always the
/// same.)
fn transport(disk: &Path) -> Option<String> {
    let device = fs::canonicalize(disk.join("device")).ok()?;
    let driver = |device: &Path| fs::read_link(device.join("driver")).ok();
    let link = device.parent().and_then(driver).or_else(|| driver(&device))?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}

/// The files of a directory with their contents.
fn directory(path: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), text(entry.path()))).collect()
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).unwrap_or_default()
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_of_this_machine() {
        let facts = gather(Some("no-such-disk"), vec!["a".into()]);
        assert!(!facts.kernel_release.is_empty() && !facts.kernel_version.is_empty());
        assert!(facts.cpu.online > 0 && facts.mem_total_bytes > 1 << 20);
        assert_eq!(facts.modules, ["a"]);
        assert!(facts.block.is_empty());
    }

    #[test]
    fn finds_the_disk_of_a_file() {
        assert_eq!(disk_of(Path::new("/proc/stat")), None, "on no disk");
        assert_eq!(disk_of(Path::new("/no/such/file")), None);
        let disks = fs::read_dir("/sys/class/block").into_iter().flatten().flatten().map(|entry| entry.file_name());
        for name in disks {
            let device = Path::new("/dev").join(&name);
            if device.exists() {
                assert_eq!(disk_of(&device), Some(name.to_string_lossy().into_owned()));
            }
        }
    }
}
