//! Reads the facts of the machine that firebench runs on.
//!
//! Source: the kernel's `Documentation/admin-guide` (sysfs) and proc(5).

mod cpu_time;
mod root;

use std::path::Path;

use firebench_model::host::HostFacts;
use firebench_supervise::cpulimit;
use root::Root;

use crate::tune;

pub use cpu_time::CpuTime;

/// Reads the facts of the machine whose file systems lie below `root` (`/`; a fixture in tests).
///
/// `hypervisor` is the signature that the CPU reports
/// ([`firebench_supervise::kvm::cpuid::hypervisor`]); `disk` a path, existing or not, on the file system whose free
/// space counts.
pub fn read(root: &Path, disk: &Path, hypervisor: Option<String>) -> HostFacts {
    let root = Root(root);
    let meminfo = root.meminfo();
    let bytes = |key: &str| meminfo.get(key).copied();
    let swap_total = bytes("SwapTotal");
    HostFacts {
        cpu_model: root.cpuinfo("model name"),
        cpus: root.cpus(),
        allowed_cpus: root.allowed_cpus(),
        cpu_limit: cpulimit::read(root.0),
        memory_total: bytes("MemTotal"),
        memory_available: bytes("MemAvailable"),
        swap_total,
        swap_used: swap_total.zip(bytes("SwapFree")).map(|(total, free)| total.saturating_sub(free)),
        huge_pages: root.huge_pages(&meminfo),
        kernel: root.line("proc/sys/kernel/osrelease"),
        distro: root.distro(),
        virtualised: hypervisor.is_some() || root.has_cpu_flag("hypervisor"),
        hypervisor,
        governors: root.governors(),
        turbo: root.turbo(),
        smt: root.line("sys/devices/system/cpu/smt/active").map(|active| active == "1"),
        transparent_huge_pages: root.transparent_huge_pages(),
        ksm: root.line("sys/kernel/mm/ksm/run").map(|run| run == "1"),
        damon: root.damon(),
        load_average: root.load_average(),
        steal: root.cpu_time().and_then(|time| time.steal_since(CpuTime { total: 0, steal: 0 })),
        cgroups: root.cgroups(),
        clocksource: root.line("sys/devices/system/clocksource/clocksource0/current_clocksource"),
        mitigations: root.mitigations(),
        tuned: tune::current(root.0),
        disk_free: disk_free(disk),
    }
}

/// Reads the CPU time below `root`. None where the kernel does not say.
pub fn cpu_time(root: &Path) -> Option<CpuTime> {
    Root(root).cpu_time()
}

/// Free space for this user on the file system of `path`, or of its nearest ancestor that exists.
pub fn disk_free(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|path| path.exists())?;
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let status = nix::sys::statvfs::statvfs(existing).ok()?;
    status.blocks_available().checked_mul(status.fragment_size())
}

#[cfg(test)]
pub(crate) mod tests;
