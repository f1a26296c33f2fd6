//! The CPU time of a machine.

/// CPU time since boot, all CPUs together, in ticks of `/proc/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuTime {
    pub(super) total: u64,
    pub(super) steal: u64,
}

impl CpuTime {
    /// Share of the time since `earlier` that a hypervisor gave to others, 0 to 1. None where no time has passed.
    pub fn steal_since(self, earlier: CpuTime) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|&ticks| ticks > 0)?;
        Some(self.steal.saturating_sub(earlier.steal) as f64 / total as f64)
    }
}
