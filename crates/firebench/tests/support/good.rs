//! What holds for every good run.

use firebench_model::record::{BootStatus, Report};

/// What holds for every good run: all boots, all iterations, all digests, and what makes them believable.
#[track_caller]
pub fn assert_good(report: &Report, boots: usize, iterations: usize) {
    assert_eq!(report.failure, None);
    assert_eq!(report.payload.sha256.len(), 64);
    assert!(report.duration > 0.0);
    for contender in &report.contenders {
        let name = &contender.name;
        assert!(!contender.version.is_empty() && contender.sha256.len() == 64, "{name}");
        assert_eq!(contender.boots.len(), boots, "{name}");
        for boot in &contender.boots {
            assert_eq!((boot.status, boot.message.as_deref()), (BootStatus::Ok, None), "{name}");
            assert!(boot.boot_seconds.is_some_and(|seconds| seconds > 0.0 && seconds < boot.life_seconds), "{name}");
            assert_eq!(boot.iterations.len(), iterations, "{name}");
            for (index, iteration) in boot.iterations.iter().enumerate() {
                assert_eq!(iteration.index as usize, index, "{name}");
                assert_eq!(iteration.digest, report.payload.sha256, "{name}");
                assert!(iteration.metrics["real"] > 0.0 && iteration.metrics["host_real"] > 0.0, "{name}");
                assert!(iteration.metrics["user"] >= 0.0 && iteration.metrics["sys"] >= 0.0, "{name}");
            }
            for meminfo in [&boot.meminfo_before, &boot.meminfo_after] {
                let meminfo = meminfo.as_deref().unwrap_or_default();
                assert!(meminfo.starts_with("MemTotal:") && meminfo.contains("\nCached:"), "{name}: {meminfo}");
            }
            let facts = boot.facts.as_ref().expect("facts");
            assert_eq!(facts.cpu.online, contender.vcpus, "{name}");
            // Firecracker puts its devices behind it, crosvm a word of its own before it.
            assert!(facts.cmdline.contains(&contender.cmdline), "{name}: {:?}", facts.cmdline);
            // Of its memory the kernel keeps some for itself.
            let memory = u64::from(contender.memory_mib) << 20;
            assert!((memory / 2..=memory).contains(&facts.mem_total_bytes), "{name}: {}", facts.mem_total_bytes);
            assert!(facts.block.contains_key("scheduler") && facts.block.contains_key("driver"), "{name}");
            assert!(boot.vmm_cpu.is_some_and(|(user, sys)| user + sys > 0.0), "{name}");
            assert_eq!(boot.host_cache_resident, Some(1.0), "{name}: the small disk is warm");
            assert_eq!(boot.last_words, [""; 0], "{name}");
        }
    }
}
