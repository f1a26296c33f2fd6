//! The contenders of an experiment, and what each one is made of.

use std::path::{Path, PathBuf};

use firebench_vmm::{Accel, Settings, VmmKind};

use super::PrepareError;
use crate::accel::Chosen;
use crate::experiment::{CacheMode, ContenderSpec, Experiment, Io};
use crate::preset::PresetVm;
use crate::units::Size;

/// The contenders as the user describes them; those of a plain list of VMMs are called after their VMM.
pub(super) fn specs(experiment: &Experiment) -> Vec<ContenderSpec> {
    if experiment.contenders.is_empty() {
        experiment.vmm.iter().map(|&vmm| ContenderSpec::new(vmm.name(), vmm)).collect()
    } else {
        experiment.contenders.clone()
    }
}

/// Whether nothing is virtualised at all.
pub(super) fn only_hosts(specs: &[ContenderSpec]) -> bool {
    specs.iter().all(|spec| spec.vmm == VmmKind::Host)
}

/// What executes the instructions of a contender.
pub(super) fn accel(spec: &ContenderSpec, chosen: &Chosen) -> Accel {
    if spec.vmm == VmmKind::Host { Accel::Native } else { chosen.accel }
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
    if able.is_empty() { Err(PrepareError::NoContender) } else { Ok(able) }
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

/// What a contender wants otherwise than the preset.
pub(super) fn customise(vm: &mut PresetVm, spec: &ContenderSpec) {
    vm.machine.vcpus = spec.vcpus.unwrap_or(vm.machine.vcpus);
    vm.machine.memory_mib = spec.memory.and_then(Size::mib).unwrap_or(vm.machine.memory_mib);
    if let Some(words) = spec.append.as_ref().filter(|words| !words.is_empty()) {
        vm.cmdline.push(' ');
        vm.cmdline.push_str(words);
    }
    match &mut vm.settings {
        Settings::Qemu(settings) => {
            settings.cpu = spec.cpu.clone().or_else(|| settings.cpu.take());
            settings.rtc = spec.rtc.unwrap_or(settings.rtc);
            settings.cache = spec.cache.map(CacheMode::qemu).or(settings.cache);
            settings.aio = spec.io.and_then(Io::qemu).or(settings.aio);
            settings.huge_pages |= spec.huge_pages;
        }
        Settings::Firecracker(settings) => {
            match spec.template.as_deref() {
                Some("none") => settings.cpu_template = None,
                Some(template) => settings.cpu_template = Some(template.to_owned()),
                None => {}
            }
            settings.cache_type = spec.cache.and_then(CacheMode::firecracker).or(settings.cache_type);
            settings.io_engine = spec.io.and_then(Io::firecracker).or(settings.io_engine);
            settings.huge_pages |= spec.huge_pages;
        }
    }
}
