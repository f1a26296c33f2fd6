//! kvmtool, whose program is called `lkvm`: a small VMM by developers of KVM, without ACPI and without firmware.
//!
//! Source: `lkvm run --help`, its README, and `builtin-run.c`, `kvm-ipc.c`, `virtio/net.c`, `x86/mptable.c`.

use firebench_protocol::End;

use crate::described::DescribedSettings;
use crate::kind::{Bus, Guest, Jailing, KernelEntry, Kind, Program, Runs};
use crate::machine::{Accel, Image, Launch, LaunchError, Machine, Paths, text};
use crate::requests::Requests;
use crate::setting::Values;

/// kvmtool.
pub static KIND: Kind = Kind {
    name: "kvmtool",
    title: "kvmtool",
    isolates_with: "a virtual machine",
    by_default: false,
    program: Some(Program {
        name: "lkvm",
        ask_version: Program::VERSION,
        version_line: "kvm tool",
        // Its version has stood still since 2015, when it left the kernel's sources.
        oldest: None,
        variable: "FIREBENCH_KVMTOOL",
        install: "build it (github.com/kvmtool/kvmtool: make)",
    }),
    accels: &[Accel::Kvm],
    // `MPTABLE_MAX_CPUS`.
    max_vcpus: Some(255),
    settings: &[],
    // `kvm_cpu_thread`.
    vcpu_threads: &[("kvm-vcpu-", "")],
    file_limit_exit: None,
    own_cpu_account: None,
    guest_memory: &[],
    card: Some("virtio on a tap"),
    runs: Runs::Guest(Guest {
        // It takes an ELF file for a flat one, which it runs into nothing.
        kernel: KernelEntry::BzImage,
        root_device: "/dev/vda",
        bus: |_| Bus::PciByPorts,
        matched: |_| Values::default(),
        published: None,
        // It has no filter of its system calls.
        jail: Jailing::Nothing,
        firmware: None,
        // It has no power to switch off; what resets the machine ends it.
        end: |_| End::Restart,
        describe: |_| DescribedSettings::default(),
        launch,
    }),
};

/// The name of the guest among those of its user's directory, where it is alone.
const NAME: &str = "firebench";

/// The launch of a machine. kvmtool makes a socket in HOME, which is the directory of the boot, to be asked things.
fn launch(machine: &Machine, _: &Values, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let vmm = KIND.name;
    let socket = paths.work_dir.join(".lkvm").join(format!("{NAME}.sock"));
    // One byte less: it writes two slashes.
    if socket.as_os_str().len() >= Requests::MAX_PATH_BYTES {
        return Err(LaunchError::Socket { vmm, path: socket });
    }
    let disk = text(vmm, &image.disk.path)?;
    if disk.contains(',') {
        let reason = "a comma separates kvmtool's own words";
        return Err(LaunchError::Path { vmm, path: image.disk.path.clone(), reason });
    }
    let network = match &machine.tap {
        None => "mode=none".to_owned(),
        Some(tap) => {
            let mac = tap.mac.as_ref().map(|mac| format!(",guest_mac={mac}")).unwrap_or_default();
            format!("mode=tap,tapif={},script=none,downscript=none{mac}", tap.name)
        }
    };
    // Without its own additions to the kernel command line and its own devices.
    let mut argv = vec![text(vmm, &paths.binary)?, "run".to_owned(), "--nodefaults".to_owned()];
    let mut flag = |name: &str, value: String| argv.extend([name.to_owned(), value]);
    flag("--name", NAME.to_owned());
    flag("--cpus", machine.vcpus.to_string());
    flag("--mem", machine.memory_mib.to_string());
    flag("--kernel", text(vmm, &image.kernel)?);
    flag("--initrd", text(vmm, &image.initramfs)?);
    flag("--params", image.cmdline.clone());
    flag("--disk", if image.disk.read_only { format!("{disk},ro") } else { disk });
    flag("--network", network);
    flag("--console", "serial".to_owned());
    flag("--loglevel", "warning".to_owned());
    Ok(Launch { argv, tap: machine.tap.clone(), cpus: machine.cpus.clone(), ..Launch::confined(machine, image, paths) })
}
