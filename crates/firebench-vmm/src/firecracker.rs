//! Firecracker, version 1.12 and newer, started without its API socket from a configuration file.
//!
//! Source: Firecracker's `docs/getting-started.md` ("configuring the microVM without sending API requests"),
//! `src/firecracker/swagger/firecracker.yaml` and `docs/jailer.md`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::machine::{Image, Jail, JailedFile, Launch, LaunchError, LaunchFile, Machine, Paths, VmmKind, text};

/// What only Firecracker has. The default is Firecracker's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A static CPU template (`T2`, `T2S`, `C3`, ...); CPU passed through when absent.
    pub cpu_template: Option<String>,
    /// Level of the log file: `Error`, `Warning`, `Info`, `Debug`, `Trace`.
    pub log_level: String,
    /// How the disk is cached; Firecracker's default, unsafe, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_type: Option<CacheType>,
    /// What reads the disk; Firecracker's default, sync, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub io_engine: Option<IoEngine>,
    /// Whether the guest's memory lies on huge pages of 2 MiB, from the pool that `vm.nr_hugepages` makes. Firecracker does not
    /// reserve them: when the pool has too few, it dies of SIGBUS some time later (`docs/hugepages.md`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub huge_pages: bool,
    /// Whether Firecracker asks for transparent huge pages (`madvise`), as QEMU always does; from 1.17 on
    /// ([`TRANSPARENT_HUGE_PAGES_SINCE`]).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transparent_huge_pages: bool,
    /// The jailer of this Firecracker, to run it under; none when absent. Firecracker's own filter of system calls is on either
    /// way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jailer: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            cpu_template: None,
            log_level: "Info".to_owned(),
            cache_type: None,
            io_engine: None,
            huge_pages: false,
            transparent_huge_pages: false,
            jailer: None,
        }
    }
}

/// How Firecracker caches a disk: always through the host's page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheType {
    /// Never flushed.
    Unsafe,
    /// Flushed when the guest says so.
    Writeback,
}

impl CacheType {
    /// Every one.
    pub const ALL: [CacheType; 2] = [CacheType::Unsafe, CacheType::Writeback];

    /// The name in command lines, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            CacheType::Unsafe => "unsafe",
            CacheType::Writeback => "writeback",
        }
    }

    /// Firecracker's word.
    fn word(self) -> &'static str {
        match self {
            CacheType::Unsafe => "Unsafe",
            CacheType::Writeback => "Writeback",
        }
    }
}

/// What Firecracker reads a disk with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IoEngine {
    /// Its one thread for devices, which waits.
    Sync,
    /// io_uring, a preview for developers; Linux 5.10.51 and newer, where the host allows it (sysctl
    /// `kernel.io_uring_disabled`).
    Async,
}

impl IoEngine {
    /// Every one.
    pub const ALL: [IoEngine; 2] = [IoEngine::Sync, IoEngine::Async];

    /// The name in command lines, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            IoEngine::Sync => "sync",
            IoEngine::Async => "async",
        }
    }

    /// Firecracker's word.
    fn word(self) -> &'static str {
        match self {
            IoEngine::Sync => "Sync",
            IoEngine::Async => "Async",
        }
    }
}

/// The first version, major and minor, whose `huge_pages` can be `Transparent`. Source: Firecracker's `CHANGELOG.md` (after 1.16.1)
/// and the version of the sources that have it, 1.17.0-dev.
pub const TRANSPARENT_HUGE_PAGES_SINCE: (u64, u64) = (1, 17);

/// `MAX_SUPPORTED_VCPUS` of Firecracker.
pub(crate) const MAX_VCPUS: u32 = 32;

/// The user and group that a jailed Firecracker becomes. Debian keeps the ids from 65000 to 65533 for nobody ("reserved", Debian
/// Policy 9.2.2), systemd gives out none beyond 65519, and containers with 65536 ids have it.
pub const JAILED_ID: u32 = 65_533;

/// `--id` of the jailer. Its directory is the boot's own, so one name does for all.
const JAIL: &str = "firebench";

/// Where Firecracker's files lie, and as what it sees them.
struct Places<'a> {
    work_dir: &'a Path,
    jail: Option<Jail>,
}

impl Places<'_> {
    /// Not jailed, or in the directory that the jailer will make its root: `WORK_DIR/EXECUTABLE/ID/root`.
    fn new<'a>(settings: &Settings, paths: &'a Paths) -> Result<Places<'a>, LaunchError> {
        let work_dir = paths.work_dir.as_path();
        if settings.jailer.is_none() {
            return Ok(Places { work_dir, jail: None });
        }
        let name = paths.binary.file_name().unwrap_or_default();
        if !name.to_string_lossy().contains("firecracker") {
            let reason = "the jailer runs no program without \"firecracker\" in its name";
            return Err(LaunchError::Path { vmm: VmmKind::Firecracker, path: paths.binary.clone(), reason });
        }
        let root = work_dir.join(name).join(JAIL).join("root");
        Ok(Places { work_dir, jail: Some(Jail { root, id: JAILED_ID, files: Vec::new() }) })
    }

    /// A file of the host: as what Firecracker sees it. `name` is what it is called in a jail.
    fn given(&mut self, path: &Path, name: &str) -> Result<String, LaunchError> {
        match &mut self.jail {
            None => text(VmmKind::Firecracker, path),
            Some(jail) => {
                jail.files.push(JailedFile { path: path.to_owned(), seen: jail.root.join(name) });
                Ok(format!("/{name}"))
            }
        }
    }

    /// A file of the boot: where it is, and as what Firecracker sees it.
    fn own(&self, name: &str) -> Result<(PathBuf, String), LaunchError> {
        match &self.jail {
            None => {
                let path = self.work_dir.join(name);
                let seen = text(VmmKind::Firecracker, &path)?;
                Ok((path, seen))
            }
            Some(jail) => Ok((jail.root.join(name), format!("/{name}"))),
        }
    }
}

/// The launch of a microVM: a configuration file, a log file, and a short command.
#[expect(clippy::indexing_slicing, reason = "an assignment to an object of serde_json inserts")]
pub(crate) fn launch(
    machine: &Machine,
    settings: &Settings,
    image: &Image,
    paths: &Paths,
) -> Result<Launch, LaunchError> {
    const VMM: VmmKind = VmmKind::Firecracker;
    if !(1..=MAX_VCPUS).contains(&machine.vcpus) {
        return Err(LaunchError::Vcpus { vmm: VMM, max: MAX_VCPUS, vcpus: machine.vcpus });
    }
    let mut places = Places::new(settings, paths)?;
    let (config_path, config_seen) = places.own("firecracker.json")?;
    let (log_path, log_seen) = places.own("firecracker.log")?;
    let mut machine_config = json!({
        "vcpu_count": machine.vcpus,
        "mem_size_mib": machine.memory_mib,
        "smt": false,
    });
    if let Some(template) = &settings.cpu_template {
        machine_config["cpu_template"] = json!(template);
    }
    let huge_pages = match (settings.huge_pages, settings.transparent_huge_pages) {
        (true, true) => {
            return Err(LaunchError::Settings {
                vmm: VMM,
                settings: "huge pages from the pool and transparent ones at once",
                help: "choose huge-pages or transparent-huge-pages",
            });
        }
        (true, false) => Some("2M"),
        (false, true) => Some("Transparent"),
        (false, false) => None,
    };
    if let Some(huge_pages) = huge_pages {
        if machine.memory_mib % 2 != 0 {
            return Err(LaunchError::Settings {
                vmm: VMM,
                settings: "an odd number of MiB of memory on huge pages",
                help: "choose a --memory that is a multiple of 2MiB",
            });
        }
        machine_config["huge_pages"] = json!(huge_pages);
    }
    let mut drive = json!({
        "drive_id": "test",
        "path_on_host": places.given(&image.disk.path, "disk")?,
        // The agent mounts the root; a "root device" would make Firecracker append root= to the command line.
        "is_root_device": false,
        "is_read_only": image.disk.read_only,
    });
    if let Some(cache_type) = settings.cache_type {
        drive["cache_type"] = json!(cache_type.word());
    }
    if let Some(io_engine) = settings.io_engine {
        drive["io_engine"] = json!(io_engine.word());
    }
    let mut config = json!({
        "boot-source": {
            "kernel_image_path": places.given(&image.kernel, "kernel")?,
            "initrd_path": places.given(&image.initramfs, "initramfs")?,
            "boot_args": image.cmdline,
        },
        "drives": [drive],
        "machine-config": machine_config,
        "logger": {
            "log_path": log_seen,
            "level": settings.log_level,
            "show_level": true,
            "show_log_origin": true,
        },
    });
    if let Some(tap) = &machine.tap {
        let mut interface = json!({ "iface_id": "tap0", "host_dev_name": tap.name });
        if let Some(mac) = &tap.mac {
            interface["guest_mac"] = json!(mac);
        }
        config["network-interfaces"] = json!([interface]);
    }
    let binary = text(VMM, &paths.binary)?;
    let mut argv = match &settings.jailer {
        None => vec![binary],
        Some(jailer) => {
            let (jailer, base, id) = (text(VMM, jailer)?, text(VMM, &paths.work_dir)?, JAILED_ID.to_string());
            let flags = ["--id", JAIL, "--exec-file", &binary, "--uid", &id, "--gid", &id, "--chroot-base-dir", &base];
            std::iter::once(jailer).chain(flags.map(str::to_owned)).chain(["--".to_owned()]).collect()
        }
    };
    argv.extend(["--no-api".to_owned(), "--config-file".to_owned(), config_seen]);
    let files = vec![
        LaunchFile { path: config_path, contents: format!("{config:#}\n") },
        // Firecracker opens its log, it does not make it.
        LaunchFile { path: log_path.clone(), contents: String::new() },
    ];
    Ok(Launch {
        argv,
        files,
        log: Some(log_path),
        tap: machine.tap.clone(),
        cpus: machine.cpus.clone(),
        jail: places.jail,
        ..Launch::confined(machine, image, paths)
    })
}
