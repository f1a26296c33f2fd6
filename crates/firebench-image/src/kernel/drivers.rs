//! What a guest needs of its kernel, and how to tell whether it is built in.

use memchr::memmem;

use super::config::{Choice, Config};

/// A driver or a file system that may be a module.
struct Driver {
    module: &'static str,
    option: &'static str,
    /// What stands in every kernel that has it built in: the name under which it registers itself, which no
    /// configuration leaves out. Other kernels may have these bytes by chance.
    mark: &'static [u8],
}

const fn driver(module: &'static str, option: &'static str, mark: &'static [u8]) -> Driver {
    Driver { module, option, mark }
}

/// That the kernel takes devices on virtio-mmio from its command line, and CPUs from the MP table: how it finds them on a machine
/// without ACPI. No module brings that.
pub const LISTED_DEVICES: &str = "devices_on_the_command_line";
/// As [`LISTED_DEVICES`], of CPUs.
pub const LISTED_CPUS: &str = "cpus_in_the_mp_table";
const PARTS: [&str; 2] = [LISTED_DEVICES, LISTED_CPUS];

/// Sources: `drivers/virtio/virtio_mmio.c`, `virtio_pci_common.c`, `drivers/block/virtio_blk.c`, `drivers/net/virtio_net.c`,
/// `fs/ext4/super.c`, `fs/overlayfs/super.c`, `drivers/tty/serial/8250/8250_core.c`, `arch/x86/kvm/svm/svm.c`, `drivers/net/tun.c`, `arch/x86/kernel/mpparse.c`.
const DRIVERS: [Driver; 11] = [
    driver("virtio_mmio", "VIRTIO_MMIO", b"virtio-mmio"),
    driver("virtio_pci", "VIRTIO_PCI", b"virtio-pci"),
    driver("virtio_blk", "VIRTIO_BLK", b"virtio_blk"),
    driver("virtio_net", "VIRTIO_NET", b"virtio_net"),
    driver("ext4", "EXT4_FS", b"ext4_inode_cache"),
    driver("overlay", "OVERLAY_FS", b"overlayfs: "),
    driver("8250", "SERIAL_8250", b"serial8250"),
    driver("kvm_amd", "KVM_AMD", b"kvm_amd"),
    driver("tun", "TUN", b"net/tun"),
    driver(LISTED_DEVICES, "VIRTIO_MMIO_CMDLINE_DEVICES", b"virtio-mmio-cmdline"),
    driver(LISTED_CPUS, "X86_MPPARSE", b"Intel MultiProcessor Specification v1"),
];

/// What is built in or not there at all, and known from a configuration only.
const FEATURES: [(&str, &str); 6] = [
    ("BLK_DEV_INITRD", "initial RAM file system"),
    ("DEVTMPFS", "devtmpfs"),
    ("PROC_FS", "/proc"),
    ("SYSFS", "/sys"),
    ("BINFMT_ELF", "ELF programs"),
    ("TTY", "consoles"),
];

/// Whether a kernel has a module of this name built in; None if that is unknown. Without a configuration, "yes"
/// only means that nothing contradicts it.
pub(crate) fn is_builtin(module: &str, vmlinux: &[u8], config: Option<&Config>) -> Option<bool> {
    let driver = DRIVERS.iter().find(|driver| driver.module == module)?;
    Some(match config {
        Some(config) => config.get(driver.option) == Choice::BuiltIn,
        None => memmem::find(vmlinux, driver.mark).is_some(),
    })
}

/// Whether a kernel that does not have this built in was built without it at all.
pub(crate) fn is_absent(module: &str, config: Option<&Config>) -> bool {
    if PARTS.contains(&module) {
        return true;
    }
    let driver = DRIVERS.iter().find(|driver| driver.module == module);
    config.zip(driver).is_some_and(|(config, driver)| config.get(driver.option) == Choice::No)
}

/// A module's name for people, with the option that makes a kernel have it.
pub(crate) fn with_option(module: &str) -> String {
    match DRIVERS.iter().find(|driver| driver.module == module) {
        Some(driver) if module == LISTED_DEVICES => format!("devices on the command line (CONFIG_{})", driver.option),
        Some(driver) if module == LISTED_CPUS => format!("CPUs in the MP table (CONFIG_{})", driver.option),
        Some(driver) => format!("{module} (CONFIG_{})", driver.option),
        None => module.to_owned(),
    }
}

/// Whether a name as [`with_option`] writes it is of what only a machine without ACPI needs.
pub(crate) fn is_for_machines_without_acpi(name: &str) -> bool {
    PARTS.iter().any(|part| with_option(part) == name)
}

/// What no module can bring, and the configuration says is not there.
pub(crate) fn missing_features(config: Option<&Config>) -> Vec<String> {
    let Some(config) = config else { return Vec::new() };
    let missing = FEATURES.iter().filter(|(option, _)| config.get(option) != Choice::BuiltIn);
    missing.map(|(option, name)| format!("{name} (CONFIG_{option})")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_believed_before_bytes() {
        let vmlinux = b"..virtio_blk\0..";
        assert_eq!(is_builtin("virtio_blk", vmlinux, None), Some(true));
        assert_eq!(is_builtin("ext4", vmlinux, None), Some(false));
        assert_eq!(is_builtin("mbcache", vmlinux, None), None);
        let config = Config::parse("CONFIG_X86_64=y\nCONFIG_VIRTIO_BLK=m\nCONFIG_EXT4_FS=y\n").expect("one");
        assert_eq!(is_builtin("virtio_blk", vmlinux, Some(&config)), Some(false));
        assert_eq!(is_builtin("ext4", vmlinux, Some(&config)), Some(true));
        assert!(
            is_absent("8250", Some(&config)) && !is_absent("virtio_blk", Some(&config)) && !is_absent("8250", None)
        );
    }

    #[test]
    fn what_a_machine_without_acpi_needs_is_named_in_words() {
        let config = Config::parse("CONFIG_X86_64=y\nCONFIG_X86_MPPARSE=y\n").expect("one");
        assert_eq!(PARTS.map(|part| is_builtin(part, b"", Some(&config))), [Some(false), Some(true)]);
        assert!(PARTS.iter().all(|part| is_absent(part, None)), "no module can bring it");
        let named = with_option(LISTED_DEVICES);
        assert_eq!(named, "devices on the command line (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES)");
    }

    #[test]
    fn what_no_module_can_bring_is_named() {
        let all = FEATURES.map(|(option, _)| format!("CONFIG_{option}=y\n")).concat();
        let config = |text: &str| Config::parse(&format!("CONFIG_X86_64=y\n{text}"));
        assert_eq!(missing_features(config(&all).as_ref()), Vec::<String>::new());
        let without = all.replace("CONFIG_DEVTMPFS=y\n", "");
        assert_eq!(missing_features(config(&without).as_ref()), ["devtmpfs (CONFIG_DEVTMPFS)"]);
        assert_eq!(missing_features(None), Vec::<String>::new());
    }
}
