//! QEMU's microvm machine.
//!
//! Source: QEMU's manual, "microvm virtual platform", and `qemu-system-x86_64 --help`.

use serde::{Deserialize, Serialize};

use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, VmmKind, text};

/// What only QEMU has. The default is QEMU's own, but for `rtc`, where it is the published benchmark's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The CPU model (`-cpu`); QEMU's default when absent.
    pub cpu: Option<String>,
    /// Whether the machine has ACPI, QEMU's default. A guest kernel without ACPI needs a machine without: only then QEMU tells
    /// on the kernel command line where the devices are.
    pub acpi: bool,
    /// Whether the machine has a real-time clock. Without one, as in the published benchmark, the kernel looks for it all the
    /// same, and waits about a second of its boot before it gives up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rtc: bool,
    /// How the disk is cached (`-drive cache=`); QEMU's default, writeback, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cache>,
    /// What reads the disk (`-drive aio=`); QEMU's default, threads, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aio: Option<Aio>,
    /// Whether the guest's memory lies on huge pages of 2 MiB, from the pool that `vm.nr_hugepages` makes. QEMU ends with its
    /// own words when the pool has too few.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub huge_pages: bool,
    /// The filter of its system calls (`-sandbox`), which takes a build with seccomp; QEMU's default, none, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { cpu: None, acpi: true, rtc: false, cache: None, aio: None, huge_pages: false, sandbox: None }
    }
}

/// How closely QEMU's system calls are filtered.
///
/// Source: qemu(1), `-sandbox`, and `softmmu/qemu-seccomp.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sandbox {
    /// Without what no QEMU ever needs.
    On,
    /// Nor what is obsolete, gives rights, starts processes, or changes priorities and affinity.
    Strict,
}

impl Sandbox {
    /// Every one.
    pub const ALL: [Sandbox; 2] = [Sandbox::On, Sandbox::Strict];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Sandbox::On => "on",
            Sandbox::Strict => "strict",
        }
    }

    /// QEMU's words.
    pub fn words(self) -> &'static str {
        match self {
            Sandbox::On => "on",
            Sandbox::Strict => "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        }
    }
}

/// How QEMU caches a disk.
///
/// Source: qemu(1), `-drive cache=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cache {
    /// Past the host's page cache; flushed when the guest says so.
    None,
    /// Through the page cache; flushed when the guest says so.
    Writeback,
    /// Through the page cache; every write flushed.
    Writethrough,
    /// Past the page cache; every write flushed.
    Directsync,
    /// Through the page cache; never flushed.
    Unsafe,
}

impl Cache {
    /// Every one.
    pub const ALL: [Cache; 5] = [Cache::None, Cache::Writeback, Cache::Writethrough, Cache::Directsync, Cache::Unsafe];

    /// The name in command lines, files and reports: QEMU's.
    pub fn name(self) -> &'static str {
        match self {
            Cache::None => "none",
            Cache::Writeback => "writeback",
            Cache::Writethrough => "writethrough",
            Cache::Directsync => "directsync",
            Cache::Unsafe => "unsafe",
        }
    }

    /// Whether it goes past the host's page cache (`O_DIRECT`).
    pub fn direct(self) -> bool {
        matches!(self, Cache::None | Cache::Directsync)
    }
}

/// What QEMU reads a disk with.
///
/// Source: qemu(1), `-drive aio=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aio {
    /// A pool of threads that wait.
    Threads,
    /// Linux' asynchronous I/O, which works past the page cache alone.
    Native,
    /// io_uring, where QEMU was built with it and the host allows it (sysctl `kernel.io_uring_disabled`).
    IoUring,
}

impl Aio {
    /// Every one.
    pub const ALL: [Aio; 3] = [Aio::Threads, Aio::Native, Aio::IoUring];

    /// The name in command lines, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Aio::Threads => "threads",
            Aio::Native => "native",
            Aio::IoUring => "io-uring",
        }
    }

    /// QEMU's word.
    fn word(self) -> &'static str {
        match self {
            Aio::Threads | Aio::Native => self.name(),
            Aio::IoUring => "io_uring",
        }
    }
}

/// QEMU accepts up to 288 vCPUs on microvm (`hw/i386/microvm.c`, `max_cpus`).
pub(crate) const MAX_VCPUS: u32 = 288;

/// qboot, the firmware that QEMU ships for microvm. Its default there, a SeaBIOS, puts the ACPI tables at the end of the
/// memory, where QEMU puts the initrd of a PVH kernel: the kernel then reads the initrd as a table and hangs.
const FIRMWARE: &str = "qboot.rom";

/// The launch of a microvm. The order of the flags is that of the published benchmark.
pub(crate) fn launch(
    machine: &Machine,
    settings: &Settings,
    image: &Image,
    paths: &Paths,
) -> Result<Launch, LaunchError> {
    const VMM: VmmKind = VmmKind::Qemu;
    if !(1..=MAX_VCPUS).contains(&machine.vcpus) {
        return Err(LaunchError::Vcpus { vmm: VMM, max: MAX_VCPUS, vcpus: machine.vcpus });
    }
    if settings.aio == Some(Aio::Native) && !settings.cache.is_some_and(Cache::direct) {
        return Err(LaunchError::Settings {
            vmm: VMM,
            settings: "asynchronous I/O of the kernel (native) through the page cache",
            help: "choose the cache mode none or directsync beside it, or other I/O",
        });
    }
    let mut argv = vec![text(VMM, &paths.binary)?];
    let mut flag = |args: &[&str]| argv.extend(args.iter().map(|&a| a.to_owned()));
    if machine.cpus.is_some() {
        // Gives threads their names, by which those of the vCPUs are found.
        flag(&["-name", "firebench,debug-threads=on"]);
    }
    let rtc = if settings.rtc { "on" } else { "off" };
    let acpi = if settings.acpi { "" } else { ",acpi=off" };
    let memory = if settings.huge_pages { ",memory-backend=mem" } else { "" };
    flag(&["-M", &format!("microvm,rtc={rtc}{acpi}{memory}")]);
    match machine.accel {
        Accel::Kvm => flag(&["-enable-kvm"]),
        Accel::Tcg => flag(&["-accel", "tcg,thread=multi"]),
        Accel::Native => return Err(LaunchError::Accelerator { vmm: VMM, accel: machine.accel }),
    }
    if let Some(cpu) = &settings.cpu {
        flag(&["-cpu", cpu]);
    }
    flag(&["-smp", &machine.vcpus.to_string()]);
    flag(&["-m", &size(machine.memory_mib)]);
    if settings.huge_pages {
        let size = size(machine.memory_mib);
        flag(&["-object", &format!("memory-backend-memfd,id=mem,size={size},hugetlb=on,hugetlbsize=2m")]);
    }
    flag(&["-kernel", &text(VMM, &image.kernel)?]);
    flag(&["-initrd", &text(VMM, &image.initramfs)?]);
    flag(&["-bios", FIRMWARE]);
    flag(&["-append", &image.cmdline]);
    flag(&["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio"]);
    let mut options = String::new();
    if image.disk.read_only {
        options += ",readonly=on";
    }
    if let Some(cache) = settings.cache {
        options += &format!(",cache={}", cache.name());
    }
    if let Some(aio) = settings.aio {
        options += &format!(",aio={}", aio.word());
    }
    // QEMU's option syntax doubles a comma that belongs to a value.
    let disk = text(VMM, &image.disk.path)?.replace(',', ",,");
    flag(&["-drive", &format!("id=test,file={disk},format=raw,if=none{options}")]);
    flag(&["-device", "virtio-blk-device,drive=test"]);
    if let Some(tap) = &machine.tap {
        flag(&["-netdev", &format!("tap,id=tap0,ifname={},script=no,downscript=no", tap.name)]);
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        flag(&["-device", &format!("virtio-net-device,netdev=tap0{mac}")]);
    }
    flag(&["-no-reboot"]);
    if let Some(sandbox) = settings.sandbox {
        flag(&["-sandbox", sandbox.words()]);
    }
    let mut confined = Launch::confined(machine, image, paths);
    if let Some(limits) = confined.limits.as_mut().filter(|_| settings.huge_pages) {
        // Huge pages are a file to the kernel.
        limits.file = limits.memory;
    }
    Ok(Launch { argv, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..confined })
}

/// Memory as QEMU's users write it: whole GiB as `1g`, else MiB as `768m`.
fn size(mib: u32) -> String {
    if mib % 1024 == 0 { format!("{}g", mib / 1024) } else { format!("{mib}m") }
}
