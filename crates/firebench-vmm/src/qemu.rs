//! QEMU's microvm machine.
//!
//! Source: QEMU's manual, "microvm virtual platform", and `qemu-system-x86_64 --help`.

use serde::{Deserialize, Serialize};

use crate::launch::{Accel, Image, Launch, LaunchError, Machine, Paths, VmmKind, text};

/// What only QEMU has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The CPU model (`-cpu`); QEMU's default when absent.
    pub cpu: Option<String>,
    /// Whether the machine has ACPI, QEMU's default. A guest kernel without ACPI needs a machine without: only then QEMU tells
    /// on the kernel command line where the devices are.
    pub acpi: bool,
}

/// QEMU accepts up to 288 vCPUs on microvm (`hw/i386/microvm.c`, `max_cpus`).
const MAX_VCPUS: u32 = 288;

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
    let mut argv = vec![text(VMM, &paths.binary)?];
    let mut flag = |args: &[&str]| argv.extend(args.iter().map(|&a| a.to_owned()));
    flag(&["-M", if settings.acpi { "microvm,rtc=off" } else { "microvm,rtc=off,acpi=off" }]);
    match machine.accel {
        Accel::Kvm => flag(&["-enable-kvm"]),
        Accel::Tcg => flag(&["-accel", "tcg,thread=multi"]),
    }
    if let Some(cpu) = &settings.cpu {
        flag(&["-cpu", cpu]);
    }
    flag(&["-smp", &machine.vcpus.to_string()]);
    flag(&["-m", &memory(machine.memory_mib)]);
    flag(&["-kernel", &text(VMM, &image.kernel)?]);
    flag(&["-initrd", &text(VMM, &image.initramfs)?]);
    flag(&["-bios", FIRMWARE]);
    flag(&["-append", &image.cmdline]);
    flag(&["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio"]);
    let read_only = if image.disk.read_only { ",readonly=on" } else { "" };
    // QEMU's option syntax doubles a comma that belongs to a value.
    let disk = text(VMM, &image.disk.path)?.replace(',', ",,");
    flag(&["-drive", &format!("id=test,file={disk},format=raw,if=none{read_only}")]);
    flag(&["-device", "virtio-blk-device,drive=test"]);
    if let Some(tap) = &machine.tap {
        flag(&["-netdev", &format!("tap,id=tap0,ifname={},script=no,downscript=no", tap.name)]);
        let mac = tap.mac.as_ref().map(|mac| format!(",mac={mac}")).unwrap_or_default();
        flag(&["-device", &format!("virtio-net-device,netdev=tap0{mac}")]);
    }
    flag(&["-no-reboot"]);
    Ok(Launch { argv, files: Vec::new(), log: None, tap: machine.tap.clone() })
}

/// Memory as QEMU's users write it: whole GiB as `1g`, else MiB as `768m`.
fn memory(mib: u32) -> String {
    if mib % 1024 == 0 { format!("{}g", mib / 1024) } else { format!("{mib}m") }
}
