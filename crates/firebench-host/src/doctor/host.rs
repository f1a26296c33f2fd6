//! What makes figures from this machine trustworthy, or not.

use firebench_model::host::{Cgroups, HostFacts};
use firebench_model::huge_pages::{asking_by_default, differ_by_default};
use firebench_model::throttle;

use super::check::{Check, State, check};

/// Below this, a 1 GiB guest beside the emulated machine's own needs is too much.
const COMFORTABLE_MEMORY: u64 = 3 << 30;
/// Below this, not even a small guest starts.
const LEAST_MEMORY: u64 = 512 << 20;
/// Images of the default experiment, twice.
const COMFORTABLE_DISK: u64 = 5 << 30;
const LEAST_DISK: u64 = 1 << 30;
/// Runnable tasks per CPU from which on guests do not have the machine to themselves.
const BUSY: f64 = 0.1;
/// Share of stolen time that is more than an accident.
const MUCH_STEAL: f64 = 0.005;
/// The same within about a second, in which a single tick is 0.5 % on two CPUs.
const MUCH_STEAL_NOW: f64 = 0.02;

const UNKNOWN: &str = "this kernel does not say";

pub(super) fn checks(host: &HostFacts, steal_now: Option<f64>) -> Vec<Check> {
    vec![
        machine(host),
        tuned(host),
        cpus(host),
        quota(host),
        memory(host),
        disk(host),
        virtualised(host),
        governor(host),
        turbo(host),
        smt(host),
        transparent_huge_pages(host),
        huge_pages(host),
        ksm(host),
        damon(host),
        swap(host),
        load(host),
        steal(host, steal_now),
        mitigations(host),
        cgroups(host),
        clocksource(host),
    ]
}

fn machine(host: &HostFacts) -> Check {
    let unknown = || "unknown".to_owned();
    let finding = format!(
        "{}, {}, {}, Linux {}",
        host.cpu_model.clone().unwrap_or_else(unknown),
        host.cpus_phrase().unwrap_or_else(|| "CPUs unknown".to_owned()),
        host.distro.clone().unwrap_or_else(unknown),
        host.kernel.clone().unwrap_or_else(unknown),
    );
    check("machine", State::Info, finding, "figures are valid for this machine only", None)
}

fn tuned(host: &HostFacts) -> Check {
    let why = "compare figures only between machines that were both tuned, or both not";
    let finding = match &host.tuned {
        Some(changes) => format!("{changes}; `firebench tune --restore` puts everything back"),
        None => "no".to_owned(),
    };
    check("tuned", State::Info, finding, why, None)
}

/// A vCPU that shares its CPU with firebench, or with the VMM's other threads, is measured with them.
fn cpus(host: &HostFacts) -> Check {
    let why = "each pinned vCPU needs a CPU of its own, and firebench one more";
    let words = host.cpus_in_words().unwrap_or_default();
    match host.usable_cpus() {
        None => check("cpus", State::Info, UNKNOWN, why, None),
        Some(..=1) => {
            let remedy = if host.cpus.is_some_and(|cpus| cpus > 1) {
                "give firebench more CPUs: start it without taskset, or widen the cpuset of its container or service \
                 (docker run --cpuset-cpus, systemd AllowedCPUs=)"
            } else {
                "measure on a machine with at least one CPU more than the guest has vCPUs"
            };
            check("cpus", State::Warn, format!("{words}: the guest shares it with firebench"), why, Some(remedy))
        }
        Some(cpus) => {
            let room = cpus.saturating_sub(1);
            let vcpus = if room == 1 { "1 vCPU".to_owned() } else { format!("up to {room} vCPUs") };
            check("cpus", State::Ok, format!("{words}: a guest of {vcpus} leaves one for firebench"), why, None)
        }
    }
}

/// From inside, a VM that a quota holds up looks as if it waited.
fn quota(host: &HostFacts) -> Check {
    let why = "a VM that has used up its quota stands still for up to 0.1 s at a time; such a boot is void";
    let Some(limit) = &host.cpu_limit else {
        return check(
            "cpu quota",
            State::Info,
            "unknown: firebench cannot see the control groups of this process",
            why,
            None,
        );
    };
    let took = limit.throttled_seconds.filter(|&seconds| seconds > 0.0);
    let took = took.map(|seconds| format!("; quotas have held it up for {seconds:.1} s so far")).unwrap_or_default();
    match host.quota_in_words() {
        Some(quota) => check("cpu quota", State::Warn, format!("{quota}{took}"), why, Some(throttle::REMEDY)),
        None if limit.hidden => {
            let finding = format!("none that is visible from this container{took}");
            check("cpu quota", State::Info, finding, why, None)
        }
        None => check("cpu quota", State::Ok, "none", why, None),
    }
}

fn memory(host: &HostFacts) -> Check {
    let why = "without free memory for the guest, the host swaps or kills processes during the measurement";
    let remedy = Some("end other programs, or choose a smaller guest with --memory");
    let Some(available) = host.memory_available else {
        return check("memory", State::Info, UNKNOWN, why, None);
    };
    let total = host.memory_total.map(|total| format!(" of {}", size(total))).unwrap_or_default();
    let finding = format!("{}{total} available", size(available));
    let state = at_least(available, COMFORTABLE_MEMORY, LEAST_MEMORY);
    check("memory", state, finding, why, remedy.filter(|_| state != State::Ok))
}

fn disk(host: &HostFacts) -> Check {
    let why = "disk images are stored there, and the run fails if one does not fit";
    let Some(free) = host.disk_free else {
        return check("disk", State::Info, "unknown", why, None);
    };
    let state = at_least(free, COMFORTABLE_DISK, LEAST_DISK);
    let remedy = "firebench image gc, or choose another directory with --cache";
    check("disk", state, format!("{} free for images", size(free)), why, Some(remedy).filter(|_| state != State::Ok))
}

pub(super) fn at_least(value: u64, comfortable: u64, least: u64) -> State {
    if value >= comfortable {
        State::Ok
    } else if value >= least {
        State::Warn
    } else {
        State::Bad
    }
}

fn virtualised(host: &HostFacts) -> Check {
    let why = "the hypervisor below and other guests on the same machine add noise that firebench cannot see";
    if !host.virtualised {
        return check("bare metal", State::Ok, "yes", why, None);
    }
    let under = host.hypervisor.as_deref().unwrap_or("a hypervisor without a name");
    check("bare metal", State::Warn, format!("no: a guest of {under}"), why, Some("measure on bare metal"))
}

fn governor(host: &HostFacts) -> Check {
    let why = "on a CPU that changes its frequency, the governor is measured, too";
    let names = host.governors.join(", ");
    match host.governors.as_slice() {
        [] => check("governor", State::Info, "the host does not set the CPU's frequency", why, None),
        [only] if only == "performance" => check("governor", State::Ok, names, why, None),
        _ => check("governor", State::Warn, names, why, Some("sudo firebench tune")),
    }
}

fn turbo(host: &HostFacts) -> Check {
    let why = "above the base frequency, speed depends on temperature and on the load of the other cores";
    match host.turbo {
        Some(true) => check("turbo", State::Warn, "on", why, Some("sudo firebench tune")),
        Some(false) => check("turbo", State::Ok, "off", why, None),
        None => check("turbo", State::Info, UNKNOWN, why, None),
    }
}

fn smt(host: &HostFacts) -> Check {
    let why = "two vCPUs can share one core, and which ones do changes from boot to boot";
    match host.smt {
        Some(true) => check("smt", State::Warn, "on", why, Some("sudo firebench tune --smt-off")),
        Some(false) => check("smt", State::Ok, "off", why, None),
        None => check("smt", State::Info, UNKNOWN, why, None),
    }
}

fn transparent_huge_pages(host: &HostFacts) -> Check {
    let name = "transparent huge pages";
    let (asking, others) = asking_by_default();
    let whose = |kinds: Vec<firebench_vmm::VmmKind>| {
        kinds.iter().map(|kind| format!("{}'s", kind.title)).collect::<Vec<_>>().join(" and ")
    };
    let why = &format!(
        "{} guest memory gets huge pages and {} does not, which the audit of a run reports as a difference besides \
        the VMM",
        whose(asking),
        whose(others)
    );
    let remedy = "sudo firebench tune --thp never, or --thp always; or give the contenders huge-pages, or \
    (Firecracker 1.17) transparent-huge-pages";
    match host.transparent_huge_pages.as_deref() {
        Some(setting) if differ_by_default(Some(setting)) => check(name, State::Warn, setting, why, Some(remedy)),
        Some("always") => check(
            name,
            State::Info,
            "always",
            "the time at which a guest's pages become huge differs from boot to \
            boot",
            None,
        ),
        Some(other) => check(name, State::Ok, other, why, None),
        None => check(name, State::Info, UNKNOWN, why, None),
    }
}

fn huge_pages(host: &HostFacts) -> Check {
    let why = "only huge pages can use the memory set aside for them";
    match host.huge_pages {
        Some(pages) if pages.total > 0 => {
            let finding = format!("{} of {} free, {} MiB each", pages.free, pages.total, pages.size >> 20);
            check("huge pages", State::Info, finding, why, None)
        }
        Some(_) => check("huge pages", State::Ok, "none set aside", why, None),
        None => check("huge pages", State::Info, UNKNOWN, why, None),
    }
}

fn ksm(host: &HostFacts) -> Check {
    let why = "merging equal pages takes CPU time, and equal guests have many equal pages";
    match host.ksm {
        Some(true) => check("ksm", State::Warn, "on", why, Some("sudo firebench tune")),
        Some(false) => check("ksm", State::Ok, "off", why, None),
        None => check("ksm", State::Info, UNKNOWN, why, None),
    }
}

fn damon(host: &HostFacts) -> Check {
    let why = "during a run, the kernel evicts memory that it finds cold: pages of a disk that should be warm, and pages of \
        guests";
    let remedy = "echo off | sudo tee /sys/kernel/mm/damon/admin/kdamonds/*/state";
    match host.damon {
        Some(true) => check("damon", State::Warn, "pages out", why, Some(remedy)),
        Some(false) => check("damon", State::Ok, "takes nothing", why, None),
        None => check("damon", State::Info, UNKNOWN, why, None),
    }
}

fn swap(host: &HostFacts) -> Check {
    let why = "a guest is slow while its memory is swapped out";
    match (host.swap_total, host.swap_used) {
        (Some(0), _) => check("swap", State::Ok, "none", why, None),
        (Some(total), Some(used)) if used > 0 => {
            let finding = format!("{} of {} in use", size(used), size(total));
            check("swap", State::Warn, finding, why, Some("sudo swapoff -a"))
        }
        (Some(total), _) => check("swap", State::Ok, format!("{}, unused", size(total)), why, None),
        (None, _) => check("swap", State::Info, UNKNOWN, why, None),
    }
}

fn load(host: &HostFacts) -> Check {
    let why = "other programs slow down guests that must wait for a CPU";
    let (Some([one, five, fifteen]), Some(cpus)) = (host.load_average, host.cpus) else {
        return check("load", State::Info, UNKNOWN, why, None);
    };
    let finding = format!("{one:.2} {five:.2} {fifteen:.2} on {cpus} CPUs");
    if one > BUSY * f64::from(cpus) {
        check("load", State::Warn, finding, why, Some("end other programs, and wait until the machine is idle"))
    } else {
        check("load", State::Ok, finding, why, None)
    }
}

fn steal(host: &HostFacts, now: Option<f64>) -> Check {
    let why = "a hypervisor gave this time to other guests, but the measured times include it";
    let Some(since_boot) = host.steal else {
        return check("steal", State::Info, UNKNOWN, why, None);
    };
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    let now_too = now.map(|share| format!(", {} just now", percent(share))).unwrap_or_default();
    let finding = format!("{} of CPU time since boot{now_too}", percent(since_boot));
    if since_boot > MUCH_STEAL || now.is_some_and(|share| share > MUCH_STEAL_NOW) {
        check("steal", State::Warn, finding, why, Some("measure on a machine that you do not share"))
    } else {
        check("steal", State::Ok, finding, why, None)
    }
}

fn mitigations(host: &HostFacts) -> Check {
    let why = "they make every exit from a guest slower: compare only with machines that have the same ones";
    let with = |start: &str| {
        let names = host.mitigations.iter().filter(|(_, state)| state.starts_with(start));
        names.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    let (active, vulnerable) = (with("Mitigation"), with("Vulnerable"));
    let finding = match (active.as_slice(), vulnerable.as_slice()) {
        _ if host.mitigations.is_empty() => UNKNOWN.to_owned(),
        ([], []) => "none needed".to_owned(),
        (active, []) => format!("active: {}", active.join(", ")),
        ([], vulnerable) => format!("missing or switched off: {}", vulnerable.join(", ")),
        (active, vulnerable) => {
            format!("active: {}; missing or switched off: {}", active.join(", "), vulnerable.join(", "))
        }
    };
    check("mitigations", State::Info, finding, why, None)
}

fn cgroups(host: &HostFacts) -> Check {
    let why = "with version 2, firebench can always end a VMM together with everything that it started";
    match host.cgroups {
        Cgroups::V2 => check("cgroups", State::Ok, "version 2", why, None),
        Cgroups::Hybrid => check("cgroups", State::Ok, "versions 1 and 2", why, None),
        Cgroups::V1 => check("cgroups", State::Info, "version 1 only", why, None),
        Cgroups::None => check("cgroups", State::Info, "none are mounted", why, None),
    }
}

fn clocksource(host: &HostFacts) -> Check {
    let why = "with a slow clock source, each reading of the clock takes a microsecond or more";
    match host.clocksource.as_deref() {
        Some(slow @ ("hpet" | "acpi_pm" | "jiffies" | "refined-jiffies" | "pit")) => {
            let remedy = "look in the kernel's log (dmesg) for the reason why it does not use tsc";
            check("clock source", State::Warn, slow, why, Some(remedy))
        }
        Some(name) => check("clock source", State::Ok, name, why, None),
        None => check("clock source", State::Info, UNKNOWN, why, None),
    }
}

/// `23.2 GiB`, `400 MiB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes >> 20 {
        mib @ 0..1024 => format!("{mib} MiB"),
        mib => format!("{:.1} GiB", mib as f64 / 1024.0),
    }
}
