//! Firecracker, version 1.12 and newer, started from a configuration file without its API socket, or by that socket.
//!
//! Source: Firecracker's `docs/getting-started.md` ("configuring the microVM without sending API requests"),
//! `src/firecracker/swagger/firecracker.yaml`,
//! `docs/jailer.md` and `firecracker --help`.

use std::path::{Path, PathBuf};

use firebench_protocol::End;
use serde_json::{Value, json};

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailer, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Jail, JailedFile, Launch, LaunchError, LaunchFile, Machine, Paths, text};
use crate::request::{MachineRequest, Published};
use crate::requests::{Request, Requests};
use crate::setting::{Absent, Setting, Takes, Values};

/// Firecracker.
pub static KIND: Kind = Kind {
    name: "firecracker",
    title: "Firecracker",
    isolates_with: "a virtual machine",
    by_default: true,
    program: Some(Program {
        name: "firecracker",
        ask_version: Program::VERSION,
        version_line: "Firecracker",
        // It finds devices through ACPI and takes `--no-api --config-file`.
        oldest: Some((1, 12, 0)),
        variable: "FIREBENCH_FIRECRACKER",
        install: "fetch it (firebench fetch firecracker)",
    }),
    accels: &[Accel::Kvm],
    // `MAX_SUPPORTED_VCPUS`.
    max_vcpus: Some(32),
    settings: &[&TEMPLATE, &LOG_LEVEL, &CACHE, &IO, &HUGE_PAGES, &TRANSPARENT_HUGE_PAGES, &API, &JAILER],
    // Source: `src/vmm/src/vstate/vcpu.rs`.
    vcpu_threads: &[("fc_vcpu ", "")],
    // It catches the signal (`FcExitCode::SIGXFSZ`).
    file_limit_exit: Some(151),
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Elf,
        root_device: "/dev/vda",
        bus: |_| Bus::Mmio,
        matched: |_| Values::default(),
        published: Some(published),
        jail: Jailing::Jailer(Jailer {
            setting: &JAILER,
            name: "jailer",
            version_line: "Jailer",
            about: "under its jailer (which needs root)",
            root: "Firecracker's jailer makes a chroot and device nodes",
        }),
        firmware: None,
        // It has no power to switch off (`docs/getting-started.md`: "issuing a `reboot` command").
        end: |_| End::Restart,
        describe,
        launch,
    }),
};

/// A static CPU template; CPU passed through when absent.
pub static TEMPLATE: Setting =
    Setting::new("template", Takes::Text("a name such as T2, or none"), "Firecracker's CPU template, or none")
        .recorded("cpu_template")
        .always_recorded()
        .none("none")
        .example("\"T2\"");

/// Level of the log file: `Error`, `Warning`, `Info`, `Debug`, `Trace`.
pub static LOG_LEVEL: Setting = Setting::decided("log-level", Takes::Text("a level"), "how much Firecracker logs")
    .recorded("log_level")
    .absent(Absent::Word("Info"))
    .always_recorded();

/// How the disk is cached, always through the host's page cache: never flushed, or when the guest says so. Firecracker's default,
/// unsafe, when absent.
pub static CACHE: Setting =
    Setting::new("cache", Takes::Words(&["unsafe", "writeback"]), "how Firecracker caches the root disk")
        .recorded("cache_type")
        .example("\"unsafe\"");

/// What reads the disk: its one thread for devices, which waits, Firecracker's default; or io_uring, a preview for developers,
/// on Linux 5.10.51 and newer where the host allows it (sysctl `kernel.io_uring_disabled`).
pub static IO: Setting = Setting::new("io", Takes::Words(&["sync", "async"]), "how Firecracker reads the root disk")
    .recorded("io_engine")
    .example("\"async\"");

/// Whether the guest's memory lies on huge pages of 2 MiB, from the pool that `vm.nr_hugepages` makes. Firecracker does not
/// reserve them: when the pool has too few, it dies of SIGBUS some time later (`docs/hugepages.md`).
pub static HUGE_PAGES: Setting =
    Setting::new("huge-pages", Takes::Switch, "the guest's memory on huge pages of the host").recorded("huge_pages");

/// Whether Firecracker asks for transparent huge pages (`madvise`), as QEMU always does. Source of the version: Firecracker's
/// `CHANGELOG.md` (after 1.16.1) and the version of the sources that have it, 1.17.0-dev.
pub static TRANSPARENT_HUGE_PAGES: Setting = Setting::new(
    "transparent-huge-pages",
    Takes::Switch,
    "Firecracker 1.17 and newer: ask for transparent huge pages, as QEMU always does",
)
.recorded("transparent_huge_pages")
.since((1, 17), "make contenders alike with `sudo firebench tune --thp never`");

/// Whether it is told its machine by its API socket, as most who use it do, and not by a configuration file. What is measured from
/// the start of the process then has the calls in it: the guest starts with the last one.
pub static API: Setting =
    Setting::new("api", Takes::Switch, "configure Firecracker by its API socket, not by a configuration file");

/// The jailer of this Firecracker, to run it under; none when absent. Firecracker's own filter of system calls is on either way.
pub static JAILER: Setting = Setting::decided("jailer", Takes::Path, "the jailer that Firecracker runs under");

/// `--kernel-opts` of the published benchmark.
pub(crate) const PUBLISHED_CMDLINE: &str = "console=ttyS0 noapic reboot=k panic=1 pci=off nomodules rw";
/// The MAC address there.
const PUBLISHED_MAC: &str = "2e:60:bf:c7:64:88";

fn published(request: &MachineRequest, notices: &mut Vec<String>) -> Published {
    if !request.intel {
        notices.push("published: firecracker's CPU template T2 is left out: it exists only for Intel CPUs".to_owned());
    }
    let mut cmdline = PUBLISHED_CMDLINE.to_owned();
    if request.acpi_kernel {
        cmdline = cmdline.replace("noapic ", "");
        notices.push(
            "published: firecracker's `noapic` is left out, because with it this kernel finds no disk: its virtio devices \
             come from ACPI, and their interrupts need the I/O APIC"
                .to_owned(),
        );
    }
    if request.modular_kernel {
        notices.push(
            "published: firecracker's `nomodules` stays although this kernel needs modules: no kernel knows this \
             parameter (its name is `nomodule`), so it has no effect"
                .to_owned(),
        );
    }
    let template = if request.intel { "T2" } else { "none" };
    let values = Values::default().with(&TEMPLATE, template).with(&LOG_LEVEL, "Debug");
    Published { vcpus: 1, mac: Some(PUBLISHED_MAC), values, cmdline }
}

fn describe(values: &Values) -> DescribedSettings {
    let default = DescribedSettings::default();
    let io = values.text(&IO).filter(|&io| io != "sync");
    DescribedSettings {
        cpu: values.text(&TEMPLATE).map_or(default.cpu, |template| format!("template {template}")),
        flushes: values.text(&CACHE).map_or(default.flushes, str::to_owned),
        io: io.map_or(default.io, str::to_owned),
        huge_pages: values.is_on(&HUGE_PAGES),
        asks_for_huge_pages: values.is_on(&TRANSPARENT_HUGE_PAGES),
        // Its ACPI tables say that there is no real-time clock.
        clock_missed: false,
        log_level: values.text(&LOG_LEVEL).map(str::to_owned),
        told_by_api: values.is_on(&API),
        filtered: true,
        jailed: values.path(&JAILER).is_some(),
        ..DescribedSettings::default()
    }
}

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
    fn new<'a>(values: &Values, paths: &'a Paths) -> Result<Places<'a>, LaunchError> {
        let work_dir = paths.work_dir.as_path();
        if values.path(&JAILER).is_none() {
            return Ok(Places { work_dir, jail: None });
        }
        let name = paths.binary.file_name().unwrap_or_default();
        if !name.to_string_lossy().contains("firecracker") {
            let reason = "the jailer runs no program without \"firecracker\" in its name";
            return Err(LaunchError::Path { vmm: KIND.name, path: paths.binary.clone(), reason });
        }
        let root = work_dir.join(name).join(JAIL).join("root");
        Ok(Places { work_dir, jail: Some(Jail { root, id: JAILED_ID, files: Vec::new() }) })
    }

    /// A file of the host: as what Firecracker sees it. `name` is what it is called in a jail.
    fn given(&mut self, path: &Path, name: &str) -> Result<String, LaunchError> {
        match &mut self.jail {
            None => text(KIND.name, path),
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
                let seen = text(KIND.name, &path)?;
                Ok((path, seen))
            }
            Some(jail) => Ok((jail.root.join(name), format!("/{name}"))),
        }
    }
}

/// A microVM as Firecracker's API has it; the parts of its configuration file are the same.
struct MicroVm {
    machine_config: Value,
    boot_source: Value,
    drive: Value,
    interface: Option<Value>,
}

/// The one drive and the one network interface.
const DRIVE: &str = "test";
const INTERFACE: &str = "tap0";

impl MicroVm {
    #[expect(clippy::indexing_slicing, reason = "an assignment to an object of serde_json inserts")]
    fn new(machine: &Machine, values: &Values, image: &Image, places: &mut Places<'_>) -> Result<MicroVm, LaunchError> {
        let mut machine_config = json!({
            "vcpu_count": machine.vcpus,
            "mem_size_mib": machine.memory_mib,
            "smt": false,
        });
        if let Some(template) = values.text(&TEMPLATE) {
            machine_config["cpu_template"] = json!(template);
        }
        if let Some(huge_pages) = huge_pages(machine, values)? {
            machine_config["huge_pages"] = json!(huge_pages);
        }
        let mut drive = json!({
            "drive_id": DRIVE,
            "path_on_host": places.given(&image.disk.path, "disk")?,
            // The agent mounts the root; a "root device" would make Firecracker append root= to the command line.
            "is_root_device": false,
            "is_read_only": image.disk.read_only,
        });
        if let Some(cache) = values.text(&CACHE) {
            drive["cache_type"] = json!(capitalised(cache));
        }
        if let Some(io) = values.text(&IO) {
            drive["io_engine"] = json!(capitalised(io));
        }
        let boot_source = json!({
            "kernel_image_path": places.given(&image.kernel, "kernel")?,
            "initrd_path": places.given(&image.initramfs, "initramfs")?,
            "boot_args": image.cmdline,
        });
        let interface = machine.tap.as_ref().map(|tap| {
            let mut interface = json!({ "iface_id": INTERFACE, "host_dev_name": tap.name });
            if let Some(mac) = &tap.mac {
                interface["guest_mac"] = json!(mac);
            }
            interface
        });
        Ok(MicroVm { machine_config, boot_source, drive, interface })
    }

    /// As a configuration file.
    #[expect(clippy::indexing_slicing, reason = "an assignment to an object of serde_json inserts")]
    fn file(self, log: &str, values: &Values) -> String {
        let mut config = json!({
            "boot-source": self.boot_source,
            "drives": [self.drive],
            "machine-config": self.machine_config,
            "logger": {
                "log_path": log,
                "level": values.text(&LOG_LEVEL),
                "show_level": true,
                "show_log_origin": true,
            },
        });
        if let Some(interface) = self.interface {
            config["network-interfaces"] = json!([interface]);
        }
        format!("{config:#}\n")
    }

    /// As calls of its API, of which the last one starts the guest.
    fn calls(self) -> Vec<Request> {
        let put = |path: String, body: &Value| Request { method: "PUT".to_owned(), path, body: body.to_string() };
        let mut calls = vec![
            put("/machine-config".to_owned(), &self.machine_config),
            put("/boot-source".to_owned(), &self.boot_source),
            put(format!("/drives/{DRIVE}"), &self.drive),
        ];
        calls.extend(self.interface.map(|interface| put(format!("/network-interfaces/{INTERFACE}"), &interface)));
        calls.push(put("/actions".to_owned(), &json!({ "action_type": "InstanceStart" })));
        calls
    }
}

/// Firecracker's word for the pages on which the guest's memory lies; none where they are ordinary ones.
fn huge_pages(machine: &Machine, values: &Values) -> Result<Option<&'static str>, LaunchError> {
    let vmm = KIND.name;
    let huge_pages = match (values.is_on(&HUGE_PAGES), values.is_on(&TRANSPARENT_HUGE_PAGES)) {
        (true, true) => {
            return Err(LaunchError::Settings {
                vmm,
                settings: "huge pages from the pool and transparent ones at once",
                help: "choose huge-pages or transparent-huge-pages",
            });
        }
        (true, false) => "2M",
        (false, true) => "Transparent",
        (false, false) => return Ok(None),
    };
    if machine.memory_mib % 2 != 0 {
        return Err(LaunchError::Settings {
            vmm,
            settings: "an odd number of MiB of memory on huge pages",
            help: "choose a --memory that is a multiple of 2MiB",
        });
    }
    Ok(Some(huge_pages))
}

/// The launch of a microVM: a log file, and a configuration file or the calls in its place.
fn launch(machine: &Machine, values: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let mut places = Places::new(values, paths)?;
    let (log_path, log_seen) = places.own("firecracker.log")?;
    let microvm = MicroVm::new(machine, values, image, &mut places)?;
    let binary = text(vmm, &paths.binary)?;
    let mut argv = match values.path(&JAILER) {
        None => vec![binary],
        Some(jailer) => {
            let (jailer, base, id) = (text(vmm, jailer)?, text(vmm, &paths.work_dir)?, JAILED_ID.to_string());
            let flags = ["--id", JAIL, "--exec-file", &binary, "--uid", &id, "--gid", &id, "--chroot-base-dir", &base];
            std::iter::once(jailer).chain(flags.map(str::to_owned)).chain(["--".to_owned()]).collect()
        }
    };
    // Firecracker opens its log, it does not make it.
    let log = LaunchFile { path: log_path.clone(), contents: String::new() };
    let (files, requests) = if values.is_on(&API) {
        let (socket, seen) = places.own("api.sock")?;
        if seen.len() > Requests::MAX_PATH_BYTES {
            return Err(LaunchError::Socket { vmm, path: socket });
        }
        // On the command line, so that no call is logged to the serial console.
        let level = values.text(&LOG_LEVEL).unwrap_or_default();
        let flags =
            ["--api-sock", &seen, "--log-path", &log_seen, "--level", level, "--show-level", "--show-log-origin"];
        argv.extend(flags.map(str::to_owned));
        (vec![log], Some(Requests { socket, list: microvm.calls() }))
    } else {
        let (path, seen) = places.own("firecracker.json")?;
        argv.extend(["--no-api".to_owned(), "--config-file".to_owned(), seen]);
        (vec![LaunchFile { path, contents: microvm.file(&log_seen, values) }, log], None)
    };
    Ok(Launch {
        argv,
        files,
        log: Some(log_path),
        tap: machine.tap.clone(),
        cpus: machine.cpus.clone(),
        jail: places.jail,
        requests,
        ..Launch::confined(machine, image, paths)
    })
}

/// Firecracker's spelling of a word.
fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}
