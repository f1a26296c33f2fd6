//! The published benchmark's two command lines (in `tests/published/`, as its document has them) against ours: the same
//! flag for flag, but for the differences that are spelt out here.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::collections::BTreeMap;

use firebench_vmm::{
    Accel, Contender, Drive, Image, Launch, Machine, Paths, Settings, Tap, VmmKind, firecracker, launch, qemu,
};
use serde_json::{Value, json};

const QEMU: &str = include_str!("published/qemu.txt");
const FIRECTL: &str = include_str!("published/firectl.txt");

/// A command line as its flags with their values; of a flag that comes twice, both.
type Flags = BTreeMap<String, Vec<String>>;

fn flags(words: &[String]) -> Flags {
    let mut flags = Flags::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (word.as_str(), words.next_if(|next| !next.starts_with('-')).cloned()),
        };
        flags.entry(flag.to_owned()).or_default().push(value.unwrap_or_default());
    }
    flags
}

/// The words after the program, which is `program` perhaps behind `sudo`.
fn arguments(text: &str, program: &str) -> Vec<String> {
    let words = shlex::split(&text.replace("\\\n", " ")).expect("words of a shell");
    let position = words.iter().position(|word| word.ends_with(program)).expect("program");
    words[position + 1..].to_vec()
}

fn value<'a>(flags: &'a Flags, flag: &str) -> &'a str {
    match flags.get(flag).map(Vec::as_slice) {
        Some([value]) => value,
        other => panic!("{flag}: {other:?}"),
    }
}

fn image(cmdline: &str) -> Image {
    Image {
        kernel: "/root/vmlinux".into(),
        cmdline: cmdline.to_owned(),
        initramfs: "/run/initramfs".into(),
        disk: Drive { path: "/tmp/rootfs.ext4".into(), read_only: true },
    }
}

fn launch_of(machine: Machine, settings: Settings, cmdline: &str) -> Launch {
    let contender = Contender { name: "published".to_owned(), machine, settings };
    let paths = Paths { binary: "/opt/vmm".into(), work_dir: "/run".into() };
    launch(&contender, &image(cmdline), &paths).expect("a launch")
}

#[test]
fn qemu_is_started_with_the_flags_of_the_document() {
    let document = arguments(QEMU, "qemu-system-x86_64");
    let cmdline = value(&flags(&document), "-append").to_owned();
    let tap = Some(Tap { name: "tap0".to_owned(), mac: None });
    let machine = Machine { vcpus: 2, memory_mib: 1024, accel: Accel::Kvm, tap, veth: None, cpus: None };
    let ours = launch_of(machine, Settings::new(VmmKind(&qemu::KIND)), &cmdline);

    // The differences, in the document's order:
    let mut expected = document;
    let append = expected.iter().position(|word| word == "-append").expect("flag");
    // the agent is in an initramfs, which QEMU's default firmware for microvm overwrites with its tables,
    let added = ["-initrd", "/run/initramfs", "-bios", "qboot.rom"];
    expected.splice(append..append, added.map(str::to_owned));
    // and the disk cannot be written, so that every boot sees the same bytes.
    let drive = expected.iter_mut().find(|word| word.starts_with("id=test,")).expect("drive");
    drive.push_str(",readonly=on");

    assert_eq!(ours.argv[0], "/opt/vmm");
    assert_eq!(ours.argv[1..], expected);
    assert_eq!(flags(&ours.argv[1..]).len(), 16, "so that the comparison is not one of nothing with nothing");
}

#[test]
fn firecracker_is_configured_as_firectl_does_it() {
    let document = flags(&arguments(FIRECTL, "firectl"));
    let (tap_name, mac) = value(&document, "--tap-device").split_once('/').expect("NAME/MAC");
    let tap = Some(Tap { name: tap_name.to_owned(), mac: Some(mac.to_owned()) });
    // `-t` switches hyperthreading off; without `--ncpus`, firectl gives 1 vCPU.
    assert_eq!(value(&document, "-t"), "");
    assert!(!document.contains_key("--ncpus") && !document.contains_key("-c"));
    let memory: u32 = value(&document, "-m").parse().expect("MiB");
    let machine = Machine { vcpus: 1, memory_mib: memory, accel: Accel::Kvm, tap, veth: None, cpus: None };
    let settings = Settings::new(VmmKind(&firecracker::KIND))
        .with(&firecracker::TEMPLATE, value(&document, "--cpu-template"))
        .with(&firecracker::LOG_LEVEL, value(&document, "--log-level"));
    // firebench adds to the document's options, behind them.
    let cmdline = format!("{} quiet", value(&document, "--kernel-opts"));
    let ours = launch_of(machine, settings, &cmdline);

    assert_eq!(ours.argv, ["/opt/vmm", "--no-api", "--config-file", "/run/firecracker.json"]);
    let config: Value = serde_json::from_str(&ours.files[0].contents).expect("JSON");
    let at = |pointer: &str| config.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {config:#}"));
    assert_eq!(
        at("/machine-config"),
        &json!({ "vcpu_count": 1, "mem_size_mib": 1024, "smt": false, "cpu_template": "T2" })
    );
    assert_eq!(at("/boot-source/kernel_image_path"), value(&document, "--kernel"));
    let boot_args = at("/boot-source/boot_args").as_str().expect("text");
    assert!(boot_args.starts_with("console=ttyS0 noapic reboot=k panic=1 pci=off nomodules rw "), "{boot_args}");
    assert_eq!(
        at("/network-interfaces"),
        &json!([{ "iface_id": "tap0", "host_dev_name": "tap0", "guest_mac": "2e:60:bf:c7:64:88" }])
    );
    assert_eq!(at("/logger/level"), "Debug");
    assert_eq!(at("/drives/0/path_on_host"), value(&document, "--root-drive"));
    // The differences: the agent is in an initramfs and mounts the root itself, and the disk cannot be written. The log
    // is in the directory of the boot, not in the working directory.
    assert_eq!(at("/boot-source/initrd_path"), "/run/initramfs");
    assert_eq!(at("/drives/0/is_root_device"), false);
    assert_eq!(at("/drives/0/is_read_only"), true);
    assert_eq!(at("/logger/log_path"), "/run/firecracker.log");
    // Every flag of the document has been looked at.
    let known = [
        "--kernel",
        "--root-drive",
        "-t",
        "--cpu-template",
        "--log-level",
        "--firecracker-log",
        "--kernel-opts",
        "--tap-device",
        "-m",
    ];
    assert_eq!(document.len(), known.len());
    assert!(known.iter().all(|flag| document.contains_key(*flag)), "{document:?}");
}
