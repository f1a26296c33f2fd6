//! The contenders of an experiment, and what each one is made of.

use std::path::{Path, PathBuf};

use firebench_host::accel::Chosen;
use firebench_host::tools::Tool;
use firebench_model::experiment::{ContenderSpec, MachineSpec};
use firebench_model::host::HugePages;
use firebench_run::executor::Place;
use firebench_text as text;
use firebench_text::units::Size;
use firebench_vmm::preset::PresetVm;
use firebench_vmm::setting::{Value, Values};
use firebench_vmm::{Accel, LaunchError, kinds};
use semver::Version;

use super::PrepareError;

/// What executes the instructions of a contender.
pub(super) fn accel(spec: &ContenderSpec, chosen: &Chosen) -> Accel {
    if spec.vmm.is_native() { Accel::Native } else { chosen.accel }
}

/// That some of them have no network card although one is wanted: the bare host is the control, an ordinary process.
pub(super) fn without_a_card(specs: &[ContenderSpec], machine: &MachineSpec) -> Option<String> {
    let without = specs.iter().filter(|spec| spec.vmm.card.is_none());
    let names: Vec<String> = without.map(|spec| spec.name.clone()).collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    (machine.tap && !names.is_empty())
        .then(|| format!("--tap gives a network card to all but the bare host: {} {verb} none", text::list(&names)))
}

/// The contenders that can run with the accelerator.
///
/// # Errors
/// [`PrepareError::NoContender`] when none can.
pub(super) fn able(
    specs: Vec<ContenderSpec>,
    chosen: &Chosen,
    notices: &mut Vec<String>,
) -> Result<Vec<ContenderSpec>, PrepareError> {
    let (able, unable): (Vec<_>, Vec<_>) = specs.into_iter().partition(|spec| spec.vmm.supports(accel(spec, chosen)));
    for spec in &unable {
        notices.push(format!("{} is left out: {} cannot run guests with {}", spec.name, spec.vmm, chosen.accel));
    }
    if able.is_empty() {
        let names = kinds::all().filter(|kind| kind.supports(chosen.accel)).map(|kind| kind.name).collect();
        return Err(PrepareError::NoContender { accel: chosen.accel, able: names });
    }
    Ok(able)
}

/// vCPUs that each contender can have, of those that it would have: a VMM has its bound, and the host the CPUs that firebench
/// may use, `own`. What only the experiment's machine asks for is cut down for a host beside VMs.
///
/// # Errors
/// [`PrepareError::Launch`] or [`PrepareError::HostCpus`] for what was asked of the contender itself.
pub(super) fn possible_vcpus(
    spec: &ContenderSpec,
    wanted: u32,
    own: Option<usize>,
    only_hosts: bool,
) -> Result<u32, PrepareError> {
    if let Some(max) = spec.vmm.max_vcpus.filter(|&max| wanted > max) {
        return Err(LaunchError::Vcpus { vmm: spec.vmm.0.name, max, vcpus: wanted }.into());
    }
    let own = own.and_then(|own| u32::try_from(own).ok()).filter(|&own| !spec.vmm.boots_a_guest() && wanted > own);
    match own {
        Some(available) if spec.vcpus.is_some() || only_hosts => {
            Err(PrepareError::HostCpus { name: spec.name.clone(), wanted, available })
        }
        Some(available) => Ok(available),
        None => Ok(wanted),
    }
}

/// What makes one root disk differ from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DiskKey {
    /// The busybox in it.
    pub(super) busybox: PathBuf,
    /// Bytes of additional work.
    pub(super) handicap: u64,
}

/// The disk that firebench builds for a contender; `busybox` where it names none of its own.
pub(super) fn disk_key(spec: &ContenderSpec, busybox: &Path, payload_bytes: u64) -> DiskKey {
    let handicap = spec.handicap.map_or(0.0, |share| share.part() * payload_bytes as f64);
    DiskKey {
        busybox: spec.busybox.clone().unwrap_or_else(|| busybox.to_owned()),
        // A float beyond the range of u64 saturates.
        handicap: handicap.round() as u64,
    }
}

/// Whether the VMM of a contender is new enough for its settings.
///
/// # Errors
/// [`PrepareError::TooOldFor`].
pub(super) fn check_version(spec: &ContenderSpec, tool: &Tool) -> Result<(), PrepareError> {
    // By number alone: a development build of 1.17 has what 1.17 has.
    let version = Version::parse(&tool.version).ok().map(|version| (version.major, version.minor));
    let given = spec.own.of(spec.vmm).filter(|(_, value)| **value != Value::Switch(false));
    let mut since = given.filter_map(|(setting, _)| Some((setting, setting.since.as_ref()?)));
    match since.find(|(_, since)| version.is_none_or(|version| version < since.version)) {
        None => Ok(()),
        Some((setting, since)) => Err(PrepareError::TooOldFor {
            name: spec.name.clone(),
            vmm: spec.vmm,
            path: tool.path.clone(),
            version: tool.version.clone(),
            setting: setting.key,
            since,
        }),
    }
}

/// What is wrong with the pool of huge pages that a contender's memory is to lie on.
pub(super) fn missing_huge_pages(name: &str, vm: &PresetVm, place: Place, pool: Option<HugePages>) -> Option<String> {
    let memory_mib = vm.machine.memory_mib;
    if !vm.settings.describe()?.huge_pages {
        return None;
    }
    if !place.this_machine {
        return Some(format!(
            "{name}: the {} has no huge pages set aside, so its VMs will not start; leave huge-pages out",
            place.name
        ));
    }
    // Another size is another pool, which these facts do not tell of.
    let pool = pool.filter(|pool| pool.size == 2 << 20)?;
    let needed = u64::from(memory_mib).div_ceil(2);
    let total = pool.total.saturating_add(needed.saturating_sub(pool.free));
    (pool.free < needed).then(|| {
        format!(
            "{name} needs {needed} huge pages of 2 MiB, and {} of {} are free, so its VMs will not start or die amid a run: sudo \
             sysctl vm.nr_hugepages={total}",
            pool.free, pool.total
        )
    })
}

/// What to say of an image of the user's own in a run with a layout.
pub(super) fn not_laid_out(spec: &ContenderSpec, layout: u32) -> Option<String> {
    let name = &spec.name;
    (layout > 0 && spec.image.is_some())
        .then(|| format!("{name} boots an image of its own, in which layout {layout} moves nothing"))
}

/// What to say of a kernel that may never start, because the machine has no real-time clock. Without KVM's own clock, kernels before
/// 6.1 read it in a loop that ends with an answer alone (`mach_get_cmos_time` in `arch/x86/kernel/rtc.c`).
pub(super) fn clock_missed(name: &str, vm: &PresetVm, release: &str) -> Option<String> {
    let missed = vm.settings.describe()?.clock_missed;
    let mut numbers = release.split(['.', '-', '+']).map_while(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next()?, numbers.next().unwrap_or(0));
    (missed && (major, minor) < (6, 1)).then(|| {
        format!(
            "{name} has no real-time clock (rtc=off), and its kernel {release}, as all before 6.1, may wait for one for ever: where it \
             never starts, rtc=on gives it one"
        )
    })
}

/// The settings of its kind that a contender is given.
pub(super) fn own_values(spec: &ContenderSpec) -> Values {
    let mut values = Values::default();
    set_own(&mut values, spec);
    values
}

fn set_own(values: &mut Values, spec: &ContenderSpec) {
    for (setting, value) in spec.own.of(spec.vmm) {
        values.set(setting, value.clone());
    }
}

/// What a contender wants otherwise than the preset.
pub(super) fn customise(vm: &mut PresetVm, spec: &ContenderSpec) {
    vm.machine.vcpus = spec.vcpus.unwrap_or(vm.machine.vcpus);
    vm.machine.memory_mib = spec.memory.and_then(Size::mib).unwrap_or(vm.machine.memory_mib);
    if let Some(words) = spec.append.as_ref().filter(|words| !words.is_empty()) {
        vm.cmdline.push(' ');
        vm.cmdline.push_str(words);
    }
    set_own(&mut vm.settings.values, spec);
}

#[cfg(test)]
mod tests {
    use firebench_vmm::{Machine, Settings, VmmKind, firecracker, host, qemu};

    use super::*;
    use firebench_model::experiment::OwnSettings;
    use firebench_run::executor::{local, nested};

    const QEMU: VmmKind = VmmKind(&qemu::KIND);
    const FIRECRACKER: VmmKind = VmmKind(&firecracker::KIND);
    const HOST: VmmKind = VmmKind(&host::KIND);

    fn vm(memory_mib: u32, settings: Settings) -> PresetVm {
        let machine = Machine { vcpus: 1, memory_mib, accel: Accel::Tcg, tap: None, veth: None, cpus: None };
        PresetVm { machine, settings, cmdline: String::new() }
    }

    #[test]
    fn who_gets_no_network_card_is_named() {
        let specs = [("a", QEMU), ("bare", HOST)].map(|(name, vmm)| ContenderSpec::new(name, vmm));
        let machine = |tap| MachineSpec { tap, ..MachineSpec::default() };
        let said = without_a_card(&specs, &machine(true)).expect("a host");
        assert!(said.ends_with("bare has none"), "{said}");
        assert_eq!(without_a_card(&specs, &machine(false)), None);
        assert_eq!(without_a_card(&specs[..1], &machine(true)), None);
    }

    #[test]
    fn a_pool_of_huge_pages_that_is_too_small_is_named() {
        let vm = |memory_mib, huge: bool| vm(memory_mib, Settings::new(QEMU).with(&qemu::HUGE_PAGES, huge));
        let pool = |total, free| Some(HugePages { total, free, size: 2 << 20 });
        let missing = |vm: &PresetVm, place, pool| missing_huge_pages("huge", vm, place, pool);
        let (here, nested) = (local::PLACE, nested::PLACE);
        let huge = vm(1024, true);
        let said = missing(&huge, here, pool(600, 500)).expect("too few");
        assert!(said.contains("needs 512 huge pages") && said.ends_with("sudo sysctl vm.nr_hugepages=612"), "{said}");
        assert_eq!(missing(&huge, here, pool(512, 512)), None);
        assert_eq!(missing(&huge, here, Some(HugePages { total: 1, free: 1, size: 1 << 30 })), None);
        let said = missing(&vm(512, true), nested, pool(512, 512));
        assert!(said.is_some_and(|said| said.contains("nested host")));
        assert_eq!(missing(&vm(1024, false), here, pool(0, 0)), None);
    }

    #[test]
    fn a_contender_has_its_own_wishes() {
        let request = firebench_vmm::request::MachineRequest {
            accel: Accel::Kvm,
            vcpus: 2,
            memory_mib: 1024,
            tap: false,
            tsc_khz: 1,
            intel: true,
            acpi_kernel: true,
            modular_kernel: true,
            own: Values::default(),
            append: String::new(),
        };
        let published = |own| {
            let mut vm = firebench_vmm::preset::published(FIRECRACKER, &request, &mut Vec::new()).expect("a machine");
            customise(&mut vm, &ContenderSpec { vcpus: Some(3), own, ..ContenderSpec::new("a", FIRECRACKER) });
            vm
        };
        let vm = published(OwnSettings::default().with(&firecracker::TEMPLATE, "none").with(&firecracker::IO, "async"));
        assert_eq!((vm.machine.vcpus, vm.settings.values.text(&firecracker::TEMPLATE)), (3, None));
        assert_eq!(vm.settings.values.text(&firecracker::IO), Some("async"));
        let vm = published(OwnSettings::default());
        assert_eq!(vm.settings.values.text(&firecracker::TEMPLATE), Some("T2"));
    }

    #[test]
    fn an_old_kernel_that_may_wait_for_ever_for_a_clock_is_named() {
        let said =
            |rtc: bool, release: &str| clock_missed("q", &vm(64, Settings::new(QEMU).with(&qemu::RTC, rtc)), release);
        for old in ["5.10.0-28-amd64", "4.19-rc1", "5.15.0", "6.0.12"] {
            let said = said(false, old).expect(old);
            assert!(said.contains(old) && said.ends_with("rtc=on gives it one"), "{said}");
        }
        for (rtc, release) in [(true, "5.10.0"), (false, "6.1.0-9"), (false, "7.0"), (false, ""), (false, "custom")] {
            assert_eq!(said(rtc, release), None, "{release}");
        }
    }

    #[test]
    fn transparent_huge_pages_take_a_firecracker_that_has_them() {
        let tool = |version: &str| Tool {
            path: "/fc".into(),
            version: version.to_owned(),
            version_line: format!("Firecracker v{version}"),
            sha256: String::new(),
        };
        let own = |asks: bool| OwnSettings::default().with(&firecracker::TRANSPARENT_HUGE_PAGES, asks);
        let spec = ContenderSpec { own: own(true), ..ContenderSpec::new("fc", FIRECRACKER) };
        for new in ["1.17.0", "1.17.0-dev", "2.0.0"] {
            assert!(check_version(&spec, &tool(new)).is_ok(), "{new}");
        }
        for old in ["1.12.1", "1.16.9", "nonsense"] {
            let error = check_version(&spec, &tool(old)).expect_err(old).to_string();
            assert!(error.contains(old) && error.contains("1.17"), "{error}");
        }
        let without = ContenderSpec { own: own(false), ..ContenderSpec::new("fc", FIRECRACKER) };
        assert!(check_version(&without, &tool("1.12.1")).is_ok());
    }

    #[test]
    fn nobody_has_more_cpus_than_there_are() {
        let spec = |name: &str, vmm, vcpus| ContenderSpec { vcpus, ..ContenderSpec::new(name, vmm) };
        let vcpus = |spec: &ContenderSpec, wanted, only| possible_vcpus(spec, wanted, Some(2), only);
        let refused = |result: Result<u32, PrepareError>| result.expect_err("too many").to_string();
        let (own, shared) = (spec("a", HOST, Some(8)), spec("host", HOST, None));
        assert_eq!(refused(vcpus(&own, 8, false)), "contender a cannot have 8 CPUs: firebench may use 2 here");
        assert_eq!(refused(vcpus(&shared, 8, true)), "contender host cannot have 8 CPUs: firebench may use 2 here");
        assert_eq!(vcpus(&shared, 8, false).expect("beside VMs"), 2);
        assert_eq!(vcpus(&shared, 1, true).expect("few"), 1);
        assert_eq!(vcpus(&spec("q", QEMU, Some(8)), 8, false).expect("more than CPUs"), 8);
        let firecracker = spec("f", FIRECRACKER, None);
        assert_eq!(refused(vcpus(&firecracker, 64, false)), "firecracker accepts 1 to 32 vCPUs, not 64");
    }
}
