//! What a guest's memory lies on: the setting of the VMM and that of the host together. Pure; `doctor` and the audit judge by it
//! alike.

use firebench_vmm::DescribedSettings;
use firebench_vmm::{Settings, VmmKind, kinds};

/// The pages beneath a guest's memory, in words. `host` is the host's setting of transparent huge pages; none where it is not
/// known, as in a nested host.
pub fn pages(settings: &DescribedSettings, host: Option<&str>) -> &'static str {
    let (set_aside, asks) = (settings.huge_pages, settings.asks_for_huge_pages);
    match (set_aside, host, asks) {
        (true, ..) => "2 MiB",
        // `shmem_enabled` beside the setting of all other memory; Linux' `admin-guide/mm/transhuge`. It is `never` by default.
        _ if settings.shared_memory => "as the host chooses for shared memory",
        (false, Some("always"), _) | (false, Some("madvise"), true) => "2 MiB where the host finds them, else 4 KiB",
        (false, Some("never"), _) | (false, Some("madvise"), false) => "4 KiB",
        // What the host does is not known, but no contender asked for something else than others do by themselves.
        (false, _, _) => "as the host chooses",
    }
}

/// The kinds that take part by themselves and ask for transparent huge pages by themselves, and those that do not.
pub fn asking_by_default() -> (Vec<VmmKind>, Vec<VmmKind>) {
    let described = |kind: &VmmKind| Some((*kind, Settings::new(*kind).describe()?));
    let (asking, others): (Vec<_>, Vec<_>) =
        kinds::by_default().filter_map(|kind| described(&kind)).partition(|(_, settings)| settings.asks_for_huge_pages);
    (asking.into_iter().map(|(kind, _)| kind).collect(), others.into_iter().map(|(kind, _)| kind).collect())
}

/// Whether VMMs with their own settings differ in it on a host with this setting.
pub fn differ_by_default(host: Option<&str>) -> bool {
    let all = kinds::by_default().filter_map(|kind| Settings::new(kind).describe());
    let mut all = all.map(|settings| pages(&settings, host));
    all.next().is_some_and(|first| all.any(|other| other != first))
}

#[cfg(test)]
mod tests {
    use firebench_vmm::{crosvm, firecracker, qemu};

    use super::*;

    #[test]
    fn vmms_differ_on_madvise_alone() {
        for (host, differ) in [("madvise", true), ("always", false), ("never", false), ("new", false)] {
            assert_eq!(differ_by_default(Some(host)), differ, "{host}");
        }
        assert!(!differ_by_default(None));
    }

    #[test]
    fn the_setting_of_shared_memory_is_another_one() {
        let crosvm = Settings::new(VmmKind(&crosvm::KIND)).describe().expect("a guest");
        let qemu = Settings::new(VmmKind(&qemu::KIND)).describe().expect("a guest");
        for host in [Some("madvise"), Some("always"), Some("never"), None] {
            assert_ne!(pages(&crosvm, host), pages(&qemu, host), "{host:?}");
        }
    }

    #[test]
    fn settings_make_them_alike_or_not() {
        let firecracker = |huge_pages: bool, transparent: bool| {
            let settings = Settings::new(VmmKind(&firecracker::KIND)).with(&firecracker::HUGE_PAGES, huge_pages);
            settings.with(&firecracker::TRANSPARENT_HUGE_PAGES, transparent).describe().expect("a guest")
        };
        let qemu = |huge_pages: bool| {
            Settings::new(VmmKind(&qemu::KIND)).with(&qemu::HUGE_PAGES, huge_pages).describe().expect("a guest")
        };
        for host in [Some("madvise"), Some("always"), Some("never"), None] {
            assert_eq!(pages(&firecracker(true, false), host), pages(&qemu(true), host), "{host:?}");
            assert_eq!(pages(&firecracker(false, true), host), pages(&qemu(false), host), "{host:?}");
            assert_ne!(pages(&firecracker(true, false), host), pages(&qemu(false), host), "{host:?}");
        }
    }
}
