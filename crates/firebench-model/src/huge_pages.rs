//! What a guest's memory lies on: the setting of the VMM and that of the host together. Pure; `doctor` and the audit judge by it
//! alike.
//!
//! QEMU asks for transparent huge pages with madvise(2), always; Firecracker does only where `huge_pages` is `Transparent`, which
//! came after 1.16. Sources: QEMU's `system/physmem.c` (`ram_block_add`), Firecracker's `docs/hugepages.md`.

use firebench_vmm::{Settings, firecracker, qemu};

/// The pages beneath a guest's memory, in words. `host` is the host's setting of transparent huge pages; none where it is not
/// known, as in a nested host.
pub fn pages(settings: &Settings, host: Option<&str>) -> &'static str {
    let (set_aside, asks) = match settings {
        Settings::Qemu(settings) => (settings.huge_pages, true),
        Settings::Firecracker(settings) => (settings.huge_pages, settings.transparent_huge_pages),
    };
    match (set_aside, host, asks) {
        (true, ..) => "2 MiB",
        (false, Some("always"), _) | (false, Some("madvise"), true) => "2 MiB where the host finds them, else 4 KiB",
        (false, Some("never"), _) | (false, Some("madvise"), false) => "4 KiB",
        // What the host does is not known, but no contender asked for something else than others do by themselves.
        (false, _, _) => "as the host chooses",
    }
}

/// Whether VMMs with their own settings differ in it on a host with this setting.
pub fn differ_by_default(host: Option<&str>) -> bool {
    let qemu = Settings::Qemu(qemu::Settings::default());
    let firecracker = Settings::Firecracker(firecracker::Settings::default());
    pages(&qemu, host) != pages(&firecracker, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vmms_differ_on_madvise_alone() {
        for (host, differ) in [("madvise", true), ("always", false), ("never", false), ("new", false)] {
            assert_eq!(differ_by_default(Some(host)), differ, "{host}");
        }
        assert!(!differ_by_default(None));
    }

    #[test]
    fn settings_make_them_alike_or_not() {
        let firecracker = |huge_pages, transparent_huge_pages| {
            let settings =
                firecracker::Settings { huge_pages, transparent_huge_pages, ..firecracker::Settings::default() };
            Settings::Firecracker(settings)
        };
        let qemu = |huge_pages| Settings::Qemu(qemu::Settings { huge_pages, ..qemu::Settings::default() });
        for host in [Some("madvise"), Some("always"), Some("never"), None] {
            assert_eq!(pages(&firecracker(true, false), host), pages(&qemu(true), host), "{host:?}");
            assert_eq!(pages(&firecracker(false, true), host), pages(&qemu(false), host), "{host:?}");
            assert_ne!(pages(&firecracker(true, false), host), pages(&qemu(false), host), "{host:?}");
        }
    }
}
