//! Whether a quota on CPU time has spoiled a boot. Pure.
//!
//! A process that has used up its quota stands still for the rest of the period, up to 100 ms at a time. That is not time of the
//! VMM's, and it does not strike all boots alike.

use firebench_text as text;
use firebench_vmm::CpuLimit;

use crate::host::HostFacts;
use crate::record::BootRecord;

/// A boot is void when quotas have held it up for more than this share of its life: as much as the precision that a run aims at.
/// The kernel counts this time for each CPU by itself, so with several it may be more than the boot's life.
pub const SHARE: f64 = 0.01;

/// What to do about it.
pub const REMEDY: &str = "run firebench without a CPU quota (systemd: CPUQuota=, docker run: --cpus, Kubernetes: limits.cpu), or with \
                          one that the VMs never reach";

/// How long quotas held up what ran between two looks, in seconds.
pub fn between(before: Option<&CpuLimit>, after: Option<&CpuLimit>) -> Option<f64> {
    let seconds = |limit: Option<&CpuLimit>| limit.and_then(|limit| limit.throttled_seconds);
    Some((seconds(after)? - seconds(before)?).max(0.0))
}

/// Why nothing that was measured in a boot is to be believed, in a sentence: a quota held it up.
pub fn void(boot: &BootRecord, limit: Option<&CpuLimit>) -> Option<String> {
    let held_up = boot.throttled_seconds.filter(|&seconds| seconds > SHARE * boot.life_seconds)?;
    let quota = limit.and_then(|limit| Some((limit.quota?, limit.group.as_deref().unwrap_or("/"))));
    let by = quota.map_or_else(
        || "a CPU quota".to_owned(),
        |(cpus, group)| format!("a CPU quota ({cpus:.2} CPUs for the control group {})", text::line(group)),
    );
    Some(format!(
        "{by} held it up for {held_up:.2} s of its {:.2} s, more than {}",
        boot.life_seconds,
        text::percent(SHARE)
    ))
}

/// What the host's quota means for every figure of a run; none where there is no quota.
pub fn caveat(host: &HostFacts) -> Option<String> {
    let quota = host.quota_in_words()?;
    Some(format!(
        "A CPU quota holds for everything that ran: {quota}. Times measure this quota wherever a VM reaches it; boots that it holds \
         up for more than {} of their life are void on a real accelerator",
        text::percent(SHARE)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(throttled: f64) -> CpuLimit {
        CpuLimit { quota: Some(0.1), group: Some("/ci".to_owned()), throttled_seconds: Some(throttled), hidden: false }
    }

    #[test]
    fn a_boot_is_void_beyond_the_bound_and_says_why() {
        let boot =
            |throttled| BootRecord { life_seconds: 5.0, throttled_seconds: throttled, ..BootRecord::new(0, 0, 1) };
        assert_eq!(void(&boot(None), Some(&limit(9.0))), None);
        assert_eq!(void(&boot(Some(0.05)), Some(&limit(9.0))), None);
        let reason = void(&boot(Some(4.5)), Some(&limit(9.0))).expect("void");
        assert_eq!(
            reason,
            "a CPU quota (0.10 CPUs for the control group /ci) held it up for 4.50 s of its 5.00 s, more than 1%"
        );
        // The group that did it may not be seen.
        assert!(void(&boot(Some(4.5)), None).is_some_and(|reason| reason.starts_with("a CPU quota held it up")));
    }

    #[test]
    fn only_what_was_counted_at_both_looks_is_known() {
        assert_eq!(between(Some(&limit(1.0)), Some(&limit(3.5))), Some(2.5));
        // Moved to another group meanwhile.
        assert_eq!(between(Some(&limit(3.0)), Some(&limit(1.0))), Some(0.0));
        assert_eq!(between(None, Some(&limit(1.0))), None);
        assert_eq!(between(Some(&limit(1.0)), Some(&CpuLimit::default())), None);
    }
}
