//! What KVM counted of a boot: how often the guest left its CPU for the host, and what for. Unlike a time, a count does not depend on
//! how fast the host is. Plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often what happened, by KVM's name for it (`exits`, `io_exits`, ...: the kernel's `arch/x86/kvm/x86.c`).
pub type Counts = BTreeMap<String, u64>;

/// What KVM counted of a boot, by its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootCounts {
    /// From the start of the VM until the agent had sent its first frame.
    pub boot: Counts,
    /// The I/O ports of the first part, and how often each was used; empty where only KVM's own counters are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<PortUse>,
    /// Of each iteration, from its start until its report began.
    pub iterations: Vec<Counts>,
    /// From the agent's last frame until the VM was gone.
    pub shutdown: Counts,
    /// All of it, with what lies between these parts: mostly what the agent says on the serial console.
    pub life: Counts,
}

/// How often an I/O port was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortUse {
    /// Its address.
    pub port: u16,
    /// How often.
    pub times: u64,
}

/// What was counted since `earlier`.
pub fn since(now: &Counts, earlier: &Counts) -> Counts {
    let since = |(name, &count): (&String, &u64)| {
        (name.clone(), count.saturating_sub(earlier.get(name).copied().unwrap_or_default()))
    };
    now.iter().map(since).collect()
}
