//! The host of the fixtures.

use firebench_model::host::{Cgroups, HostFacts, HugePages};
use firebench_vmm::CpuLimit;

pub fn facts() -> HostFacts {
    HostFacts {
        cpu_model: Some("AMD EPYC 9D14 96-Core Processor".to_owned()),
        cpus: Some(2),
        allowed_cpus: Some("0-1".to_owned()),
        cpu_limit: Some(CpuLimit { throttled_seconds: Some(0.0), ..CpuLimit::default() }),
        memory_total: Some(8 << 30),
        memory_available: Some(6 << 30),
        swap_total: Some(0),
        swap_used: Some(0),
        huge_pages: Some(HugePages { total: 0, free: 0, size: 2 << 20 }),
        kernel: Some("6.1.0-40-amd64".to_owned()),
        distro: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        virtualised: true,
        hypervisor: Some("KVMKVMKVM".to_owned()),
        governors: vec!["performance".to_owned()],
        turbo: None,
        smt: Some(true),
        transparent_huge_pages: Some("never".to_owned()),
        ksm: Some(false),
        damon: Some(false),
        load_average: Some([0.5, 0.25, 0.125]),
        steal: Some(0.001),
        cgroups: Cgroups::V2,
        clocksource: Some("tsc".to_owned()),
        mitigations: [("mds".to_owned(), "Not affected".to_owned())].into(),
        tuned: Some("governor performance".to_owned()),
        disk_free: Some(30 << 30),
    }
}
