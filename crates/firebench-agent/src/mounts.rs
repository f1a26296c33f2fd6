//! File systems: the kernel's own, the root, and the change from the initramfs to it.

use crate::error::Error;
use firebench_protocol::{MODULES_DIR, Root};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long the root device may take to appear.
const ROOT_DEADLINE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const ROOT_LOOK: Duration = Duration::from_millis(5);
/// Where the root is mounted before it becomes `/`.
const NEW_ROOT: &str = "/newroot";
/// Where it is mounted while something lies over it, and what is written to it instead.
const BENEATH: &str = "/beneath";
const WRITTEN: &str = "/written";
/// The kernel's file systems, with their types. The root must have these directories.
const KERNEL: [(&str, &str); 3] = [("/dev", "devtmpfs"), ("/proc", "proc"), ("/sys", "sysfs")];

/// Mounts /dev, /proc and /sys.
pub fn kernel_file_systems() -> Result<(), Error> {
    for (target, kind) in KERNEL {
        // It is there in an initramfs of firebench's; if it cannot be made in another one, mount says why.
        _ = fs::create_dir_all(target);
        match attach(kind, target, kind, MsFlags::empty(), "") {
            Err(Error::Mount { cause: Errno::EBUSY, .. }) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Makes the job's root `/`: waits for its device, mounts it read-only and the writable places over it, takes /dev,
/// /proc and /sys along. The initramfs stays below, out of reach; its files that take much memory are deleted.
pub fn enter_root(root: &Root) -> Result<(), Error> {
    wait_for(&root.device)?;
    _ = fs::create_dir_all(NEW_ROOT);
    if root.overlay {
        writable(root)?;
    } else {
        attach(&root.device, NEW_ROOT, &root.fs, MsFlags::MS_RDONLY, "")?;
    }
    for place in &root.tmpfs {
        attach("tmpfs", &format!("{NEW_ROOT}{}", place.path), "tmpfs", MsFlags::empty(), &place.options)?;
    }
    for (target, _) in KERNEL {
        attach(target, &format!("{NEW_ROOT}{target}"), "", MsFlags::MS_MOVE, "")?;
    }
    // Absent in a guest whose kernel needs no modules.
    _ = fs::remove_dir_all(MODULES_DIR);
    chdir(NEW_ROOT).map_err(Error::Enter)?;
    attach(".", "/", "", MsFlags::MS_MOVE, "")?;
    chroot(".").and_then(|()| chdir("/")).map_err(Error::Enter)
}

/// Mounts the root with memory over it, which takes all that is written.
///
/// Source: the kernel's `Documentation/filesystems/overlayfs.rst`.
fn writable(root: &Root) -> Result<(), Error> {
    for directory in [BENEATH, WRITTEN] {
        _ = fs::create_dir_all(directory);
    }
    attach(&root.device, BENEATH, &root.fs, MsFlags::MS_RDONLY, "")?;
    attach("tmpfs", WRITTEN, "tmpfs", MsFlags::empty(), "mode=755")?;
    let (upper, work) = (format!("{WRITTEN}/upper"), format!("{WRITTEN}/work"));
    for directory in [&upper, &work] {
        fs::create_dir(directory).map_err(|cause| Error::Write { path: directory.clone(), cause })?;
    }
    // The root directory is that of the upper one.
    if let Ok(found) = fs::metadata(BENEATH) {
        _ = std::os::unix::fs::chown(&upper, Some(found.uid()), Some(found.gid()));
        _ = fs::set_permissions(&upper, found.permissions());
    }
    let options = format!("lowerdir={BENEATH},upperdir={upper},workdir={work}");
    attach("overlay", NEW_ROOT, "overlay", MsFlags::empty(), &options)
}

/// What programs like to find and most do without: pseudo terminals, shared memory, control groups. Kernels built
/// without them are fine, so failures are passed over.
pub fn conveniences() {
    for (kind, target, options) in
        [("devpts", "/dev/pts", "ptmxmode=0666"), ("tmpfs", "/dev/shm", "mode=1777"), ("cgroup2", "/sys/fs/cgroup", "")]
    {
        _ = fs::create_dir_all(target);
        _ = attach(kind, target, kind, MsFlags::empty(), options);
    }
}

/// What a host of VMs has: the controllers of memory and processes are handed down to the control groups that programs will make, as
/// systemd does, and what KVM counts of each VM can be read. Kernels built without them are fine.
pub fn of_a_host() {
    for (kind, target) in [("debugfs", "/sys/kernel/debug"), ("tracefs", "/sys/kernel/tracing")] {
        _ = attach(kind, target, kind, MsFlags::empty(), "");
    }
    for controller in ["+memory", "+pids"] {
        _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", controller);
    }
}

fn wait_for(device: &str) -> Result<(), Error> {
    let start = Instant::now();
    while !Path::new(device).exists() {
        if start.elapsed() > ROOT_DEADLINE {
            return Err(Error::NoRoot { device: device.to_owned(), seconds: ROOT_DEADLINE.as_secs() });
        }
        std::thread::sleep(ROOT_LOOK);
    }
    Ok(())
}

fn attach(what: &str, target: &str, kind: &str, flags: MsFlags, options: &str) -> Result<(), Error> {
    mount(Some(what), target, Some(kind), flags, Some(options)).map_err(|cause| Error::Mount {
        what: what.to_owned(),
        target: target.to_owned(),
        cause,
    })
}
