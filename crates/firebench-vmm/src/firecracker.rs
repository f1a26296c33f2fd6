//! Firecracker, version 1.12 and newer, started without its API socket from a configuration file.
//!
//! Source: Firecracker's `docs/getting-started.md` ("configuring the microVM without sending API requests") and
//! `src/firecracker/swagger/firecracker.yaml`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::launch::{Image, Launch, LaunchError, LaunchFile, Machine, Paths, VmmKind, text};

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
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            cpu_template: None,
            log_level: "Info".to_owned(),
            cache_type: None,
            io_engine: None,
            huge_pages: false,
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

/// `MAX_SUPPORTED_VCPUS` of Firecracker.
const MAX_VCPUS: u32 = 32;

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
    let config_path = paths.work_dir.join("firecracker.json");
    let log_path = paths.work_dir.join("firecracker.log");
    let mut machine_config = json!({
        "vcpu_count": machine.vcpus,
        "mem_size_mib": machine.memory_mib,
        "smt": false,
    });
    if let Some(template) = &settings.cpu_template {
        machine_config["cpu_template"] = json!(template);
    }
    if settings.huge_pages {
        machine_config["huge_pages"] = json!("2M");
    }
    let mut drive = json!({
        "drive_id": "test",
        "path_on_host": text(VMM, &image.disk.path)?,
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
            "kernel_image_path": text(VMM, &image.kernel)?,
            "initrd_path": text(VMM, &image.initramfs)?,
            "boot_args": image.cmdline,
        },
        "drives": [drive],
        "machine-config": machine_config,
        "logger": {
            "log_path": text(VMM, &log_path)?,
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
    let argv =
        vec![text(VMM, &paths.binary)?, "--no-api".to_owned(), "--config-file".to_owned(), text(VMM, &config_path)?];
    let files = vec![
        LaunchFile { path: config_path, contents: format!("{config:#}\n") },
        // Firecracker opens its log, it does not make it.
        LaunchFile { path: log_path.clone(), contents: String::new() },
    ];
    let (tap, cpus) = (machine.tap.clone(), machine.cpus.clone());
    Ok(Launch { argv, files, log: Some(log_path), tap, cpus, ..Launch::default() })
}
