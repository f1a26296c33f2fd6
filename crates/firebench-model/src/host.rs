//! The machine that firebench runs on: what a reader must know to judge figures that were measured there.
//!
//! Every fact is optional where a kernel may lack it: an absent file is an unknown fact, never an error.
//! Source: the kernel's `Documentation/admin-guide` (sysfs) and proc(5).

use std::collections::BTreeMap;

use firebench_text as text;
use firebench_vmm::CpuLimit;
use serde::{Deserialize, Serialize};

use crate::kernel_text::count_list;

/// Facts of the host at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostFacts {
    /// `model name` of the first CPU.
    pub cpu_model: Option<String>,
    /// CPUs that are online.
    pub cpus: Option<u32>,
    /// Those of them that firebench may use, as a list such as `0-3,8`: `taskset` and cpusets take others away.
    pub allowed_cpus: Option<String>,
    /// Quotas on the CPU time of firebench and all that it starts; absent where control groups cannot be seen.
    pub cpu_limit: Option<CpuLimit>,
    /// `MemTotal`, in bytes.
    pub memory_total: Option<u64>,
    /// `MemAvailable`, in bytes.
    pub memory_available: Option<u64>,
    /// `SwapTotal`, in bytes; 0 without swap.
    pub swap_total: Option<u64>,
    /// Swap in use, in bytes.
    pub swap_used: Option<u64>,
    /// Huge pages set aside for applications.
    pub huge_pages: Option<HugePages>,
    /// Release of the running kernel, as `uname -r` has it.
    pub kernel: Option<String>,
    /// `PRETTY_NAME` of os-release.
    pub distro: Option<String>,
    /// Whether the machine is itself a guest: the CPU's `hypervisor` flag.
    pub virtualised: bool,
    /// The hypervisor's signature, such as `KVMKVMKVM`.
    pub hypervisor: Option<String>,
    /// The CPUs' frequency governors, each named once; empty where the host does not set frequencies.
    pub governors: Vec<String>,
    /// Whether the CPU may go beyond its base frequency (turbo, boost).
    pub turbo: Option<bool>,
    /// Whether hyper-threads share cores.
    pub smt: Option<bool>,
    /// Transparent huge pages of 2 MiB: `always`, `madvise` or `never`.
    pub transparent_huge_pages: Option<String>,
    /// Whether the kernel merges equal pages (KSM).
    pub ksm: Option<bool>,
    /// Whether the kernel takes away memory that it finds cold (DAMON with the action `pageout`): pages of a guest's disk leave
    /// the page cache, and its memory is swapped out.
    pub damon: Option<bool>,
    /// Mean number of runnable tasks over 1, 5 and 15 minutes.
    pub load_average: Option<[f64; 3]>,
    /// Share of CPU time since boot that a hypervisor gave to others, 0 to 1.
    pub steal: Option<f64>,
    /// Control groups that are mounted.
    pub cgroups: Cgroups,
    /// The clock source in use, such as `tsc`.
    pub clocksource: Option<String>,
    /// The kernel's word on each CPU vulnerability it knows.
    pub mitigations: BTreeMap<String, String>,
    /// What `firebench tune` has changed and still is in force, such as `governor performance, turbo off`.
    pub tuned: Option<String>,
    /// Free space for this user where firebench keeps its images, in bytes.
    pub disk_free: Option<u64>,
}

/// Huge pages set aside for applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePages {
    /// How many there are.
    pub total: u64,
    /// How many are free.
    pub free: u64,
    /// The size of one, in bytes.
    pub size: u64,
}

/// Versions of control groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cgroups {
    /// None is mounted.
    #[default]
    None,
    /// Version 1 alone.
    V1,
    /// Version 2 alone.
    V2,
    /// Both; the controllers are with version 1.
    Hybrid,
}

impl HostFacts {
    /// How many CPUs firebench, and with it every VM, may use.
    pub fn usable_cpus(&self) -> Option<u32> {
        self.allowed_cpus.as_deref().and_then(count_list).or(self.cpus)
    }

    /// How many CPUs there are, and how many of them may be used: `2`, or `1 of 2 (allowed: 0)`.
    pub fn cpus_in_words(&self) -> Option<String> {
        let cpus = self.cpus?;
        Some(match (self.usable_cpus(), &self.allowed_cpus) {
            (Some(usable), Some(allowed)) if usable < cpus => format!("{usable} of {cpus} (allowed: {allowed})"),
            _ => cpus.to_string(),
        })
    }

    /// The same in a phrase: `2 CPUs`, or `1 of 2 CPUs`.
    pub fn cpus_phrase(&self) -> Option<String> {
        let cpus = self.cpus?;
        let all = text::count(cpus as usize, "CPU");
        let usable = self.usable_cpus().filter(|&usable| usable < cpus);
        Some(usable.map_or(all.clone(), |usable| format!("{usable} of {all}")))
    }

    /// The quota on CPU time, where there is one: `0.50 CPUs, by the control group /ci`.
    pub fn quota_in_words(&self) -> Option<String> {
        let limit = self.cpu_limit.as_ref()?;
        let cpus = limit.quota?;
        Some(format!("{cpus:.2} CPUs, by the control group {}", limit.group.as_deref().unwrap_or("/")))
    }
}
