//! What limited all contenders alike: no difference between them, and yet a part of what was measured. Pure.

use firebench_model::record::{ContenderRecord, Report};
use firebench_model::throttle;
use firebench_vmm::Accel;

/// In sentences without their ends.
pub fn limits(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = throttle::caveat(&report.host).into_iter().collect();
    found.extend(throttled(report));
    // In a nested host its own CPUs count, and no time there is a statement about speed.
    if report.nested_host.is_none() {
        found.extend(report.contenders.iter().filter_map(|contender| {
            crowded(contender, report.host.usable_cpus()?, report.host.allowed_cpus.as_deref())
        }));
    }
    found
}

/// How much of the life of boots quotas took, void ones included.
fn throttled(report: &Report) -> Option<String> {
    let boots = report.contenders.iter().flat_map(|contender| &contender.boots);
    let (held_up, life) = boots.fold((0.0, 0.0), |(held_up, life), boot| {
        (held_up + boot.throttled_seconds.unwrap_or(0.0), life + boot.life_seconds)
    });
    (held_up > throttle::SHARE * life).then(|| {
        format!("CPU quotas held the boots up for {held_up:.1} s in all, summed over CPUs; the boots took {life:.1} s")
    })
}

/// A VM with more vCPUs than it has CPUs to run on.
fn crowded(contender: &ContenderRecord, usable: u32, allowed: Option<&str>) -> Option<String> {
    let (name, vcpus) = (&contender.name, contender.vcpus);
    if vcpus <= usable {
        return None;
    }
    let may = format!("firebench may use {usable} CPU{}", if usable == 1 { "" } else { "s" });
    let list = allowed.map(|list| format!(" ({list})")).unwrap_or_default();
    if !contender.vmm.boots_a_guest() || contender.accel == Accel::Native {
        return Some(format!("{name} was to have {vcpus} CPUs, and {may}{list}: it had fewer"));
    }
    Some(format!("{name} has {vcpus} vCPUs, and {may}{list}: its vCPUs waited for each other"))
}
