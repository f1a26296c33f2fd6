//! crosvm, the VMM of ChromeOS and Android.
//!
//! Source: `crosvm run --help`, and its `src/main.rs`, `src/crosvm/sys/linux.rs`, `src/crosvm/sys/linux/vcpu.rs`, `jail/src/helpers.rs`,
//! `serde_keyvalue/src/key_values.rs`, `x86_64/src/lib.rs`.

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::setting::{Absent, Setting, Takes, Values};

/// crosvm.
pub static KIND: Kind = Kind {
    name: "crosvm",
    title: "crosvm",
    isolates_with: "a virtual machine",
    by_default: false,
    program: Some(Program {
        name: "crosvm",
        ask_version: &["version"],
        version_line: "crosvm",
        // Its version stands still at 0.1.0.
        oldest: None,
        variable: "FIREBENCH_CROSVM",
        install: "build it (github.com/google/crosvm: cargo build --release --no-default-features --features net)",
    }),
    accels: &[Accel::Kvm],
    max_vcpus: None,
    settings: &[&SANDBOX, &CORE_SCHEDULING, &DIRECT, &TRANSPARENT_HUGE_PAGES],
    // `run_vcpu`.
    vcpu_threads: &[("crosvm_vcpu", "")],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &["memfd:crosvm_guest"],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        kernel: KernelEntry::Elf,
        root_device: "/dev/vda",
        bus: |_| Bus::Pci,
        // No other VMM keeps the threads of others off the core of its vCPUs.
        matched: |_| Values::default().with(&CORE_SCHEDULING, false),
        published: None,
        // Its sandbox is on unless a setting says otherwise; there is none that is stricter.
        jail: Jailing::Nothing,
        firmware: None,
        end: |_| End::PowerOff,
        describe,
        launch,
    }),
};

/// Whether each of its devices is a process of its own, in namespaces without any right and with a filter of its system calls, as by
/// crosvm's default. Without (`--disable-sandbox`), they are threads of the one process, and nothing is filtered.
pub static SANDBOX: Setting = Setting::new(
    "sandbox",
    Takes::Switch,
    "whether each of crosvm's devices is a jailed process of its own, as by default",
)
.absent(Absent::On)
.example("false");

/// Whether the kernel keeps the threads of others off the core of a vCPU while it runs (`--core-scheduling`), as by crosvm's default.
pub static CORE_SCHEDULING: Setting = Setting::new(
    "core-scheduling",
    Takes::Switch,
    "whether crosvm's vCPUs share their cores with nothing else, as by its own default",
)
.recorded("core_scheduling")
.absent(Absent::On);

/// Whether the disk is read past the host's page cache (`--block direct=true`).
pub static DIRECT: Setting =
    Setting::new("direct", Takes::Switch, "read the root disk past the host's page cache (--block direct=true)");

/// Whether it asks for transparent huge pages (`--hugepages`, which is `madvise`).
pub static TRANSPARENT_HUGE_PAGES: Setting =
    Setting::new("transparent-huge-pages", Takes::Switch, "ask for transparent huge pages (--hugepages)")
        .recorded("transparent_huge_pages");

fn describe(values: &Values) -> DescribedSettings {
    let default = DescribedSettings::default();
    let sandbox = values.is_on(&SANDBOX);
    DescribedSettings {
        cache: if values.is_on(&DIRECT) { DescribedSettings::PAST.to_owned() } else { default.cache },
        asks_for_huge_pages: values.is_on(&TRANSPARENT_HUGE_PAGES),
        // `GuestMemory::create_shm`.
        shared_memory: true,
        cores_of_its_own: values.is_on(&CORE_SCHEDULING),
        filtered: sandbox,
        jailed: sandbox,
        ..DescribedSettings::default()
    }
}

/// The launch of a machine.
fn launch(machine: &Machine, values: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let disk = text(vmm, &image.disk.path)?;
    if disk.contains([',', '"', '\'', '[', ']']) {
        let reason = "commas, quotation marks and brackets are crosvm's own in its options";
        return Err(LaunchError::Path { vmm, path: image.disk.path.clone(), reason });
    }
    let on = |on: bool, words: &'static str| if on { words } else { "" };
    let mut argv = vec![text(vmm, &paths.binary)?, "--no-syslog".to_owned(), "run".to_owned()];
    let mut directories = Vec::new();
    let mut flag = |words: &[&str]| argv.extend(words.iter().map(|&word| word.to_owned()));
    if values.is_on(&SANDBOX) {
        // What its devices see as their root.
        let empty = paths.work_dir.join("empty");
        flag(&["--pivot-root", &text(vmm, &empty)?]);
        directories.push(empty);
    } else {
        flag(&["--disable-sandbox"]);
    }
    flag(&["--cpus", &machine.vcpus.to_string()]);
    if values.get(&CORE_SCHEDULING).is_some() {
        flag(&["--core-scheduling", if values.is_on(&CORE_SCHEDULING) { "true" } else { "false" }]);
    }
    flag(&["--mem", &machine.memory_mib.to_string()]);
    if values.is_on(&TRANSPARENT_HUGE_PAGES) {
        flag(&["--hugepages"]);
    }
    flag(&["--initrd", &text(vmm, &image.initramfs)?]);
    flag(&["--params", &image.cmdline]);
    let read_only = on(image.disk.read_only, ",ro=true");
    flag(&["--block", &format!("path={disk}{read_only}{}", on(values.is_on(&DIRECT), ",direct=true"))]);
    if let Some(tap) = &machine.tap {
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        flag(&["--net", &format!("tap-name={}{mac}", tap.name)]);
    }
    // Not marked as the console: the kernel command line says which one it is.
    flag(&["--serial", "type=stdout,hardware=serial,num=1"]);
    // Devices that no other VMM has, or not by itself.
    flag(&["--no-usb", "--no-rng"]);
    flag(&[&text(vmm, &image.kernel)?]);
    let mut confined = Launch::confined(machine, image, paths);
    if let Some(limits) = confined.limits.as_mut() {
        // Its guest's memory, which its processes share, is a file to the kernel.
        limits.file = limits.memory;
    }
    Ok(Launch { argv, directories, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..confined })
}

#[cfg(test)]
mod tests {
    use crate::machine::{Drive, Tap};

    use super::*;

    fn launched(disk: &str) -> Result<Launch, LaunchError> {
        let tap = Some(Tap { name: "tap0".to_owned(), mac: Some("2e:60:bf:c7:64:88".to_owned()) });
        let machine = Machine { vcpus: 1, memory_mib: 256, accel: Accel::Kvm, tap, veth: None, cpus: None };
        let image = Image {
            kernel: "/cache/vmlinux".into(),
            cmdline: "quiet".to_owned(),
            initramfs: "/run/boot-0/initramfs".into(),
            disk: Drive { path: disk.into(), read_only: true },
        };
        let paths = Paths { binary: "/usr/bin/crosvm".into(), work_dir: "/run/boot-0".into() };
        launch(&machine, &Values::default(), &image, &paths)
    }

    #[test]
    fn its_card_is_the_tap_and_its_memory_is_a_file() {
        let launch = launched("/cache/root.ext4").unwrap();
        let net = launch.argv.iter().skip_while(|word| *word != "--net").nth(1).unwrap();
        assert_eq!(net, "tap-name=tap0,mac=2e:60:bf:c7:64:88");
        let limits = launch.limits.unwrap();
        assert_eq!(limits.file, limits.memory);
        assert_eq!(launch.directories, [std::path::PathBuf::from("/run/boot-0/empty")]);
    }

    #[test]
    fn a_disk_whose_path_it_would_cut_is_refused() {
        for disk in ["/a,b.ext4", "/a[1].ext4", "/it's.ext4"] {
            let error = launched(disk).unwrap_err().to_string();
            assert!(error.contains(disk) && error.contains("crosvm's own"), "{error}");
        }
    }
}
